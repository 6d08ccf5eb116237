import itertools
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_lsh_tf.data.pretraining.create import create_pretraining_data
from albert_lsh_tf.data.pretraining.examples import make_examples, serialize
from albert_lsh_tf.data.pretraining.online import EpochPairs, online_dataset
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.data.pretraining.token_corpus import TokenCorpus
from albert_lsh_tf.errors import InputError
from tests.data.pretraining.corpora import (
    SPM_MODEL_FILE,
    TEXT,
    random_corpus,
    write_text,
)

CONFIG = ExampleConfig(max_seq_length=24)
CORPUS = random_corpus(1, 30)


def batches(num_batches, batch_size=7, config=CONFIG, **named):
    dataset = online_dataset(CORPUS, config, batch_size, **named)
    return [*itertools.islice(dataset.as_numpy_iterator(), num_batches)]


def rows_of(batches) -> list[bytes]:
    return [row for batch in batches for row in serialize(batch)]


def test_batches_are_of_static_shape():
    spec = online_dataset(CORPUS, CONFIG, 7).element_spec
    (batch,) = batches(1)
    assert (
        spec.keys()
        == batch.keys()
        == make_examples(CORPUS, CORPUS.pairs(0, CONFIG)[:1], CONFIG).keys()
    )
    for name, values in batch.items():
        assert spec[name].shape == values.shape
        assert spec[name].dtype == values.dtype


def test_epochs_are_the_passes_of_the_files(tmp_path):
    folder = pathlib.Path(tmp_path)
    create_pretraining_data(
        [str(write_text(folder, TEXT * 4))],
        [folder / "examples"],
        SPM_MODEL_FILE,
        CONFIG,
        dupe_factor=2,
        say=lambda line: None,
    )
    corpus = TokenCorpus.load(folder / "tokens")
    files = [*tf.data.TFRecordDataset(str(folder / "examples")).as_numpy_iterator()]
    dataset = online_dataset(corpus, CONFIG, len(files))
    (both_epochs,) = itertools.islice(dataset.as_numpy_iterator(), 1)
    assert sorted(serialize(both_epochs)) == sorted(files)


def test_every_epoch_has_all_pairs_in_another_order_with_other_masks():
    lengths = [len(CORPUS.pairs(epoch, CONFIG)) for epoch in range(2)]
    first, second = (
        rows_of(batches(1, length, start_step=step))
        for step, length in enumerate([lengths[0], lengths[0]])
    )
    expected = make_examples(CORPUS, CORPUS.pairs(0, CONFIG), CONFIG)
    assert sorted(first) == sorted(serialize(expected))
    assert first != [*serialize(expected)]
    assert len({*first} & {*second}) < len(first) / 10


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 60), st.integers(0, 20))
def test_a_run_that_goes_on_repeats_and_skips_nothing(batch_size, start):
    whole = rows_of(batches(start + 3, batch_size))
    rest = rows_of(batches(3, batch_size, start_step=start))
    assert rest == whole[start * batch_size :]


@pytest.mark.parametrize("num_pipelines, num_replicas", [(1, 2), (2, 2), (2, 6)])
def test_replicas_share_out_every_step(num_pipelines, num_replicas):
    whole = batches(3, 12)
    own_replicas = num_replicas // num_pipelines
    parts = [
        batches(
            3 * own_replicas,
            12,
            input_context=tf.distribute.InputContext(num_pipelines, each, num_replicas),
        )
        for each in range(num_pipelines)
    ]
    for step, expected in enumerate(whole):
        steps = slice(step * own_replicas, (step + 1) * own_replicas)
        rows = rows_of([batch for part in parts for batch in part[steps]])
        assert rows == rows_of([expected])


def test_a_batch_that_does_not_divide_is_refused():
    context = tf.distribute.InputContext(1, 0, 2)
    with pytest.raises(InputError, match="train_batch_size=7 must be a multiple"):
        online_dataset(CORPUS, CONFIG, 7, input_context=context)


def test_only_the_seed_changes_the_examples():
    first, again = (rows_of(batches(5)) for _ in range(2))
    assert first == again
    other = rows_of(batches(5, config=CONFIG.replace(random_seed=1)))
    assert not {*first} & {*other}


def test_a_stretch_may_run_over_several_epochs():
    epochs = [CORPUS.pairs(epoch, CONFIG) for epoch in range(4)]
    ends = np.cumsum([len(pairs) for pairs in epochs])
    sequence = EpochPairs(CORPUS, CONFIG)
    stretch = sequence[ends[0] - 2 : ends[2] + 2]
    assert sorted(stretch.key[2:-2]) == sorted(
        np.concatenate([epochs[1].key, epochs[2].key])
    )
    # Asked for out of order, as threads do.
    assert sequence[0 : ends[0]].key[-2:].tolist() == stretch.key[:2].tolist()
    assert sequence.epoch_at(ends[1]) == (2, ends[1])
    assert sequence.epoch_at(ends[1] - 1) == (1, ends[0])


def test_another_length_cuts_the_same_documents_otherwise():
    longer = ExampleConfig(max_seq_length=48)
    assert len(CORPUS.pairs(0, longer)) < len(CORPUS.pairs(0, CONFIG))
    (batch,) = batches(1, config=longer)
    assert batch["input_ids"].shape == (7, 48)
