"""Tables: which variable of a source is which variable of the model.

Shapes are written in the package's dimension letters (see `ops/__init__.py`), with P
for positions, S for segments, as token types are called in the papers, O for the two
orders of two sentences, and L for the pooled width, which equals M. Letters that stand
together are one axis: Google's query kernel "M HD" holds its heads side by side, the
encoder's "M H D" on an axis of their own, and Hugging Face's "HD M" is turned, as
PyTorch keeps all dense kernels. `variables.rearrange` goes from any to any.
"""

import re
from typing import NamedTuple

# The dimensions that a variable's shape tells, as keys of albert_config.json.
CONFIG_KEYS = {
    "V": "vocab_size",
    "P": "max_position_embeddings",
    "S": "type_vocab_size",
    "E": "embedding_size",
    "M": "hidden_size",
    "H": "num_attention_heads",
    "F": "intermediate_size",
}


class Stored(NamedTuple):
    """How one kind of file holds a variable."""

    name: str
    shape: str


class ModelVariable(NamedTuple):
    """One variable, and how it is stored by each kind of file.

    Attributes:
      keras: by `AlbertLSHEncoder` and `AlbertPretrainer`, and by Model Garden.
      google: by Google's TF1 checkpoints and TF-Hub modules.
      huggingface: by Hugging Face's `AlbertForPreTraining`.
    """

    keras: Stored
    google: Stored
    huggingface: Stored

    @property
    def name(self) -> str:
        """The name in the Keras model."""
        return self.keras.name

    @property
    def shape(self) -> str:
        """The axes in the Keras model."""
        return self.keras.shape


_GOOGLE_LAYER = "bert/encoder/transformer/group_0/inner_group_0/"
_HUGGINGFACE_LAYER = "albert.encoder.albert_layer_groups.0.albert_layers.0."


def _scope(
    keras: str, google: str, huggingface: str, *rows: tuple[str, ...]
) -> tuple[ModelVariable, ...]:
    """Variables of one scope.

    A row has the names in the three kinds of file, then the axes in them: once where
    all three are alike.
    """
    variables = []
    for keras_name, google_name, huggingface_name, *shapes in rows:
        shapes = shapes * 3 if len(shapes) == 1 else shapes
        variables.append(
            ModelVariable(
                Stored(keras + keras_name, shapes[0]),
                Stored(google + google_name, shapes[1]),
                Stored(huggingface + huggingface_name, shapes[2]),
            )
        )
    return tuple(variables)


ENCODER_VARIABLES = (
    *_scope(
        "",
        "bert/embeddings/",
        "albert.embeddings.",
        (
            "word_embeddings/embeddings",
            "word_embeddings",
            "word_embeddings.weight",
            "V E",
        ),
        (
            "position_embedding/embeddings",
            "position_embeddings",
            "position_embeddings.weight",
            "P E",
        ),
        (
            "type_embeddings/embeddings",
            "token_type_embeddings",
            "token_type_embeddings.weight",
            "S E",
        ),
        ("embeddings/layer_norm/gamma", "LayerNorm/gamma", "LayerNorm.weight", "E"),
        ("embeddings/layer_norm/beta", "LayerNorm/beta", "LayerNorm.bias", "E"),
    ),
    *_scope(
        "embedding_projection/",
        "bert/encoder/embedding_hidden_mapping_in/",
        "albert.encoder.embedding_hidden_mapping_in.",
        ("kernel", "kernel", "weight", "E M", "E M", "M E"),
        ("bias", "bias", "bias", "M"),
    ),
    *_scope(
        "transformer/self_attention/",
        _GOOGLE_LAYER + "attention_1/",
        _HUGGINGFACE_LAYER + "attention.",
        ("query/kernel", "self/query/kernel", "query.weight", "M H D", "M HD", "HD M"),
        ("query/bias", "self/query/bias", "query.bias", "H D", "HD", "HD"),
        ("key/kernel", "self/key/kernel", "key.weight", "M H D", "M HD", "HD M"),
        ("key/bias", "self/key/bias", "key.bias", "H D", "HD", "HD"),
        ("value/kernel", "self/value/kernel", "value.weight", "M H D", "M HD", "HD M"),
        ("value/bias", "self/value/bias", "value.bias", "H D", "HD", "HD"),
        (
            "attention_output/kernel",
            "output/dense/kernel",
            "dense.weight",
            "H D M",
            "HD M",
            "M HD",
        ),
        ("attention_output/bias", "output/dense/bias", "dense.bias", "M"),
    ),
    *_scope(
        "transformer/self_attention_layer_norm/",
        _GOOGLE_LAYER + "LayerNorm/",
        _HUGGINGFACE_LAYER + "attention.LayerNorm.",
        ("gamma", "gamma", "weight", "M"),
        ("beta", "beta", "bias", "M"),
    ),
    *_scope(
        "transformer/",
        _GOOGLE_LAYER + "ffn_1/intermediate/",
        _HUGGINGFACE_LAYER,
        ("intermediate/kernel", "dense/kernel", "ffn.weight", "M F", "M F", "F M"),
        ("intermediate/bias", "dense/bias", "ffn.bias", "F"),
        (
            "output/kernel",
            "output/dense/kernel",
            "ffn_output.weight",
            "F M",
            "F M",
            "M F",
        ),
        ("output/bias", "output/dense/bias", "ffn_output.bias", "M"),
    ),
    *_scope(
        "transformer/output_layer_norm/",
        _GOOGLE_LAYER + "LayerNorm_1/",
        _HUGGINGFACE_LAYER + "full_layer_layer_norm.",
        ("gamma", "gamma", "weight", "M"),
        ("beta", "beta", "bias", "M"),
    ),
    *_scope(
        "pooler_transform/",
        "bert/pooler/dense/",
        "albert.pooler.",
        ("kernel", "kernel", "weight", "M L", "M L", "L M"),
        ("bias", "bias", "bias", "L"),
    ),
)

