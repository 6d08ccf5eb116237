"""Tables: which variable of a source is which variable of the encoder.

Shapes are written in the package's dimension letters (see `ops/__init__.py`), and P for
positions and S for segments, as token types are called in the papers. Letters that
stand together are one axis: Google's query kernel "M HD" holds its heads side by side,
the encoder's "M H D" on an axis of their own. Going from one to the other is a reshape.
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


class EncoderVariable(NamedTuple):
    """One variable, as the encoder (and Model Garden) and as Google's files have it."""

    name: str
    shape: str
    google_name: str
    google_shape: str


_LAYER = "bert/encoder/transformer/group_0/inner_group_0/"

# The encoder's scope, Google's scope, then name and shape in each.
_SCOPES = (
    (
        "",
        "bert/embeddings/",
        ("word_embeddings/embeddings", "V E", "word_embeddings", "V E"),
        ("position_embedding/embeddings", "P E", "position_embeddings", "P E"),
        ("type_embeddings/embeddings", "S E", "token_type_embeddings", "S E"),
        ("embeddings/layer_norm/gamma", "E", "LayerNorm/gamma", "E"),
        ("embeddings/layer_norm/beta", "E", "LayerNorm/beta", "E"),
    ),
    (
        "embedding_projection/",
        "bert/encoder/embedding_hidden_mapping_in/",
        ("kernel", "E M", "kernel", "E M"),
        ("bias", "M", "bias", "M"),
    ),
    (
        "transformer/self_attention/",
        _LAYER + "attention_1/",
        ("query/kernel", "M H D", "self/query/kernel", "M HD"),
        ("query/bias", "H D", "self/query/bias", "HD"),
        ("key/kernel", "M H D", "self/key/kernel", "M HD"),
        ("key/bias", "H D", "self/key/bias", "HD"),
        ("value/kernel", "M H D", "self/value/kernel", "M HD"),
        ("value/bias", "H D", "self/value/bias", "HD"),
        ("attention_output/kernel", "H D M", "output/dense/kernel", "HD M"),
        ("attention_output/bias", "M", "output/dense/bias", "M"),
    ),
    (
        "transformer/",
        _LAYER,
        ("self_attention_layer_norm/gamma", "M", "LayerNorm/gamma", "M"),
        ("self_attention_layer_norm/beta", "M", "LayerNorm/beta", "M"),
        ("intermediate/kernel", "M F", "ffn_1/intermediate/dense/kernel", "M F"),
        ("intermediate/bias", "F", "ffn_1/intermediate/dense/bias", "F"),
        ("output/kernel", "F M", "ffn_1/intermediate/output/dense/kernel", "F M"),
        ("output/bias", "M", "ffn_1/intermediate/output/dense/bias", "M"),
        ("output_layer_norm/gamma", "M", "LayerNorm_1/gamma", "M"),
        ("output_layer_norm/beta", "M", "LayerNorm_1/beta", "M"),
    ),
    (
        "pooler_transform/",
        "bert/pooler/dense/",
        ("kernel", "M M", "kernel", "M M"),
        ("bias", "M", "bias", "M"),
    ),
)

ENCODER_VARIABLES = tuple(
    EncoderVariable(scope + name, shape, google_scope + google_name, google_shape)
    for scope, google_scope, *rows in _SCOPES
    for name, shape, google_name, google_shape in rows
)

BY_NAME = {variable.name: variable for variable in ENCODER_VARIABLES}
BY_GOOGLE_NAME = {variable.google_name: variable for variable in ENCODER_VARIABLES}

# The one table that may be longer in the encoder than in the source.
POSITIONS = "position_embedding/embeddings"

# TF1 hub modules loaded by name carry the scope they were loaded into.
OPTIONAL_PREFIX = "module/"

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

# Task heads, which belong to no encoder.
HEADS = tuple(
    re.compile(pattern)
    for pattern in (
        r"^(bert/)?cls/",  # Pre-training (also Model Garden's), SQuAD 1.1.
        r"^output_(weights|bias)$",  # GLUE and RACE.
        r"^(start_logits|end_logits|answer_class)/",  # SQuAD 2.0.
        r"^(logits|sentence_prediction|classifier|predictions|span_labeling)/",
        r"^(next_sentence|sentence_order)/",
    )
)

# What `encoder.calibrate` stores beside the weights: optional on both sides.
CALIBRATION = (re.compile(r"/(query|key)_whitening$"),)
