"""The pre-training model; its outputs are compared with NumPy in checkpoints/."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.pretrainer import AlbertPretrainer

INPUTS = {
    "input_word_ids": [[2, 5, 7, 3, 0], [2, 8, 3, 0, 0], [2, 6, 9, 4, 3]],
    "input_mask": [[1, 1, 1, 1, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1]],
    "input_type_ids": [[0, 0, 1, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 1, 1]],
    "masked_lm_positions": [[1, 2], [1, 0], [3, 1]],
}


def make_pretrainer(**arguments):
    encoder = AlbertLSHEncoder(
        vocab_size=11,
        embedding_width=3,
        hidden_size=10,
        num_layers=2,
        num_attention_heads=2,
        max_sequence_length=13,
        intermediate_size=7,
        lsh_config=LSHConfig(chunk_length=2, seed=5),
    )
    return AlbertPretrainer(encoder, **arguments)


def inputs():
    return {name: tf.constant(rows) for name, rows in INPUTS.items()}


def test_outputs_by_name_shape_and_dtype():
    outputs = make_pretrainer()(inputs())
    assert outputs["mlm_logits"].shape == (3, 2, 11)
    assert outputs["sop_logits"].shape == (3, 2)
    assert {"sequence_output", "pooled_output", "encoder_outputs"} < set(outputs)
    assert "rtd_logits" not in outputs


def test_what_tells_replaced_tokens_is_two_dense_layers():
    pretrainer = make_pretrainer(heads=["rtd"], initializer="random_normal")
    given = {name: rows for name, rows in inputs().items() if "masked" not in name}
    outputs = pretrainer(given)
    names = [f"discriminator_predictions/dense{end}" for end in ("", "_1")]
    weights = {
        variable.name: variable.numpy() for variable in pretrainer.variables[25:]
    }
    assert len(weights) == 4
    hidden = outputs["sequence_output"].numpy()
    for name in names:
        hidden = hidden @ weights[f"{name}/kernel:0"] + weights[f"{name}/bias:0"]
        if name == names[0]:
            inner = np.sqrt(2 / np.pi) * (hidden + 0.044715 * hidden**3)
            hidden = hidden * (1 + np.tanh(inner)) / 2
    np.testing.assert_allclose(outputs["rtd_logits"], hidden[..., 0], atol=1e-6)


@pytest.mark.parametrize("head, added", [("mlm", 5), ("sop", 2), ("rtd", 4)])
def test_one_head_alone(head, added):
    pretrainer = make_pretrainer(heads=[head])
    assert pretrainer.heads == (head,)
    assert len(pretrainer.variables) == 25 + added
    # Positions to predict are asked for only where something predicts there.
    assert len(pretrainer.inputs) == (4 if head == "mlm" else 3)


def test_words_are_predicted_with_the_encoders_own_table():
    pretrainer = make_pretrainer()
    before = pretrainer(inputs())
    table = pretrainer.encoder.get_embedding_table()
    # A piece that no input has: its logits alone may change with its row.
    table.assign(tf.tensor_scatter_nd_update(table, [[10]], [[9.0, -9.0, 9.0]]))
    after = pretrainer(inputs())
    same = before["mlm_logits"].numpy() == after["mlm_logits"].numpy()
    assert same[..., :10].all()
    assert not same[..., 10].any()


def test_every_variable_gets_a_gradient():
    pretrainer = make_pretrainer()
    with tf.GradientTape() as tape:
        outputs = pretrainer(inputs(), training=True)
        loss = tf.reduce_sum(outputs["mlm_logits"] ** 2)
        loss += tf.reduce_sum(outputs["sop_logits"][:, 0])
    gradients = tape.gradient(loss, pretrainer.trainable_variables)
    assert len(gradients) == 32
    assert all(gradient is not None for gradient in gradients)


def test_config_round_trip():
    model = make_pretrainer(heads=["sop"], name="order")
    again = AlbertPretrainer.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    again.set_weights(model.get_weights())
    given = {name: rows for name, rows in inputs().items() if "masked" not in name}
    np.testing.assert_allclose(
        again(given)["sop_logits"], model(given)["sop_logits"], atol=1e-6
    )


def test_checkpoint_holds_each_variable_once(tmp_path):
    model = make_pretrainer()
    prefix = tf.train.Checkpoint(**model.checkpoint_items).write(str(tmp_path / "c"))
    keys = [key for key, _ in tf.train.list_variables(prefix)]
    assert sum("VARIABLE_VALUE" in key for key in keys) == 32


@pytest.mark.parametrize("heads", [[], ["mlm", "nsp"]])
def test_unknown_heads_are_refused(heads):
    with pytest.raises(InputError, match="must be one or more of mlm, sop, rtd"):
        make_pretrainer(heads=heads)


def test_keras_3_is_refused():
    with pytest.raises(TypeError, match="Keras 3"):
        make_pretrainer(initializer=keras.initializers.Zeros())


def test_half_precision_gives_float32_logits():
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        half = make_pretrainer()
        outputs = half(inputs())
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    whole = make_pretrainer()
    whole.set_weights(half.get_weights())
    expected = whole(inputs())["mlm_logits"]
    np.testing.assert_allclose(outputs["mlm_logits"], expected, atol=0.02)
    assert outputs["mlm_logits"].dtype == outputs["sop_logits"].dtype == tf.float32
