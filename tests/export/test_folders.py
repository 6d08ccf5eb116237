"""An export is there as a whole or not at all, and overwrites nothing else."""

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
    (tmp_path / ".model.tmp").mkdir()  # Left by a process that was killed.
    (tmp_path / ".model.tmp" / "half").write_text("")
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


def test_extra_files_keep_their_names(tmp_path):
    (tmp_path / "spiece.model").write_text("pieces")
    (tmp_path / "export").mkdir()
    extra = add_extra_files(tmp_path / "export", [tmp_path / "spiece.model"])
    assert extra == tmp_path / "export" / "assets.extra"
    assert (extra / "spiece.model").read_text() == "pieces"
