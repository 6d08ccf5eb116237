"""What a run starts from, and what is refused before anything is trained or written."""

import hashlib
import json
import types

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.checkpoints.loading import load_pretrainer
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.data.pretraining.token_corpus import TokenCorpus
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.pretrainer import AlbertPretrainer
from albert_lsh_tf.tasks.pretraining import inputs
from albert_lsh_tf.tasks.pretraining.experiment import experiment_config
from albert_lsh_tf.tasks.pretraining.task import PretrainingTask
from albert_lsh_tf.tasks.pretraining.training import pretrain
from albert_lsh_tf.tasks.run_folder import RunFolder
from tests.data.pretraining.corpora import SPM_MODEL_FILE, random_corpus
from tests.fixtures import checkpoints
from tests.tasks.pretraining.tiny_pretraining import (
    ALBERT,
    CORPUS,
    TinyPretraining,
    write_albert_config,
    write_examples,
    write_tokens,
)

GOOGLES_POSITIONS = "bert/embeddings/position_embeddings"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return TinyPretraining(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def weights(tiny):
    """A folder of weights with both heads, no vocabulary."""
    model = AlbertPretrainer(
        AlbertLSHEncoder.from_albert_config(AlbertConfig.from_dict(ALBERT), "dense")
    )
    random = np.random.default_rng(3)
    for variable in model.variables:
        variable.assign_add(random.normal(0, 0.1, variable.shape).astype(np.float32))
    folder = tiny.folder / "weights"
    write_albert_config(folder / "albert_config.json")
    tf.train.Checkpoint(**model.checkpoint_items).write(str(folder / "ckpt"))
    return folder


@pytest.fixture
def run(tmp_path):
    """The folder of a run that is not there yet."""
    return RunFolder(tmp_path / "run")


def started(config, run):
    """The model that a run starts from, and its variables before they were loaded."""
    start = inputs.find_start(config, run)
    params = experiment_config(config, config.stages()[0], start.albert_config, 0)
    task = PretrainingTask(params.task)
    model = task.build_model()
    before = {each.name: each.numpy() for each in model.variables}
    task.initialize_from(model, start.weights)
    return model, before


# Weights.


def test_every_variable_of_the_weights_is_loaded(tiny, weights, run):
    config = tiny.config(init_checkpoint=str(weights), albert_config_file=None)
    model, before = started(config, run)
    expected = {v.name: v.numpy() for v in load_pretrainer(weights, "dense").variables}
    assert len(model.variables) == 32
    for each in model.variables:
        np.testing.assert_array_equal(each, expected[each.name])
        assert not np.array_equal(each, before[each.name])


@pytest.mark.parametrize("heads", ["both", "none", "mlm"])
def test_heads_that_googles_folder_lacks_stay_random(tiny, run, tmp_path, heads):
    scopes = {"both": "cls/", "none": "/", "mlm": "cls/predictions/"}
    extras = checkpoints.training_extras()
    stored = {
        name: value
        for name, value in {**checkpoints.google_variables(), **extras}.items()
        if not name.startswith("cls/") or name.startswith(scopes[heads])
    }
    google = checkpoints.write_google_folder(tmp_path / "google", stored)
    config = tiny.config(
        init_checkpoint=str(google), albert_config_file=None, max_seq_length=11
    )
    model, before = started(config, run)
    fresh = {
        name for name in before if np.array_equal(before[name], _value(model, name))
    }
    masked_lm = {name for name in before if name.startswith("cls/predictions/")}
    sentence_order = {name for name in before if name.startswith("cls/seq_relation")}
    assert len(masked_lm) == 5 and len(sentence_order) == 2
    assert (
        fresh
        == {
            "both": set(),
            "none": masked_lm | sentence_order,
            "mlm": sentence_order,
        }[heads]
    )
    # Google's is the other way round.
    if heads == "both":
        np.testing.assert_array_equal(
            _value(model, "cls/seq_relationship/kernel:0"),
            stored["cls/seq_relationship/output_weights"].T,
        )
    else:
        assert _value(model, "cls/seq_relationship/kernel:0").std() > 0


def _value(model, name):
    (variable,) = (each for each in model.variables if each.name == name)
    return variable.numpy()


def test_positions_are_tiled_where_the_config_asks_for_more(tiny, run, tmp_path):
    variables = {**checkpoints.google_variables(), **checkpoints.training_extras()}
    google = checkpoints.write_google_folder(tmp_path / "google", variables)
    more = checkpoints.write_config(tmp_path / "more", max_position_embeddings=23)
    config = tiny.config(init_checkpoint=str(google), albert_config_file=str(more))
    model, _ = started(config, run)
    table = model.encoder.get_layer("position_embedding").embeddings
    expected = np.resize(variables[GOOGLES_POSITIONS], (23, 6))
    np.testing.assert_array_equal(table, expected)


def test_dropout_of_the_config_replaces_that_of_the_weights(tiny, weights, run):
    other = write_albert_config(
        run.path.parent / "other.json",
        hidden_dropout_prob=0.3,
        attention_probs_dropout_prob=0.2,
        initializer_range=0.5,
    )
    config = tiny.config(init_checkpoint=str(weights), albert_config_file=str(other))
    model, _ = started(config, run)
    assert model.encoder.get_config()["dropout_rate"] == 0.3
    assert model.encoder.get_config()["attention_dropout_rate"] == 0.2


# The vocabulary.


def start_with(vocabulary_file, **changes):
    albert_config = AlbertConfig.from_dict({**ALBERT, **changes})
    return inputs.StartingPoint(albert_config, None, vocabulary_file, "")


@pytest.fixture(scope="module")
def vocabulary_files(tmp_path_factory):
    """Of the corpus, which compares what is in it, and another one."""
    folder = tmp_path_factory.mktemp("vocabularies")
    for name in ("own", "other"):
        (folder / f"{name}.model").write_text(name)
    return str(folder / "own.model"), str(folder / "other.model")


def test_examples_and_vocabulary_belong_together(tiny, run, vocabulary_files):
    own, other = vocabulary_files
    sha256 = hashlib.sha256(b"own").hexdigest()
    vocabulary = {**vars(CORPUS.vocabulary), "sha256": sha256}
    corpus = TokenCorpus(CORPUS.shards, type(CORPUS.vocabulary)(**vocabulary))
    tokens = write_tokens(run.path.parent / "tokens", corpus)
    examples = inputs.open_examples(tiny.config(input_file=[str(tokens)]))
    identity = inputs.check_data(examples, start_with(own), run)
    assert identity["vocabulary_sha256"] == sha256
    # It is not known with which vocabulary weights were made that bring none.
    assert inputs.check_data(examples, start_with(None), run) == identity
    with pytest.raises(
        InputError, match="made with another vocabulary than .*/other.m"
    ):
        inputs.check_data(examples, start_with(other), run)
    with pytest.raises(InputError, match="nowhere: no such file"):
        inputs.check_data(examples, start_with("nowhere"), run)
    with pytest.raises(InputError, match="of 101 pieces, but the .*vocab_size=97"):
        inputs.check_data(examples, start_with(own, vocab_size=97), run)


def test_examples_of_an_evaluation_have_the_vocabulary_too(tiny, run, vocabulary_files):
    def source(name, num_pieces=ALBERT["vocab_size"]):
        sha256 = name and hashlib.sha256(name.encode()).hexdigest()
        return types.SimpleNamespace(
            identity=lambda: {"vocabulary_sha256": sha256} if sha256 else {},
            num_pieces=lambda: num_pieces,
        )

    def check(evaluation, file, train="own"):
        examples = inputs.Examples(source(train), evaluation)
        return inputs.check_data(examples, start_with(file), run)

    own, _ = vocabulary_files
    assert check(source("own"), own) == check(source(None), own)
    with pytest.raises(InputError, match="^eval_input_file was made with another vo"):
        check(source("other"), own)
    with pytest.raises(InputError, match="^eval_input_file .* vocabulary of 103 piec"):
        check(source("own", 103), own)
    # A run that goes on knows it by its examples alone.
    with pytest.raises(InputError, match="^eval_input_file .*lary than input_file; ma"):
        check(source("other"), None)
    check(source("other"), None, train=None)


def test_the_vocabulary_is_the_named_one_or_that_of_the_weights(tiny, run, tmp_path):
    variables = {**checkpoints.google_variables(), **checkpoints.training_extras()}
    google = checkpoints.write_google_folder(tmp_path / "google", variables)
    config = tiny.config(
        init_checkpoint=str(google), albert_config_file=None, max_seq_length=11
    )
    start = inputs.find_start(config, run)
    assert start.vocabulary_file == str(google / "30k-clean.model")
    named = config.replace(spm_model_file="named.model")
    assert inputs.find_start(named, run).vocabulary_file == "named.model"
    named = config.replace(vocab_file="named.txt")
    assert inputs.find_start(named, run).vocabulary_file == "named.txt"
    from_scratch = tiny.config(spm_model_file="named.model")
    assert inputs.find_start(from_scratch, run).vocabulary_file == "named.model"


# The examples of a run.


def test_examples_of_files_are_told_by_what_is_in_them(tiny, run, tmp_path):
    config = tiny.config().example_config(23)
    file = write_examples(tmp_path / "examples", config)
    examples = inputs.open_examples(tiny.config(input_file=[str(file)]))
    assert examples.evaluation is examples.train
    # Of the places for masked tokens, those in the files count.
    assert examples.num_predictions(config.replace(max_predictions_per_seq=2)) == 4
    run.make()
    identity = inputs.check_data(examples, start_with(None), run)
    checkpoint = tf.train.Checkpoint(variable=tf.Variable(0.0))
    manager = tf.train.CheckpointManager(checkpoint, str(run.path), 5)
    manager.save(checkpoint_number=1)
    (run.path / inputs.DATA_FILE).write_text(json.dumps(identity))
    assert inputs.check_data(examples, start_with(None), run) == identity
    write_examples(file, config, random_corpus(2, num_documents=23))
    examples = inputs.open_examples(tiny.config(input_file=[str(file)]))
    with pytest.raises(InputError, match="holds a run on other examples"):
        inputs.check_data(examples, start_with(None), run)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *[("masked_lm_prob", 0.25), ("ngram", 2), ("favor_shorter_ngram", False)],
        *[("do_whole_word_mask", False), ("short_seq_prob", 0.25)],
        *[("copied_segment_prob", 0.25), ("max_predictions_per_seq", 3)],
    ],
)
def test_finished_examples_are_not_made_in_another_way(tiny, tmp_path, setting, value):
    file = write_examples(tmp_path / "examples", tiny.config().example_config(23))
    other = {setting: value}
    with pytest.raises(InputError, match=f"{setting}=.* has no effect on input_file"):
        inputs.open_examples(tiny.config(input_file=[str(file)], **other))
    # Where training makes its own, evaluation on files is not meant by it.
    inputs.open_examples(tiny.config(eval_input_file=[str(file)], **other))


