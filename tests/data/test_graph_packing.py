import types

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_lsh_tf.data.features import encode_examples
from albert_lsh_tf.data.features import truncated_lengths as truncated_lengths_in_python
from albert_lsh_tf.data.glue import Example
from albert_lsh_tf.data.graph_packing import InputPacker, truncated_lengths
from albert_lsh_tf.errors import InputError

# Reads "11 13 17" as three ids.
TOKENIZER = types.SimpleNamespace(
    pad_id=5,
    cls_id=2,
    sep_id=3,
    encode_batch=lambda texts, num_threads: [[*map(int, t.split())] for t in texts],
)


@pytest.fixture(scope="module")
def pack():
    return InputPacker(TOKENIZER, default_seq_length=11)


def ragged(rows):
    return tf.ragged.constant(rows, tf.int32, ragged_rank=1)


def text(ids):
    return " ".join(map(str, ids))


def assert_packed_as_features(packed, rows_a, rows_b, seq_length):
    examples = [
        Example(str(row), text(a), text(b), 0)
        for row, (a, b) in enumerate(zip(rows_a, rows_b, strict=True))
    ]
    features = encode_examples(examples, TOKENIZER, seq_length).as_dict()
    assert set(packed) == {"input_word_ids", "input_mask", "input_type_ids"}
    for name, value in packed.items():
        assert value.dtype == tf.int32
        np.testing.assert_array_equal(value, features[name], name)


def test_truncation_is_that_of_features():
    lengths = np.stack(np.meshgrid(range(9), range(9), range(17)), -1).reshape(-1, 3)
    kept = truncated_lengths(*tf.unstack(tf.constant(lengths), axis=1))
    expected = [truncated_lengths_in_python(*map(int, row)) for row in lengths]
    np.testing.assert_array_equal(tf.stack(kept, axis=1), expected)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(*[st.lists(st.integers(6, 99), max_size=14)] * 2), max_size=5),
    st.integers(5, 19),
)
def test_rows_are_those_of_features(pack, rows, seq_length):
    rows_a, rows_b = [a for a, _ in rows], [b for _, b in rows]
    packed = pack([ragged(rows_a), ragged(rows_b)], tf.constant(seq_length))
    assert_packed_as_features(packed, rows_a, rows_b, seq_length)
    single = pack([ragged(rows_a)], seq_length=tf.constant(seq_length))
    assert_packed_as_features(single, rows_a, [[]] * len(rows), seq_length)


def test_default_length_words_of_pieces_and_int32_splits(pack):
    rows_a, rows_b = [[7, 8, 9], [], [7] * 20], [[11], [12, 13], [14] * 9]
    expected = pack([ragged(rows_a), ragged(rows_b)])
    assert_packed_as_features(expected, rows_a, rows_b, 11)
    assert expected["input_word_ids"].shape == [3, 11]
    words = [tf.ragged.constant([[[7, 8], [9]], [], [[7]] * 20], ragged_rank=2)]
    words.append(tf.ragged.constant([[[11]], [[12], [13]], [[14] * 9]], ragged_rank=2))
    splits32 = [
        ragged(rows).with_row_splits_dtype(tf.int32) for rows in (rows_a, rows_b)
    ]
    for inputs in (words, splits32):
        for name, value in pack(inputs).items():
            np.testing.assert_array_equal(value, expected[name])


def test_static_lengths_give_static_shapes(pack):
    spec = tf.RaggedTensorSpec([None, None], tf.int32)
    outputs = pack.__call__.get_concrete_function([spec], seq_length=7)
    for shape in outputs.output_shapes.values():
        assert shape.as_list() == [None, 7]


def test_rows_too_short_for_their_segments_are_refused(pack):
    rows = ragged([[7]])
    with pytest.raises(InputError, match="seq_length=4 leaves no room.*at least 5"):
        pack([rows, rows], seq_length=4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="leaves no room.*least 3"):
        pack([rows], seq_length=tf.constant(2))
    with pytest.raises(InputError, match="seq_length=2 .*at least 3"):
        InputPacker(TOKENIZER, default_seq_length=2)


@pytest.mark.parametrize("num_segments", [0, 3])
def test_only_one_or_two_segments_are_taken(pack, num_segments):
    with pytest.raises(ValueError, match="one or two"):
        pack([ragged([[7]])] * num_segments)
