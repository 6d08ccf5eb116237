"""Pictures of made-up figures: what is drawn where. How they look, people see."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from albert_lsh_tf.diagnostics import plots
from tests.diagnostics.figures import diagnosis, setting


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draws settings; gives heat maps, error axes, cosine axes and the figure."""

    def draw(*settings, **words):
        kept = []
        save = Figure.savefig
        monkeypatch.setattr(
            Figure,
            "savefig",
            lambda figure, path: (kept.append(figure), save(figure, path)),
        )
        path = tmp_path / "diagnosis.png"
        plots.plot_diagnosis(diagnosis(*settings, **words), path)
        assert path.read_bytes().startswith(b"\x89PNG")
        *maps, errors, cosines = kept[0].axes
        return [each for each in maps if each.images], errors, cosines, kept[0]

    return draw


def test_a_map_for_each_setting_on_one_scale(drawn):
    settings = [setting(f"budget {b}", b, int(512 * b), 0.1 / b) for b in (0.5, 1.0)]
    maps, *_ = drawn(*settings)
    for axes, each in zip(maps, settings, strict=True):
        (image,) = axes.images
        np.testing.assert_array_equal(image.get_array(), each.error)
        assert image.get_clim() == (0, 0.4)
        assert axes.get_title(loc="left").startswith(f"{each.name}\n")
    assert maps[0].get_title(loc="left").endswith("256 logits per query")
    assert [label.get_text() for label in maps[0].get_xticklabels()] == list("12345")
    assert len(maps[0].texts) == 15 and maps[0].texts[0].get_text() == "0.200"


def test_narrow_cells_have_no_numbers(drawn):
    settings = [setting(f"budget {b}", b, 64, heads=12) for b in (0.1, 0.2, 0.3, 0.4)]
    maps, *_ = drawn(*settings)
    assert not maps[0].texts


def test_a_line_through_budgets_alone(drawn):
    _, errors, cosines, figure = drawn(
        setting("budget 0.5", 0.5, 256, 0.1),
        setting("mine", None, 128, 0.3),
        setting("budget 0.25", 0.25, 128, 0.2),
    )
    line, lone = errors.lines
    assert list(line.get_xdata()) == [128, 256] and line.get_linestyle() == "-"
    assert line.get_ydata() == pytest.approx([0.2 * 16 / 15, 0.1 * 16 / 15])
    assert list(lone.get_xdata()) == [128] and lone.get_linestyle() == "None"
    for axes in (errors, cosines):
        assert axes.get_xscale() == "log"
        assert axes.get_xlabel() == "logits per query, of 512 in dense attention"
        labels = [label.get_text() for label in axes.get_xticklabels()]
        assert labels == ["128", "256"]
        assert [text.get_text() for text in axes.texts] == ["mine"]
    assert errors.get_ylim()[0] == 0 and cosines.get_ylim()[1] > 1
    title = figure.get_suptitle()
    assert title.endswith("some model, 1,999 tokens in sequences of 512")


def test_the_worst_layer_is_drawn_where_it_is_not_the_last(drawn):
    bad = setting("budget 0.5", 0.5)
    bad.cosine[0] = 0.5
    _, _, cosines, _ = drawn(bad)
    labels = [text.get_text() for text in cosines.get_legend().get_texts()]
    assert labels == ["last layer", "worst layer"]
    assert cosines.get_ylim()[0] < 0.5


def test_labels_that_would_touch_are_left_out(drawn):
    _, errors, _, _ = drawn(
        *(setting(f"s{logits}", None, logits) for logits in (64, 66, 256))
    )
    labels = [label.get_text() for label in errors.get_xticklabels()]
    assert labels == ["64", "", "256"]


def test_no_error_and_the_name_of_the_model(drawn):
    maps, errors, _, figure = drawn(
        setting("budget 1", 1.0, 512, error=0.0),
        encoder="tiny, the model that comes with the package",
    )
    assert maps[0].images[0].get_clim() == (0, 1)
    assert errors.get_ylim()[1] > 0
    title = figure.get_suptitle()
    assert "tiny, " in title and "the model that comes" not in title


def test_many_layers_heads_and_settings(drawn):
    settings = [
        setting(f"budget {b}", b, int(64 + 99 * b), layers=48, heads=64)
        for b in (0.1, 0.2, 0.3, 0.4, 0.5)
    ]
    maps, *_ = drawn(*settings)
    assert len(maps) == 5
    assert len(maps[0].get_xticks()) <= 12 and len(maps[0].get_yticks()) <= 12
