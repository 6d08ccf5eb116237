import json
import pathlib

import numpy as np
import pytest
import sentencepiece
import tensorflow as tf
import tensorflow_hub as hub
import tensorflow_text  # noqa: F401  Registers the ops of the SavedModels.
import tf_keras
from official.nlp.tools import export_tfhub_lib

from albert_lsh_tf.data.features import encode_examples
from albert_lsh_tf.data.glue import Example
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.data.wordpiece import WordPieceTokenizer
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.export.preprocessing import AlbertPreprocessor, export_preprocessing
from tests.fixtures.wordpiece import write_wordpiece
from tests.tensorflow_alone import run_alone

SPM_MODEL_FILE = EMBEDDED_MODEL_DIR / "spiece.model"
QUESTIONS = ["Who paid £1,999, in 2010, for a Crème Brûlée?", "Why?", "", "Straße 中"]
ANSWERS = ["Nobody did, so far as anybody there can say today.", "", "Well.", "no"]
# On these, TF-Hub's preprocessing has no reason to differ.
PLAIN = [
    "the cat sat on the mat",
    "a dog",
    "",
    "one two three four five six seven eight nine ten",
]


@pytest.fixture(scope="module")
def export_dir(tmp_path_factory):
    export_dir = tmp_path_factory.mktemp("export") / "preprocess"
    export_preprocessing(SPM_MODEL_FILE, export_dir, default_seq_length=13)
    return str(export_dir)


@pytest.fixture(scope="module")
def preprocess(export_dir):
    return hub.load(export_dir)


def features_of(texts_a, texts_b, seq_length, tokenizer=None):
    examples = [
        Example(str(row), a, b, 0)
        for row, (a, b) in enumerate(zip(texts_a, texts_b, strict=True))
    ]
    tokenizer = tokenizer or AlbertTokenizer(SPM_MODEL_FILE)
    return encode_examples(examples, tokenizer, seq_length).as_dict()


def assert_same(packed, expected):
    for name in ("input_word_ids", "input_mask", "input_type_ids"):
        np.testing.assert_array_equal(packed[name], expected[name], name)


def test_single_texts_become_the_inputs_of_training(preprocess):
    expected = features_of(QUESTIONS, [None] * 4, 13)
    assert_same(preprocess(tf.constant(QUESTIONS)), expected)
    signature = preprocess.signatures["serving_default"]
    assert_same(signature(sentences=tf.constant(QUESTIONS)), expected)


def test_pairs_become_the_inputs_of_training(preprocess):
    segments = [preprocess.tokenize(tf.constant(t)) for t in (QUESTIONS, ANSWERS)]
    for seq_length in (7, 16, tf.constant(31)):
        expected = features_of(QUESTIONS, ANSWERS, int(seq_length))
        packed = preprocess.bert_pack_inputs(segments, seq_length=seq_length)
        assert_same(packed, expected)
    assert_same(
        preprocess.bert_pack_inputs(segments), features_of(QUESTIONS, ANSWERS, 13)
    )


def test_keras_layers_made_of_its_parts_are_saved_within_a_model(preprocess, tmp_path):
    texts = [tf_keras.Input([], dtype=tf.string, name=name) for name in "ab"]
    tokenize = hub.KerasLayer(preprocess.tokenize)
    pack = hub.KerasLayer(preprocess.bert_pack_inputs, arguments={"seq_length": 17})
    model = tf_keras.Model(texts, pack([tokenize(text) for text in texts]))
    expected = features_of(QUESTIONS, ANSWERS, 17)
    inputs = [tf.constant(QUESTIONS), tf.constant(ANSWERS)]
    assert_same(model(inputs), expected)
    tf.saved_model.save(model, str(tmp_path))
    assert_same(tf.saved_model.load(str(tmp_path))(inputs), expected)


def test_it_maps_datasets(preprocess):
    dataset = tf.data.Dataset.from_tensor_slices(QUESTIONS).batch(4).map(preprocess)
    assert_same(next(iter(dataset)), features_of(QUESTIONS, [None] * 4, 13))


def test_it_outlives_a_cleared_session(preprocess):
    before = preprocess.tokenize(tf.constant(PLAIN)).to_list()
    tf_keras.backend.clear_session()
    assert preprocess.tokenize(tf.constant(PLAIN)).to_list() == before


def test_it_travels_inside_another_module(tmp_path):
    vocabulary = tmp_path / "spiece.model"
    vocabulary.write_bytes(SPM_MODEL_FILE.read_bytes())
    outer = tf.Module()
    outer.preprocess = AlbertPreprocessor(vocabulary, default_seq_length=13)
    vocabulary.unlink()
    tf.saved_model.save(outer, str(tmp_path / "outer"))
    (tmp_path / "outer").rename(tmp_path / "moved")
    loaded = tf.saved_model.load(str(tmp_path / "moved")).preprocess
    expected = features_of(QUESTIONS, [None] * 4, 13)
    assert_same(loaded(tf.constant(QUESTIONS)), expected)
    assert_same(loaded.bert_pack_inputs([loaded.tokenize(QUESTIONS)]), expected)


def test_casing_and_length_are_the_callers():
    preprocess = AlbertPreprocessor(SPM_MODEL_FILE, False, default_seq_length=5)
    tokenizer = AlbertTokenizer(SPM_MODEL_FILE, do_lower_case=False)
    ids = tokenizer.encode("The Cat")
    assert ids != tokenizer.encode("the cat")
    assert preprocess(tf.constant(["The Cat"]))["input_word_ids"].shape == [1, 5]
    assert preprocess.tokenize(tf.constant(["The Cat"])).to_list() == [ids]


