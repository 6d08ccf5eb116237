"""What is diagnosed: model, text and settings. Imports no TensorFlow."""

import dataclasses

from albert_lsh_tf.config import check_vocabulary_names
from albert_lsh_tf.config_io import Config, setting
from albert_lsh_tf.errors import InputError

BUDGETS = (0.125, 0.25, 0.5)
TOP_K = 16


@dataclasses.dataclass(frozen=True)
class DiagnosisPlan(Config):
    """Which model is looked at, on which text, with which settings of LSH attention."""

    checkpoint: str | None = setting(
        None, "weights: all that load_encoder takes; unset: the embedded tiny model"
    )
    albert_config_file: str | None = setting(
        None, "replaces the albert_config.json beside the weights"
    )
    spm_model_file: str | None = setting(
        None, "SentencePiece model; unset: the one beside the weights"
    )
    vocab_file: str | None = setting(
        None, "WordPiece vocab.txt of a Chinese model; unset: as spm_model_file"
    )
    do_lower_case: bool = setting(True, "lower-case the text")
    text_file: str | None = setting(
        None,
        "UTF-8 text: a passage a line, or documents between blank lines; unset: "
        "made-up sentences",
    )
    max_seq_length: int | None = setting(
        None, "tokens of a sequence (T); unset: 512, or the model's positions if fewer"
    )
    extend_positions: str | None = setting(
        None, "tile or interpolate: how to add positions for a longer max_seq_length"
    )
    num_sequences: int = setting(16, "sequences to look at, from the start of the text")
    budgets: tuple[float, ...] = setting(
        BUDGETS, "shares of T, at most of 512, that a query computes"
    )
    lsh_config: tuple[str, ...] = setting(
        (), "YAML or JSON files of an LSHConfig, to look at as well"
    )
    top_k: int = setting(TOP_K, "heaviest keys of dense attention to look for")

    def validate(self) -> None:
        # [CLS], a token of the text, [SEP].
        self.require_at_least("max_seq_length", 3)
        self.require_at_least("num_sequences", 1)
        self.require_at_least("top_k", 1)
        check_vocabulary_names(self.spm_model_file, self.vocab_file)
        if not self.budgets and not self.lsh_config:
            raise InputError(
                "there is no setting to look at; give budgets or an lsh_config."
            )
        for name in ("budgets", "lsh_config"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                told = ", ".join(map(str, values))
                raise InputError(f"{name}={told} names something twice.")
        for budget in self.budgets:
            if not 0 < budget <= 1:
                raise InputError(
                    f"budgets: {budget} must be above 0 and at most 1; try 0.25."
                )