def test_evaluation_may_have_other_examples(tiny, tmp_path):
    file = write_examples(tmp_path / "examples", tiny.config().example_config(23))
    config = tiny.config(eval_input_file=[str(file)])
    examples = inputs.open_examples(config)
    assert examples.train.num_pieces() == 101
    fewer = config.example_config(23).replace(max_predictions_per_seq=2)
    assert examples.num_predictions(fewer) == 2
    assert examples.evaluation.description.startswith("1 files of examples of 23 tok")
    # They are checked, too.
    with pytest.raises(
        InputError, match="examples of 23 tokens, not of max_seq_length"
    ):
        inputs.open_examples(config.replace(max_seq_length=19))


# Refusals, through the door of a user.

WIDE = {"intermediate_size": 23, "hidden_size": 22, "max_position_embeddings": 31}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_file": []}, "input_file must be given: TFRecord files of create_pret"),
        ({"input_file": ["nowhere*"]}, r"input_file=nowhere\*: no such file; give TFR"),
        ({"eval_input_file": ["nowhere"]}, "nowhere: no such file"),
        ({"albert_config_file": None}, "albert_config_file must be given, the sizes o"),
        ({"albert_config_file": "nowhere.json"}, "nowhere.json: no such file"),
        ({"init_checkpoint": "nowhere"}, "nowhere: no such folder or checkpoint"),
        ({"spm_model_file": "none.model"}, "^spm_model_file=none.model: no such file"),
        ({"vocab_file": "none.txt"}, "^vocab_file=none.txt: no such file"),
        (
            {"spm_model_file": str(SPM_MODEL_FILE)},
            r"input_file was made with another vocabulary than .*spiece\.model; give t",
        ),
        ({"max_seq_length": 31}, "max_seq_length=31 is longer than the model's 29 pos"),
        ({"curriculum": ["31:1"]}, "max_seq_length=31 is longer than the model's 29 p"),
        (
            {"train_batch_size": 7, "distribution_strategy": "mirrored"}
            | {"num_logical_cpus": 2},
            "train_batch_size=7 must be a multiple of the 2 devices .*; try 8",
        ),
        (
            {"train_batch_size": 7, "gradient_accumulation_steps": 3},
            "train_batch_size=7 must be a multiple of gradient_accumulation_steps=3 t",
        ),
        # Of the stages, only the first one cannot be cut.
        (
            {"curriculum": ["13:1:5"], "gradient_accumulation_steps": 3},
            "train_batch_size=5 must be a multiple of gradient_accumulation_steps=3",
        ),
        ({"attention": ["dense"] * 3}, "names 3 layers, but the encoder has 2"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_line(tiny, run, changes, message):
    config = tiny.config(**changes)
    with pytest.raises(InputError, match=message) as refused:
        pretrain(config, run.path)
    assert "\n" not in str(refused.value)
    assert not run.path.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            WIDE,
            r"is of another architecture \(hidden_size 14 there, 22 in albert_config_"
            r"file; intermediate_size 19 there, 23 in albert_config_file\); leave alb",
        ),
        ({"max_position_embeddings": 23}, "=23 is less than the 29 positions of the w"),
    ],
    ids=["wide", "fewer_positions"],
)
def test_an_architecture_that_the_weights_do_not_fill_is_refused(
    tiny, weights, run, tmp_path, changes, message
):
    other = write_albert_config(tmp_path / "other.json", **changes)
    config = tiny.config(init_checkpoint=str(weights), albert_config_file=str(other))
    with pytest.raises(InputError, match=message) as refused:
        pretrain(config, run.path)
    assert "\n" not in str(refused.value)
    assert not run.path.exists()


def test_weights_of_fewer_positions_than_tokens_name_the_way_out(tiny, weights, run):
    config = tiny.config(
        init_checkpoint=str(weights), albert_config_file=None, max_seq_length=31
    )
    with pytest.raises(InputError, match="29 positions; .* or raise max_position_embe"):
        pretrain(config, run.path)


def test_no_pair_of_sentences_is_no_example(tiny, run, tmp_path):
    lonely = random_corpus(5, num_documents=3, most_sentences=1)
    config = tiny.config(input_file=[str(write_tokens(tmp_path / "tokens", lonely))])
    with pytest.raises(InputError, match="gives no example. There must be a document"):
        pretrain(config, run.path)
