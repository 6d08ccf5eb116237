"""Pictures of made-up results: what is drawn where. How they look, people see."""

import pytest
from matplotlib.figure import Figure

from albert_lsh_tf.benchmark import plots
from albert_lsh_tf.benchmark.points import KINDS, Plan, Work
from albert_lsh_tf.benchmark.report import make_report
from tests.benchmark.results import failed, sample

PLAN = Plan(lengths=(512, 1024, 4096), modes=("training",), rounds=1)


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draws samples; gives the time and the memory axes and the figure."""

    def draw(samples, plan=PLAN):
        kept = []
        save = Figure.savefig
        monkeypatch.setattr(
            Figure,
            "savefig",
            lambda figure, path: (kept.append(figure), save(figure, path)),
        )
        path = tmp_path / "training.png"
        plots.plot_mode(make_report(plan, Work(), samples), "training", path)
        assert path.read_bytes().startswith(b"\x89PNG")
        return *kept[0].axes, kept[0]

    return draw


def samples_of(kind, budget=None, factor=1.0):
    return [
        sample(kind, "training", length, seconds=(factor * length,), budget=budget)
        for length in PLAN.lengths
    ]


def test_a_line_for_each_encoder_on_logarithmic_axes(drawn):
    samples = [
        each
        for kind in KINDS
        for each in samples_of(kind, 0.25 if kind.startswith("lsh") else None)
    ]
    time_axes, memory_axes, figure = drawn(samples)
    for axes in (time_axes, memory_axes):
        assert len(axes.lines) == len(KINDS)
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        labels = [label.get_text() for label in axes.get_xticklabels()]
        assert labels == ["512\n× 8", "1,024\n× 4", "4,096\n× 1"]
    assert list(time_axes.lines[0].get_ydata()) == pytest.approx([125e3, 250e3, 1e6])
    assert list(memory_axes.lines[0].get_ydata()) == [8.0] * 3
    assert "A training step of 2 ALBERT layers" in figure.get_suptitle()
    assert "3 cores of Some CPU" in figure.get_suptitle()


def test_every_line_can_be_told_from_the_others_without_colour(drawn):
    plan = PLAN.replace(budgets=(0.1, 0.5))
    samples = []
    for kind in KINDS:
        for budget in (0.1, 0.5) if kind.startswith("lsh") else (None,):
            samples += samples_of(kind, budget)
    time_axes, _, figure = drawn(samples, plan)
    looks = {(line.get_marker(), line.get_linestyle()) for line in time_axes.lines}
    assert len(looks) == len(time_axes.lines) == len(KINDS) + 2
    (legend,) = figure.legends
    assert len({text.get_text() for text in legend.get_texts()}) == len(KINDS) + 2


def test_what_failed_is_a_cross_and_explained(drawn):
    samples = samples_of("lsh", 0.25) + samples_of("dense")[:2]
    samples.append(failed("dense", mode="training", length=4096))
    time_axes, memory_axes, figure = drawn(samples)
    for axes in (time_axes, memory_axes):
        (cross,) = axes.texts
        assert cross.xy[0] == 4096
        assert cross.get_color() == plots.COLOURS["dense"]
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts[-1] == "no number: out of memory"


def test_all_failed_and_unknown_memory_can_be_drawn(drawn):
    drawn([failed("dense", mode="training")])
    drawn([sample("dense", "training", peak=None)])
    drawn([sample("dense", "training", peak=0.0)])
