"""Places of tokens: what stands there is what the token was made of."""

import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from albert_lsh_tf.data.graph_offsets import TokenLocator
from albert_lsh_tf.data.tokenization import WORD_START, AlbertTokenizer, preprocess_text
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from tests.data.hard_texts import TEXTS
from tests.shared_data import shared_data


@pytest.fixture(scope="module")
def tokenizer():
    return AlbertTokenizer(EMBEDDED_MODEL_DIR / "spiece.model")


@pytest.fixture(scope="module")
def locate(tokenizer):
    return as_function(tokenizer)


def as_function(tokenizer):
    locator = TokenLocator(tokenizer)
    specification = [tf.TensorSpec([None], tf.string)]

    @tf.function(input_signature=specification, autograph=False)
    def located(text):
        return locator(text)

    located.locator = locator  # Or else its tables are gone.
    return located


def pieces_and_stretches(locate, tokenizer, text):
    """Names of the tokens, and what stands at their places."""
    tokens = locate(tf.constant([text]))
    starts, ends = tokens.starts[0].numpy(), tokens.ends[0].numpy()
    assert tokens.ids[0].numpy().tolist() == tokenizer.encode(text)
    return [
        (name, text[start:end])
        for name, start, end in zip(tokenizer.tokenize(text), starts, ends, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "stretches"),
    [
        ("the cat", ["the", "cat"]),
        (" \t the\n\u00a0cat  ", ["the", "cat"]),
        ("Cafe\u0301 THE", ["Cafe\u0301", "THE"]),
        ("thé ﬁne", ["thé", "ﬁne"]),
        ("in 1999, the", ["in", "1999", ",", "the"]),
        ("the \u4e2d\u56fd cat", ["the", "", "\u4e2d\u56fd", "cat"]),
        ("the \ud55c\uad6d cat", ["the", "", "\ud55c\uad6d", "cat"]),
        ("", []),
        ("  ", []),
    ],
)
def test_words_stand_where_they_stand(locate, tokenizer, text, stretches):
    found = pieces_and_stretches(locate, tokenizer, text)
    # Rare words of a small vocabulary are several pieces; words are what is compared.
    words = []
    for name, stretch in found:
        if name.startswith(WORD_START) or name == "," or not words:
            words.append(stretch)
        elif words[-1] == "":
            words.append(stretch)
        else:
            words[-1] += stretch
    assert words == stretches


def assert_made_of(tokenizer, name, stretch):
    """Known pieces: preprocessing what stands there gives the piece."""
    made = preprocess_text(stretch, tokenizer.do_lower_case)
    assert made == name.removeprefix(WORD_START), (name, stretch)


def test_pieces_of_a_text_of_letters(locate, tokenizer):
    text = (
        "In 1999, Ångström's café (naïve) sold 12,345 crèmes;  THE cat sat.\tIt slept."
    )
    for name, stretch in pieces_and_stretches(locate, tokenizer, text):
        assert_made_of(tokenizer, name, stretch)


@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
@example(texts=["a", "", "\u0301", "\u0301a \u0301"])
@settings(max_examples=60, deadline=None)
def test_places_are_in_order_and_cover_the_text(locate, tokenizer, texts):
    tokens = locate(tf.constant(texts))
    for row, text in enumerate(texts):
        starts, ends = tokens.starts[row].numpy(), tokens.ends[row].numpy()
        assert tokens.ids[row].numpy().tolist() == tokenizer.encode(text)
        assert (starts >= 0).all() and (starts <= ends).all()
        assert (ends <= len(text)).all()
        assert (np.diff(starts) >= 0).all() and (np.diff(ends) >= 0).all()
        if len(ends):
            # What no token covers is nothing that the vocabulary could tell.
            before, behind = text[: starts[0]], text[ends[-1] :]
            assert tokenizer.encode(before) in ([], tokenizer.encode("\u0301"))
            assert tokenizer.encode(behind) in ([], tokenizer.encode("\u0301"))


def test_bytes_that_are_no_utf_8_are_characters(locate):
    tokens = locate(tf.constant([b"the \xff\xfe cat"]))
    text = b"the \xff\xfe cat".decode("utf-8", "replace")
    start, end = tokens.starts[0][-1].numpy(), tokens.ends[0][-1].numpy()
    assert text[start:end] == "cat"


def test_pieces_of_real_paragraphs():
    tokenizer = AlbertTokenizer(shared_data("albert/30k-clean.model"))
    locate = as_function(tokenizer)
    data = json.loads(shared_data("squad/xquad-en-dev-v1.1.json").read_text())["data"]
    texts = [each["context"] for article in data for each in article["paragraphs"]]
    # Of "½" a piece may be made of a part, and no part of it has a place of its own.
    texts = [text for text in texts if "½" not in text][:60]
    tokens = locate(tf.constant(texts))
    num_pieces = 0
    for row, text in enumerate(texts):
        ids, starts, ends = (each[row].numpy() for each in tokens)
        names = tokenizer.tokenize(text)
        assert ids.tolist() == tokenizer.encode(text)
        for id_, name, start, end in zip(ids, names, starts, ends, strict=True):
            if id_ != tokenizer.unk_id:
                num_pieces += 1
                assert_made_of(tokenizer, name, text[start:end])
    assert num_pieces > 5000


def test_work_grows_as_the_text_does(locate):
    """No tensor holds a number for each pair of characters or tokens."""
    text = tf.TensorSpec([None], tf.string)
    function = tf.compat.v1.wrap_function(locate.locator, [text])
    made = [
        output
        for operation in function.graph.get_operations()
        for output in operation.outputs
        if output.dtype not in (tf.resource, tf.variant)
    ]
    all_made = function.prune(function.inputs, made)

    sentences = "A cat sat on the mat, not far from Montréal.  " * 40

    def num_elements(times):
        values = all_made(tf.constant([sentences * times]))
        return sum(int(tf.size(value)) for value in values)

    once, twice, thrice = map(num_elements, (1, 2, 3))
    assert twice - once > len(sentences)  # What is made of the text was counted.
    assert thrice - twice == pytest.approx(twice - once, rel=1e-3)
