"""What the beginning of a stage does to positions that nothing was learned for."""

import numpy as np
import orbit
import pytest

from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.lsh_config import LSHConfig
from albert_lsh_tf.tasks.pretraining.experiment import experiment_config
from albert_lsh_tf.tasks.pretraining.settings import PretrainingConfig
from albert_lsh_tf.tasks.pretraining.training import pretrain
from tests.tasks.pretraining.tiny_pretraining import TinyPretraining, weights_of
from tests.tasks.tiny_run import read_log

POSITIONS = "position_embedding/embeddings"


def positions_of(folder) -> np.ndarray:
    (name,) = [name for name in weights_of(folder) if name.endswith(POSITIONS)]
    return weights_of(folder)[name]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return TinyPretraining(tmp_path_factory.mktemp("stages"))


def config(tiny, **changes):
    # So low a rate that what was copied can still be seen.
    return tiny.config(
        curriculum=["11:2"], num_train_steps=3, learning_rate=1e-9, **changes
    )


def test_a_longer_stage_begins_with_copies_of_learned_positions(tiny, tmp_path):
    pretrain(config(tiny), tmp_path / "run", do_eval=False)
    positions = positions_of(tmp_path / "run")
    assert len(positions) == 29
    expected = positions[np.arange(29) % 11]
    np.testing.assert_allclose(positions, expected, atol=1e-6)
    assert len(np.unique(positions[:11].round(6), axis=0)) == 11


def test_positions_of_weights_to_start_from_stay(tiny, tmp_path):
    pretrain(
        tiny.config(num_train_steps=1, learning_rate=1e-9),
        tmp_path / "first",
        do_eval=False,
    )
    changes = {"init_checkpoint": str(tmp_path / "first"), "albert_config_file": None}
    pretrain(config(tiny, **changes), tmp_path / "run", do_eval=False)
    np.testing.assert_allclose(
        positions_of(tmp_path / "run"), positions_of(tmp_path / "first"), atol=1e-6
    )


def test_what_an_earlier_stage_left_unscored_is_not_scored_at_another_length(
    tiny, tmp_path, monkeypatch
):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(orbit.Controller, "evaluate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pretrain(config(tiny), tmp_path)
    assert (tmp_path / "ckpt-2.index").exists()
    pretrain(config(tiny), tmp_path)
    assert [entry["step"] for entry in read_log(tmp_path) if "eval" in entry] == [3]


def test_lsh_that_is_set_follows_the_length_of_each_stage():
    config = PretrainingConfig().with_settings(
        {"curriculum": ["64:9", "128:9"], "lsh_budget": 0.5, "lsh": {"dense_below": 0}}
    )
    for stage, length in zip(config.stages(), (64, 128, 512), strict=True):
        params = experiment_config(config, stage, AlbertConfig(), 0)
        lsh = params.task.model.encoder.get().lsh.as_dict()
        assert LSHConfig.from_dict(lsh) == LSHConfig.for_length(length, 0.5)
