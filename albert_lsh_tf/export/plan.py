"""What `albert-lsh export` writes, and from what. Imports no TensorFlow."""

import dataclasses

from albert_lsh_tf.config import check_attention_kinds
from albert_lsh_tf.config_io import Config, setting
from albert_lsh_tf.errors import InputError

EXTEND_POSITIONS = ("tile", "interpolate")


@dataclasses.dataclass(frozen=True)
class ExportPlan(Config):
    """Which weights are exported, with which attention, and where to."""

    source: str = setting(
        dataclasses.MISSING, "weights or a run's folder: all that load_encoder takes"
    )
    dest: str = setting(
        dataclasses.MISSING, "folder of the SavedModel; one that is there is replaced"
    )
    preprocess: str | None = setting(
        None, "folder for a SavedModel that makes the encoder's inputs of text"
    )
    tflite: str | None = setting(
        None, "file for TensorFlow Lite, with inputs of just max_seq_length tokens"
    )
    attention: tuple[str, ...] = setting(
        (),
        "lsh or dense, for all layers or a comma list with one a layer; unset: the "
        "run's, or lsh",
    )
    lsh_config: str | None = setting(
        None, "YAML or JSON of an LSHConfig; unset: the run's, or for max_seq_length"
    )
    lsh_budget: float | None = setting(
        None,
        "logits of a query, as a share of max_seq_length, at most of 512 tokens; "
        "unset: 0.25",
    )
    max_seq_length: int | None = setting(
        None,
        "tokens of a usual input, for LSH attention, preprocess and tflite; unset: the "
        "run's, or all positions, and 128 for the latter two",
    )
    max_position_embeddings: int | None = setting(
        None, "tokens of the longest input; unset: those of the weights"
    )
    extend_positions: str = setting(
        "tile", "tile or interpolate, to get more of them", choices=EXTEND_POSITIONS
    )
    heads: bool = setting(True, "export the pre-training heads with it, if there")
    vocabulary_file: str | None = setting(
        None, "SentencePiece model or vocab.txt; unset: the one beside the weights"
    )
    do_lower_case: bool = setting(
        True, "lower-case the text, unless weights or run say that it is not"
    )
    albert_config_file: str | None = setting(
        None, "replaces the config beside the weights"
    )

    def validate(self) -> None:
        self.require_at_least("max_position_embeddings", 1)
        # [CLS], a token, [SEP].
        self.require_at_least("max_seq_length", 3)
        if self.attention:
            check_attention_kinds(self.attention)
        if self.lsh_config is not None and self.lsh_budget is not None:
            raise InputError(
                "lsh_config and lsh_budget both say how LSH attention is; give one."
            )
