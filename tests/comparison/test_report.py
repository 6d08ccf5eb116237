"""Tables of finished runs: means and spreads by hand, and what is missing."""

import json
import statistics

import pytest

from albert_lsh_tf.comparison.plan import read_plan
from albert_lsh_tf.comparison.report import collect, to_json, to_markdown
from albert_lsh_tf.comparison.run import RESULT_FILE, read_result
from albert_lsh_tf.errors import InputError
from tests.comparison.finished_runs import MACHINE, finish

PLAN = """
seeds: [1, 2, 3]
tasks: {MRPC: {}}
variants: {dense: {attention: dense}, lsh: {attention: lsh}}
"""
ACCURACIES = [0.701, 0.713, 0.752]


@pytest.fixture
def comparison(tmp_path):
    (tmp_path / "plan.yaml").write_text(PLAN)
    return read_plan(tmp_path / "plan.yaml")


@pytest.fixture
def output_dir(comparison, tmp_path):
    for run, accuracy in zip(
        comparison.runs_of("MRPC", "dense"), ACCURACIES, strict=True
    ):
        finish(run, tmp_path, accuracy, {"host": 1000 * accuracy})
    return tmp_path


def test_mean_deviation_and_median_over_seeds(comparison, output_dir):
    table = to_markdown(comparison, collect(comparison, output_dir))
    (row,) = [line for line in table.splitlines() if line.startswith("| dense")]
    mean = 100 * statistics.mean(ACCURACIES)
    deviation = 100 * statistics.stdev(ACCURACIES)
    assert f"| 3 | {mean:.1f} ± {deviation:.1f} (71.3) |" in row
    # The loss is no percentage; time is the median, memory the highest.
    assert f"| {mean / 200:.3f} ± {deviation / 200:.3f} (0.356) | 7.13 | 752 |" in row
    assert "| lsh" not in table


def test_a_variant_appears_with_its_first_seed(comparison, output_dir):
    run = comparison.runs_of("MRPC", "lsh")[0]
    finish(run, output_dir, 0.5, {"host": 999.0, "GPU:0": 77.0})
    table = to_markdown(comparison, collect(comparison, output_dir))
    assert "| lsh | 1 | 50.0 | 0.250 | -20.1 | 5 | 77 |" in table


def test_differences_are_of_runs_with_the_same_seed(comparison, output_dir):
    runs = comparison.runs_of("MRPC", "lsh")
    finish(runs[2], output_dir, 0.702, {"host": 1.0})
    table = to_markdown(comparison, collect(comparison, output_dir))
    assert "| eval_accuracy − dense |" in table
    # Of seed 3, as dense attention has 0.752 there.
    assert "| lsh | 1 | 70.2 | 0.351 | -5.0 |" in table
    finish(runs[0], output_dir, 0.711, {"host": 1.0})
    differences = [71.1 - 70.1, 70.2 - 75.2]
    table = to_markdown(comparison, collect(comparison, output_dir))
    mean, deviation = statistics.mean(differences), statistics.stdev(differences)
    assert f"| {mean:+.1f} ± {deviation:.1f} |" in table
    alone = {("MRPC", "lsh"): collect(comparison, output_dir)["MRPC", "lsh"]}
    assert "−" not in to_markdown(comparison, alone)


def test_costs_on_several_machines_are_not_compared(comparison, output_dir):
    run = comparison.runs_of("MRPC", "lsh")[0]
    before = to_markdown(comparison, collect(comparison, output_dir))
    assert "| s/step | MiB |" in before
    assert "Made on a core of A Core (avx9)." in before
    finish(run, output_dir, 0.5, {"host": 999.0}, {**MACHINE, "gpu": "A GPU"})
    after = to_markdown(comparison, collect(comparison, output_dir))
    columns = "attention | seeds | eval_accuracy | loss | eval_accuracy − dense"
    assert f"| {columns} |\n" in after
    assert "| lsh | 1 | 50.0 | 0.250 | -20.1 |\n" in after
    assert "Made on A GPU and a core of A Core (avx9)." in after


