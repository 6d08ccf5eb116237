"""Layers are run as they are written, and keep the signature that Keras reads."""

import inspect

import pytest
import tensorflow as tf
import tf_keras

from albert_lsh_tf import LSHAttention, LSHConfig
from albert_lsh_tf.layers.without_autograph import without_autograph


class Doubled(tf_keras.layers.Layer):
    """Tells in which mode it is called, and how."""

    modes = []

    @without_autograph
    def call(self, inputs, scale=2, training=None):
        """Doubles."""
        self.modes.append((_status(), training))
        return scale * inputs


def _status():
    # No public function tells; a converted caller would be rewritten here, too.
    return tf.__internal__.autograph.control_status_ctx().status.name


def test_keras_knows_the_arguments():
    assert list(inspect.signature(Doubled.call).parameters) == [
        *("self", "inputs", "scale", "training")
    ]
    assert Doubled.call.__doc__ == "Doubles."
    layer = Doubled()
    Doubled.modes.clear()
    outputs = layer(tf.ones([2]), training=True)
    # `training` is passed on where a model has it, by the name in the signature.
    tf_keras.Sequential([layer])(tf.ones([2]), training=False)
    assert outputs.numpy().tolist() == [2, 2]
    (_, first), *_, (_, last) = Doubled.modes
    assert (first, last) == (True, False)


def test_no_function_below_is_rewritten():
    Doubled.modes.clear()
    tf.function(Doubled())(tf.ones([2]))
    tf_keras.Sequential([tf_keras.Input([3]), Doubled()])
    assert {status for status, _ in Doubled.modes} == {"DISABLED"}


@pytest.mark.parametrize("dense_below", [0, 64], ids=["lsh", "dense"])
def test_attention_is_not_rewritten(dense_below, monkeypatch):
    from tensorflow.python.autograph.impl import api

    rewritten = []
    convert = api._convert_actual

    def convert_and_tell(function, options):
        rewritten.append(function.__module__)
        return convert(function, options)

    monkeypatch.setattr(api, "_convert_actual", convert_and_tell)
    config = LSHConfig.for_length(64, dense_below=dense_below)
    attention = LSHAttention(num_heads=2, key_dim=4, lsh_config=config)
    inputs = tf_keras.Input([64, 8])
    attention(inputs, inputs)
    tf.function(lambda x: attention(x, x))(tf.ones([1, 64, 8]))
    assert not [name for name in rewritten if name.startswith("albert_lsh_tf.ops")]
