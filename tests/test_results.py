"""The tables in docs/results.md are those of the runs that lie beside it."""

import pathlib

import pytest

from albert_lsh_tf.comparison.plan import read_plan
from albert_lsh_tf.comparison.report import collect, to_markdown
from albert_lsh_tf.comparison.run import RESULT_FILE

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
    planned = {RESULTS / name / run.folder / RESULT_FILE for run in comparison.runs}
    assert {p for p in (RESULTS / name).rglob("*") if p.is_file()} <= planned
