"""Rows for the network, next to Google's own way to make them."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from albert_lsh_tf.data.classification import find_task, read_examples
from albert_lsh_tf.data.classification_features import make_features
from albert_lsh_tf.data.features import Features
from albert_lsh_tf.data.input_pipeline import (
    evaluation_dataset,
    training_dataset,
)
from albert_lsh_tf.data.race.features import RaceFeatures
from albert_lsh_tf.data.race.questions import RaceExample, fill_in
from albert_lsh_tf.data.task import Example
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.errors import InputError
from tests.shared_data import shared_data

WORDS = "the cat sat on a mat, in 1999, and Ada's engine computed numbers ✓".split()
LENGTH, QA_LENGTH = 41, 13
INPUTS = ("input_word_ids", "input_mask", "input_type_ids")


@pytest.fixture(scope="module")
def tokenizer():
    return AlbertTokenizer(EMBEDDED_MODEL_DIR / "spiece.model")


def examples_at_random(seed, num_articles=5):
    """Articles of no words up to twice the room, each with up to four questions."""
    random = np.random.default_rng(seed)

    def text(most):
        return " ".join(random.choice(WORDS, random.integers(0, most + 1)))

    examples = []
    for number in range(num_articles):
        article = text([0, 15, 80, 20, 60][number % 5])
        for index in range(random.integers(1, 5)):
            question = text(12) + random.choice(["", " _", " _ is _ ."])
            options = tuple(fill_in(question, text(9)) for _ in range(4))
            level = random.choice(["middle", "high"])
            label = int(random.integers(4))
            guid = f"{level}{number}.txt-{index}"
            examples.append(RaceExample(guid, article, None, label, options, level))
    return examples


def convert_single_example(example, tokenizer, max_seq_length, max_qa_length):
    """Ids, mask and segment ids, [4, T] each.

    Source: google-research/albert, race_utils.py, with its names.
    """
    context_tokens = tokenizer.encode(example.text_a)
    rows = []
    for ending in example.options:
        context_tokens_choice = context_tokens[:]
        ending_tokens = tokenizer.encode(ending)
        ending_tokens = ending_tokens[-max_qa_length:]
        if len(context_tokens_choice) + len(ending_tokens) > max_seq_length - 3:
            context_tokens_choice = context_tokens_choice[
                : (max_seq_length - 3 - len(ending_tokens))
            ]
        input_ids = [tokenizer.cls_id] + context_tokens_choice + [tokenizer.sep_id]
        input_ids += ending_tokens + [tokenizer.sep_id]
        segment_ids = [0] * (len(context_tokens_choice) + 2)
        segment_ids += [1] * (len(ending_tokens) + 1)
        input_mask = [1] * len(input_ids)
        padding = [0] * (max_seq_length - len(input_ids))
        rows.append([each + padding for each in (input_ids, input_mask, segment_ids)])
    return np.array(rows).transpose(1, 0, 2)


def expected_rows(examples, tokenizer, length=LENGTH, qa_length=QA_LENGTH):
    """The inputs by name, [n, 4, T] each."""
    rows = [convert_single_example(e, tokenizer, length, qa_length) for e in examples]
    return dict(zip(INPUTS, np.stack(rows, axis=1), strict=True))


@pytest.mark.parametrize("seed", range(6))
def test_rows_are_googles(tokenizer, seed):
    examples = examples_at_random(seed)
    random = np.random.default_rng(seed)
    for length, qa_length in ((LENGTH, QA_LENGTH), (17, 13), (23, 1), (97, 64)):
        features = RaceFeatures(examples, tokenizer, length, qa_length)
        assert len(features) == len(examples)
        order = random.permutation(len(examples))
        rows = features.gather(tf.constant(order, tf.int64))
        expected = expected_rows(examples, tokenizer, length, qa_length)
        for name in INPUTS:
            assert rows[name].dtype == tf.int32
            np.testing.assert_array_equal(rows[name], expected[name][order])
        np.testing.assert_array_equal(rows["label"], [examples[i].label for i in order])
        np.testing.assert_array_equal(rows["example_id"], order)
        np.testing.assert_array_equal(
            features.token_counts, expected["input_mask"].sum(axis=-1).max(axis=-1)
        )


def test_made_up_texts_are_longer_and_shorter_than_the_room(tokenizer):
    counts, endings = set(), set()
    for seed in range(6):
        examples = examples_at_random(seed)
        counts |= {*RaceFeatures(examples, tokenizer, LENGTH, QA_LENGTH).token_counts}
        endings |= {len(tokenizer.encode(o)) for e in examples for o in e.options}
    assert min(counts) < LENGTH // 2 and max(counts) == LENGTH
    assert min(endings) < 3 and max(endings) > QA_LENGTH


def test_an_example_by_hand(tokenizer):
    article, options = "the cat sat", ("in a mat", "on a", "on the mat", "a cat sat in")
    example = RaceExample("high7.txt-0", article, None, 2, options, "high")
    rows = RaceFeatures([example], tokenizer, 9, 3).gather(tf.constant([0], tf.int64))
    words = {word: tokenizer.encode(word) for word in "the cat sat on in a".split()}
    assert all(len(ids) == 1 for ids in words.values())
    the, cat, sat, on, within, a = (ids[0] for ids in words.values())
    cls, sep = tokenizer.cls_id, tokenizer.sep_id
    ids, mask, type_ids = (rows[name].numpy()[0] for name in INPUTS)
    assert ids[1].tolist() == [cls, the, cat, sat, sep, on, a, sep, 0]
    assert mask[1].tolist() == [1, 1, 1, 1, 1, 1, 1, 1, 0]
    assert type_ids[1].tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 0]
    # The first token of the option is too many.
    assert ids[3].tolist() == [cls, the, cat, sat, sep, cat, sat, within, sep]
    assert type_ids[3].tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1]


def test_shapes_are_known_in_graphs(tokenizer):
    features = RaceFeatures(examples_at_random(1), tokenizer, LENGTH, QA_LENGTH)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)])
    def gather(indices):
        rows = features.gather(indices)
        for name in INPUTS:
            assert rows[name].shape.as_list() == [None, 4, LENGTH]
        assert rows["label"].shape.as_list() == [None]
        return rows

    assert gather(tf.constant([2, 0, 2], tf.int64))["input_mask"].shape == (3, 4, 41)
    assert gather(tf.zeros([0], tf.int64))["input_mask"].shape == (0, 4, 41)


def test_groups_are_the_levels_where_there_are_two(tokenizer):
    examples = examples_at_random(2)
    groups = RaceFeatures(examples, tokenizer, LENGTH, QA_LENGTH).groups()
    assert {*groups} == {"middle", "high"}
    for level, rows in groups.items():
        assert rows.dtype == bool
        assert rows.tolist() == [each.level == level for each in examples]
    high = [each for each in examples if each.level == "high"]
    assert RaceFeatures(high, tokenizer, LENGTH, QA_LENGTH).groups() == {}


def test_training_reads_the_same_rows(tokenizer):
    examples = examples_at_random(3)
    features = RaceFeatures(examples, tokenizer, LENGTH, QA_LENGTH)
    expected = expected_rows(examples, tokenizer)
    dataset = training_dataset(features, 3, seed=1)
    assert dataset.element_spec["input_word_ids"].shape == (3, 4, LENGTH)
    batches = itertools.islice(dataset.as_numpy_iterator(), len(examples))
    seen = []
    for batch in batches:
        for name in INPUTS:
            np.testing.assert_array_equal(
                batch[name], expected[name][batch["example_id"]]
            )
        labels = [examples[index].label for index in batch["example_id"]]
        assert batch["label"].tolist() == labels
        seen += batch["example_id"].tolist()
    for epoch in np.split(np.array(seen), 3):
        assert sorted(epoch) == list(range(len(examples)))


@pytest.mark.parametrize("shortest_first", [False, True])
def test_evaluation_reads_the_same_rows_and_fills_up(tokenizer, shortest_first):
    examples = examples_at_random(4)
    features = RaceFeatures(examples, tokenizer, LENGTH, QA_LENGTH)
    expected = expected_rows(examples, tokenizer)
    num_examples = len(examples)
    [batch] = evaluation_dataset(
        features, num_examples + 2, shortest_first=shortest_first
    ).as_numpy_iterator()
    order = np.arange(num_examples)
    if shortest_first:
        order = np.argsort(features.token_counts, kind="stable")
    assert batch["example_id"].tolist() == [*order, -1, -1]
    for name in INPUTS:
        assert batch[name].shape == (num_examples + 2, 4, LENGTH)
        np.testing.assert_array_equal(batch[name][:-2], expected[name][order])
    for filler in batch["input_mask"][-2:].reshape(8, LENGTH):
        assert filler.tolist() == [1] + [0] * (LENGTH - 1)
    for name in ("input_word_ids", "input_type_ids", "label"):
        assert not batch[name][-2:].any()


@pytest.mark.parametrize("max_qa_length", [QA_LENGTH, 38, 50])
def test_rows_without_room_for_the_article_are_refused(tokenizer, max_qa_length):
    length = max_qa_length + 3
    message = (
        f"max_seq_length={length} leaves no room for the article beside max_qa_length"
        f"={max_qa_length}; give at least {length + 1}, or lower max_qa_length"
    )
    with pytest.raises(InputError, match=message):
        RaceFeatures(examples_at_random(0), tokenizer, length, max_qa_length)
    assert RaceFeatures(examples_at_random(0), tokenizer, length + 1, max_qa_length)


def test_features_are_of_the_tasks_kind(tokenizer):
    examples = examples_at_random(5)
    features = make_features(find_task("race"), examples, tokenizer, LENGTH, QA_LENGTH)
    assert isinstance(features, RaceFeatures)
    pair = [Example("0", "the cat", "a mat", 1)]
    features = make_features(find_task("mrpc"), pair, tokenizer, LENGTH, QA_LENGTH)
    assert isinstance(features, Features)
    assert features.groups() == {}
    scores = [Example("0", "the cat", "a mat", 1.5)]
    features = make_features(find_task("sts-b"), scores, tokenizer, LENGTH, QA_LENGTH)
    assert features.label.dtype == np.float32


def test_real_articles_are_googles_rows():
    tokenizer = AlbertTokenizer(shared_data("albert/30k-clean.model"))
    task = find_task("race-middle")
    examples = read_examples(task, shared_data("race"), "dev")[:200]
    features = make_features(task, examples, tokenizer, 200, 24)
    rows = features.gather(tf.range(200, dtype=tf.int64))
    expected = expected_rows(examples, tokenizer, 200, 24)
    for name in INPUTS:
        np.testing.assert_array_equal(rows[name], expected[name])
    assert 50 < np.count_nonzero(features.token_counts == 200) < 200
