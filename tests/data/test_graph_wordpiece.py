import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_lsh_tf.data.graph_tokenization import GraphTokenizer
from albert_lsh_tf.data.graph_wordpiece import GraphWordPiece
from albert_lsh_tf.data.wordpiece import WordPieceTokenizer
from tests.data.hard_texts import HARD_STRINGS
from tests.fixtures.wordpiece import write_wordpiece

BOTH_CASINGS = pytest.mark.parametrize("lower", [True, False], ids=["lower", "cased"])


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    """By casing, the tokenizer and its graph."""
    path = write_wordpiece(tmp_path_factory.mktemp("wordpiece") / "vocab.txt")
    pairs = {}
    for lower in (True, False):
        tokenizer = WordPieceTokenizer(path, do_lower_case=lower)
        pairs[lower] = tokenizer, GraphTokenizer(tokenizer)
    return pairs


def assert_equal_ids(tokenizer, graph, texts):
    expected = tokenizer.encode_batch(texts)
    for text, ids, others in zip(
        texts, expected, graph(tf.constant(texts, tf.string)).to_list(), strict=True
    ):
        assert others == ids, ascii(text[:200])


@BOTH_CASINGS
def test_ids_of_hard_strings_are_those_of_python(tokenizers, lower):
    long = ["ä" * 200, "ä" * 201, "\U00010400" * 200, "中" * 50_000, "un " * 30_000]
    assert_equal_ids(*tokenizers[lower], [*HARD_STRINGS, *long])


@BOTH_CASINGS
def test_every_character_makes_the_words_of_python(tokenizers, lower):
    planes = (*range(0xD800), *range(0xE000, 0x30000), *range(0xE0000, 0xE0200))
    texts = [
        "".join(f"a{chr(c)}b" for c in planes[start : start + 256])
        for start in range(0, len(planes), 256)
    ]
    tokenizer, _ = tokenizers[lower]
    words = GraphWordPiece(tokenizer).split_words(tf.constant(texts))
    for text, found in zip(texts, words.to_list(), strict=True):
        expected = tokenizer.split_words(text)
        assert [word.decode() for word in found] == expected, ascii(text)


@BOTH_CASINGS
@settings(deadline=None, max_examples=100)
@given(
    texts=st.lists(
        st.text(
            st.one_of(
                st.characters(codec="utf-8"),
                st.sampled_from("ΣΣΑας.'\x00\u00ad\u2028\u0345ʰ中文#[ unaffablestraße"),
            )
        ),
        max_size=4,
    )
)
def test_ids_and_words_of_any_text_are_those_of_python(tokenizers, lower, texts):
    assert_equal_ids(*tokenizers[lower], texts)


def test_special_tokens_are_those_of_the_file(tokenizers):
    tokenizer, graph = tokenizers[True]
    special = graph.get_special_tokens_dict()
    assert int(special["mask_id"]) == tokenizer.mask_id == 5
    assert int(special["vocab_size"]) == tokenizer.vocab_size
