"""Every file of every format, damaged in many ways: one line, or the right weights.

Two kinds of damage are left out, as nobody can see them: a changed digit in a config
that is text, and changed bytes in the values of safetensors, which have no check sum.
"""

import shutil
import tarfile

import numpy as np
import pytest
import tensorflow as tf
import yaml

from albert_lsh_tf.checkpoints import matching
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.errors import InputError
from tests.checkpoints.formats.test_checkpoint_files import GARDEN_PARAMS
from tests.fixtures import checkpoints, huggingface

FORMATS = ("google", "garden", "saved_model", "hub_module", "huggingface", "archive")


@pytest.fixture(scope="module")
def folders(tmp_path_factory, variables, saved_model, hub_module):
    """Format to a folder of it; read only."""
    root = tmp_path_factory.mktemp("whole")
    google = checkpoints.write_google_folder(root / "google", variables)
    garden = root / "garden"
    encoder = checkpoints.garden_encoder(variables)
    tf.train.Checkpoint(encoder=encoder).save(str(garden / "ckpt"))
    (garden / "params.yaml").write_text(yaml.safe_dump(GARDEN_PARAMS), encoding="utf-8")
    (root / "archive").mkdir()
    with tarfile.open(root / "archive" / "albert.tar.gz", "w:gz") as archive:
        archive.add(google, "albert")
    return {
        "google": google,
        "garden": garden,
        "saved_model": saved_model,
        "hub_module": hub_module,
        "huggingface": huggingface.write_folder(root / "huggingface", variables),
        "archive": root / "archive",
    }


def read(folder):
    """The config and variables of a source, checked as loading checks them."""
    archives = list(folder.glob("*.tar.gz"))
    source = find_weights(archives[0] if archives else folder)
    matching.check_config(source)
    shapes = matching.expected_shapes(source.config)
    values = matching.read_variables(
        shapes, source.variables, matching.BESIDE_AN_ENCODER
    )
    return source.config, values


def is_text(file):
    return file.suffix in (".json", ".yaml")


def damages(file):
    """Descriptions and contents of a file that has come to harm; None: it is gone."""
    content = file.read_bytes()
    size = len(content)
    yield "deleted", None
    for length in sorted({0, 1, size // 4, size // 2, 3 * size // 4, size - 1}):
        yield f"cut to {length} of {size}", content[:length]
    places = np.linspace(0, size - 1, 7).astype(int)
    for start in places[:-1]:
        zeros = bytes(min(64, size - start))
        changed = content[:start] + zeros + content[start + len(zeros) :]
        if file.suffix != ".safetensors" or start < 8:
            yield f"zeros from {start} of {size}", changed
    if is_text(file):
        return
    if file.suffix == ".safetensors":
        header_size = 8 + int.from_bytes(content[:8], "little")
        places = np.linspace(0, header_size - 1, 40).astype(int)
    else:
        places = np.linspace(0, size - 1, 25).astype(int)
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1
        yield f"a flipped bit at {place} of {size}", bytes(flipped)


@pytest.mark.parametrize("name", FORMATS)
def test_damage_is_one_line_or_harmless(tmp_path, monkeypatch, folders, name):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    config, values = read(folders[name])
    copy = shutil.copytree(folders[name], tmp_path / "copy")
    num_refused = 0
    for file in sorted(copy.rglob("*")):
        if not file.is_file():
            continue
        whole = file.read_bytes()
        if not whole:
            continue
        for description, content in damages(file):
            if content is None:
                file.unlink()
            else:
                file.write_bytes(content)
            case = f"{file.relative_to(copy)}, {description}"
            try:
                found_config, found_values = read(copy)
            except InputError as error:
                assert "\n" not in str(error), case
                num_refused += 1
            else:
                assert found_config == config, case
                for each, value in values.items():
                    np.testing.assert_array_equal(found_values[each], value, case)
        file.write_bytes(whole)
    assert num_refused > 30


def test_a_config_of_another_size(tmp_path, folders):
    for name in ("google", "huggingface"):
        copy = shutil.copytree(folders[name], tmp_path / name)
        for changes in (dict(hidden_size=25), dict(vocab_size=30)):
            config_file = checkpoints.write_config(tmp_path, **changes)
            with pytest.raises(InputError, match="the config does not fit the weights"):
                source = find_weights(copy, config_file)
                matching.check_config(source)


@pytest.mark.parametrize("part", [".index", ".data-00000-of-00001"])
def test_half_a_checkpoint(tmp_path, folders, part):
    folder = shutil.copytree(folders["google"], tmp_path / "half")
    (folder / f"model.ckpt-best{part}").unlink()
    with pytest.raises(
        InputError, match=r"no ALBERT weights found|damaged or incomplete"
    ):
        read(folder)
