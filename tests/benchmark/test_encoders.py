"""The encoders that are compared: one shape, shared layers, and what is refused."""

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.benchmark import encoders
from albert_lsh_tf.benchmark.points import Point, Work
from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.errors import InputError

LENGTH = 512
WORK = Work(hidden_size=20, num_heads=5, layers=3)


def built(kind, length=LENGTH, work=WORK):
    budget = 0.25 if kind.startswith("lsh") else None
    return encoders.build_encoder(Point(kind, "forward", length, budget), work)


def inputs():
    word_ids = np.random.default_rng(2).integers(0, 1000, (2, LENGTH))
    word_ids = tf.constant(word_ids, tf.int32)
    return [word_ids, tf.ones_like(word_ids), tf.zeros_like(word_ids)]


def num_layer_weights(encoder):
    """Numbers in kernels and biases, without embeddings and pooler."""
    return sum(
        np.prod(variable.shape)
        for variable in encoder.trainable_variables
        if not variable.name.startswith(("pooler", "word", "position", "type"))
    )


@pytest.mark.parametrize("kind", ["garden-dense", "garden-bigbird", "dense", "lsh"])
def test_all_have_one_shape_and_share_their_layers(kind):
    encoder = built(kind)
    sequence = encoder(inputs())["sequence_output"]
    assert sequence.shape == (2, LENGTH, 20)
    assert np.isfinite(sequence).all()
    # A layer of its own at each depth would have three times as many.
    assert num_layer_weights(encoder) == num_layer_weights(built("dense"))


def test_bigbirds_one_layer_is_applied_again_and_again():
    one = built("garden-bigbird", work=WORK.replace(layers=1))
    three = built("garden-bigbird")
    three.set_weights(one.get_weights())
    sequences = [each(inputs())["sequence_output"].numpy() for each in (one, three)]
    assert not np.allclose(*sequences, atol=1e-3)


def test_our_dense_encoder_computes_what_model_gardens_does():
    ours, theirs = built("dense"), built("garden-dense")
    values = {variable.name: variable.numpy() for variable in theirs.variables}
    for variable in ours.variables:
        variable.assign(values[variable.name])
    np.testing.assert_allclose(
        ours(inputs())["sequence_output"],
        theirs(inputs())["sequence_output"],
        atol=1e-5,
    )


@pytest.mark.parametrize("length", [448, 513])
def test_bigbird_refuses_lengths_that_its_blocks_do_not_fit(length):
    with pytest.raises(InputError, match="a multiple of 64 tokens, and at least 512"):
        built("garden-bigbird", length)


def test_kinds_become_arguments():
    dense = encoders.attention_arguments(Point("dense", "forward", LENGTH))
    assert dense == {"attention": "dense"}
    lsh = encoders.attention_arguments(Point("lsh", "forward", LENGTH, 0.5))
    assert lsh["attention"] == "lsh"
    assert isinstance(lsh["lsh_config"], LSHConfig)
    assert "recompute" not in lsh


def test_recomputing_reaches_the_encoder():
    point = Point("dense-recompute", "training", LENGTH)
    assert encoders.attention_arguments(point) == {
        "attention": "dense",
        "recompute": "block",
    }


def test_the_budget_chooses_the_config(monkeypatch):
    chosen = LSHConfig(num_hashes=3)
    asked = []

    def for_length(length, budget):
        asked.append((length, budget))
        return chosen

    monkeypatch.setattr(LSHConfig, "for_length", for_length, raising=False)
    assert encoders.lsh_config_for(700, 0.125) is chosen
    assert asked == [(700, 0.125)]
