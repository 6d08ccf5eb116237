"""The joint head next to Google's formulas in NumPy, token by token."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.joint_span_labeler import AlbertJointSpanLabeler

INPUTS = {
    "input_word_ids": [
        [2, 5, 3, 7, 8, 9, 3],
        [2, 8, 6, 3, 4, 3, 0],
        [2, 3, 3, 0, 0, 0, 0],
    ],
    "input_mask": [[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 0], [1, 1, 1, 0, 0, 0, 0]],
    "input_type_ids": [
        [0, 0, 0, 1, 1, 1, 1],
        [0, 0, 0, 0, 1, 1, 0],
        [0, 0, 1, 0, 0, 0, 0],
    ],
}
# Where an answer may start and end: the text, and the first token of all.
ALLOWED = [[0, 3, 4, 5], [0, 4], [0]]
WIDTH = 10


def make_labeler(**arguments):
    encoder = AlbertLSHEncoder(
        vocab_size=11,
        embedding_width=3,
        hidden_size=WIDTH,
        num_layers=2,
        num_attention_heads=2,
        max_sequence_length=13,
        intermediate_size=7,
        dropout_rate=0.0,
        attention_dropout_rate=0.0,
        lsh_config=LSHConfig(chunk_length=2, seed=5),
    )
    labeler = AlbertJointSpanLabeler(encoder, **arguments)
    random = np.random.default_rng(3)
    for variable in labeler.head.trainable_variables:
        # Biases, too, so that one that is left out is missed.
        variable.assign(random.normal(0, 0.7, variable.shape))
    return labeler


def inputs():
    return {name: tf.constant(rows) for name, rows in INPUTS.items()}


class Expected:
    """`create_v2_model`, one row and one pair of tokens at a time."""

    def __init__(self, model):
        states = model.encoder(inputs(), training=False)["sequence_output"]
        self.states = states.numpy().astype(np.float64)
        head = model.head
        self.weights = {
            name: [w.numpy().astype(np.float64) for w in getattr(head, name).weights]
            for name in ("start", "end", "answer_hidden", "answer", "layer_norm")
        }
        # One layer on a token beside a start.
        self.kernel = np.concatenate(
            [head.end_of_token.kernel.numpy(), head.end_of_start.kernel.numpy()]
        )
        self.bias = head.end_of_token.bias.numpy()

    def start_log_probs(self, row):
        kernel, bias = self.weights["start"]
        return log_softmax(self.states[row] @ kernel[:, 0] + bias[0], row)

    def end_log_probs(self, row, start):
        (gamma, beta), (kernel, bias) = self.weights["layer_norm"], self.weights["end"]
        logits = []
        for state in self.states[row]:
            pair = np.concatenate([state, self.states[row, start]])
            hidden = np.tanh(pair @ self.kernel + self.bias)
            normal = (hidden - hidden.mean()) / np.sqrt(hidden.var() + 1e-12)
            logits.append((normal * gamma + beta) @ kernel[:, 0] + bias[0])
        return log_softmax(np.array(logits), row)

    def no_answer_logit(self, row):
        (kernel, bias), (last,) = self.weights["answer_hidden"], self.weights["answer"]
        of_starts = np.exp(self.start_log_probs(row)) @ self.states[row]
        features = np.concatenate([of_starts, self.states[row, 0]])
        return np.tanh(features @ kernel + bias) @ last[:, 0]


def log_softmax(logits, row):
    allowed = np.isin(np.arange(len(logits)), ALLOWED[row])
    masked = np.where(allowed, logits, -np.inf)
    return masked - np.log(np.exp(masked - masked.max()).sum()) - masked.max()


@pytest.mark.parametrize(("start_n_top", "end_n_top"), [(1, 1), (2, 3), (5, 5)])
def test_the_beam_has_the_likeliest_spans(start_n_top, end_n_top):
    model = make_labeler(start_n_top=start_n_top, end_n_top=end_n_top)
    outputs = {name: value.numpy() for name, value in model(inputs()).items()}
    expected = Expected(model)
    for row, allowed in enumerate(ALLOWED):
        starts = expected.start_log_probs(row)
        num_starts = min(start_n_top, len(allowed))
        found = outputs["start_positions"][row, :num_starts]
        np.testing.assert_array_equal(found, np.argsort(-starts)[:num_starts])
        np.testing.assert_allclose(
            outputs["start_log_probs"][row, :num_starts], starts[found], atol=1e-5
        )
        for place, start in enumerate(found):
            ends = expected.end_log_probs(row, start)
            num_ends = min(end_n_top, len(allowed))
            ends_found = outputs["end_positions"][row, place, :num_ends]
            np.testing.assert_array_equal(ends_found, np.argsort(-ends)[:num_ends])
            np.testing.assert_allclose(
                outputs["end_log_probs"][row, place, :num_ends],
                ends[ends_found],
                atol=1e-5,
            )
        np.testing.assert_allclose(
            outputs["no_answer_logits"][row], expected.no_answer_logit(row), atol=1e-5
        )


def test_what_may_be_no_answer_is_hardly_likely():
    outputs = make_labeler()(inputs())
    # The third row has no text: there is one place, and four that cannot be.
    assert (outputs["start_log_probs"][2, 1:].numpy() < -1e29).all()
    assert outputs["start_positions"][2, 0] == 0


def test_training_sees_the_ends_of_the_right_start():
    model = make_labeler()
    starts = [4, 0, 0]
    outputs = model.log_probs_given_start(inputs(), tf.constant(starts))
    expected = Expected(model)
    for row, allowed in enumerate(ALLOWED):
        np.testing.assert_allclose(
            outputs["start_log_probs"].numpy()[row, allowed],
            expected.start_log_probs(row)[allowed],
            atol=1e-5,
        )
        np.testing.assert_allclose(
            outputs["end_log_probs"].numpy()[row, allowed],
            expected.end_log_probs(row, starts[row])[allowed],
            atol=1e-5,
        )
        np.testing.assert_allclose(
            outputs["no_answer_logits"][row], expected.no_answer_logit(row), atol=1e-5
        )


def test_gradients_reach_all_variables_and_are_finite():
    model = make_labeler()
    with tf.GradientTape() as tape:
        outputs = model.log_probs_given_start(inputs(), tf.constant([4, 4, 0]))
        loss = -sum(tf.reduce_sum(x[:, 0]) for x in list(outputs.values())[:2])
        loss += tf.reduce_sum(outputs["no_answer_logits"])
    variables = [v for v in model.trainable_variables if "pooler" not in v.name]
    assert len(variables) == 23 + 12
    for variable, gradient in zip(
        variables, tape.gradient(loss, variables), strict=True
    ):
        gradient = tf.convert_to_tensor(gradient).numpy()
        assert np.isfinite(gradient).all(), variable.name
        assert gradient.any(), variable.name


def test_dropout_is_before_the_last_layer_of_no_answer():
    model = make_labeler(dropout_rate=0.5)
    first, second = (
        model.log_probs_given_start(inputs(), tf.constant([4, 4, 0]), training=True)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first["end_log_probs"], second["end_log_probs"])
    assert (
        first["no_answer_logits"].numpy() != second["no_answer_logits"].numpy()
    ).any()


def test_config_round_trip():
    model = make_labeler(start_n_top=2, end_n_top=3, dropout_rate=0.2, name="squad")
    again = AlbertJointSpanLabeler.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    again.set_weights(model.get_weights())
    for name, values in again(inputs()).items():
        np.testing.assert_allclose(values, model(inputs())[name], atol=1e-6)


def test_outputs_are_float32_in_half_precision():
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = make_labeler()
        outputs = model.log_probs_given_start(inputs(), tf.constant([4, 4, 0]))
        floats = [*outputs.values(), model(inputs())["end_log_probs"]]
        assert all(x.dtype == tf.float32 for x in floats)
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")


def test_a_checkpoint_brings_everything_back(tmp_path):
    model = make_labeler()
    items = model.checkpoint_items
    prefix = tf.train.Checkpoint(model=model, **items).write(str(tmp_path / "ckpt"))
    again = make_labeler()
    for variable in again.variables:
        variable.assign(tf.zeros_like(variable))
    tf.train.Checkpoint(model=again).read(prefix).assert_existing_objects_matched()
    for ours, theirs in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_keras_3_is_refused():
    with pytest.raises(TypeError, match="encoder is a Keras 3 object"):
        AlbertJointSpanLabeler(keras.Sequential())
