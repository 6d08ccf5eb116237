"""Text files to passages, and passages to sequences."""

import numpy as np
import pytest

from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.diagnostics.passages import pack_passages, read_passages
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.errors import InputError


class Words:
    """A tokenizer of numbers, one token a word."""

    pad_id, cls_id, sep_id = 0, 1, 2

    def encode_batch(self, texts):
        return [[int(word) for word in text.split()] for text in texts]


def rows(passages, length, count=99):
    inputs = pack_passages(passages, Words(), length, count)
    assert set(inputs) == {"input_word_ids", "input_mask", "input_type_ids"}
    assert {array.dtype for array in inputs.values()} == {np.dtype(np.int32)}
    assert not inputs["input_type_ids"].any()
    np.testing.assert_array_equal(inputs["input_mask"], inputs["input_word_ids"] > 0)
    return inputs["input_word_ids"].tolist()


def test_whole_passages_share_a_row_as_long_as_they_fit():
    assert rows(["11 12", "21", "31 32", "41"], length=6) == [
        [1, 11, 12, 21, 2, 0],
        [1, 31, 32, 41, 2, 0],
    ]


def test_a_long_passage_goes_on_in_the_next_row():
    assert rows(["11", "21 22 23 24 25 26 27 28", "31"], length=5) == [
        [1, 11, 2, 0, 0],
        [1, 21, 22, 23, 2],
        [1, 24, 25, 26, 2],
        [1, 27, 28, 31, 2],
    ]


def test_no_more_rows_than_asked_for():
    assert rows(["11", "21", "31"], length=3, count=2) == [[1, 11, 2], [1, 21, 2]]


def test_many_passages_are_encoded_in_order():
    texts = [str(number) for number in range(3, 1003)]
    assert [row[1] for row in rows(texts, length=3, count=1000)] == [*range(3, 1003)]


def test_the_packages_tokenizer_fits():
    tokenizer = AlbertTokenizer(EMBEDDED_MODEL_DIR / "spiece.model")
    inputs = pack_passages(["The border guard."], tokenizer, 32, 4)
    ids = tokenizer.encode("The border guard.")
    expected = [tokenizer.cls_id, *ids, tokenizer.sep_id]
    assert inputs["input_word_ids"][0, : len(expected)].tolist() == expected
    assert inputs["input_mask"].sum() == len(expected)


def test_no_tokens_at_all():
    with pytest.raises(InputError, match="the text has no tokens"):
        rows([" ", ""], length=5)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("one\ntwo\n", ["one", "two"]),
        ("one\nstill one\n\n two\n", ["one\nstill one", " two"]),
        ("\n\none\n \t\n\n\ntwo\n\n", ["one", "two"]),
        ("\ufeffone\r\ntwo", ["one", "two"]),
    ],
)
def test_blank_lines_separate_documents_or_else_lines_are_passages(
    tmp_path, text, expected
):
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode())
    assert read_passages(path) == expected


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "text.txt: no such text file."),
        (b" \n\n", "text.txt: there is no text in it."),
        (b"caf\xe9", "text.txt: not UTF-8 text .*; convert it first."),
    ],
)
def test_files_that_cannot_be_used_are_named(tmp_path, content, message):
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_passages(path)


def test_a_folder_is_no_text(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_passages(tmp_path)
