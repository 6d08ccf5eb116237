"""Second segments that repeat a part of the first, so that comparing the two pays.

What is masked in one segment then often stands unmasked in the other. From plain text
a small model learns to look at the neighbours of a mask, and at little in the other
segment; tasks on pairs of sentences need that.
"""

import dataclasses

import numpy as np

from albert_lsh_tf.data.pretraining.random_numbers import Draw, below, fold_in, uniform
from albert_lsh_tf.data.pretraining.segments import Pairs

LEAST_TOKENS = 4  # Of both segments, for one to be copied from.
# Of what could be copied, at least; the part is drawn evenly from this to all of it.
_LEAST_SHARE = 0.4


@dataclasses.dataclass(frozen=True, eq=False)
class Stretches:
    """What is copied in n pairs. Arrays int64 [n].

    Attributes:
      length: tokens; 0 where nothing is.
      source: the first of them in the first segment.
      target: where it goes to in the second segment, in the place of what is there.
    """

    length: np.ndarray
    source: np.ndarray
    target: np.ndarray


def draw_stretches(pairs: Pairs, probability: float) -> Stretches:
    """Draws which pairs have a copy, and of what.

    Args:
      pairs: n of them; the same key always gives the same.
      probability: of a copy, for pairs of two segments of `LEAST_TOKENS` or more.

    Returns:
      The stretches, inside their segments.
    """
    most = np.minimum(pairs.first_length, pairs.second_length)
    is_copied = uniform(fold_in(pairs.key, Draw.IS_COPIED)) < probability
    is_copied &= most >= LEAST_TOKENS
    least = np.ceil(_LEAST_SHARE * most).astype(np.int64)
    drawn = below(fold_in(pairs.key, Draw.COPY_LENGTH), most - least + 1)
    length = np.where(is_copied, least + drawn, 0)
    return Stretches(
        length=length,
        source=below(
            fold_in(pairs.key, Draw.COPY_SOURCE), pairs.first_length - length + 1
        ),
        target=below(
            fold_in(pairs.key, Draw.COPY_TARGET), pairs.second_length - length + 1
        ),
    )
