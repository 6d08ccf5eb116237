import pickle
import zipfile

import pytest

from albert_lsh_tf.checkpoints.formats.foreign_files import refuse_foreign
from albert_lsh_tf.errors import InputError


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "m.pth", "m.PKL"])
def test_pickles_by_name(tmp_path, name):
    file = tmp_path / name
    file.touch()
    with pytest.raises(
        InputError, match=rf'{name} looks like a pickle.*from_pretrained\("FOLDER"\)'
    ):
        refuse_foreign(file)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_pickles_by_content(tmp_path, protocol):
    file = tmp_path / "model.ckpt"
    file.write_bytes(pickle.dumps({"weight": [1.0]}, protocol))
    with pytest.raises(InputError, match="looks like a pickle"):
        refuse_foreign(file)


def test_a_pickle_in_pytorchs_zip(tmp_path):
    file = tmp_path / "model.ckpt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    with pytest.raises(InputError, match="looks like a pickle"):
        refuse_foreign(file)


def test_keras_and_flax(tmp_path):
    file = tmp_path / "tf_model"
    file.write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(InputError, match=r"HDF5 file of Keras's.*from_tf=True\)"):
        refuse_foreign(file)
    with pytest.raises(InputError, match=r"Flax file.*from_flax=True\)"):
        refuse_foreign(tmp_path / "flax_model.msgpack")


def test_other_files_pass(tmp_path):
    file = tmp_path / "README.md"
    file.write_bytes(b"\x80")
    refuse_foreign(file)
    refuse_foreign(tmp_path / "gone.md")
