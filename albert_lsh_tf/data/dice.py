"""Random choices for data that are made up."""

import random
from collections.abc import Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


class Dice:
    """Draws that stay the same in every version of Python: all go through random()."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def chance(self, probability: float) -> bool:
        return self._random() < probability

    def pick(self, items: Sequence[_Item]) -> _Item:
        return items[int(self._random() * len(items))]

    def pick_other(self, items: Sequence[_Item], taken: _Item) -> _Item:
        return self.pick([item for item in items if item != taken])
