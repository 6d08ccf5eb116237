"""The picture of a comparison: where dots and lines are."""

import statistics

import pytest

from albert_lsh_tf.comparison import plots
from albert_lsh_tf.comparison.plan import read_plan
from albert_lsh_tf.comparison.report import Cell

PLAN = """
seeds: [1, 2, 3]
tasks: {MRPC: {}, STS-B: {}, Q: {predict_file: dev.json}, CoLA: {}}
variants: {dense: {}, half: {attention: lsh}, Reformer: {attention: lsh}}
"""


@pytest.fixture
def comparison(tmp_path):
    (tmp_path / "plan.yaml").write_text(PLAN)
    return read_plan(tmp_path / "plan.yaml")


def cell(answering=(), **scores):
    return Cell([1], scores, [1.0], [1.0], ["a machine"], list(answering))


@pytest.fixture
def drawn(comparison, tmp_path, monkeypatch):
    """A function that draws cells; gives the panels by their titles."""
    figures = []
    save = plots.Figure.savefig

    def keep(figure, path):
        figures.append(figure)
        save(figure, path)

    def draw(cells):
        plots.plot_comparison(comparison, cells, tmp_path / "results.png")
        assert (tmp_path / "results.png").read_bytes().startswith(b"\x89PNG")
        axes = [axes for axes in figures.pop().axes if axes.get_visible()]
        return {each.get_title(loc="left"): each for each in axes}

    monkeypatch.setattr(plots.Figure, "savefig", keep)
    return draw


@pytest.fixture
def panels(drawn):
    cells = {
        ("MRPC", "dense"): cell(eval_accuracy=[0.7, 0.71, 0.75], f1=[0.8, 0.8, 0.8]),
        ("MRPC", "Reformer"): cell(eval_accuracy=[0.6, 0.62]),
        ("STS-B", "dense"): cell(pearson=[0.5]),
        ("Q", "dense"): cell([{"seconds": 1.0}], exact_match=[25.0], f1=[35.0]),
        ("Q", "half"): cell([{"seconds": 1.0}], exact_match=[20.0], f1=[30.0]),
    }
    return drawn(cells)


def lines_of(axes):
    """Dots, and lines at means, each as x and y."""
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines]


def test_a_panel_for_each_task_with_something_to_compare(panels):
    assert list(panels) == ["MRPC, eval_accuracy", "Q, f1"]


def test_where_nothing_can_be_compared_all_is_drawn(drawn):
    panels = drawn({("CoLA", "half"): cell(matthew_corr=[0.1])})
    assert list(panels) == ["CoLA, matthew_corr"]
    assert lines_of(panels["CoLA, matthew_corr"])[0] == ([10.0], [0])


def test_dots_are_percentages_and_lines_are_means(panels):
    dots, mean, *others = lines_of(panels["MRPC, eval_accuracy"])
    assert dots[0] == pytest.approx([70, 71, 75])
    assert mean[0] == pytest.approx([statistics.mean([70, 71, 75])] * 2)
    assert others[0][0] == pytest.approx([60, 62])


def test_a_row_for_each_variant_that_has_runs_in_the_plans_order(panels):
    axes = panels["MRPC, eval_accuracy"]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["dense", "half", "Reformer"]
    rows = [ys[0] for xs, ys in lines_of(axes) if ys[0] == ys[-1]]
    assert rows == [0, 2]


def test_answers_are_in_percent_already(panels):
    assert lines_of(panels["Q, f1"])[0] == ([35.0], [0])
    assert lines_of(panels["Q, f1"])[2] == ([30.0], [1])


def test_small_differences_look_small(drawn):
    cells = {
        ("MRPC", "dense"): cell(eval_accuracy=[0.701]),
        ("MRPC", "half"): cell(eval_accuracy=[0.703]),
        ("CoLA", "dense"): cell(matthew_corr=[0.1]),
        ("CoLA", "half"): cell(matthew_corr=[0.3]),
    }
    panels = drawn(cells)
    assert panels["MRPC, eval_accuracy"].get_xlim() == pytest.approx((68.2, 72.2))
    low, high = panels["CoLA, matthew_corr"].get_xlim()
    assert 8 < low < 10 and 30 < high < 32
