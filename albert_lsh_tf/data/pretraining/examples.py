"""Pairs of segments to masked examples, and these to the records that Google's are."""

from collections.abc import Iterator, Mapping

import numpy as np

from albert_lsh_tf.data.pretraining.copying import Stretches, draw_stretches
from albert_lsh_tf.data.pretraining.masking import mask_tokens
from albert_lsh_tf.data.pretraining.segments import Pairs
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.data.pretraining.token_corpus import TokenCorpus


def make_examples(
    corpus: TokenCorpus, pairs: Pairs, config: ExampleConfig
) -> dict[str, np.ndarray]:
    """Lays out `[CLS] first [SEP] second [SEP]` for each pair, and masks it.

    Args:
      corpus: the tokens.
      pairs: n of them, ranges of the corpus's tokens.
      config: lengths and what is masked.

    Returns:
      With the names and values of Google's records, all int32 but for the weights:
      input_ids, input_mask, segment_ids and token_boundary [n, T], zero in the padding;
      the last is 1 where a word begins, and at [CLS] and [SEP].
      masked_lm_positions, masked_lm_ids and masked_lm_weights (float32) [n, P]: the
      weight is 1 where something is to be predicted; the rest is zero, at the end.
      next_sentence_labels [n, 1]: 1 where the segments are swapped, also where one has
      words of the other.
    """
    vocabulary = corpus.vocabulary
    ids, segment_ids, is_text = _lay_out(corpus, pairs, config)
    masked, is_masked = mask_tokens(ids, is_text, pairs.key, vocabulary, config)
    is_token = np.arange(config.max_seq_length) < pairs.lengths()[:, np.newaxis]
    is_boundary = is_token & (vocabulary.starts_word[ids] | ~is_text)
    rows, positions = np.nonzero(is_masked)
    counts = is_masked.sum(axis=1)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    predictions = np.zeros((3, len(pairs), config.num_predictions), np.int32)
    predictions[0, rows, places] = positions
    predictions[1, rows, places] = ids[rows, positions]
    predictions[2, rows, places] = 1
    return {
        "input_ids": masked,
        "input_mask": is_token.astype(np.int32),
        "segment_ids": segment_ids,
        "token_boundary": is_boundary.astype(np.int32),
        "masked_lm_positions": predictions[0],
        "masked_lm_ids": predictions[1],
        "masked_lm_weights": predictions[2].astype(np.float32),
        "next_sentence_labels": pairs.is_swapped[:, np.newaxis].astype(np.int32),
    }


def serialize(examples: Mapping[str, np.ndarray]) -> Iterator[bytes]:
    """Each example as a tf.train.Example.

    Args:
      examples: of `make_examples`.

    Yields:
      The bytes of one example; always the same ones for the same values.
    """
    import tensorflow as tf

    columns = {name: values.tolist() for name, values in examples.items()}
    for values in zip(*columns.values(), strict=True):
        record = tf.train.Example()
        features = record.features.feature
        for name, value in zip(columns, values, strict=True):
            if name == "masked_lm_weights":
                features[name].float_list.value.extend(value)
            else:
                features[name].int64_list.value.extend(value)
        # Else the features come in an order that changes from process to process.
        yield record.SerializeToString(deterministic=True)


def _lay_out(
    corpus: TokenCorpus, pairs: Pairs, config: ExampleConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids and segment ids, int32 [n, T], and which tokens are text, bool [n, T]."""
    vocabulary, length = corpus.vocabulary, config.max_seq_length
    ids = np.full((len(pairs), length), vocabulary.pad_id, np.int32)
    ids[:, 0] = vocabulary.cls_id
    firsts = corpus.segments(pairs.first_start, pairs.first_length)
    seconds = corpus.segments(pairs.second_start, pairs.second_length)
    # Faster than to compute an index for every token.
    for row, first, second in zip(ids, firsts, seconds, strict=True):
        end = 1 + len(first)
        row[1:end] = first
        row[end] = vocabulary.sep_id
        row[end + 1 : end + 1 + len(second)] = second
        row[end + 1 + len(second)] = vocabulary.sep_id
    if config.copied_segment_prob:
        _copy(ids, pairs, draw_stretches(pairs, config.copied_segment_prob))
    position = np.arange(length)
    sep = 1 + pairs.first_length[:, np.newaxis]
    last = pairs.lengths()[:, np.newaxis] - 1
    segment_ids = (position > sep) & (position <= last)
    is_text = (position > 0) & (position != sep) & (position < last)
    return ids, segment_ids.astype(np.int32), is_text


def _copy(ids: np.ndarray, pairs: Pairs, stretches: Stretches) -> None:
    """Writes stretches of the first segments over parts of the second ones."""
    sources = 1 + stretches.source
    targets = 2 + pairs.first_length + stretches.target
    for row in np.flatnonzero(stretches.length):
        length, source, target = stretches.length[row], sources[row], targets[row]
        ids[row, target : target + length] = ids[row, source : source + length]
