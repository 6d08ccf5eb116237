"""The pipeline of Apache Beam, on this machine; skipped where Beam is not installed."""

import gzip
import itertools
import logging

import pytest

from albert_lsh_tf.cli import pretraining_data
from albert_lsh_tf.data.pretraining.create import create_pretraining_data
from albert_lsh_tf.data.pretraining.files import output_names
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.errors import InputError
from tests.data.pretraining.corpora import SPM_MODEL_FILE, TEXT

pytest.importorskip("apache_beam")

# Beam and what it imports warn about themselves.
pytestmark = pytest.mark.filterwarnings("ignore")

CONFIG = ExampleConfig(max_seq_length=24)


@pytest.fixture
def texts(tmp_path) -> str:
    # Documents of one sentence, and of none that has a token, must keep their numbers.
    empty = "\u0301\n\n\u0301\n\n"
    (tmp_path / "a.txt").write_text(TEXT + "\n" + empty + TEXT, encoding="utf-8")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(TEXT.encode() * 2))
    return str(tmp_path / "*.txt*")


def run_beam(texts, folder, config=CONFIG, **named):
    from albert_lsh_tf.data.pretraining import beam

    return beam.create_pretraining_data(
        [texts], str(folder), str(SPM_MODEL_FILE), config, dupe_factor=3, **named
    )


@pytest.mark.parametrize("num_files", [3, 100])
def test_files_are_those_that_create_writes(tmp_path, texts, num_files):
    names = output_names(num_files)
    local = create_pretraining_data(
        [texts],
        [tmp_path / "local" / name for name in names],
        SPM_MODEL_FILE,
        CONFIG,
        dupe_factor=3,
    )
    manifest = run_beam(texts, tmp_path / "beam", num_files=num_files)
    assert manifest.files == local.files
    assert manifest.totals == local.totals
    for name in itertools.islice(names, 3):
        expected = (tmp_path / "local" / name).read_bytes()
        assert (tmp_path / "beam" / name).read_bytes() == expected


def test_a_finished_run_is_left_as_it_is_and_another_refused(tmp_path, texts):
    said = []
    first = run_beam(texts, tmp_path / "out", num_files=2)
    again = run_beam(texts, tmp_path / "out", num_files=2, say=said.append)
    assert said == ["2 of 2 files were finished before."]
    assert again.text() == first.text()
    with pytest.raises(InputError, match="made otherwise \\(random_seed 12345 there"):
        run_beam(texts, tmp_path / "out", CONFIG.replace(random_seed=7), num_files=2)
    (tmp_path / "out" / output_names(2)[1]).unlink()
    assert run_beam(texts, tmp_path / "out", num_files=2).text() == first.text()
    assert (tmp_path / "out" / output_names(2)[1]).exists()


def test_changed_text_is_refused(tmp_path, texts):
    run_beam(texts, tmp_path / "out")
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    with pytest.raises(InputError, match="^a.txt was changed since .*out was made of"):
        run_beam(texts, tmp_path / "out")


@pytest.mark.parametrize(
    "content, message",
    [
        (b"fine\n\xff\n", "c.txt, line 2: not UTF-8 text; convert the file to UTF-8.$"),
        (
            b"alone\n\nalone\n",
            "input_file: no document of two sentences or more in 1",
        ),
    ],
)
def test_bad_text_is_one_line(tmp_path, content, message):
    (tmp_path / "c.txt").write_bytes(content)
    for _ in range(2):
        with pytest.raises(InputError, match=message):
            run_beam(str(tmp_path / "c.txt"), tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_through_the_users_door(tmp_path, texts, capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    pretraining_data.main(
        [
            f"--input_file={texts}",
            f"--spm_model_file={SPM_MODEL_FILE}",
            f"--output_dir={tmp_path}/out",
            "--max_seq_length=24",
            "--dupe_factor=2",
            "--runner=DirectRunner",
            "--beam_options=direct_num_workers=1",
        ]
    )
    assert " examples in 8 files of " in capsys.readouterr().out
