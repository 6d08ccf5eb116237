"""Lengths of windows and answers. Does not import TensorFlow."""

import dataclasses

from albert_lsh_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class AnswerSettings:
    """How questions are asked and answered. Lengths are in tokens.

    Attributes:
      max_seq_length: of a window with the question and special tokens (T).
      doc_stride: from the start of a window to that of the next.
      max_query_length: questions are cut to it.
      max_answer_length: the longest span.
    """

    max_seq_length: int = 384
    doc_stride: int = 128
    max_query_length: int = 64
    max_answer_length: int = 30

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise InputError(f"{name}={value} must be at least 1.")
        if self.max_query_length + 4 > self.max_seq_length:
            raise InputError(
                f"max_query_length={self.max_query_length} leaves no room for a text "
                f"in max_seq_length={self.max_seq_length}; give at most "
                f"{self.max_seq_length - 4}."
            )
