import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_lsh_tf.data.features import encode_examples, truncated_lengths
from albert_lsh_tf.data.glue import Example
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.errors import InputError


@pytest.fixture(scope="module")
def tokenizer():
    return AlbertTokenizer(EMBEDDED_MODEL_DIR / "spiece.model")


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 40))
def test_truncation_takes_one_token_at_a_time_off_the_longer(length_a, length_b, room):
    kept_a, kept_b = length_a, length_b
    while kept_a + kept_b > room:
        if kept_a > kept_b:
            kept_a -= 1
        else:
            kept_b -= 1
    assert truncated_lengths(length_a, length_b, room) == (kept_a, kept_b)


def test_a_pair_is_laid_out_as_google_does(tokenizer):
    features = encode_examples([Example("1", "The cat", "a dog ran", 1)], tokenizer, 16)
    a, b = tokenizer.encode("The cat"), tokenizer.encode("a dog ran")
    num_tokens = len(a) + len(b) + 3
    row = features.input_word_ids[0]
    assert row.tolist() == [2, *a, 3, *b, 3] + [0] * (16 - num_tokens)
    assert features.input_mask[0].tolist() == [1] * num_tokens + [0] * (16 - num_tokens)
    types = [0] * (len(a) + 2) + [1] * (len(b) + 1) + [0] * (16 - num_tokens)
    assert features.input_type_ids[0].tolist() == types


@pytest.mark.parametrize("text_b", [None, ""])
def test_a_single_sentence_has_one_segment(tokenizer, text_b):
    features = encode_examples([Example("1", "The cat", text_b, 0)], tokenizer, 8)
    ids = tokenizer.encode("The cat")
    assert features.input_word_ids[0][: len(ids) + 2].tolist() == [2, *ids, 3]
    assert not features.input_type_ids.any()


def test_long_texts_fill_the_row_exactly(tokenizer):
    long = "the cat " * 40
    features = encode_examples(
        [Example("1", long, None, 0), Example("2", long, "a dog", 0)], tokenizer, 13
    )
    assert features.input_mask.all()
    assert (features.input_word_ids[:, -1] == tokenizer.sep_id).all()
    second = tokenizer.encode("a dog")  # The shorter sentence loses nothing.
    assert features.input_word_ids[1][-1 - len(second) : -1].tolist() == second


def test_labels_ids_and_dtypes(tokenizer):
    classes = encode_examples(
        [Example("x", "a", "b", 1), Example("y", "c", "d", 0)], tokenizer, 8
    )
    assert classes.label.dtype == np.int32
    assert classes.label.tolist() == [1, 0]
    assert classes.example_id.dtype == np.int64
    assert classes.example_id.tolist() == [0, 1]
    assert len(classes) == 2
    scores = encode_examples([Example("x", "a", "b", 2.5)], tokenizer, 8)
    assert scores.label.dtype == np.float32
    assert scores.label.tolist() == [2.5]


def test_hidden_labels_are_zero_of_the_tasks_dtype(tokenizer):
    examples = [Example("x", "a", "b", None)]
    assert encode_examples(examples, tokenizer, 8).label.dtype == np.int32
    features = encode_examples(examples, tokenizer, 8, is_regression=True)
    assert features.label.dtype == np.float32
    assert features.label.tolist() == [0]


def test_rows_do_not_depend_on_threads_or_neighbours(tokenizer):
    examples = [Example(str(i), f"row {i}, 中", f"is {i * i},", 0) for i in range(50)]
    together = encode_examples(examples, tokenizer, 24, num_threads=2)
    alone = [encode_examples([each], tokenizer, 24, num_threads=1) for each in examples]
    rows = np.concatenate([each.input_word_ids for each in alone])
    assert np.array_equal(together.input_word_ids, rows)


def test_a_row_too_short_for_its_frame_is_refused(tokenizer):
    with pytest.raises(InputError, match="max_seq_length=4 .* give at least 5"):
        encode_examples([Example("1", "a", "b", 0)], tokenizer, 4)
    with pytest.raises(InputError, match="max_seq_length=2 .* give at least 3"):
        encode_examples([Example("1", "a", None, 0)], tokenizer, 2)
