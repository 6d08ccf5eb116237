import hashlib

import numpy as np
import pytest

from albert_lsh_tf.data.pretraining.vocabulary import (
    Vocabulary,
    id_dtype,
    piece_starts_word,
)
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.data.tokenizers import open_tokenizer
from tests.data.pretraining.corpora import SPM_MODEL_FILE, embedded_vocabulary
from tests.fixtures.vocabularies import wordpiece_text


# What Google's rule says of them, marks that it does not know among others.
@pytest.mark.parametrize(
    "piece", "▁the ▁ ▁( <unk> , ( - € – ' 's = > 5 5% :10 ж 中".split()
)
def test_pieces_that_start_a_word(piece):
    assert piece_starts_word(piece)


@pytest.mark.parametrize("piece", "the s X .. ?! a.b ://".split())
def test_pieces_that_go_on_with_a_word(piece):
    assert not piece_starts_word(piece)


def words_of(text: str) -> list[str]:
    """The words that are masked together."""
    tokenizer = AlbertTokenizer(SPM_MODEL_FILE)
    starts = embedded_vocabulary().starts_word
    words: list[str] = []
    for piece, piece_id in zip(
        tokenizer.tokenize(text), tokenizer.encode(text), strict=True
    ):
        if starts[piece_id]:
            words.append(piece)
        else:
            words[-1] += piece
    return [word.removeprefix("▁") for word in words]


def test_marks_and_numbers_are_words_of_their_own():
    assert words_of("Unquestionably, he paid") == ["unquestionably", ",", "he", "paid"]
    assert words_of("(4.5)") == ["", "(", "4", ".", "5", ")"]
    assert words_of("they'd") == ["they", "'d"]


def test_what_is_known_of_a_sentencepiece_model():
    vocabulary = embedded_vocabulary()
    content = SPM_MODEL_FILE.read_bytes()
    assert vocabulary.sha256 == hashlib.sha256(content).hexdigest()
    ids = vocabulary.pad_id, vocabulary.cls_id, vocabulary.sep_id, vocabulary.mask_id
    assert ids == (0, 2, 3, 4)
    assert np.flatnonzero(vocabulary.is_special).tolist() == [0, 1, 2, 3, 4]
    assert vocabulary.starts_word[:5].tolist() == [True, True, False, False, False]
    assert len(vocabulary.starts_word) == len(vocabulary.is_special) == 8000


def test_what_is_known_of_a_wordpiece_vocabulary(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text(wordpiece_text(7) + "##s\n", encoding="utf-8")
    vocabulary = Vocabulary.of(open_tokenizer(path))
    assert vocabulary.starts_word.tolist() == [True] * 7 + [False]
    assert vocabulary.is_special.tolist() == [True] * 5 + [False] * 3


def test_it_is_saved_and_loaded(tmp_path):
    vocabulary = embedded_vocabulary()
    vocabulary.save(tmp_path / "vocabulary")
    again = Vocabulary.load(tmp_path / "vocabulary")
    for name, value in vars(vocabulary).items():
        assert np.array_equal(getattr(again, name), value)
        assert type(getattr(again, name)) is type(value)
    assert again.id_dtype == np.dtype("<u2")


@pytest.mark.parametrize("size, dtype", [(65536, "<u2"), (65537, "<i4")])
def test_ids_take_no_more_room_than_they_need(size, dtype):
    assert id_dtype(size) == np.dtype(dtype)
