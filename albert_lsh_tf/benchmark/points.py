"""What is measured: the settings of a benchmark, and the points it consists of.

Imports no TensorFlow.
"""

import dataclasses

from albert_lsh_tf.config import PRECISIONS
from albert_lsh_tf.config_io import Config, nearest, setting
from albert_lsh_tf.errors import InputError

# Every kind of encoder, as tables and pictures call it. The first is the peer that the
# others are compared with; without it, "dense" is.
KINDS = {
    "garden-dense": "Model Garden, dense",
    "garden-bigbird": "Model Garden, BigBird",
    "dense": "ours, dense",
    "dense-recompute": "ours, dense, recompute",
    "lsh": "ours, LSH",
    "lsh-recompute": "ours, LSH, recompute",
}
PEERS = ("garden-dense", "dense")
MODES = ("forward", "training")


@dataclasses.dataclass(frozen=True)
class Work(Config):
    """What one step does, and how it is timed: the same for all points of a benchmark.

    Lengths are in tokens. Results of different work are not comparable, so they may not
    share an `output_dir`.
    """

    tokens: int = setting(
        4096, "tokens of a batch; a longer sequence is a batch of its own"
    )
    layers: int = setting(2, "layers, which share their weights as ALBERT's do")
    hidden_size: int = setting(768, "width; feed-forward layers are 4 times as wide")
    num_heads: int = setting(12, "attention heads")
    repeats: int = setting(5, "timed steps of a process, after a first, untimed one")
    mixed_precision: str = setting(
        "float32", "float32, float16 or bfloat16 arithmetic", choices=PRECISIONS
    )
    xla: bool = setting(False, "compile the step with XLA")
    threads: int | None = setting(
        None, "threads of one TensorFlow operation; unset: all cores"
    )

    def validate(self) -> None:
        for name in (
            "tokens",
            "layers",
            "hidden_size",
            "num_heads",
            "repeats",
            "threads",
        ):
            self.require_at_least(name, 1)
        if self.hidden_size % self.num_heads:
            raise InputError(
                f"hidden_size={self.hidden_size} must be a multiple of "
                f"num_heads={self.num_heads}."
            )

    def batch_size(self, length: int) -> int:
        """Sequences in a batch."""
        return max(1, self.tokens // length)


@dataclasses.dataclass(frozen=True)
class Point(Config):
    """One encoder at one length in one mode.

    budget: the share of dense attention's logits that LSH attention may compute; None
      for all other kinds.
    """

    kind: str
    mode: str
    length: int
    budget: float | None = None

    @property
    def label(self) -> str:
        """The encoder's name in tables and pictures."""
        if self.budget is None:
            return KINDS[self.kind]
        return f"{KINDS[self.kind]}, budget {self.budget:g}"

    def __str__(self) -> str:
        return f"{self.label}, {self.mode}, {self.length} tokens"


@dataclasses.dataclass(frozen=True)
class Plan(Config):
    """Which points are measured, how often, and in what order.

    A round measures every point once, in a process of its own.
    """

    lengths: tuple[int, ...] = setting((512, 2048, 4096, 16384), "sequence lengths")
    kinds: tuple[str, ...] = setting(tuple(KINDS), "encoders")
    modes: tuple[str, ...] = setting(MODES, "forward, training or both")
    budgets: tuple[float, ...] = setting(
        (0.25,), "shares of dense attention's logits for the LSH encoders"
    )
    rounds: int = setting(3, "processes for each point")
    interleave: bool = setting(
        True, "alternate the encoders of a length; else one encoder's rounds at a time"
    )
    timeout: float = setting(1800.0, "seconds after which a process is given up")

    def validate(self) -> None:
        for name in ("lengths", "kinds", "modes", "budgets"):
            values = getattr(self, name)
            if not values:
                raise InputError(f"{name} is empty; name at least one.")
            if len(set(values)) < len(values):
                raise InputError(f"{name}={_listed(values)} names something twice.")
        for name, known in (("kinds", tuple(KINDS)), ("modes", MODES)):
            for value in getattr(self, name):
                if value not in known:
                    guess = nearest(value, known) or f"; expected {_listed(known)}."
                    raise InputError(f"{name}: {value!r} is unknown{guess}")
        if min(self.lengths) < 1:
            raise InputError(f"lengths={_listed(self.lengths)} must be at least 1.")
        if not 0 < min(self.budgets) <= max(self.budgets) <= 1:
            raise InputError(
                f"budgets={_listed(self.budgets)} must be above 0 and at most 1."
            )
        self.require_at_least("rounds", 1)
        if not self.timeout > 0:
            raise InputError(f"timeout={self.timeout} must be above 0 seconds.")

    def points(self) -> list[Point]:
        """All points, mode by mode, from short to long."""
        return [
            Point(kind, mode, length, budget)
            for mode in self.modes
            for length in sorted(self.lengths)
            for kind in self.kinds
            for budget in (self.budgets if kind.startswith("lsh") else (None,))
        ]

    def schedule(self) -> list[tuple[int, Point]]:
        """(round, point) in the order of measuring.

        Interleaved, a round goes through all encoders of a mode and length before the
        next begins: what else slows the machine down for a while slows all of them.
        """
        if not self.interleave:
            return [
                (number, point)
                for point in self.points()
                for number in range(self.rounds)
            ]
        groups: dict[tuple[str, int], list[Point]] = {}
        for point in self.points():
            groups.setdefault((point.mode, point.length), []).append(point)
        return [
            (number, point)
            for group in groups.values()
            for number in range(self.rounds)
            for point in group
        ]


def _listed(values: tuple) -> str:
    return ", ".join(str(value) for value in values)
