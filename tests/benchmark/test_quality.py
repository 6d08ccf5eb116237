"""Error of LSH attention on given arrays, and the files they come from."""

import numpy as np
import pytest

from albert_lsh_tf.benchmark import quality
from albert_lsh_tf.benchmark.quality_plot import plot_quality
from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.errors import InputError
from tests.reference.attention import dense as reference

SHAPE = (2, 3, 233, 5)


@pytest.fixture(scope="module")
def arrays():
    """Keys and queries that lie in a few directions, as those of trained layers."""
    random = np.random.default_rng(7)
    centres = 4 * random.normal(size=(*SHAPE[:2], 12, SHAPE[3]))
    which = random.integers(0, 12, (*SHAPE[:3], 1))
    query, key = (
        np.take_along_axis(centres, which, axis=2) + random.normal(size=SHAPE)
        for _ in range(2)
    )
    return query, key, random.normal(size=SHAPE)


@pytest.fixture(autouse=True)
def budgets_as_rounds(monkeypatch):
    """A config for each budget, whatever the package would choose."""
    monkeypatch.setattr(
        quality,
        "lsh_config_for",
        lambda length, budget: LSHConfig(num_hashes=round(8 * budget), chunk_length=16),
    )


def test_dense_attention_is_the_oracles(arrays):
    query, key, value = (array[0].astype("f4") for array in arrays)
    actual = quality.attend_dense(query, key, value)
    for head in range(SHAPE[1]):
        expected = reference(query[head], key[head], value[head], [True] * SHAPE[2])
        np.testing.assert_allclose(actual[head], expected, rtol=1e-5, atol=1e-5)


def test_more_logits_come_closer(arrays):
    few, many = quality.quality_over_budget(*arrays, budgets=(0.125, 1.0))
    assert (few.budget, many.budget) == (0.125, 1.0)
    assert len(few.errors) == SHAPE[0]
    assert few.logits_per_query < many.logits_per_query
    assert 0 < many.mean_error < few.mean_error < 1
    assert few.mean_error == pytest.approx(sum(few.errors) / 2)


def test_queries_are_scaled_as_the_layer_does(arrays):
    query, key, value = arrays
    seen = []

    def attend(scaled, *_):
        seen.append(scaled)
        return quality.attend_dense(scaled, *_[:2])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quality, "attend_lsh", attend)
        quality.quality_over_budget(query, key, value, budgets=(0.5,))
    np.testing.assert_allclose(seen[0], query[0] / np.sqrt(5), rtol=1e-5)


def test_where_chunks_cover_everything_nothing_is_lost(arrays, monkeypatch):
    config = LSHConfig(chunk_length=SHAPE[2])
    monkeypatch.setattr(quality, "lsh_config_for", lambda *_: config)
    (found,) = quality.quality_over_budget(*arrays, budgets=(1.0,))
    assert max(found.errors) < 1e-6


def test_the_same_seed_gives_the_same_error(arrays):
    one, two, other = (
        quality.quality_over_budget(*arrays, budgets=(0.125,), seed=seed)[0].errors
        for seed in (1, 1, 2)
    )
    assert one == two != other


def test_relative_error():
    desired = np.array([3.0, 4.0])
    assert quality.relative_error(desired, desired) == 0
    assert quality.relative_error(0 * desired, desired) == 1
    assert quality.relative_error(np.array([3.0, 3.0]), desired) == pytest.approx(0.2)


def test_a_file_to_a_table_and_a_picture(arrays, tmp_path, capsys):
    path, picture = tmp_path / "layers.npz", tmp_path / "quality.png"
    np.savez(path, query=arrays[0], key=arrays[1], value=arrays[2])
    quality.main([str(path), "--budgets=0.125,0.5", f"--plot={picture}"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| budget | logits / query, of 233 | mean error | least - most |"
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| 0.125", "| 0.5"]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_one_budget_can_be_drawn(tmp_path):
    only = quality.Quality(0.25, 128.0, (0.1,))
    plot_quality([only], 512, tmp_path / "one.png")
    assert (tmp_path / "one.png").exists()


@pytest.mark.parametrize(
    "arrays_written, message",
    [
        ({"query": np.ones(SHAPE)}, "no array named key, value; it has query"),
        (
            {"query": np.ones(SHAPE), "key": np.ones(SHAPE), "value": np.ones(3)},
            r"one shape \[L, H, T, D\]; got query \[2, 3, 233, 5\], .*value \[3\]",
        ),
        (
            {name: np.array([{}]) for name in ("query", "key", "value")},
            "not a .npz file of plain arrays",
        ),
    ],
)
def test_files_that_do_not_fit_are_named(tmp_path, arrays_written, message):
    path = tmp_path / "layers.npz"
    np.savez(path, **arrays_written)
    with pytest.raises(InputError, match=message):
        quality.read_arrays(path)


def test_no_file_and_no_npz_are_one_line(tmp_path, capsys):
    text = tmp_path / "text.npz"
    text.write_text("not arrays")
    for path, line in ((tmp_path / "x", "no such file"), (text, "not a .npz file")):
        with pytest.raises(SystemExit) as stopped:
            quality.main([str(path)])
        assert stopped.value.code == 1
        assert line in capsys.readouterr().err
