"""Brute-force attention: NumPy, float64, plain loops over the pairs that may attend.

Shares no code with the package. It is told which chunk each query and key fell into
(that is what `ops.hashing` and `ops.sorting` decide, and have tests of their own) and
computes softmax over the set of keys that each query met.
"""

import numpy as np


def visible_keys(query_rank, key_rank, num_tokens, chunk_length, before, after):
    """For one head: the keys each query meets, as a list of sets of positions.

    Args:
      query_rank: R lists of T ranks, of the query at each position.
      key_rank: R lists of T ranks, of the key at each position.
      num_tokens: ranks from here on are padding.
      chunk_length, before, after: how the ranks are cut.
    """
    length = len(query_rank[0])
    visible = []
    for query in range(length):
        met = set()
        for of_query, of_key in zip(query_rank, key_rank, strict=True):
            own_chunk = of_query[query] // chunk_length
            for key in range(length):
                distance = of_key[key] // chunk_length - own_chunk
                if -before <= distance <= after and of_key[key] < num_tokens:
                    met.add(key)
        visible.append(met)
    return visible


def attend(query, key, value, visible, self_is_last_resort=False):
    """Softmax attention of one head over given sets of keys.

    Args:
      query, key: [T, D]; the query is already scaled.
      value: [T, D].
      visible: T sets of key positions.
      self_is_last_resort: drop a token's own position unless it is all it has.

    Returns:
      [T, D]; 0 where a set is empty.
    """
    query, key, value = (np.asarray(each, np.float64) for each in (query, key, value))
    output = np.zeros((len(query), value.shape[1]))
    for position, met in enumerate(visible):
        if self_is_last_resort and len(met) > 1:
            met = met - {position}
        keys = sorted(met)
        if not keys:
            continue
        logits = np.array([query[position] @ key[other] for other in keys])
        weights = np.exp(logits - logits.max())
        weights /= weights.sum()
        for weight, other in zip(weights, keys, strict=True):
            output[position] += weight * value[other]
    return output


def dense(query, key, value, is_token, self_is_last_resort=False):
    """Dense attention of one head: every token of `is_token` is met."""
    met = {position for position, token in enumerate(is_token) if token}
    return attend(query, key, value, [set(met) for _ in query], self_is_last_resort)


def gradients(query, key, value, visible, upstream, self_is_last_resort=False):
    """Gradients of `sum(attend(...) * upstream)` by the chain rule, pair by pair.

    Returns:
      [T, D] each: with respect to query, key and value.
    """
    query, key, value, upstream = (
        np.asarray(each, np.float64) for each in (query, key, value, upstream)
    )
    d_query, d_key, d_value = (np.zeros_like(each) for each in (query, key, value))
    for position, met in enumerate(visible):
        others = met - {position} if self_is_last_resort and len(met) > 1 else met
        keys = sorted(others)
        if not keys:
            continue
        logits = np.array([query[position] @ key[other] for other in keys])
        if self_is_last_resort and keys == [position]:
            # The logit of a last resort is a constant.
            logits = np.zeros(1)
        weights = np.exp(logits - logits.max())
        weights /= weights.sum()
        d_weights = np.array([upstream[position] @ value[other] for other in keys])
        d_logits = weights * (d_weights - weights @ d_weights)
        for index, other in enumerate(keys):
            d_value[other] += weights[index] * upstream[position]
            if not (self_is_last_resort and keys == [position]):
                d_query[position] += d_logits[index] * key[other]
                d_key[other] += d_logits[index] * query[position]
    return d_query, d_key, d_value
