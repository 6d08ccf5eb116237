"""Trains a SentencePiece vocabulary as ALBERT's was. No TensorFlow here."""

import dataclasses
import io
import os
import pathlib
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import sentencepiece

from albert_lsh_tf.config_io import Config, setting
from albert_lsh_tf.data.manifest import atomic_file
from albert_lsh_tf.data.pretraining import documents
from albert_lsh_tf.data.tokenization import CLS, MASK, SEP, preprocess_text
from albert_lsh_tf.data.writing import make_folder
from albert_lsh_tf.errors import InputError

# What the models that Google released were trained with; from the model itself.
CONTROL_SYMBOLS = (CLS, SEP, MASK)
USER_DEFINED_SYMBOLS = ("(", ")", '"', "-", ".", "\u2013", "\u00a3", "\u20ac")
LONGEST_LINE = 4192  # Bytes; SentencePiece leaves out what is longer.
MOST_THREADS = 128  # Each has counts of its own of up to a million pieces.
MOST_PIECES = 2**31 - 1  # It counts them in 32 bits.


@dataclasses.dataclass(frozen=True)
class VocabularyConfig(Config):
    """What a vocabulary is like, with the names of SentencePiece's own flags."""

    vocab_size: int = setting(30000, "pieces, special ones too")
    character_coverage: float = setting(
        0.99995, "share of the text's characters that are pieces; the rest is unknown"
    )
    do_lower_case: bool = setting(True, "lower-case the text, as training will")
    input_sentence_size: int = setting(
        10_000_000, "lines to train on, drawn at random if there are more"
    )
    random_seed: int = setting(12345, "of that draw")
    num_threads: int = setting(
        1, "another number gives slightly other scores, since sums are rounded"
    )

    def validate(self) -> None:
        for name in ("vocab_size", "input_sentence_size", "num_threads"):
            self.require_at_least(name, 1)
        for name, most in (("vocab_size", MOST_PIECES), ("num_threads", MOST_THREADS)):
            if getattr(self, name) > most:
                raise InputError(
                    f"{name}={getattr(self, name)} must be at most {most}."
                )
        if not 0.98 <= self.character_coverage <= 1:
            raise InputError(
                f"character_coverage={self.character_coverage} must be at least 0.98 "
                "and at most 1."
            )


def write_vocabulary(
    input_files: Sequence[str],
    model_prefix: str | pathlib.Path,
    config: VocabularyConfig,
    say: Callable[[str], None] = print,
) -> pathlib.Path:
    """Trains a vocabulary on text files.

    Args:
      input_files: names and patterns of UTF-8 text, packed by gzip if they end in .gz.
      model_prefix: the files are this with .model and .vocab; the latter is for people:
        a piece, a tab and its score a line. ~ is the user's home; the folder is made.
      config: what the vocabulary is like.
      say: prints a line for the user.

    Returns:
      The .model file.

    Raises:
      InputError: a file cannot be used, the vocabulary is there already or cannot be
        written, or the text does not do for it.
    """
    model_file, vocab_file = (
        pathlib.Path(f"{os.path.expanduser(model_prefix)}{suffix}")
        for suffix in (".model", ".vocab")
    )
    if model_file.exists():
        raise InputError(
            f"{model_file} is there already; give another model_prefix, or delete it."
        )
    files = documents.find_files(input_files)
    make_folder(model_file.parent, "model_prefix")  # Before what may take hours.
    if vocab_file.exists():  # It is written first.
        say(f"{vocab_file} has no .model: left of a start that was stopped, made anew.")
    lines = read_lines(files, config.do_lower_case)
    lines, num_lines = sample(lines, config.input_sentence_size, config.random_seed)
    fitting = [line for line in lines if len(line.encode()) <= LONGEST_LINE]
    if too_long := len(lines) - len(fitting):
        say(f"{too_long:,} lines of more than {LONGEST_LINE} bytes left out.")
    say(f"training on {len(fitting):,} of {num_lines:,} lines")
    content = train_vocabulary(fitting, config)
    with atomic_file(vocab_file) as temporary:
        temporary.write_text("".join(_pieces(content)), encoding="utf-8")
    with atomic_file(model_file) as temporary:
        temporary.write_bytes(content)
    return model_file


