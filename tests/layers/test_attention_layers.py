"""One set of checks for both attention layers, and what only LSH promises."""

import keras as keras_3
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.layers.lsh_attention import LSHAttention
from albert_lsh_tf.layers.self_attention import DenseAttention

NUM_HEADS, KEY_DIM, WIDTH = 3, 5, 13
CONFIG = LSHConfig(num_hashes=2, chunk_length=7, seed=11)


def dense(**kwargs):
    return DenseAttention(NUM_HEADS, KEY_DIM, **kwargs)


def lsh(**kwargs):
    return LSHAttention(NUM_HEADS, KEY_DIM, lsh_config=CONFIG, **kwargs)


def reformer(**kwargs):
    config = LSHConfig.reformer(chunk_length=7)
    return LSHAttention(NUM_HEADS, KEY_DIM, lsh_config=config, **kwargs)


each_layer = pytest.mark.parametrize("make", [dense, lsh, reformer])


def hidden(length=37, seed=0):
    rng = np.random.default_rng(seed)
    return tf.constant(rng.normal(size=(2, length, WIDTH)), tf.float32)


def mask(length=37):
    return tf.sequence_mask([length, length // 2], length)


@each_layer
def test_variables_are_those_of_multi_head_attention(make):
    layer, peer = make(), tf_keras.layers.MultiHeadAttention(NUM_HEADS, KEY_DIM)
    layer(hidden(), hidden())
    peer(hidden(), hidden())
    described = [
        [(weight.name.split("/", 1)[1], tuple(weight.shape)) for weight in each.weights]
        for each in (layer, peer)
    ]
    assert described[0] == described[1]
    assert ("query/kernel:0", (WIDTH, NUM_HEADS, KEY_DIM)) in described[0]
    assert ("attention_output/kernel:0", (NUM_HEADS, KEY_DIM, WIDTH)) in described[0]


@pytest.mark.parametrize("make", [dense, lsh])
@pytest.mark.parametrize("length", [1, 13, 14])
def test_equals_multi_head_attention_where_chunks_cover_the_sequence(make, length):
    layer, peer = make(), tf_keras.layers.MultiHeadAttention(NUM_HEADS, KEY_DIM)
    inputs = hidden(length)
    is_token = tf.sequence_mask([length, (length + 1) // 2], length)
    peer(inputs, inputs)
    layer(inputs, inputs)
    layer.set_weights(peer.get_weights())
    np.testing.assert_allclose(
        layer(inputs, inputs, attention_mask=is_token),
        peer(inputs, inputs, attention_mask=is_token[:, tf.newaxis]),
        atol=1e-5,
    )


@each_layer
def test_config_round_trip_loses_nothing(make):
    layer = make(dropout=0.2, use_bias=False, name="attention")
    layer(hidden(), hidden())
    copy = type(layer).from_config(layer.get_config())
    copy(hidden(), hidden())
    ignored = {"query_shape", "key_shape", "value_shape"}
    for key, value in layer.get_config().items():
        if key not in ignored:
            assert copy.get_config()[key] == value, key
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(copy(hidden(), hidden()), layer(hidden(), hidden()))


@each_layer
def test_eager_graph_and_xla_agree(make):
    layer = make()
    expected = layer(hidden(), hidden(), attention_mask=mask())

    def call(inputs, is_token):
        return layer(inputs, inputs, attention_mask=is_token)

    np.testing.assert_allclose(tf.function(call)(hidden(), mask()), expected, atol=1e-6)
    compiled = tf.function(call, jit_compile=True)
    np.testing.assert_allclose(compiled(hidden(), mask()), expected, atol=1e-5)


@each_layer
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_policies_keep_float32_variables(make, policy):
    exact, half = make(), make(dtype=tf_keras.mixed_precision.Policy(policy))
    expected = exact(hidden(), hidden(), attention_mask=mask())
    half(hidden(), hidden())
    half.set_weights(exact.get_weights())
    output = half(hidden(), hidden(), attention_mask=mask())
    assert output.dtype == half.compute_dtype
    assert all(weight.dtype == tf.float32 for weight in half.weights)
    output = tf.cast(output, tf.float32).numpy()
    assert np.isfinite(output).all()
    # A query near the edge of a bucket may change it; nearly all must not.
    close = np.isclose(output, expected, atol=0.05)
    assert close.mean() > 0.95


@each_layer
def test_all_masks_mean_the_same(make):
    layer = make()
    expected = layer(hidden(), hidden(), attention_mask=mask())
    for same in (
        tf.cast(mask(), tf.int32),
        mask().numpy(),
        mask()[:, tf.newaxis],
        mask()[:, tf.newaxis, tf.newaxis],
    ):
        output = layer(hidden(), hidden(), attention_mask=same)
        np.testing.assert_array_equal(output, expected)
    with_keras_mask = hidden()
    with_keras_mask._keras_mask = mask()
    np.testing.assert_array_equal(layer(with_keras_mask, with_keras_mask), expected)
    assert np.abs(layer(hidden(), hidden()) - expected).max() > 1e-3


@each_layer
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_the_keras_mask_of_the_query_is_enough(make, policy):
    layer = make(dtype=tf_keras.mixed_precision.Policy(policy))
    expected = layer(hidden(), attention_mask=mask())
    with_keras_mask = hidden()
    with_keras_mask._keras_mask = mask()
    for output in (layer(with_keras_mask), layer(query=with_keras_mask)):
        np.testing.assert_array_equal(output, expected)
    assert np.abs(layer(hidden()) - expected).max() > 1e-3


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("kind", ["call", "heads"])
def test_whitening_is_float32_under_every_policy(kind, policy):
    layer = LSHAttention(
        NUM_HEADS,
        KEY_DIM,
        lsh_config=CONFIG.replace(whiten=True),
        dtype=tf_keras.mixed_precision.Policy(policy),
    )
    expected = layer(hidden(), hidden())
    assert expected.dtype == layer.compute_dtype
    assert all(matrix.dtype == tf.float32 for matrix in layer.whitening)
    if kind == "heads":
        # Outside of a call Keras casts no variable.
        heads = layer.heads(hidden())
        assert {each.dtype for each in heads} == {tf.as_dtype(layer.compute_dtype)}
        return
    matrix = np.random.default_rng(8).normal(size=(NUM_HEADS, KEY_DIM, KEY_DIM))
    layer.set_whitening(matrix, np.linalg.inv(matrix).transpose(0, 2, 1))
    assert np.isfinite(layer(hidden(), hidden())).all()
    assert np.abs(layer(hidden(), hidden()) - expected).max() > 1e-3


def test_global_tokens_need_places_in_the_lists():
    is_global = tf.range(37)[tf.newaxis] >= tf.constant([[37], [33]])
    without_places = LSHConfig(num_hashes=0, block_length=5, window=0)
    layer = LSHAttention(NUM_HEADS, KEY_DIM, lsh_config=without_places)
    with pytest.raises(ValueError, match="set heavy_keys to as many as are marked"):
        layer(hidden(), hidden(), global_mask=is_global)
    # Where attention is dense, every token attends to them anyway.
    every = LSHConfig.for_length(37, budget=1)
    layer = LSHAttention(NUM_HEADS, KEY_DIM, lsh_config=every)
    layer(hidden(), hidden(), global_mask=is_global)

    def reach_of(num_heavy, **masks):
        """Which tokens change what the first of the second row has."""
        config = without_places.replace(heavy_keys=num_heavy)
        tf_keras.utils.set_random_seed(3)
        layer = LSHAttention(NUM_HEADS, KEY_DIM, lsh_config=config)
        with tf.GradientTape() as tape:
            inputs = hidden()
            tape.watch(inputs)
            output = layer(inputs, inputs, **masks)[1, 0]
        changes = np.abs(tape.gradient(output, inputs)[1]).max(axis=-1)
        return set(np.flatnonzero(changes).tolist())

    block = {0, 1, 2, 3, 4}
    assert reach_of(4, global_mask=is_global) == block | {33, 34, 35, 36}
    # The first ones, where there are not places for all.
    assert reach_of(2, global_mask=is_global) == block | {33, 34}


@each_layer
def test_a_training_step_moves_every_variable(make):
    layer = make(dropout=0.1)
    optimizer = tf_keras.optimizers.legacy.SGD(0.1)
    with tf.GradientTape() as tape:
        output = layer(hidden(), hidden(), attention_mask=mask(), training=True)
        loss = tf.reduce_sum(output**3)
    before = layer.get_weights()
    gradients = tape.gradient(loss, layer.trainable_variables)
    optimizer.apply_gradients(zip(gradients, layer.trainable_variables, strict=True))
    for weight, old in zip(layer.weights, before, strict=True):
        assert np.isfinite(weight.numpy()).all()
        # Softmax ignores what all keys share; Reformer has no key projection to train.
        if not weight.name.endswith("key/bias:0") and not (
            make is reformer and "/key/" in weight.name
        ):
            assert np.abs(weight.numpy() - old).max() > 0, weight.name


@each_layer
def test_dropout_is_for_training_only_and_follows_the_global_seed(make):
    layer = make(dropout=0.3)
    inputs = hidden()
    evaluated = layer(inputs, inputs, training=False)
    np.testing.assert_array_equal(layer(inputs, inputs), evaluated)
    tf.random.set_seed(1)
    once = layer(inputs, inputs, training=True).numpy()
    again = layer(inputs, inputs, training=True).numpy()
    tf.random.set_seed(1)
    np.testing.assert_array_equal(layer(inputs, inputs, training=True), once)
    assert np.abs(once - again).max() > 1e-3
    assert np.abs(once - evaluated).max() > 1e-3


@each_layer
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_saved_model_keeps_the_output_at_several_lengths(make, tmp_path):
    inputs = tf_keras.Input([None, WIDTH])
    is_token = tf_keras.Input([None], dtype=tf.bool)
    output = make()(inputs, inputs, attention_mask=is_token)
    model = tf_keras.Model([inputs, is_token], output)
    model.save(tmp_path / "saved_model")
    model.save(tmp_path / "model.keras")
    loaded = [
        tf.saved_model.load(str(tmp_path / "saved_model")),
        tf_keras.models.load_model(tmp_path / "model.keras"),
    ]
    for length in (5, 37, 64):
        arguments = [hidden(length), mask(length)]
        for each in loaded:
            np.testing.assert_allclose(each(arguments), model(arguments), atol=1e-6)


@each_layer
@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"return_attention_scores": True}, "no attention scores"),
        ({"use_causal_mask": True}, "bidirectional"),
        ({"value": tf.zeros([2, 5, WIDTH])}, "37 tokens and value 5"),
        ({"attention_mask": tf.ones([2, 37, 37])}, r"\(2, 37, 37\); expected \[B, T\]"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(make, kwargs, message):
    with pytest.raises(ValueError, match=message):
        make()(**{"query": hidden(), "value": hidden(), **kwargs})


@each_layer
def test_keras_3_objects_are_refused_by_name(make):
    with pytest.raises(TypeError, match="kernel_initializer is a Keras 3 object"):
        make(kernel_initializer=keras_3.initializers.Zeros())
    with pytest.raises(TypeError, match="input 0 is a Keras 3 object"):
        make()(keras_3.KerasTensor([2, 7, WIDTH]), hidden(7))


def test_other_axes_are_refused():
    with pytest.raises(ValueError, match="attention_axes"):
        lsh(attention_axes=(2,))


def test_seed_and_depth_choose_the_buckets():
    def output(seed, depth):
        tf_keras.utils.set_random_seed(1)
        layer = LSHAttention(
            NUM_HEADS, KEY_DIM, lsh_config=CONFIG.replace(seed=seed), depth=depth
        )
        return layer(hidden(), hidden()).numpy()

    np.testing.assert_array_equal(output(1, 0), output(1, 0))
    assert np.abs(output(1, 0) - output(2, 0)).max() > 1e-3
    assert np.abs(output(1, 0) - output(1, 1)).max() > 1e-3


def test_rounds_can_be_raised_at_evaluation():
    two = lsh()
    config = CONFIG.replace(num_hashes_at_evaluation=6)
    six = LSHAttention(NUM_HEADS, KEY_DIM, lsh_config=config)
    exact = dense()
    for layer in (two, six, exact):
        layer(hidden(), hidden())
    for layer in (six, exact):
        layer.set_weights(two.get_weights())

    def error(layer, training):
        output = layer(hidden(), hidden(), training=training)
        return np.linalg.norm(output - exact(hidden(), hidden()))

    assert error(six, training=True) == error(two, training=True)
    assert error(six, training=False) < error(two, training=False)


def test_reformer_scheme_never_reads_the_key_projection():
    layer = reformer()
    before = layer(hidden(), hidden()).numpy()
    for weight in layer.weights:
        if "/key/" in weight.name:
            weight.assign(tf.random.normal(weight.shape))
    np.testing.assert_array_equal(layer(hidden(), hidden()), before)


def test_projections_can_be_shared_before_the_first_call_only():
    owner, user = lsh(name="owner"), dense(name="user")
    user.share_projections_of(owner)
    user(hidden(), hidden())
    owner(hidden(), hidden())
    assert [id(weight) for weight in owner.weights] == [
        id(weight) for weight in user.weights
    ]
    with pytest.raises(ValueError, match="share before the first call"):
        lsh_with_own = lsh()
        lsh_with_own(hidden(), hidden())
        lsh_with_own.share_projections_of(owner)


def test_lsh_config_may_be_a_dict_and_is_checked():
    layer = LSHAttention(NUM_HEADS, KEY_DIM, lsh_config={"chunk_length": 9})
    assert layer.lsh_config == LSHConfig(chunk_length=9)
    with pytest.raises(ValueError, match="did you mean 'chunk_length'"):
        LSHAttention(NUM_HEADS, KEY_DIM, lsh_config={"chunk_lenght": 9})
