"""Examples made while a model trains: new segments and masks in every epoch.

Epoch e has the examples of pass e of `create.create_pretraining_data`.
"""

import threading

import numpy as np
import tensorflow as tf

from albert_lsh_tf.data import input_pipeline
from albert_lsh_tf.data.pretraining import files
from albert_lsh_tf.data.pretraining.examples import make_examples
from albert_lsh_tf.data.pretraining.segments import Pairs
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.data.pretraining.token_corpus import TokenCorpus


class EpochPairs:
    """The pairs of all epochs as one endless sequence.

    Each epoch is in an order of its own. The pairs of the last two epochs that were
    asked for are kept; many threads may ask.

    Args:
      corpus: the tokens.
      config: what the examples are like.
    """

    def __init__(self, corpus: TokenCorpus, config: ExampleConfig):
        self._corpus = corpus
        self._config = config
        self._lock = threading.Lock()
        self._ends = [0]  # Where each epoch ends in the sequence.
        self._kept: dict[int, Pairs] = {}

    def __getitem__(self, stretch: slice) -> Pairs:
        """A stretch of the sequence, which may run over the ends of epochs."""
        parts, position = [], stretch.start
        while position < stretch.stop:
            with self._lock:
                epoch, begin, pairs = self._epoch_at(position)
            parts.append(pairs[position - begin : stretch.stop - begin])
            position += len(parts[-1])
        return Pairs.concatenate(parts)

    def epoch_at(self, position: int) -> tuple[int, int]:
        """The epoch of a place in the sequence, and where that epoch begins."""
        with self._lock:
            return self._epoch_at(position)[:2]

    def _epoch_at(self, position: int) -> tuple[int, int, Pairs]:
        while self._ends[-1] <= position:
            self._ends.append(self._ends[-1] + len(self._pairs(len(self._ends) - 1)))
        epoch = int(np.searchsorted(self._ends, position, side="right")) - 1
        return epoch, self._ends[epoch], self._pairs(epoch)

    def _pairs(self, epoch: int) -> Pairs:
        if epoch not in self._kept:
            pairs = files.in_order(self._corpus.pairs(epoch, self._config))
            self._kept = dict([*self._kept.items()][-1:])
            self._kept[epoch] = pairs
        return self._kept[epoch]


def online_dataset(
    corpus: TokenCorpus,
    config: ExampleConfig,
    global_batch_size: int,
    start_step: int = 0,
    input_context: tf.distribute.InputContext | None = None,
) -> tf.data.Dataset:
    """Endless batches of examples, from any step on.

    All epochs form one endless sequence that depends on the corpus and `config` alone,
    and step s is the s-th stretch of `global_batch_size` examples in it, as in
    `data.input_pipeline.training_dataset`. So a run that stops and goes on neither
    repeats nor skips an example, and gets the same masks.

        corpus = TokenCorpus.load("pretraining/tokens")
        dataset = online_dataset(corpus, ExampleConfig(max_seq_length=128), 256)

    Args:
      corpus: the tokens; `TokenCorpus.load` of a folder that `tokenize_files` wrote.
      config: what the examples are like, and the seed.
      global_batch_size: examples a step, over all replicas.
      start_step: steps to leave out at the beginning. The epochs before it are cut, but
        no example of them is made.
      input_context: which slice of each step this pipeline gives; None: all of it.

    Returns:
      A dataset of dicts with the names and values of `examples.make_examples`, each
      [global_batch_size / replicas, ...], of static shape.

    Raises:
      InputError: the batch does not divide by the number of replicas.
    """
    pipeline, num_pipelines, num_replicas = input_pipeline.topology(input_context)
    per_replica = input_pipeline.replica_batch_size(global_batch_size, num_replicas)
    own_replicas = num_replicas // num_pipelines
    pairs = EpochPairs(corpus, config)

    def make_batch(number: np.ndarray) -> list[np.ndarray]:
        step, replica = divmod(int(number), own_replicas)
        replica += pipeline * own_replicas
        begin = (start_step + step) * global_batch_size + replica * per_replica
        examples = make_examples(corpus, pairs[begin : begin + per_replica], config)
        return [examples[name] for name in signature]

    def read_batch(number: tf.Tensor) -> dict[str, tf.Tensor]:
        dtypes = [spec.dtype for spec in signature.values()]
        values = tf.numpy_function(make_batch, [number], dtypes)
        return {
            name: tf.ensure_shape(value, spec.shape)
            for (name, spec), value in zip(signature.items(), values, strict=True)
        }

    signature = batch_signature(config, per_replica)
    dataset = tf.data.Dataset.counter()
    dataset = dataset.map(read_batch, **input_pipeline.PARALLEL)
    return input_pipeline.finish(dataset)


def batch_signature(config: ExampleConfig, batch_size: int) -> dict[str, tf.TensorSpec]:
    """Shapes and dtypes of a batch of examples, by Google's names."""
    wide = tf.TensorSpec([batch_size, config.max_seq_length], tf.int32)
    predictions = tf.TensorSpec([batch_size, config.num_predictions], tf.int32)
    return {
        "input_ids": wide,
        "input_mask": wide,
        "segment_ids": wide,
        "token_boundary": wide,
        "masked_lm_positions": predictions,
        "masked_lm_ids": predictions,
        "masked_lm_weights": tf.TensorSpec(predictions.shape, tf.float32),
        "next_sentence_labels": tf.TensorSpec([batch_size, 1], tf.int32),
    }
