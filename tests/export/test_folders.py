"""An export is there as a whole or not at all, and overwrites nothing else."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.export.folders import (
    add_extra_files,
    check_export_dir,
    replaced_folder,
)


def write_export(export_dir, content):
    with replaced_folder(export_dir) as folder:
        (folder / "saved_model.pb").write_text(content)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_it_is_written_where_nothing_was(tmp_path):
    write_export(tmp_path / "new" / "model", "a")
    assert (tmp_path / "new" / "model" / "saved_model.pb").read_text() == "a"
    (tmp_path / "empty").mkdir()
    write_export(tmp_path / "empty", "b")
    assert names_in(tmp_path / "empty") == ["saved_model.pb"]


def test_a_saved_model_is_replaced_with_all_its_files(tmp_path):
    write_export(tmp_path / "model", "a")
    (tmp_path / "model" / "old").write_text("")
    left_over = tmp_path / ".model.0123abcd.tmp"  # Of a process that was killed.
    (left_over / "model").mkdir(parents=True)
    (left_over / "model" / "half").write_text("")
    (tmp_path / ".model.old").mkdir()
    write_export(tmp_path / "model", "b")
    assert names_in(tmp_path) == ["model"]
    assert names_in(tmp_path / "model") == ["saved_model.pb"]
    assert (tmp_path / "model" / "saved_model.pb").read_text() == "b"


def test_after_an_error_the_old_one_is_still_there(tmp_path):
    write_export(tmp_path / "model", "a")
    with pytest.raises(RuntimeError, match="half way"):
        with replaced_folder(tmp_path / "model") as folder:
            (folder / "saved_model.pb").write_text("b")
            raise RuntimeError("half way")
    assert names_in(tmp_path) == ["model"]
    assert (tmp_path / "model" / "saved_model.pb").read_text() == "a"


def rename_at_most(monkeypatch, number, error):
    """Lets the first few renames pass; the next one raises, and later ones pass."""
    rename, counts = pathlib.Path.rename, [0]

    def counted(path, target):
        counts[0] += 1
        if counts[0] == number + 1:
            raise error
        return rename(path, target)

    monkeypatch.setattr(pathlib.Path, "rename", counted)


@pytest.mark.parametrize("error", [OSError("disk"), KeyboardInterrupt()])
@pytest.mark.parametrize("number", [0, 1])
def test_the_old_one_comes_back_where_the_new_one_cannot_take_its_place(
    tmp_path, monkeypatch, number, error
):
    write_export(tmp_path / "model", "a")
    rename_at_most(monkeypatch, number, error)
    with pytest.raises(type(error)):
        write_export(tmp_path / "model", "b")
    assert names_in(tmp_path) == ["model"]
    assert (tmp_path / "model" / "saved_model.pb").read_text() == "a"


def test_the_old_one_comes_back_after_a_kill_between_two_renames(tmp_path):
    write_export(tmp_path / "model", "a")
    (tmp_path / "model").rename(tmp_path / ".model.old")
    with pytest.raises(RuntimeError):
        with replaced_folder(tmp_path / "model"):
            raise RuntimeError
    assert names_in(tmp_path) == ["model"]
    assert (tmp_path / "model" / "saved_model.pb").read_text() == "a"


def test_several_processes_do_not_disturb_each_other(tmp_path):
    with replaced_folder(tmp_path / "model") as first:
        (first / "saved_model.pb").write_text("a")
        write_export(tmp_path / "model", "b")
        # A part of an export may be written in the same way.
        write_export(first / "text", "c")
        assert names_in(first) == ["saved_model.pb", "text"]
    assert names_in(tmp_path) == ["model"]
    assert (tmp_path / "model" / "saved_model.pb").read_text() == "a"


def test_what_a_killed_process_left_is_removed(tmp_path):
    program = (
        "import sys, time\n"
        "from albert_lsh_tf.export.folders import replaced_folder\n"
        "with replaced_folder(sys.argv[1]) as folder:\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "model")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        write_export(tmp_path / "model", "a")
        assert len(names_in(tmp_path)) == 2  # It is still at it.
        process.send_signal(signal.SIGKILL)
    write_export(tmp_path / "model", "b")
    assert names_in(tmp_path) == ["model"]


def test_a_link_is_followed(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "model").symlink_to(tmp_path / "disk")
    write_export(tmp_path / "model", "a")
    assert (tmp_path / "model").is_symlink()
    assert names_in(tmp_path / "disk") == ["saved_model.pb"]


def test_something_else_is_not_overwritten(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1").write_text("mine")
    for export_dir in (tmp_path / "thesis", tmp_path / "thesis" / "chapter1"):
        with pytest.raises(InputError, match="holds files that are no SavedModel"):
            write_export(export_dir, "a")
    assert (tmp_path / "thesis" / "chapter1").read_text() == "mine"
    with pytest.raises(InputError, match="^DEST=.*thesis holds files"):
        check_export_dir(tmp_path / "thesis", "DEST")


def test_a_place_that_cannot_be_written_is_refused_before_training(
    tmp_path, monkeypatch
):
    # Root may write everywhere, so the answer of a read-only disk is made up.
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(InputError, match="cannot be made in .*may write to"):
        check_export_dir(tmp_path / "new" / "export")
    monkeypatch.undo()
    check_export_dir(tmp_path / "new" / "export")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made in"):
        check_export_dir(tmp_path / "file" / "export")


def test_where_a_disk_is_mounted_is_refused_before_training(tmp_path, monkeypatch):
    for root in ("/", "//", os.path.relpath("/")):
        with pytest.raises(InputError, match="^export_dir=.*a disk is mounted, and"):
            check_export_dir(root)
    (tmp_path / "disk").mkdir()
    is_mount = {str(tmp_path / "disk")}
    monkeypatch.setattr("os.path.ismount", lambda path: str(path) in is_mount)
    with pytest.raises(InputError, match="disk is where a disk is mounted.* folder in"):
        check_export_dir(tmp_path / "disk")
    check_export_dir(tmp_path / "disk" / "export")


@pytest.mark.parametrize(
    ("output_dir", "export_dir"), [("a", "a"), ("a/b", "a"), ("a", "a/b"), ("a", "~/a")]
)
def test_what_it_is_made_from_is_not_replaced(
    tmp_path, monkeypatch, output_dir, export_dir
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    paths = {"init_checkpoint": None, "output_dir": output_dir}
    with pytest.raises(InputError, match=f"^output_dir={output_dir} and export_dir="):
        check_export_dir(export_dir, apart_from=paths)
    check_export_dir("ab", apart_from=paths)


def test_extra_files_keep_their_names(tmp_path):
    (tmp_path / "spiece.model").write_text("pieces")
    (tmp_path / "export").mkdir()
    extra = add_extra_files(tmp_path / "export", [tmp_path / "spiece.model"])
    assert extra == tmp_path / "export" / "assets.extra"
    assert (extra / "spiece.model").read_text() == "pieces"
