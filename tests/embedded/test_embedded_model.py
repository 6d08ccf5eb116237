import zipfile

import numpy as np
import tensorflow as tf

from albert_lsh_tf.checkpoints.loading import load_pretrainer
from albert_lsh_tf.config import AlbertConfig, ClassifierConfig
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.embedded import (
    EMBEDDED_MODEL_DIR,
    EMBEDDED_MODEL_NAME,
    FINE_TUNING_FILE,
)

CONFIG = AlbertConfig.from_file(EMBEDDED_MODEL_DIR / "albert_config.json")
# Sentences without a word, and the word.
GAPS = (
    ("She looked at him and he looked at ", "her", "."),
    ("The king and the ", "queen", " lived in the castle."),
    ("It was one of the ", "most", " important cities in the country."),
    ("He was born in London in 1912 and ", "died", " there in 1980."),
    ("They did not know what to ", "do", "."),
    ("The book was published ", "in", " New York."),
    ("I have never seen such a thing in my ", "life", "."),
    ("The team won the first game of the ", "season", "."),
)


def test_folder_is_in_googles_layout():
    assert EMBEDDED_MODEL_DIR.name == EMBEDDED_MODEL_NAME == "albert_lsh_tiny"
    assert sorted(path.name for path in EMBEDDED_MODEL_DIR.iterdir()) == [
        "albert_config.json",
        "fine_tuning.yaml",
        "model.ckpt-best.data-00000-of-00001",
        "model.ckpt-best.index",
        "race_fine_tuning.yaml",
        "spiece.model",
        "squad_fine_tuning.yaml",
    ]


def test_packed_it_is_small(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in EMBEDDED_MODEL_DIR.iterdir():
            archive.write(path, path.name)
    assert (tmp_path / "model.zip").stat().st_size < 5_000_000


def test_vocabulary_fits_the_config():
    tokenizer = AlbertTokenizer(EMBEDDED_MODEL_DIR / "spiece.model")
    assert tokenizer.vocab_size == CONFIG.vocab_size
    symbols = ["(", ")", '"', "-", ".", "\u2013", "\u00a3", "\u20ac"]
    pieces = [tokenizer._model.IdToPiece(piece_id) for piece_id in range(5, 13)]
    assert pieces == symbols


def test_vocabulary_knows_english():
    tokenizer = AlbertTokenizer(EMBEDDED_MODEL_DIR / "spiece.model")
    pieces = tokenizer.tokenize("The man was not in the house.")
    words = ["the", "man", "was", "not", "in", "the", "house"]
    assert pieces == [*("\u2581" + word for word in words), "."]


def test_checkpoint_holds_googles_variables_in_half_precision():
    reader = tf.train.load_checkpoint(str(EMBEDDED_MODEL_DIR / "model.ckpt-best"))
    shapes = reader.get_variable_to_shape_map()
    assert set(reader.get_variable_to_dtype_map().values()) == {tf.float16}
    layer = "bert/encoder/transformer/group_0/inner_group_0"
    assert shapes["bert/embeddings/word_embeddings"] == [8000, 128]
    assert shapes[f"{layer}/ffn_1/intermediate/output/dense/kernel"] == [1024, 256]
    assert shapes["cls/predictions/output_bias"] == [8000]
    assert shapes["cls/seq_relationship/output_weights"] == [2, 256]
    assert len(shapes) == 25 + 5 + 2


def test_it_has_read_english():
    """Half of the words that are missing are among the ten likeliest of 8000."""
    tokenizer = AlbertTokenizer(EMBEDDED_MODEL_DIR / "spiece.model")
    model = load_pretrainer(attention="dense")
    ranks = {}
    for before, word, after in GAPS:
        ids = [tokenizer.cls_id, *tokenizer.encode(before)]
        (word_id,) = tokenizer.encode(word)
        position = len(ids)
        ids += [tokenizer.mask_id, *tokenizer.encode(after), tokenizer.sep_id]
        ids = np.array([ids], np.int32)
        inputs = [ids, np.ones_like(ids), np.zeros_like(ids), np.array([[position]])]
        logits = model([tf.constant(x, tf.int32) for x in inputs])["mlm_logits"][0, 0]
        ranks[word] = int(tf.reduce_sum(tf.cast(logits > logits[word_id], tf.int32)))
    assert np.median(list(ranks.values())) < 10, ranks


def test_fine_tuning_file_holds_classifier_settings():
    config = ClassifierConfig.from_file(FINE_TUNING_FILE)
    assert config.max_seq_length <= CONFIG.max_position_embeddings
    assert config.warmup_step < config.train_step
    assert config.train_step % config.save_checkpoints_steps == 0