# Of the masked language model: a dense layer, layer norm, then the embedding table.
MLM_VARIABLES = _scope(
    "cls/predictions/",
    "cls/predictions/",
    "predictions.",
    (
        "transform/dense/kernel",
        "transform/dense/kernel",
        "dense.weight",
        "M E",
        "M E",
        "E M",
    ),
    ("transform/dense/bias", "transform/dense/bias", "dense.bias", "E"),
    ("transform/LayerNorm/gamma", "transform/LayerNorm/gamma", "LayerNorm.weight", "E"),
    ("transform/LayerNorm/beta", "transform/LayerNorm/beta", "LayerNorm.bias", "E"),
    ("output_bias/bias", "output_bias", "bias", "V"),
)

# Of sentence-order prediction: a dense layer on the pooled output.
SOP_VARIABLES = _scope(
    "cls/seq_relationship/",
    "cls/seq_relationship/",
    "sop_classifier.classifier.",
    ("kernel", "output_weights", "weight", "M O", "O M", "O M"),
    ("bias", "output_bias", "bias", "O"),
)

# The heads of pre-training, by the names they have in `AlbertPretrainer`.
HEAD_VARIABLES = {"mlm": MLM_VARIABLES, "sop": SOP_VARIABLES}

ALL_VARIABLES = (*ENCODER_VARIABLES, *MLM_VARIABLES, *SOP_VARIABLES)

# Every name that any kind of file has for a variable: the variable, and the axes there.
BY_STORED_NAME = {
    stored.name: (variable, stored.shape)
    for variable in ALL_VARIABLES
    for stored in variable
}

# The one table that may be longer in the encoder than in the source.
POSITIONS = "position_embedding/embeddings"

# Scopes that some writers put in front: TF1 hub modules the one they were loaded into,
# Model Garden's pre-training model its own before its heads, and Hugging Face's
# `AlbertModel` leaves one out.
OPTIONAL_SCOPE = re.compile(r"^module/|^bert/(?=cls/)")
HUGGINGFACE_SCOPE = "albert."

# What a training checkpoint holds besides the model, by variable name or object path.
BOOKKEEPING = tuple(
    re.compile(pattern)
    for pattern in (
        r"^_CHECKPOINTABLE_OBJECT_GRAPH$",
        r"^(global_step|save_counter|do_lower_case)$",
        r"/(adam|lamb)_[mv]$",  # Google's optimisers.
        r"/Adam(_1)?$",  # TF1's own.
        r"^beta[12]_power$",
        r"(^|/)optimizer/",
        r"/\.OPTIMIZER_SLOT/",
        r"(^|/)keras_api/",  # Metrics in a SavedModel that Keras wrote.
    )
)

# Heads of fine-tuning, by variable name: GLUE and RACE, SQuAD 1.1 and 2.0; ours and
# Model Garden's; Hugging Face's.
TASK_HEADS = tuple(
    re.compile(pattern)
    for pattern in (
        r"^output_(weights|bias)$",
        r"^cls/squad/",
        r"^(start_logits|end_logits|answer_class)/",
        r"^(logits?|sentence_prediction|classifier|span_labeling|next_sentence)/",
        r"^(classifier|qa_outputs)\.",
    )
)

# The head that pre-training alone needs: what detects replaced tokens.
REPLACED_TOKENS = (re.compile(r"^discriminator_predictions/"),)

# Heads of pre-training, whether or not the tables above know the variable.
PRETRAINING_HEADS = tuple(
    re.compile(pattern)
    for pattern in (
        r"^cls/",
        r"^(predictions|sentence_order)/",
        r"^(predictions|sop_classifier)\.",
    )
)

# What `encoder.calibrate` stores beside the weights: optional on both sides.
CALIBRATION = (re.compile(r"/(query|key)_whitening$"),)