def test_chinese_models_have_theirs(tmp_path):
    vocab_file = write_wordpiece(tmp_path / "vocab.txt")
    export_preprocessing(vocab_file, tmp_path / "export", default_seq_length=16)
    preprocess = hub.load(str(tmp_path / "export"))
    segments = [preprocess.tokenize(tf.constant(t)) for t in (QUESTIONS, ANSWERS)]
    expected = features_of(QUESTIONS, ANSWERS, 16, WordPieceTokenizer(vocab_file))
    assert_same(preprocess.bert_pack_inputs(segments), expected)


def test_loading_needs_tensorflow_and_tensorflow_text_alone(export_dir, preprocess):
    program = """
import json, sys
import tensorflow as tf
import tensorflow_text
preprocess = tf.saved_model.load(sys.argv[1])
segments = [preprocess.tokenize(tf.constant(t)) for t in json.loads(sys.argv[2])]
packed = preprocess.bert_pack_inputs(segments, seq_length=16)
print(json.dumps({name: value.numpy().tolist() for name, value in packed.items()}))
"""
    texts = json.dumps([QUESTIONS, ANSWERS])
    done = run_alone(program, ["tensorflow", "tensorflow-text"], export_dir, texts)
    printed = json.loads(done.stdout.splitlines()[-1])
    assert_same(printed, features_of(QUESTIONS, ANSWERS, 16))


@pytest.fixture(scope="module")
def model_gardens(tmp_path_factory):
    """What TF-Hub's preprocessing models are made with."""
    export_dir = str(tmp_path_factory.mktemp("model_garden"))
    export_tfhub_lib.export_preprocessing(
        export_dir,
        sp_model_file=str(SPM_MODEL_FILE),
        do_lower_case=True,
        tokenize_with_offsets=False,
        default_seq_length=13,
    )
    return hub.load(export_dir)


CALLS = {
    "sentences": lambda p, a, b: p(a),
    "sentences by name": lambda p, a, b: p(inputs=a),
    "python list": lambda p, a, b: p(PLAIN),
    "no sentences": lambda p, a, b: p(tf.zeros([0], tf.string)),
    "keras layer": lambda p, a, b: hub.KerasLayer(p)(a),
    "tokenize": lambda p, a, b: p.tokenize(a),
    "tokenize by name": lambda p, a, b: p.tokenize(inputs=a),
    "tokenize layer": lambda p, a, b: hub.KerasLayer(p.tokenize)(a),
    "special tokens": lambda p, a, b: p.tokenize.get_special_tokens_dict(),
    "one segment": lambda p, a, b: p.bert_pack_inputs([p.tokenize(a)]),
    "two segments": lambda p, a, b: p.bert_pack_inputs([p.tokenize(a), p.tokenize(b)]),
    "by name": lambda p, a, b: p.bert_pack_inputs(inputs=[p.tokenize(a)], seq_length=5),
    "by place": lambda p, a, b: p.bert_pack_inputs([p.tokenize(a)], 5),
    "length tensor": lambda p, a, b: p.bert_pack_inputs(
        [p.tokenize(a), p.tokenize(b)], seq_length=tf.constant(8)
    ),
    "words of pieces": lambda p, a, b: p.bert_pack_inputs(
        [tf.RaggedTensor.from_row_lengths(p.tokenize(t), [1, 1, 1]) for t in (a, b)]
    ),
    "pack layer": lambda p, a, b: hub.KerasLayer(
        p.bert_pack_inputs, arguments={"seq_length": 9}
    )([p.tokenize(a), p.tokenize(b)]),
}


def plain(result):
    """Names, values, dtypes and shapes, without TensorFlow."""
    if isinstance(result, dict):
        return {name: plain(value) for name, value in result.items()}
    if isinstance(result, tf.RaggedTensor):
        return result.to_list(), result.dtype, result.row_splits.dtype
    return result.numpy().tolist(), result.dtype, result.shape.as_list()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_every_call_gives_what_model_gardens_gives(preprocess, model_gardens, call):
    texts = [text for text in PLAIN if text]
    a, b = tf.constant(texts), tf.constant(texts[::-1])
    assert plain(call(preprocess, a, b)) == plain(call(model_gardens, a, b))


def test_a_vocabulary_without_alberts_pieces_is_refused_in_one_line(tmp_path):
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(["a few words of text"] * 5),
        model_prefix=str(tmp_path / "other"),
        vocab_size=20,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    with pytest.raises(InputError, match=r"other.model: .* no <pad>, \[CLS\]") as error:
        export_preprocessing(tmp_path / "other.model", tmp_path / "export")
    assert "\n" not in str(error.value)
    assert not list(tmp_path.glob("*export*"))


def test_a_length_without_room_is_refused():
    with pytest.raises(InputError, match="seq_length=2 leaves no room"):
        AlbertPreprocessor(SPM_MODEL_FILE, default_seq_length=2)


def test_the_card_runs_as_written(export_dir, monkeypatch, capsys):
    folder = pathlib.Path(export_dir)
    monkeypatch.chdir(folder.parent)
    card = (folder / "README.md").read_text(encoding="utf-8")
    blocks = [part.split("```")[0] for part in card.split("```python\n")[1:]]
    assert len(blocks) == 2
    for block in blocks:
        exec(block, {})
    printed = capsys.readouterr().out
    assert "shape=(2, 13)" in printed
    assert "shape=(1, 32)" in printed
    assert "`spiece.model`, is inside the graph" in card
