"""The questions of a run: refused in time, and listed where they are left out."""

import pytest

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.inputs import find_model
from albert_lsh_tf.tasks.run_folder import RunFolder
from albert_lsh_tf.tasks.squad.data import load_data
from albert_lsh_tf.tasks.squad.settings import SquadConfig
from tests.tasks.squad.tiny_squad import TinySquad, rewrite


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return TinySquad(tmp_path_factory.mktemp("squad"))


def load(config, folder, do_train=True):
    folder = RunFolder(folder, config_class=SquadConfig)
    lines = []
    files = find_model(config, folder, do_train=True)
    data = load_data(config, files, folder, do_train, lines.append)
    return data, lines


def without_text(number, question):
    if number == 1:
        question["answers"][0]["text"] = " "


def test_what_training_leaves_out_stays_listed_while_others_are_answered(
    tiny, tmp_path
):
    faulty = {
        split: str(rewrite(path, tmp_path / path.name, without_text))
        for split, path in tiny.files[1].items()
    }
    config = tiny.config(train_file=[faulty["train"]], skip_faulty_questions=True)
    run = tmp_path / "run"
    data, lines = load(config, run)
    listed = (run / "skipped_questions.txt").read_text()
    assert listed.count("\n") == 1 and listed.startswith(f"{faulty['train']}, line 1")
    assert lines[-1].startswith("note: 1 questions cannot be used")
    total = data.training.features.counts["questions"]
    assert f"training questions: {total}" in lines

    answering = config.replace(predict_file=faulty["dev"])
    load(answering, run, do_train=False)
    others = (run / "skipped_predict_questions.txt").read_text()
    assert others.startswith(f"{faulty['dev']}, line 1")
    assert others.endswith("the text of an answer is empty\n")
    assert (run / "skipped_questions.txt").read_text() == listed
    # A list of other questions than the last ones would mislead.
    load(config, run, do_train=False)
    assert not (run / "skipped_predict_questions.txt").exists()
    assert (run / "skipped_questions.txt").read_text() == listed


def hide_one(number, question):
    if number == 0:
        question["answers"] = []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_text, "the text of an answer is empty; mend the file"),
        (hide_one, "1 of .* questions have no answers"),
    ],
)
def test_bad_questions_are_refused_before_windows_of_training_are_made(
    tiny, tmp_path, change, message
):
    path = rewrite(tiny.files[1]["dev"], tmp_path / "dev.json", change)
    with pytest.raises(InputError, match=message):
        load(tiny.config(predict_file=str(path)), tmp_path / "run")
    assert not (tmp_path / "run").exists()
