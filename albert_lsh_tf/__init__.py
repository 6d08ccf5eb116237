"""ALBERT with locality-sensitive hashing attention, on TensorFlow and `tf_keras`.

Names are loaded when first used, so `run_classifier.py --help` needs no TensorFlow.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "checkpoints.loading": ["load_encoder", "load_pretrainer"],
        "config": ["AlbertConfig", "ClassifierConfig", "LSHConfig"],
        "data.tokenization": ["AlbertTokenizer"],
        "errors": ["InputError"],
        "layers.lsh_attention": ["LSHAttention"],
        "networks.albert_encoder": ["AlbertLSHEncoder"],
        "networks.classifier": ["AlbertClassifier"],
        "networks.pretrainer": ["AlbertPretrainer"],
        "networks.span_labeler": ["AlbertSpanLabeler"],
        "tasks.training": ["train_and_evaluate"],
    },
)
