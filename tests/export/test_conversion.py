"""From every format to every other: the same bits."""

import errno
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.checkpoints.writing import google
from albert_lsh_tf.checkpoints.writing.weights import read_weights
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.export import conversion
from albert_lsh_tf.export.conversion import TARGETS, convert
from tests.fixtures import checkpoints, huggingface, vocabularies
from tests.fixtures.hub_module import HubModule
from tests.fixtures.weights import check_equal, google_variables_with

VARIABLES = checkpoints.google_variables()
EVERYTHING = huggingface.with_heads(VARIABLES)


def write_garden_run(folder):
    folder.mkdir()
    checkpoints.write_config(folder)
    (folder / "spiece.model").write_bytes(vocabularies.spm_model())
    model = checkpoints.garden_encoder(VARIABLES)
    checkpoints.write_task_checkpoint(folder / "ckpt", model)
    return folder


# By the fixtures' writers or by others' own, none of which is this package's.
SOURCES = {
    "google": lambda folder: checkpoints.write_google_folder(folder, EVERYTHING),
    "garden": write_garden_run,
    "huggingface": lambda folder: huggingface.write_folder(folder, EVERYTHING),
    "hub_module": lambda folder: HubModule().write(folder, EVERYTHING),
    "saved_model": lambda folder: checkpoints.write_saved_model(
        folder, VARIABLES, with_mlm=True
    ),
}


# A SavedModel takes seconds: once without heads here, and once with both below. What is
# written depends on the weights in memory, wherever they came from.
PAIRS = [
    (name, to) for name in SOURCES for to in TARGETS if to != "hub" or name == "garden"
]
LEFT_BEHIND = {"garden": ("the optimiser's slots and counters",)}


@pytest.fixture(scope="module")
def source_of(tmp_path_factory):
    """A folder in a format, written once."""
    folders = {}

    def find(name):
        if name not in folders:
            folder = tmp_path_factory.mktemp(name) / "source"
            folders[name] = SOURCES[name](folder)
        return folders[name]

    return find


@pytest.mark.filterwarnings("ignore:Input dict contained keys:UserWarning")
@pytest.mark.parametrize("name, to", PAIRS)
def test_every_pair_keeps_every_bit(tmp_path, source_of, name, to):
    original = read_weights(find_weights(source_of(name)))
    for stored, value in VARIABLES.items():
        np.testing.assert_array_equal(original.in_layout("google")[stored], value)
    written = convert(source_of(name), tmp_path / "new", to)
    found = find_weights(tmp_path / "new")
    check_equal(found, original)
    assert found.config == original.config == written.config
    assert written.heads == original.heads
    assert written.left_behind == LEFT_BEHIND.get(name, ())
    vocabulary = pathlib.Path(found.spm_model_file).read_bytes()
    assert vocabulary == vocabularies.spm_model()


def test_around_through_all_of_them(tmp_path, source_of):
    source = source_of("google")
    original = read_weights(find_weights(source))
    for number, to in enumerate(["huggingface", "garden", "hub", "google"]):
        convert(source, tmp_path / str(number), to)
        source = tmp_path / str(number)
    check_equal(find_weights(source), original)


def test_a_checkpoint_beside_which_the_new_folder_lies(tmp_path):
    source = checkpoints.write_google_folder(tmp_path / "source", VARIABLES)
    written = convert(source / "model.ckpt-best", source / "new", "huggingface")
    assert written.left_behind == ()
    assert find_weights(written.folder).kind == "huggingface"


@pytest.mark.parametrize("name", ["", "/new", "/down/new"])
def test_never_into_the_source(source_of, name):
    folder = source_of("huggingface")
    before = sorted(folder.iterdir())
    message = "lies in .*, where the weights" if name else "is there already"
    with pytest.raises(InputError, match=message):
        convert(folder, f"{folder}{name}", "google")
    assert sorted(folder.iterdir()) == before


def test_never_over_anything(tmp_path, source_of):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="file is there already, and no empty folder"):
        convert(source_of("google"), tmp_path / "file", "google")
    with pytest.raises(InputError, match="is there already, and no empty folder"):
        convert(source_of("google"), tmp_path, "google")
    assert (tmp_path / "file").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    convert(source_of("google"), tmp_path / "empty", "google")
    assert find_weights(tmp_path / "empty").kind == "google"


def test_a_saved_model_has_no_place_for_sentence_order_alone(tmp_path, monkeypatch):
    exported = []
    monkeypatch.setattr(
        conversion, "export_encoder", lambda model, *_, **__: exported.append(model)
    )
    variables = google_variables_with(VARIABLES, ["sop"])
    source = checkpoints.write_google_folder(tmp_path / "source", variables)
    written = convert(source, tmp_path / "new", "hub")
    assert written.heads == ()
    assert written.left_behind == ("the sentence-order head",)
    assert len(exported[0].variables) == 25


def test_a_dtype_that_a_format_has_no_place_for_is_refused(tmp_path, source_of):
    with pytest.raises(InputError, match="dtype=float16 cannot be written for garden"):
        convert(source_of("google"), tmp_path / "new", "garden", dtype="float16")
    assert not (tmp_path / "new").exists()


def test_what_is_left_behind_is_said(tmp_path):
    extras = {
        "output_weights": np.ones([3, 20], "f4"),
        "output_bias": np.ones(3, "f4"),
        **checkpoints.training_extras(),
    }
    source = checkpoints.write_google_folder(tmp_path / "run", VARIABLES | extras)
    written = convert(source, tmp_path / "new", "huggingface")
    assert written.left_behind == (
        "heads of fine-tuning",
        "the optimiser's slots and counters",
    )
    assert written.summary().splitlines() == [
        f"{tmp_path}/new: the encoder, the masked language model's head, the "
        "sentence-order head, its vocabulary, as huggingface",
        "left behind: heads of fine-tuning, the optimiser's slots and counters",
        f'to load it: transformers.AutoModel.from_pretrained("{tmp_path}/new")',
    ]


@pytest.mark.parametrize("to", ["google", "garden"])
def test_gelu_with_the_error_function(tmp_path, to):
    source = huggingface.write_folder(tmp_path / "v1", VARIABLES, hidden_act="gelu")
    with pytest.raises(InputError, match="hidden_act=gelu_erf .* hidden_act=gelu.$"):
        convert(source, tmp_path / "new", to)
    assert [path.name for path in tmp_path.iterdir()] == ["v1"]
    written = convert(source, tmp_path / "new", to, hidden_act="gelu")
    assert written.config.hidden_act == "gelu"
    assert find_weights(tmp_path / "new").config.hidden_act == "gelu"


def test_an_unknown_format(tmp_path, source_of):
    with pytest.raises(InputError, match="to='hugingface' is unknown; did you mean"):
        convert(source_of("google"), tmp_path / "new", "hugingface")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "model.safetensors"),
        tf.errors.ResourceExhaustedError(
            None, None, "{{function_node x}} No space left on device [Op:SaveV2]"
        ),
    ],
)
def test_a_full_disk_leaves_nothing(tmp_path, source_of, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(google, "copy_vocabulary", fail)
    with pytest.raises(
        InputError,
        match=r"new: cannot be written \([^{]*No space left[^{\[]*\), and nothing is",
    ):
        convert(source_of("huggingface"), tmp_path / "new", "google")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(tmp_path, source_of):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="new cannot be made in"):
        convert(source_of("google"), tmp_path / "file" / "new", "google")
