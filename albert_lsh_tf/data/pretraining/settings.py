"""What an example of pre-training is like. Imports no TensorFlow."""

import dataclasses
import math

from albert_lsh_tf.config_io import Config, setting
from albert_lsh_tf.errors import InputError

NUM_SPECIAL = 3  # [CLS], [SEP] between the segments, [SEP] at the end.


@dataclasses.dataclass(frozen=True)
class ExampleConfig(Config):
    """How segments are cut and words masked, with the names of Google's flags."""

    max_seq_length: int = setting(512, "tokens of an example (T), special ones too")
    max_predictions_per_seq: int | None = setting(
        None, "masked tokens at most; unset: masked_lm_prob of max_seq_length"
    )
    masked_lm_prob: float = setting(0.15, "share of the tokens that is masked")
    ngram: int = setting(3, "words in the longest n-gram")
    favor_shorter_ngram: bool = setting(
        True, "n-grams of n words come 1/n as often as words; off: the reverse"
    )
    do_whole_word_mask: bool = setting(
        True, "mask words; off: n-grams are of pieces of words"
    )
    short_seq_prob: float = setting(
        0.1, "share of the documents cut to a random shorter length"
    )
    copied_segment_prob: float = setting(
        0.0, "share of the examples whose segments have a stretch of pieces in common"
    )
    random_seed: int = setting(12345, "the same seed gives the same examples")

    def validate(self) -> None:
        least = NUM_SPECIAL + 2
        if self.max_seq_length < least:
            raise InputError(
                f"max_seq_length={self.max_seq_length} must be at least {least}: "
                "[CLS], two [SEP], and a token of either segment."
            )
        if not 0 < self.masked_lm_prob < 1:
            raise InputError(
                f"masked_lm_prob={self.masked_lm_prob} must be above 0 and below 1; "
                "try 0.15."
            )
        self.require_at_least("max_predictions_per_seq", 1)
        self.require_at_least("ngram", 1)
        # TensorFlow has seeds of 64 bits, and others would repeat one of these.
        if not -(2**63) <= self.random_seed < 2**63:
            raise InputError(
                f"random_seed={self.random_seed} must be at least -2^63 and below "
                "2^63; give a shorter number."
            )
        for name in ("short_seq_prob", "copied_segment_prob"):
            self.require_probability(name)

    @property
    def num_predictions(self) -> int:
        """Places for masked tokens in an example (P)."""
        if self.max_predictions_per_seq is not None:
            return min(self.max_predictions_per_seq, self.max_seq_length)
        return math.ceil(self.masked_lm_prob * self.max_seq_length)
