"""Brute-force attention to key lists: NumPy, float64, plain loops, one head at a time.

Shares no code with the package. An item is what a query attends to: the shares that
tokens have in its key and value ({position: 1.0} for a plain key, equal shares for a
mean), and the number of tokens that it stands for.
"""

import numpy as np

SAMPLED_BLOCKS = 32


def window_keys(is_token, block, block_length, window):
    """Tokens in a block and `window` on either side; none where `window` is None."""
    if window is None:
        return set()
    first = block * block_length
    around = range(first - window, first + block_length + window)
    return {p for p in around if 0 <= p < len(is_token) and is_token[p]}


def heavy_keys(
    query, key, is_token, is_global, block_length, window, num_keys, num_candidates
):
    """The keys outside its window that each block expects to weigh most.

    Args:
      query, key: [T, D], the query scaled, the key any; T is whole blocks.
      is_token, is_global: [T], bool.
      block_length, window, num_keys, num_candidates: of the lists.

    Returns:
      A set of positions for each block (None for a block without tokens, which may
      list anything), and the least relative difference between the weights of a key
      that was just chosen and one that was just not: near 0, rounding decides.
    """
    query, key = np.asarray(query, np.float64), np.asarray(key, np.float64)
    tokens = [p for p in range(len(key)) if is_token[p]]
    if not tokens:
        return [None] * (len(key) // block_length), np.inf
    key = key - sum(key[p] for p in tokens) / len(tokens)
    num_blocks = len(query) // block_length
    wanted = []
    for block in range(num_blocks):
        of_block = range(block * block_length, (block + 1) * block_length)
        queries = np.array([query[p] for p in of_block if is_token[p]])
        if not len(queries):
            wanted.append(None)
            continue
        mean, variance = queries.mean(0), queries.var(0)
        logits = [mean @ key[p] + variance @ key[p] ** 2 / 2 for p in tokens]
        weights = np.exp(logits - np.max(logits))
        wanted.append(dict(zip(tokens, weights / weights.sum(), strict=True)))
    candidates, margin = tokens, np.inf
    if len(key) > num_candidates:
        used = max(tokens) // block_length + 1  # Blocks up to the last token.
        sample = [wanted[i * used // SAMPLED_BLOCKS] for i in range(SAMPLED_BLOCKS)]
        mean = {p: sum(w[p] for w in sample if w) / len(sample) for p in tokens}
        candidates, margin = _best(tokens, mean, is_global, num_candidates)
    chosen = []
    for block, weights in enumerate(wanted):
        if weights is None:
            chosen.append(None)
            continue
        in_window = window_keys(is_token, block, block_length, window)
        others = [p for p in candidates if p not in in_window]
        best, margin_of_block = _best(others, weights, is_global, num_keys)
        margin = min(margin, margin_of_block)
        chosen.append(set(best))
    return chosen, margin


def _best(positions, weights, is_global, count):
    """The `count` positions of highest weight, global ones before all others."""
    others = [p for p in positions if not is_global[p]]
    ranked = sorted(p for p in positions if is_global[p])
    ranked += sorted(others, key=lambda p: (-weights[p], p))
    best, rest = ranked[:count], ranked[count:]
    if not best or not rest or is_global[best[-1]]:
        return best, np.inf
    last, next_one = weights[best[-1]], weights[rest[0]]
    return best, (last - next_one) / last if last else 0.0


def items_of_queries(is_token, heavy, met, block_length, window, landmarks):
    """What each query attends to.

    Args:
      is_token: [T], bool; T is whole blocks.
      heavy: a set for each block; None for a block without tokens.
      met: T sets: the keys that hash rounds let each query meet.
      block_length, window, landmarks: of the lists.

    Returns:
      T lists of items: pairs of shares {position: share} and a count of tokens.
    """
    length = len(is_token)
    reach = max((p + 1 for p in range(length) if is_token[p]), default=1)
    stretch = -(-reach // landmarks) if landmarks else length
    items = []
    for position in range(length):
        block = position // block_length
        listed = window_keys(is_token, block, block_length, window)
        listed = listed | (heavy[block] or set())
        own = [({p: 1.0}, 1) for p in sorted(listed | met[position])]
        for landmark in range(landmarks):
            of_stretch = range(landmark * stretch, (landmark + 1) * stretch)
            tokens = [p for p in of_stretch if p < length and is_token[p]]
            left = [p for p in tokens if p not in listed]
            if left:
                own.append((dict.fromkeys(tokens, 1 / len(tokens)), len(left)))
        items.append(own)
    return items


def attend(query, key, value, items):
    """Softmax attention to items: [T, D]; 0 where there are none."""
    query, key, value = (np.asarray(each, np.float64) for each in (query, key, value))
    output = np.zeros((len(query), value.shape[1]))
    for position, own in enumerate(items):
        if own:
            weights = _weights(query[position], key, own)
            for weight, (shares, _) in zip(weights, own, strict=True):
                output[position] += weight * _mean(value, shares)
    return output


def gradients(query, key, value, items, upstream):
    """Gradients of `sum(attend(...) * upstream)`, item by item: three of [T, D]."""
    query, key, value, upstream = (
        np.asarray(each, np.float64) for each in (query, key, value, upstream)
    )
    d_query, d_key, d_value = (np.zeros_like(each) for each in (query, key, value))
    for position, own in enumerate(items):
        if not own:
            continue
        weights = _weights(query[position], key, own)
        d_weights = np.array(
            [upstream[position] @ _mean(value, shares) for shares, _ in own]
        )
        d_logits = weights * (d_weights - weights @ d_weights)
        for weight, d_logit, (shares, _) in zip(weights, d_logits, own, strict=True):
            d_query[position] += d_logit * _mean(key, shares)
            for token, share in shares.items():
                d_key[token] += share * d_logit * query[position]
                d_value[token] += share * weight * upstream[position]
    return d_query, d_key, d_value


def _weights(query, key, own):
    logits = [query @ _mean(key, shares) + np.log(count) for shares, count in own]
    weights = np.exp(np.array(logits) - max(logits))
    return weights / weights.sum()


def _mean(vectors, shares):
    return sum(share * vectors[token] for token, share in shares.items())
