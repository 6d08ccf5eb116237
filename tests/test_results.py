"""The tables in docs/results.md are those of the runs that lie beside it."""

import pathlib

import pytest

from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.comparison.plan import read_plan
from albert_lsh_tf.comparison.report import collect, to_markdown
from albert_lsh_tf.comparison.run import RESULT_FILE, read_result
from albert_lsh_tf.embedded import EMBEDDED_MODEL_NAME

ROOT = pathlib.Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"


@pytest.fixture(params=sorted(p.name for p in RESULTS.iterdir()))
def name(request):
    """Of a plan, and of the folder of its runs."""
    return request.param


@pytest.fixture
def comparison(name):
    return read_plan(ROOT / "configs" / "comparison" / f"{name}.yaml")


def test_tables_are_those_of_the_runs(name, comparison):
    tables = to_markdown(comparison, collect(comparison, RESULTS / name))
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    for table in tables.split("### ")[1:]:
        assert f"### {table.strip()}\n" in page


def test_every_run_is_one_of_the_plan(name, comparison):
    folder = RESULTS / name
    planned = {folder / run.folder / RESULT_FILE for run in comparison.runs}
    # What `albert-lsh compare --report` writes.
    reports = set(folder.glob("results.*"))
    assert {p for p in folder.rglob("*") if p.is_file()} - reports <= planned


def test_every_run_began_with_the_weights_in_the_package(name, comparison):
    embedded = find_weights(EMBEDDED_MODEL_NAME).sha256()
    for run in comparison.runs:
        result = read_result(run, RESULTS / name)
        if result and run.config.init_checkpoint == EMBEDDED_MODEL_NAME:
            assert result["weights_sha256"] == embedded, run.folder
