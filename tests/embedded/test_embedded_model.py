import zipfile

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.config import AlbertConfig, ClassifierConfig
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.embedded import (
    EMBEDDED_MODEL_DIR,
    EMBEDDED_MODEL_NAME,
    FINE_TUNING_FILE,
    build,
)
from albert_lsh_tf.errors import InputError

PREFIX = EMBEDDED_MODEL_DIR / "model.ckpt-best"


def test_folder_is_in_googles_layout():
    assert EMBEDDED_MODEL_DIR.name == EMBEDDED_MODEL_NAME == "albert_lsh_tiny"
    assert sorted(path.name for path in EMBEDDED_MODEL_DIR.iterdir()) == [
        "albert_config.json",
        "fine_tuning.yaml",
        "model.ckpt-best.data-00000-of-00001",
        "model.ckpt-best.index",
        "spiece.model",
    ]


def test_packed_it_is_small(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in EMBEDDED_MODEL_DIR.iterdir():
            archive.write(path, path.name)
    assert (tmp_path / "model.zip").stat().st_size < 2_000_000


def test_config_is_the_one_it_was_built_from():
    config = AlbertConfig.from_file(EMBEDDED_MODEL_DIR / "albert_config.json")
    assert config == build.CONFIG


def test_vocabulary_fits_the_config():
    tokenizer = AlbertTokenizer(EMBEDDED_MODEL_DIR / "spiece.model")
    assert tokenizer.vocab_size == build.CONFIG.vocab_size
    symbols = ["(", ")", '"', "-", ".", "\u2013", "\u00a3", "\u20ac"]
    pieces = [tokenizer._model.IdToPiece(piece_id) for piece_id in range(5, 13)]
    assert pieces == symbols


def test_vocabulary_knows_english():
    tokenizer = AlbertTokenizer(EMBEDDED_MODEL_DIR / "spiece.model")
    pieces = tokenizer.tokenize("The man was not in the house.")
    words = ["the", "man", "was", "not", "in", "the", "house"]
    assert pieces == [*("\u2581" + word for word in words), "."]


def test_checkpoint_holds_googles_encoder_variables():
    shapes = dict(tf.train.list_variables(str(PREFIX)))
    assert len(shapes) == 25
    assert {name: tuple(shape) for name, shape in shapes.items()} == (
        build.variable_shapes(build.CONFIG)
    )
    layer = "bert/encoder/transformer/group_0/inner_group_0"
    assert shapes["bert/embeddings/word_embeddings"] == [5000, 64]
    assert shapes[f"{layer}/ffn_1/intermediate/output/dense/kernel"] == [512, 128]
    assert shapes[f"{layer}/attention_1/self/query/bias"] == [128]


def test_weights_are_built_again_byte_for_byte(tmp_path):
    build.main(["--output", str(tmp_path)])
    for name in (
        "model.ckpt-best.data-00000-of-00001",
        "model.ckpt-best.index",
        "albert_config.json",
    ):
        assert (tmp_path / name).read_bytes() == (
            EMBEDDED_MODEL_DIR / name
        ).read_bytes()


def test_weights_are_truncated_normal_zero_and_one():
    for name, value in build.random_weights(build.CONFIG, seed=3).items():
        assert value.dtype == np.float32
        if name.endswith("gamma"):
            assert (value == 1).all()
        elif name.endswith(("beta", "bias")):
            assert (value == 0).all()
        else:
            assert np.abs(value).max() <= 0.04
            # Cut at two deviations, a normal's deviation is 0.88 of what it was.
            if value.size > 1000:
                assert value.std() == pytest.approx(0.88 * 0.02, rel=0.03)


def test_seed_changes_the_weights():
    name = "bert/pooler/dense/kernel"
    weights = [build.random_weights(build.CONFIG, seed)[name] for seed in (0, 1)]
    assert not np.array_equal(*weights)


def test_vocabulary_training_is_reproducible(tmp_path):
    lines = [f"the {word} ran, at 1{i}" for i, word in enumerate(["cat", "dog", "cow"])]
    first, again = (
        build.train_vocabulary(lines * 50, vocab_size=32, num_lines=100)
        for _ in range(2)
    )
    assert first == again
    path = tmp_path / "spiece.model"
    path.write_bytes(first)
    assert AlbertTokenizer(path).mask_id == 4


def test_a_missing_corpus_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere.txt: no such corpus file"):
        build.main(["--output", str(tmp_path), "--corpus", "nowhere.txt"])


def test_fine_tuning_file_holds_classifier_settings():
    config = ClassifierConfig.from_file(FINE_TUNING_FILE)
    assert config.max_seq_length <= build.CONFIG.max_position_embeddings
    assert config.warmup_step < config.train_step
    assert config.train_step % config.save_checkpoints_steps == 0
