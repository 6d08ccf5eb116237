"""How an export that takes text makes ids of it."""

import dataclasses
import pathlib

from albert_lsh_tf.checkpoints.vocabulary import check_vocabulary
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder

# Below an export, the SavedModel that takes text. It is one of its own, since
# TensorFlow refuses a graph as a whole where it does not know one of its ops, and
# tokenizing takes ops of tensorflow_text; the one around it needs TensorFlow alone.
TEXT_FOLDER = "text"
# What its users must know, for the model card.
TEXT_FOLDER_NOTE = (
    "`text/` needs tensorflow_text and holds the weights a second time; the folder "
    "around it needs TensorFlow alone."
)


@dataclasses.dataclass(frozen=True)
class TextInputs:
    """How text becomes ids: as in training, or the model sees what it never learned.

    Attributes:
      vocabulary_file: SentencePiece model, or WordPiece vocab.txt.
      do_lower_case: whether text is lower-cased.
      max_seq_length: tokens that a row is cut and padded to.
      num_texts: 2 for a task of sentence pairs, else 1.
    """

    vocabulary_file: str | pathlib.Path
    do_lower_case: bool
    max_seq_length: int
    num_texts: int

    @property
    def names(self) -> tuple[str, ...]:
        """What the texts are called in a signature."""
        return ("text_a", "text_b")[: self.num_texts]


def check_text_inputs(
    encoder: AlbertLSHEncoder, vocabulary_file: str | pathlib.Path, max_seq_length: int
) -> None:
    """Checks that an encoder can take what text becomes.

    Raises:
      InputError: rows are longer than its positions, or the vocabulary is not the one
        that it was trained with.
    """
    config = encoder.get_config()
    positions = config["max_sequence_length"]
    if max_seq_length > positions:
        raise InputError(
            f"max_seq_length={max_seq_length} is longer than the model's {positions} "
            "positions; give at most those."
        )
    check_vocabulary(config["vocab_size"], "the model", vocabulary_file)
