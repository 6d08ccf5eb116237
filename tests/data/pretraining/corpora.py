"""Small corpora: of made-up ids, and of text; and files of examples of them."""

import functools
import pathlib

import numpy as np
from hypothesis import strategies as st

from albert_lsh_tf.data.pretraining.examples import make_examples, serialize
from albert_lsh_tf.data.pretraining.files import write_records
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.data.pretraining.token_corpus import TokenCorpus, TokenShard
from albert_lsh_tf.data.pretraining.vocabulary import Vocabulary
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR

SPM_MODEL_FILE = EMBEDDED_MODEL_DIR / "spiece.model"

NUM_SPECIAL_IDS = 5  # <pad>, <unk>, [CLS], [SEP], [MASK], as ALBERT has them.
VOCAB_SIZE = 101


@functools.cache
def made_up_vocabulary() -> Vocabulary:
    """101 pieces; the odd ones, and the special ones as in text, go on with a word."""
    ids = np.arange(VOCAB_SIZE)
    return Vocabulary(
        sha256="made up",
        pad_id=0,
        cls_id=2,
        sep_id=3,
        mask_id=4,
        starts_word=(ids >= NUM_SPECIAL_IDS) & (ids % 2 == 0),
        is_special=ids < NUM_SPECIAL_IDS,
    )


@functools.cache
def embedded_vocabulary() -> Vocabulary:
    return Vocabulary.of(AlbertTokenizer(SPM_MODEL_FILE))


def random_corpus(
    seed: int, num_documents: int, most_sentences: int = 12, most_tokens: int = 9
) -> TokenCorpus:
    """One shard of documents of random ids."""
    rng = np.random.default_rng(seed)
    documents = [
        [
            rng.integers(NUM_SPECIAL_IDS, VOCAB_SIZE, rng.integers(1, most_tokens + 1))
            for _ in range(rng.integers(1, most_sentences + 1))
        ]
        for _ in range(num_documents)
    ]
    return TokenCorpus([TokenShard.of(documents, np.int32)], made_up_vocabulary())


def corpora() -> st.SearchStrategy[TokenCorpus]:
    """Corpora of a few documents."""
    return st.builds(
        random_corpus,
        seed=st.integers(0, 2**32 - 1),
        num_documents=st.integers(1, 6),
        most_sentences=st.sampled_from([1, 2, 3, 12]),
        most_tokens=st.sampled_from([1, 9, 40]),
    )


# Two documents to learn from, and one that has no pair.
TEXT = """\
The ferry left the harbour at seven, an hour late.
Nobody on board minded: the sea was calm ("like oil", said the captain).
By noon they'd passed the last of the 23 islands.
A storm was coming up in the west.

Bread needs flour, water, salt and time.
Time is what most recipes leave out.
The dough was left for 18 hours at 4.5 degrees.

One sentence alone.
"""


def write_text(folder: pathlib.Path, text: str = TEXT) -> pathlib.Path:
    """A text file with `text` in it."""
    path = folder / "text.txt"
    path.write_text(text, encoding="utf-8")
    return path


def write_examples(
    folder: pathlib.Path, num_examples: int, num_files: int, max_seq_length: int = 24
) -> dict[str, np.ndarray]:
    """Deals examples to TFRecord files `examples-0`, `examples-1`, ...

    Returns:
      The examples: the first file's, then the second's, and so on.
    """
    config = ExampleConfig(max_seq_length=max_seq_length)
    corpus = random_corpus(1, num_documents=num_examples)
    pairs = corpus.pairs(0, config)
    assert len(pairs) >= num_examples
    examples = make_examples(corpus, pairs[:num_examples], config)
    records = np.array([*serialize(examples)], dtype=object)
    parts = np.array_split(records, num_files)
    folder.mkdir(exist_ok=True)
    for number, part in enumerate(parts):
        write_records(folder / f"examples-{number}", part)
    return examples


def rows_of(*batches: dict[str, np.ndarray]) -> list[bytes]:
    """Every example of some batches, in order, as something to compare."""
    return [row for batch in batches for row in serialize(batch)]
