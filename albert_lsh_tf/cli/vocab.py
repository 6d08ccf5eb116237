"""`albert-lsh vocab`: trains a vocabulary on text. Imports no TensorFlow."""

import dataclasses
import signal
from collections.abc import Sequence

from albert_lsh_tf.cli import config_flags, messages
from albert_lsh_tf.config_io import Config, setting
from albert_lsh_tf.data.vocabulary_training import VocabularyConfig, write_vocabulary
from albert_lsh_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class VocabFlags(Config):
    """What is read and what is written."""

    input_file: tuple[str, ...] = setting(
        (), "text files and patterns, also .gz; must be given"
    )
    model_prefix: str = setting(
        "spiece", "the vocabulary is this with .model; .vocab lists its pieces"
    )

    def validate(self) -> None:
        if not self.input_file:
            raise InputError(
                "--input_file must be given: UTF-8 text, a sentence a line."
            )


def main(argv: Sequence[str] | None = None) -> None:
    """Trains the vocabulary that the command line describes.

    Args:
      argv: without the program's name and the word `vocab`; None: that of the process.

    Raises:
      SystemExit: with a status other than 0, after one line on stderr, where the user
        has to mend something.
    """
    messages.run_command(argv, help_text, _command)


def _command(argv: list[str]) -> None:
    flags, config = config_flags.parse(argv, (VocabFlags, VocabularyConfig))
    # SentencePiece is deaf to an interruption as Python hands it on. Nothing is
    # written before it is done.
    previous = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        model_file = write_vocabulary(
            flags.input_file, flags.model_prefix, config, say=messages.say
        )
    finally:
        signal.signal(signal.SIGINT, previous)
    print(f"{model_file}: {config.vocab_size:,} pieces")


def help_text() -> str:
    """The help page: all flags, one a line."""
    lines = [
        "Trains a SentencePiece vocabulary as ALBERT's was: a unigram model with its",
        "special pieces and ids, on text that is prepared as the tokenizer does.",
        "",
        "  albert-lsh vocab --input_file='text/*.txt.gz' --vocab_size=16000",
        "",
        *config_flags.help_lines(VocabFlags),
        *config_flags.help_lines(VocabularyConfig),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
