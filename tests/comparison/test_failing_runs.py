"""What becomes of the other runs of a comparison where one fails. None is made."""

import pytest

from albert_lsh_tf.comparison import run
from albert_lsh_tf.comparison.plan import read_plan
from albert_lsh_tf.errors import InputError
from tests.comparison.finished_runs import finish

PLAN = """
seeds: [1, 2]
tasks: {MRPC: {}}
variants: {dense: {attention: dense}, lsh: {attention: lsh}}
"""


@pytest.fixture
def comparison(tmp_path):
    (tmp_path / "plan.yaml").write_text(PLAN)
    return read_plan(tmp_path / "plan.yaml")


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The runs that were begun; and what is wrong, by the name of a variant."""
    begun, wrong = [], {}

    def make(planned, folder, share):
        begun.append(str(planned.folder))
        if planned.variant in wrong:
            raise wrong[planned.variant]
        finish(planned, tmp_path / "runs", 0.75, {"host": 1.0})

    monkeypatch.setattr(run, "run_in_own_process", make)
    return begun, wrong


def test_all_others_are_made(comparison, made, tmp_path):
    begun, wrong = made
    wrong["dense"] = InputError("train.tsv: no such file.")
    lines = []
    message = (
        "^2 of 4 runs failed; the same command makes them again. The first: "
        "MRPC/dense/seed-1: train.tsv: no such file.$"
    )
    with pytest.raises(run.FailedRunsError, match=message):
        run.run_comparison(comparison, tmp_path / "runs", say=lines.append)
    scores = "eval_accuracy 0.7500  loss 0.3750"
    assert lines == [
        "[1/4] MRPC/dense/seed-1: failed: train.tsv: no such file.",
        f"[2/4] MRPC/lsh/seed-1: {scores}",
        "[3/4] MRPC/dense/seed-2: failed: train.tsv: no such file.",
        f"[4/4] MRPC/lsh/seed-2: {scores}",
    ]
    # The same command makes those that failed, and no others.
    begun.clear(), wrong.clear(), lines.clear()
    run.run_comparison(comparison, tmp_path / "runs", say=lines.append)
    assert begun == ["MRPC/dense/seed-1", "MRPC/dense/seed-2"]
    assert sorted(lines)[0] == f"[1/4] MRPC/dense/seed-1: {scores}"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), PermissionError(13, "no")])
def test_what_concerns_all_runs_stops_them(comparison, made, tmp_path, error):
    begun, wrong = made
    wrong["dense"] = error
    with pytest.raises(type(error)):
        run.run_comparison(comparison, tmp_path / "runs")
    assert begun == ["MRPC/dense/seed-1"]


def test_a_folder_that_cannot_be_made_stops_all_runs(comparison, made, tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(OSError):
        run.run_comparison(comparison, tmp_path / "runs")
    assert not made[0]


@pytest.mark.parametrize("content", [b'{"config": {', b"", b"\xff\xfe\x00"])
def test_a_damaged_result_is_told_before_the_first_run(
    comparison, made, tmp_path, content
):
    path = tmp_path / "runs" / comparison.runs[3].folder / run.RESULT_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(InputError, match="comparison.json is damaged, or was cut off"):
        run.run_comparison(comparison, tmp_path / "runs")
    assert not made[0]


def test_runs_whose_weights_are_not_there_fail_and_others_are_made(made, tmp_path):
    weights, lines = tmp_path / "trained", []

    def run_all():
        plan = PLAN.replace("attention: lsh", f"init_checkpoint: {weights}")
        (tmp_path / "plan.yaml").write_text(plan)
        comparison = read_plan(tmp_path / "plan.yaml")
        run.run_comparison(comparison, tmp_path / "runs", say=lines.append)

    message = "^2 of 4 runs failed; .*lsh/seed-1: its weights, .*trained, are not there"
    with pytest.raises(run.FailedRunsError, match=message):
        run_all()
    assert made[0] == ["MRPC/dense/seed-1", "MRPC/dense/seed-2"]
    # Told before the first run is begun.
    assert [line.split(": ")[1] for line in lines[:2]] == ["failed"] * 2
    # What the run's own process will find, or fetch.
    weights.with_name("trained.index").touch()
    run_all()
    assert made[0][2:] == ["MRPC/lsh/seed-1", "MRPC/lsh/seed-2"]


@pytest.mark.parametrize(
    "name",
    [
        "albert_lsh_tiny",
        "tensorflow/albert_en_base/3",
        "tensorflow/albert/tensorFlow2/en-base/3",
        "https://tfhub.dev/google/albert_base/3",
    ],
)
def test_names_that_are_no_paths_are_left_to_the_run(made, tmp_path, name):
    plan = PLAN.replace("attention: lsh", f"albert_hub_module_handle: '{name}'")
    (tmp_path / "plan.yaml").write_text(plan)
    run.run_comparison(read_plan(tmp_path / "plan.yaml"), tmp_path / "runs")
    assert len(made[0]) == 4
