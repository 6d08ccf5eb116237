"""Files of questions that are named, or made up."""

import pytest

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.squad.files import find_files, is_sample
from albert_lsh_tf.tasks.squad.settings import SquadConfig


@pytest.mark.parametrize("name", ["train_file", "predict_file"])
def test_a_file_that_is_not_there_is_named_with_its_setting(tmp_path, name):
    file = tmp_path / "questions.json"
    file.touch()
    files = {"train_file": (str(file), str(file)), "predict_file": str(file)}
    config = SquadConfig(**files)
    assert find_files(config, True, print) == config
    missing = f"{file}.gz"
    changed = {"train_file": (str(file), missing), "predict_file": missing}[name]
    config = config.replace(**{name: changed})
    with pytest.raises(InputError, match=f"^{name}={missing}: no such file"):
        find_files(config, True, print)
    if name == "train_file":
        assert find_files(config, False, print) == config


@pytest.mark.parametrize("version_2", [False, True])
def test_a_made_up_sample_is_told_from_data(tmp_path, monkeypatch, version_2):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    config = find_files(SquadConfig(version_2=version_2), True, lambda line: None)
    assert config.train_file and is_sample(config)
    assert not is_sample(config.replace(train_file=("train-v1.1.json",)))
