"""Layer normalization against Keras's, forward and backward."""

import numpy as np
import tensorflow as tf
import tf_keras

from albert_lsh_tf.layers.layer_norm import LayerNorm


def test_equals_keras_with_gradients():
    rng = np.random.default_rng(0)
    x = tf.Variable(rng.normal(2, 3, size=(2, 5, 7)), dtype=tf.float32)
    upstream = tf.constant(rng.normal(size=x.shape), tf.float32)
    scale, offset = rng.normal(size=(2, 7)).astype(np.float32)

    def run(layer):
        layer.build(x.shape)
        layer.set_weights([scale, offset])
        with tf.GradientTape() as tape:
            output = layer(x)
        sources = [x, layer.gamma, layer.beta]
        return [output, *tape.gradient(output, sources, upstream)]

    ours = run(LayerNorm(epsilon=1e-12, dtype=tf.float32))
    theirs = run(tf_keras.layers.LayerNormalization(epsilon=1e-12, dtype=tf.float32))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_half_precision_comes_out_as_float32():
    x = tf.cast(np.random.default_rng(0).normal(size=(3, 11)) * 1e4, tf.float16)
    output = LayerNorm(epsilon=1e-12, dtype=tf.float32)(x)
    assert output.dtype == tf.float32
    np.testing.assert_allclose(output.numpy().std(axis=-1), 1, atol=1e-3)