def read_lines(files: Iterable[pathlib.Path], do_lower_case: bool) -> Iterator[str]:
    """The lines of text files that are not blank, as the tokenizer prepares them."""
    for path in files:
        with documents.open_text(path) as (lines, _):
            for line in documents.decode_lines(lines, str(path)):
                if text := preprocess_text(line, do_lower_case):
                    yield text


def sample(lines: Iterable[str], size: int, seed: int) -> tuple[list[str], int]:
    """Draws lines, each as likely as another, in memory for `size` of them.

    Args:
      lines: any number.
      size: how many to draw.
      seed: of the draw.

    Returns:
      All lines in order, or `size` of them; and how many there were.
    """
    rng = random.Random(seed)
    drawn: list[str] = []
    num_lines = 0
    for num_lines, line in enumerate(lines, 1):
        if num_lines <= size:
            drawn.append(line)
        elif (place := rng.randrange(num_lines)) < size:
            drawn[place] = line
    return drawn, num_lines


def train_vocabulary(lines: Sequence[str], config: VocabularyConfig) -> bytes:
    """Trains a unigram model with the settings of Google's 30k-clean.model.

    Args:
      lines: of text, as `preprocess_text` prepares it. SentencePiece leaves out those
        longer than `LONGEST_LINE`.
      config: size, coverage and threads; the rest of it is for `write_vocabulary`.

    Returns:
      The SentencePiece model, serialized; the same bytes for the same arguments. Its
      ids are <pad> 0, <unk> 1, [CLS] 2, [SEP] 3, [MASK] 4, and 5 to 12 for symbols that
      are always pieces of their own: ( ) " - . and en dash, pound, euro.

    Raises:
      InputError: there are too few lines for so many pieces, or too many characters.

    Source: trainer_spec and normalizer_spec of 30k-clean.model: what is not given here
    are SentencePiece's defaults. Difference: the table of its normalisation nmt_nfkc is
    that of the SentencePiece that is installed, which keeps zero-width joiners.
    """
    if not lines:
        raise InputError("input_file: there is no line of text to train on.")
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.Train(
            sentence_iterator=iter(lines),
            model_writer=model,
            model_type="unigram",
            vocab_size=config.vocab_size,
            character_coverage=config.character_coverage,
            max_sentence_length=LONGEST_LINE,
            pad_id=0,
            unk_id=1,
            bos_id=-1,
            eos_id=-1,
            control_symbols=list(CONTROL_SYMBOLS),
            user_defined_symbols=list(USER_DEFINED_SYMBOLS),
            num_threads=config.num_threads,
            minloglevel=2,
        )
    except (RuntimeError, ValueError) as error:  # The latter is of a flag's value.
        raise _explained(error, config) from error
    return model.getvalue()


def _explained(error: Exception, config: VocabularyConfig) -> InputError:
    """What the user can do about an error of SentencePiece's."""
    if most := re.search(r"set it to a value <= (\d+)", str(error)):
        return InputError(
            f"vocab_size={config.vocab_size}: the text has no more than {most[1]} "
            "pieces; give a smaller vocab_size, or more text."
        )
    if least := re.search(r"required_chars\. \d+ vs (\d+)", str(error)):
        return InputError(
            f"vocab_size={config.vocab_size}: the characters of the text alone are "
            f"{least[1]} pieces; give a larger vocab_size, or a smaller "
            "character_coverage."
        )
    if "all_chars_count" in str(error):
        return InputError("input_file: there is no character of text to train on.")
    line = " ".join(str(error).split())
    return InputError(
        f"SentencePiece cannot train on this text with these settings: {line}"
    )


def _pieces(content: bytes) -> Iterator[str]:
    """The lines of a .vocab file."""
    model = sentencepiece.SentencePieceProcessor(model_proto=content)
    for piece_id in range(model.GetPieceSize()):
        yield f"{model.IdToPiece(piece_id)}\t{model.GetScore(piece_id):g}\n"
