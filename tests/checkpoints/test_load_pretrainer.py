import numpy as np
import pytest
import tensorflow as tf
from official.nlp.modeling import models

from albert_lsh_tf.checkpoints.loading import load_pretrainer
from albert_lsh_tf.checkpoints.matching import heads_in
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.errors import InputError
from tests.fixtures import checkpoints
from tests.reference.albert import albert, pretraining_heads

WORD_IDS = np.random.default_rng(3).integers(0, 31, (3, 7))
MASK = np.array([[1] * 7, [1] * 4 + [0] * 3, [1] * 5 + [0] * 2])
TYPE_IDS = np.array([[0] * 3 + [1] * 4, [0] * 7, [0] * 2 + [1] * 3 + [0] * 2])
POSITIONS = np.array([[1, 6], [3, 0], [2, 2]])
SOP_BIAS = "cls/seq_relationship/output_bias"


@pytest.fixture
def everything(variables):
    """The 25 variables, 7 of the heads, and a raw checkpoint's bookkeeping."""
    return {**variables, **checkpoints.training_extras()}


@pytest.fixture
def folder(tmp_path, everything):
    return checkpoints.write_google_folder(tmp_path / "google", everything)


def outputs_of(pretrainer):
    inputs = [WORD_IDS, MASK, TYPE_IDS, POSITIONS][: len(pretrainer.inputs)]
    return pretrainer([tf.constant(each, tf.int32) for each in inputs])


def expected_outputs(everything):
    outputs = albert(everything, 3, 5, WORD_IDS, MASK, TYPE_IDS)
    return {**outputs, **pretraining_heads(everything, outputs, POSITIONS)}


def test_googles_checkpoint_has_both_heads(folder, everything):
    pretrainer = load_pretrainer(folder, "dense")
    assert pretrainer.heads == ("mlm", "sop")
    assert len(pretrainer.variables) == 32
    outputs, expected = outputs_of(pretrainer), expected_outputs(everything)
    for name in ("mlm_logits", "sop_logits", "pooled_output"):
        np.testing.assert_allclose(outputs[name], expected[name], rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Input dict contained keys:UserWarning")
def test_model_gardens_pretrainer_has_one_head(tmp_path, variables, everything):
    garden = models.BertPretrainerV2(
        checkpoints.garden_encoder(variables), mlm_activation="gelu"
    )
    inputs = {each.name: each for each in garden.inputs}
    garden(inputs)
    head = garden.masked_lm
    scope = "cls/predictions/"
    head.bias.assign(everything[scope + "output_bias"])
    for part in ("kernel", "bias"):
        getattr(head.dense, part).assign(everything[f"{scope}transform/dense/{part}"])
    for part in ("gamma", "beta"):
        value = everything[f"{scope}transform/LayerNorm/{part}"]
        getattr(head.layer_norm, part).assign(value)
    checkpoints.write_config(tmp_path)
    prefix = tf.train.Checkpoint(**garden.checkpoint_items).save(str(tmp_path / "ckpt"))
    pretrainer = load_pretrainer(prefix, "dense")
    assert pretrainer.heads == ("mlm",)
    np.testing.assert_allclose(
        outputs_of(pretrainer)["mlm_logits"],
        expected_outputs(everything)["mlm_logits"],
        rtol=0,
        atol=1e-5,
    )


@pytest.mark.filterwarnings("ignore:Input dict contained keys:UserWarning")
def test_what_the_pretrainer_writes_it_reads(tmp_path, folder):
    written = load_pretrainer(folder, "lsh")
    checkpoints.write_config(tmp_path)
    prefix = tf.train.Checkpoint(**written.checkpoint_items).save(str(tmp_path / "c"))
    read = load_pretrainer(prefix, "dense")
    assert len(read.variables) == 32
    for one, two in zip(written.variables, read.variables, strict=True):
        np.testing.assert_array_equal(one, two)
    # Model Garden's classes restore the parts that they know by name.
    garden = models.BertPretrainerV2(
        checkpoints.garden_encoder(checkpoints.google_variables(5))
    )
    garden({each.name: each for each in garden.inputs})
    tf.train.Checkpoint(**garden.checkpoint_items).restore(
        prefix
    ).assert_existing_objects_matched()
    np.testing.assert_array_equal(
        garden.masked_lm.bias, written.checkpoint_items["masked_lm"].bias
    )


def test_a_source_without_heads_says_so(google_folder):
    assert heads_in(find_weights(google_folder).variables) == ()
    with pytest.raises(InputError, match="no pre-training heads .* give new_heads"):
        load_pretrainer(google_folder)


def test_new_heads_are_random_where_the_source_has_none(tmp_path, everything):
    for name in checkpoints.HEAD_SHAPES:
        if name.startswith("cls/seq_relationship"):
            del everything[name]
    source = checkpoints.write_google_folder(tmp_path / "mlm", everything)
    assert load_pretrainer(source).heads == ("mlm",)
    pretrainer = load_pretrainer(source, "dense", new_heads=("mlm", "sop"))
    assert pretrainer.heads == ("mlm", "sop")
    np.testing.assert_allclose(
        outputs_of(pretrainer)["mlm_logits"],
        pretraining_heads(
            {**everything, **checkpoints.training_extras()},
            albert(everything, 3, 5, WORD_IDS, MASK, TYPE_IDS),
            POSITIONS,
        )["mlm_logits"],
        rtol=0,
        atol=1e-5,
    )


def test_a_part_of_a_head_is_an_error(tmp_path, everything):
    del everything[SOP_BIAS]
    folder = checkpoints.write_google_folder(tmp_path / "torn", everything)
    with pytest.raises(InputError, match=r"missing: cls/seq_relationship/bias \[2\]\."):
        load_pretrainer(folder)


def test_what_no_head_knows_is_an_error(tmp_path, everything):
    everything["cls/predictions/extra/kernel"] = np.zeros([2, 3], np.float32)
    folder = checkpoints.write_google_folder(tmp_path / "odd", everything)
    with pytest.raises(InputError, match=r"unexpected: cls/predictions/extra/kernel"):
        load_pretrainer(folder)


def test_heads_of_fine_tuning_are_left_aside(tmp_path, everything):
    everything["output_weights"] = np.zeros([2, 20], np.float32)
    everything["cls/squad/output_bias"] = np.zeros([2], np.float32)
    folder = checkpoints.write_google_folder(tmp_path / "glue", everything)
    assert load_pretrainer(folder).heads == ("mlm", "sop")


def test_only_the_encoder_takes_more_positions(folder, everything):
    pretrainer = load_pretrainer(folder, "dense", max_position_embeddings=22)
    assert pretrainer.encoder.get_config()["max_sequence_length"] == 22
    np.testing.assert_allclose(
        outputs_of(pretrainer)["sop_logits"],
        expected_outputs(everything)["sop_logits"],
        rtol=0,
        atol=1e-5,
    )
