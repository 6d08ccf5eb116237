import pytest
import tensorflow as tf
import yaml

from albert_lsh_tf.checkpoints.loading import load_encoder
from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.errors import InputError
from tests.fixtures import checkpoints, vocabularies

CONFIG = AlbertConfig.from_dict(checkpoints.TINY_CONFIG)


def test_a_folder_of_googles(google_folder):
    found = find_weights(google_folder)
    assert found.kind == "google"
    assert found.path == str(google_folder / "model.ckpt-best")
    assert found.config == CONFIG
    assert found.spm_model_file == str(google_folder / "30k-clean.model")
    assert found.description == f"Google's checkpoint {found.path}"


@pytest.mark.parametrize("suffix", ["", ".index", ".data-00000-of-00001"])
def test_a_prefix_or_one_of_its_files(google_folder, suffix):
    found = find_weights(f"{google_folder}/model.ckpt-best{suffix}")
    assert found.path == f"{google_folder}/model.ckpt-best"
    assert found.config == CONFIG


def test_a_prefix_with_its_config_elsewhere(tmp_path, variables):
    prefix = checkpoints.write_google_checkpoint(tmp_path / "alone/ckpt-7", variables)
    config_file = checkpoints.write_config(tmp_path / "config")
    with pytest.raises(InputError, match="no albert_config.json beside the checkpoint"):
        find_weights(prefix)
    found = find_weights(prefix, config_file)
    assert (found.config, found.spm_model_file) == (CONFIG, None)


def test_googles_best_comes_before_newer_ones(google_folder, variables):
    checkpoints.write_google_checkpoint(google_folder / "model.ckpt-900", variables)
    assert find_weights(google_folder).path.endswith("model.ckpt-best")


def test_of_several_checkpoints_the_recorded_one(tmp_path, variables):
    folder = tmp_path / "raw"
    checkpoints.write_config(folder)
    for step in (90, 1000):
        checkpoints.write_google_checkpoint(folder / f"model.ckpt-{step}", variables)
    with pytest.raises(InputError, match="2 checkpoints and no record of which"):
        find_weights(folder)
    # The path that stands there is of the machine that wrote it.
    (folder / "checkpoint").write_text('model_checkpoint_path: "/gone/model.ckpt-90"')
    assert find_weights(folder).path == str(folder / "model.ckpt-90")


def test_a_run_folder_gives_its_best_checkpoint(tmp_path, variables):
    run = tmp_path / "run"
    checkpoints.write_config(run)
    (run / "spiece.model").write_bytes(vocabularies.spm_model())
    checkpoint = tf.train.Checkpoint(model=checkpoints.garden_encoder(variables))
    for _ in range(2):
        checkpoint.save(str(run / "ckpt"))
    newest = find_weights(run)
    assert (newest.kind, newest.path) == ("object", str(run / "ckpt-2"))
    assert newest.description == f"TensorFlow 2 checkpoint {run}/ckpt-2"
    checkpoint.write(str(run / "best" / "ckpt-1"))
    for source in (run, run / "best", run / "best" / "ckpt-1"):
        best = find_weights(source)
        assert best.path == str(run / "best" / "ckpt-1")
        assert best.config == CONFIG
        assert best.spm_model_file == str(run / "spiece.model")
        assert best.do_lower_case is None


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("do_lower_case: false\n", False),
        ("do_lower_case: true\n", True),
        ("seed: 1\n", None),
        ("of: [somebody else's", None),
    ],
)
def test_a_run_says_whether_its_text_was_lower_cased(
    tmp_path, variables, config, expected
):
    checkpoints.write_config(tmp_path)
    (tmp_path / "config.yaml").write_text(config)
    checkpoint = tf.train.Checkpoint(model=checkpoints.garden_encoder(variables))
    checkpoint.write(str(tmp_path / "best" / "best-1"))
    assert find_weights(tmp_path).do_lower_case is expected


def test_a_missing_index(google_folder):
    (google_folder / "model.ckpt-best.index").unlink()
    with pytest.raises(InputError, match=r"best\.index: no such file, though .*\.data"):
        find_weights(google_folder / "model.ckpt-best")


def test_googles_chinese_folders_have_a_wordpiece_vocabulary(tmp_path, variables):
    checkpoints.write_google_checkpoint(tmp_path / "model.ckpt-best", variables)
    checkpoints.write_config(tmp_path)
    vocab_file = tmp_path / "vocab_chinese.txt"
    vocab_file.write_text(vocabularies.wordpiece_text(), encoding="utf-8")
    found = find_weights(tmp_path)
    assert (found.vocab_file, found.spm_model_file) == (str(vocab_file), None)


GARDEN_PARAMS = {
    "task": {
        "model": {
            "encoder": {
                "type": "albert",
                "albert": {
                    "vocab_size": 31,
                    "embedding_width": 6,
                    "hidden_size": 20,
                    "num_layers": 3,
                    "num_attention_heads": 5,
                    "intermediate_size": 28,
                    "dropout_rate": 0.1,
                    "attention_dropout_rate": 0.2,
                    "max_position_embeddings": 11,
                    "type_vocab_size": 2,
                },
            }
        }
    }
}


@pytest.mark.parametrize("below", ["", "best_ckpt/"])
def test_a_run_of_model_gardens_trainer(tmp_path, variables, below):
    params = yaml.safe_dump(GARDEN_PARAMS)
    (tmp_path / "params.yaml").write_text(params, encoding="utf-8")
    encoder = checkpoints.garden_encoder(variables)
    prefix = checkpoints.write_task_checkpoint(tmp_path / f"{below}ckpt", encoder)
    assert find_weights(prefix).config == CONFIG
    loaded = load_encoder(tmp_path / below, "dense")
    for one, two in zip(loaded.variables, encoder.variables, strict=True):
        assert (one.numpy() == two.numpy()).all()


def test_googles_config_comes_before_model_gardens(tmp_path, variables):
    (tmp_path / "params.yaml").write_text("type: bert", encoding="utf-8")
    checkpoints.write_google_folder(tmp_path, variables)
    assert find_weights(tmp_path).config == CONFIG
