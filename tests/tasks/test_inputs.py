"""What a run starts from, where that is a run or says how its text was written."""

import dataclasses
import json

import pytest
import yaml

from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import inputs
from albert_lsh_tf.tasks.inputs import find_model, find_trained
from albert_lsh_tf.tasks.run_folder import RunFolder
from tests.tasks.squad.tiny_squad import write_run
from tests.tasks.tiny_run import ENCODER, TinyRun

CASED = r"do_lower_case={}, but .*/run was trained with do_lower_case={}; leave it"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return TinyRun(tmp_path_factory.mktemp("tiny"))


def test_a_home_is_found(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    run = write_run(tmp_path / "run", tiny.config())
    elsewhere = RunFolder(tmp_path / "elsewhere")
    for name in ("~/run", "~/run/ckpt-4"):
        config = tiny.config(init_checkpoint=name)
        found, checkpoint = find_trained(config, elsewhere)
        assert (found.path, checkpoint) == (run, str(run / "ckpt-4"))


def test_a_checkpoint_without_its_step_in_its_name_is_refused(tiny, tmp_path):
    run = write_run(tmp_path / "run", tiny.config())
    (run / "final.index").write_bytes((run / "ckpt-4.index").read_bytes())
    config = tiny.config(init_checkpoint=str(run / "final"))
    with pytest.raises(InputError, match="run/final: the name of a run's checkpoint e"):
        find_trained(config, RunFolder(tmp_path / "elsewhere"))


@pytest.mark.parametrize("lower_cased", [True, False])
def test_a_trained_model_keeps_its_letter_case(tiny, tmp_path, lower_cased):
    run = write_run(tmp_path / "run", tiny.config(do_lower_case=lower_cased))
    elsewhere = RunFolder(tmp_path / "elsewhere")
    config = tiny.config(init_checkpoint=str(run), do_lower_case=lower_cased)
    assert find_model(config, elsewhere, do_train=False).checkpoint
    config = config.replace(do_lower_case=not lower_cased)
    with pytest.raises(InputError, match=CASED.format(not lower_cased, lower_cased)):
        find_model(config, elsewhere, do_train=False)


def test_weights_of_cased_text_do_not_get_lower_cased_text(tiny, tmp_path, monkeypatch):
    def find_cased(*arguments):
        return dataclasses.replace(find_weights(*arguments), do_lower_case=False)

    monkeypatch.setattr(inputs, "find_weights", find_cased)
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(InputError, match="in its letter case, .* --nodo_lower_case"):
        find_model(tiny.config(), folder, do_train=True)
    assert find_model(tiny.config(do_lower_case=False), folder, do_train=True).weights
    # A run that began otherwise goes on as it began.
    write_run(folder.path, tiny.config())
    assert find_model(tiny.config(), folder, do_train=True).checkpoint


def test_a_run_goes_on_with_the_config_file_that_it_began_with(tiny, tmp_path):
    file = tmp_path / "params.yaml"
    settings = {"type": "albert", "albert": ENCODER}
    file.write_text(yaml.safe_dump({"task": {"model": {"encoder": settings}}}))
    config = tiny.config(albert_config_file=str(file))
    folder = RunFolder(write_run(tmp_path / "run", config))
    assert find_model(config, folder, do_train=True).checkpoint
    settings["albert"] = {**ENCODER, "hidden_size": 32}
    file.write_text(json.dumps({"task": {"model": {"encoder": settings}}}))
    with pytest.raises(InputError, match="another architecture .hidden_size 16 there"):
        find_model(config, folder, do_train=True)
    # The run has a copy of its own.
    file.unlink()
    assert find_model(config, folder, do_train=True).checkpoint
