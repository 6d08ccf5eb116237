"""One name and one reader for GLUE and the user's own data."""

import re

import pytest

from albert_lsh_tf.data.classification import (
    find_task,
    known_name,
    read_examples,
    spelled,
)
from albert_lsh_tf.data.glue_tasks import TASKS
from albert_lsh_tf.data.task import has_split
from albert_lsh_tf.errors import InputError

LINES = '{"text": "a", "label": "x"}\n{"text": "b", "text_b": "c", "label": "y"}\n'


@pytest.fixture
def own(tmp_path):
    """A folder that holds own data by names of GLUE's and others."""
    for name in ("news", "rte"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.jsonl").write_text(LINES)
    return tmp_path


def test_names_of_glue_keep_their_meaning(own):
    for name in ("rte", " RTE", "sst_2", "SST2"):
        task = find_task(name, data_dir=own)
        assert task is TASKS[known_name(name)]
        assert spelled(name) == task.name
    assert find_task("rte", ("entailment", "not_entailment"), True) is TASKS["RTE"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("MRPC", ("yes", "no")), r"labels=yes,no are not those of MRPC \(0, 1\); l"),
        (("STS-B", ("0", "1")), r"labels=0,1 are not those of STS-B \(scores\)"),
        (("MRPC", None, False), "text_pairs=False does not fit MRPC"),
        (("CoLA", None, True), "text_pairs=True does not fit CoLA"),
    ],
)
def test_glue_has_labels_and_texts_of_its_own(settings, message):
    with pytest.raises(InputError, match=message):
        find_task(*settings)


def test_own_data_are_found_by_their_folder(own):
    task = find_task(" news ", data_dir=own)
    assert (task.name, task.labels) == ("news", ("x", "y"))
    assert known_name("news", data_dir=own) == spelled("news") == "news"
    labels = [example.label for example in read_examples(task, own, "train")]
    assert labels == [0, 1]
    assert find_task("news", text_pairs=False, data_dir=own).text_columns == ("text",)


def test_with_labels_nothing_is_read():
    task = find_task("gone", ["b", "a"], data_dir="nowhere")
    assert task.labels == ("b", "a")
    assert task.text_columns == ("text", "text_b")
    assert find_task("gone", ("b", "a"), False).text_columns == ("text",)


def test_an_unknown_name_is_told_how_own_data_would_have_to_look(own):
    start = "task_name='mprc' is not a GLUE task; did you mean 'mrpc'? known are "
    start += f"{', '.join(TASKS)}. RACE is known, too. For data of your own "
    here = f"there is no {own}/mprc/train.jsonl, "
    nowhere = "give data_dir, the folder that holds mprc/train.jsonl, "
    end = 'with {"text": "...", "label": "..."} a line.'
    for find in (find_task, known_name):
        with pytest.raises(InputError, match=f"^{re.escape(start + here + end)}$"):
            find("mprc", data_dir=own)
        with pytest.raises(InputError, match=f"^{re.escape(start + nowhere + end)}$"):
            find("mprc")


def test_a_path_is_no_name(own):
    with pytest.raises(InputError, match="task_name='./news' cannot name data of"):
        find_task("./news", data_dir=own)


def test_only_race_has_folders_for_splits(tmp_path):
    (tmp_path / "MRPC" / "train.tsv").mkdir(parents=True)
    assert not has_split(find_task("mrpc"), tmp_path, "train")
    (tmp_path / "RACE").mkdir()
    (tmp_path / "RACE" / "dev").touch()
    (tmp_path / "RACE" / "train").mkdir()
    race = find_task("race")
    there = {split: has_split(race, tmp_path, split) for split in race.files}
    assert there == {"train": True, "dev": False, "test": False}