def test_variants_that_ran_elsewhere_have_no_costs(tmp_path):
    (tmp_path / "plan.yaml").write_text(PLAN.replace("}}\n", "}, third: {}}\n"))
    comparison = read_plan(tmp_path / "plan.yaml")
    for variant in ("dense", "lsh", "third"):
        gpu = "A GPU" if variant == "third" else None
        run = comparison.runs_of("MRPC", variant)[0]
        finish(run, tmp_path, 0.5, {"host": 999.0}, {**MACHINE, "gpu": gpu})
    table = to_markdown(comparison, collect(comparison, tmp_path))
    assert "| lsh | 1 | 50.0 | 0.250 | +0.0 | 5 | 999 |\n" in table
    assert "| third | 1 | 50.0 | 0.250 | +0.0 |  |  |\n" in table
    assert "time and memory are of runs on a core of A Core (avx9)." in table


def test_costs_are_of_one_machine_on_which_most_variants_ran(comparison, output_dir):
    slow, fast = comparison.runs_of("MRPC", "lsh")[:2]
    finish(slow, output_dir, 0.9, {"host": 999.0}, {**MACHINE, "gpu": "A GPU"})
    finish(fast, output_dir, 0.5, {"host": 77.0})
    table = to_markdown(comparison, collect(comparison, output_dir))
    assert "| s/step | MiB |\n" in table
    assert "| 5 | 77 |\n" in table
    machines = "A GPU and a core of A Core (avx9)"
    core = "a core of A Core (avx9)"
    assert f"Made on {machines}; time and memory are of runs on {core}." in table


def test_answers_are_in_percent_already_and_have_their_time(tmp_path):
    (tmp_path / "plan.yaml").write_text(
        "tasks: {Q: {predict_file: dev.json}}\nvariants: {dense: {}}\nseeds: [1, 2]\n"
    )
    comparison = read_plan(tmp_path / "plan.yaml")
    for run, f1, seconds in zip(comparison.runs, (40.0, 44.0), (10, 20), strict=True):
        result = {
            "best": {"step": 7, "f1": f1, "best_f1": f1, "best_f1_thresh": 0.5},
            "seconds_per_step": 0.5,
            "peak_memory_mib": {"host": 100.0},
            "history": [],
            "answering": {"seconds": seconds, "windows": 1234, "questions": 100},
        }
        folder = tmp_path / run.folder
        folder.mkdir(parents=True)
        content = {
            "config": run.config.to_dict(),
            "weights_sha256": "a1b2",
            "machine": {**MACHINE, "cores": 2, "instructions": None},
            "result": result,
        }
        (folder / RESULT_FILE).write_text(json.dumps(content))
    header, _, row, _, made_on, *_ = to_markdown(
        comparison, collect(comparison, tmp_path)
    ).splitlines()[2:]
    columns = "attention | seeds | f1 | best_f1 | windows | s/step | s/question | MiB"
    assert header == f"| {columns} |"
    score = "42.0 ± 2.8 (42.0)"
    assert row == f"| dense | 2 | {score} | {score} | 1,234 | 0.5 | 0.15 | 100 |"
    assert made_on == "Made on 2 cores of A Core."


def test_json_has_every_seed(comparison, output_dir):
    (cell,) = json.loads(to_json(collect(comparison, output_dir)))
    assert (cell["task"], cell["variant"]) == ("MRPC", "dense")
    assert cell["scores"]["eval_accuracy"] == ACCURACIES


def test_a_run_with_other_settings_is_not_taken_for_it(comparison, output_dir):
    run = comparison.runs_of("MRPC", "dense")[0]
    path = output_dir / run.folder / RESULT_FILE
    content = json.loads(path.read_text())
    content["config"]["data_dir"] = "elsewhere"
    path.write_text(json.dumps(content))
    assert read_result(run, output_dir)["best"]["step"] == 7
    content["config"]["learning_rate"] = 0.5
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="with other settings .learning_rate.; delete"):
        collect(comparison, output_dir)


def test_runs_from_other_weights_are_not_compared(comparison, output_dir):
    run = comparison.runs_of("MRPC", "lsh")[1]
    finish(run, output_dir, 0.7, {"host": 1.0}, weights="c3d4")
    with pytest.raises(InputError, match="lsh/seed-2 and MRPC/dense/seed-1 began with"):
        collect(comparison, output_dir)


@pytest.mark.parametrize("missing", ["machine", "weights_sha256"])
def test_a_run_of_an_earlier_version_is_named(comparison, output_dir, missing):
    path = output_dir / comparison.runs_of("MRPC", "dense")[0].folder / RESULT_FILE
    content = json.loads(path.read_text())
    del content[missing]
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"seed-1/\S+ has no {missing}: an earlier"):
        collect(comparison, output_dir)
