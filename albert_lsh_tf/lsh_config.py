"""Which keys a query attends to. Does not import TensorFlow."""

import dataclasses
import math

from albert_lsh_tf.config_io import Config, setting
from albert_lsh_tf.errors import InputError

HASHES = ("angular", "random")

# Settings of hash rounds; whoever sets one of them means to hash.
HASHING = {
    *("num_hashes", "num_hashes_at_evaluation", "chunk_length", "chunks_before"),
    *("chunks_after", "num_buckets", "share_query_key", "hash", "whiten"),
}

# Tokens up to which dense attention was the faster one; see docs/benchmarks.md. Not
# measured on GPUs: there the number is that of the CPU.
DENSE_IS_FASTER_UP_TO = {"cpu": 512, "gpu": 512}

# Blocks that speak for the whole sequence when candidates are chosen.
NUM_SAMPLED_BLOCKS = 32

# For `dense_below`: longer than any sequence, and still an int32.
ANY_LENGTH = 2**31 - 1

# `for_length` gives longer sequences no more logits a query than this length gets, so
# that time grows with T alone.
LINEAR_FROM_LENGTH = 512


@dataclasses.dataclass(frozen=True)
class LSHConfig(Config):
    """Which keys a query attends to. Lengths are in tokens.

    Hash rounds let a query meet the keys that hash like it: in every round those of
    chunks `c - chunks_before` to `c + chunks_after`, if the query is in chunk c.

    Block lists give all queries of a block, which are neighbours in the text, the same
    keys: a window around the block, the keys that weigh most for it, and landmarks for
    what is left. They are off by default.

    `for_length` gives the setting that the evidence supports.
    """

    num_hashes: int = setting(2, "hash rounds (R); time and memory grow in proportion")
    num_hashes_at_evaluation: int | None = setting(
        None, "rounds when not training; unset: num_hashes"
    )
    chunk_length: int = setting(32, "tokens in a chunk (Q)")
    chunks_before: int = setting(1, "neighbour chunks seen before a query's own")
    chunks_after: int = setting(1, "neighbour chunks seen after a query's own")
    num_buckets: int | None = setting(
        None, "hash buckets (N), even; unset: twice the number of chunks"
    )
    share_query_key: bool = setting(
        False, "Reformer's scheme: the key is the query at unit length"
    )
    hash: str = setting(
        "angular", "angular, or random chunks as a control", choices=HASHES
    )
    centre: bool = setting(
        True, "hash what is left of queries and keys without their means"
    )
    whiten: bool = setting(
        False, "rounds hash with the covariances that encoder.calibrate measured"
    )
    block_length: int = setting(16, "neighbouring queries that share a key list")
    window: int | None = setting(
        None, "tokens listed on either side of a block, and its own; unset: none"
    )
    heavy_keys: int = setting(0, "keys listed that a block expects to weigh most")
    heavy_candidates: int = setting(
        2048, "keys that the blocks of a longer sequence choose from"
    )
    global_tokens: int = setting(0, "first tokens of a sequence; listed by all blocks")
    landmarks: int = setting(0, "means of keys and values that stand for the rest (L)")
    dense_below: int | None = setting(
        0, "dense attention up to so many tokens; unset: where it was measured faster"
    )
    seed: int = setting(0, "seed of the rotations; same seed, same buckets")

    @classmethod
    def reformer(cls, **overrides: object) -> "LSHConfig":
        """Reformer's own setting (arXiv:2001.04451): shared QK, one chunk back."""
        settings = {"num_hashes": 4, "share_query_key": True, "chunks_after": 0}
        return cls(**{**settings, **overrides})

    @classmethod
    def for_length(
        cls, length: int, budget: float = 0.25, **overrides: object
    ) -> "LSHConfig":
        """The setting to take for sequences of about `length` tokens.

        Args:
          length: tokens; other lengths run too.
          budget: logits that a query may compute, as a share of `length`. From
            `LINEAR_FROM_LENGTH` tokens on a query computes no more of them, so that
            time grows with T alone; 1 means dense attention, at any length.
          **overrides: settings to replace, after the others were chosen.

        Returns:
          The setting, with `logits_per_query(length) <= budget * length` where nothing
          that adds logits is replaced.

        Raises:
          InputError: a budget that is not above 0 and at most 1, or less than a logit;
            or one of 1 with a `dense_below`.
        """
        if not 0 < budget <= 1:
            raise InputError(
                f"budget={budget} must be above 0 and at most 1; try 0.25."
            )
        if budget == 1:
            dense_below = overrides.pop("dense_below", None)
            if dense_below not in (None, ANY_LENGTH):
                raise InputError(
                    f"a budget of 1 is dense attention at any length, and dense_below="
                    f"{dense_below} would make it something else; leave one of them "
                    "out."
                )
            return cls(**{**_WINDOW_ALONE, **overrides, "dense_below": ANY_LENGTH})
        logits = int(budget * min(length, LINEAR_FROM_LENGTH))
        if logits < 1:
            raise InputError(
                f"budget={budget} of {length} tokens is less than one logit a query; "
                f"try {min(1.0, 8 / max(length, 8)):.2g} or more."
            )
        landmarks = logits // 16 if length <= 512 else logits // 8
        # Short blocks choose better, long ones copy less. A window is half as long
        # again, and must fit.
        block = min(64, max(8, _power_of_two_below(length / 32)))
        while 3 * block > 2 * (logits - landmarks) and block > 1:
            block //= 2
        # Beyond the candidates' reach, hashing finds what blocks cannot.
        num_hashes = int(length > 4096 and logits >= 128)
        window = min(block // 4, 4)
        settings = {
            **_WINDOW_ALONE,
            "block_length": block,
            "window": window,
            "landmarks": landmarks,
            "global_tokens": int(logits > 2 * block),
            "heavy_candidates": 2048 if length <= 2048 else 1024,
            "num_hashes": num_hashes,
            "chunk_length": 16 if num_hashes else 32,
            "chunks_before": 0,
            "chunks_after": 0,
        }
        rest = logits - cls(**settings).logits_per_query(length)
        return cls(**{**settings, "heavy_keys": max(rest, 0), **overrides})

    @property
    def evaluation_hashes(self) -> int:
        """Rounds used when not training."""
        if self.num_hashes_at_evaluation is None:
            return self.num_hashes
        return self.num_hashes_at_evaluation

    @property
    def hashes(self) -> bool:
        """Whether there are hash rounds, in training or at evaluation."""
        return max(self.num_hashes, self.evaluation_hashes) > 0

    @property
    def window_length(self) -> int:
        """Keys that the window of a block holds."""
        return 0 if self.window is None else self.block_length + 2 * self.window

    @property
    def num_listed_keys(self) -> int:
        """Keys that a block lists outside its window."""
        return self.heavy_keys + self.global_tokens

    @property
    def has_key_lists(self) -> bool:
        """Whether blocks list keys; otherwise there are hash rounds alone."""
        return bool(self.window_length or self.num_listed_keys or self.landmarks)

    def longest_dense(self, device: str = "cpu") -> int:
        """Tokens up to which `dense_below` asks for dense attention; see `is_dense`."""
        if self.dense_below is None:
            return DENSE_IS_FASTER_UP_TO[device]
        return self.dense_below

    def is_dense(self, length: int, device: str = "cpu") -> bool:
        """Whether a sequence of so many tokens gets dense attention.

        Args:
          length: T.
          device: "cpu" or "gpu": where it runs, for an unset `dense_below`.
        """
        num_chunks = -(-length // self.chunk_length)
        chunks_cover = not self.has_key_lists and num_chunks <= 1 + min(
            self.chunks_before, self.chunks_after
        )
        return length <= self.longest_dense(device) or chunks_cover

    def ignores_padding(
        self, length: int, padded_length: int, device: str = "cpu"
    ) -> bool:
        """Whether a sequence has the same result when it is padded.

        Args:
          length: T.
          padded_length: that of the padded sequence.
          device: "cpu" or "gpu": where it runs, for an unset `dense_below`.

        Returns:
          True where that is so but for rounding. Not where one of the two gets dense
          attention, nor where the number of buckets or random chunks depend on the
          length.
        """
        if self.is_dense(length, device) or self.is_dense(padded_length, device):
            return self.is_dense(length, device) == self.is_dense(padded_length, device)
        if not self.hashes:
            return True
        return self.num_buckets is not None and self.hash != "random"

    def logits_per_query(self, length: int, device: str = "cpu") -> int:
        """Logits that a query of a sequence of `length` tokens computes, at evaluation.

        Those of its softmax: window, heavy keys, global tokens, landmarks and rounds,
        also where they turn out to be padding. What choosing the heavy keys costs is
        `choosing_per_query`.
        """
        if self.is_dense(length, device):
            return length
        listed = min(self.num_listed_keys, self._padded(length), self.heavy_candidates)
        chunks_seen = self.chunks_before + 1 + self.chunks_after
        return (
            self.window_length
            + listed
            + self.landmarks
            + self.evaluation_hashes * chunks_seen * self.chunk_length
        )

    def choosing_per_query(self, length: int, device: str = "cpu") -> float:
        """Dot products over D that choosing listed keys costs, as a share of a query.

        They have no values, no gradient, and nothing of them is kept.
        """
        if self.is_dense(length, device) or not self.num_listed_keys:
            return 0.0
        padded = self._padded(length)
        per_block = 2 * min(padded, self.heavy_candidates) / self.block_length
        sampling = 2 * NUM_SAMPLED_BLOCKS if padded > self.heavy_candidates else 0
        return per_block + sampling

    def validate(self) -> None:
        for name, least in (
            ("num_hashes", 0),
            ("num_hashes_at_evaluation", 0),
            ("chunk_length", 1),
            ("chunks_before", 0),
            ("chunks_after", 0),
            ("num_buckets", 2),
            ("block_length", 1),
            ("window", 0),
            ("heavy_keys", 0),
            ("heavy_candidates", 1),
            ("global_tokens", 0),
            ("landmarks", 0),
            ("dense_below", 0),
        ):
            self.require_at_least(name, least)
        if self.num_buckets is not None and self.num_buckets % 2:
            raise InputError(
                f"num_buckets={self.num_buckets} must be even, since each direction "
                f"of a rotation is a pair of buckets; try {self.num_buckets + 1}."
            )
        if self.window is not None and self.window > self.block_length:
            raise InputError(
                f"window={self.window} must not exceed block_length="
                f"{self.block_length}; make blocks longer."
            )
        if self.num_listed_keys > self.heavy_candidates:
            raise InputError(
                f"heavy_keys and global_tokens are {self.num_listed_keys} keys, more "
                f"than heavy_candidates={self.heavy_candidates}; raise that."
            )
        if self.share_query_key and self.has_key_lists:
            raise InputError(
                "share_query_key is Reformer's scheme, which has no window, "
                "heavy_keys, global_tokens or landmarks; leave those unset."
            )
        if self.share_query_key and self.whiten:
            raise InputError(
                "whiten has nothing to do with share_query_key: queries and keys are "
                "one; leave one of them out."
            )
        if not -(2**31) <= self.seed < 2**31:
            raise InputError(f"seed={self.seed} must be at least -2^31 and below 2^31.")
        if min(self.num_hashes, self.evaluation_hashes) < 1 and not self.has_key_lists:
            raise InputError(
                "num_hashes=0 leaves a query nothing to attend to; set a window, "
                "heavy_keys or landmarks."
            )

    def _padded(self, length: int) -> int:
        multiple = self.padding_multiple
        return -(-length // multiple) * multiple

    @property
    def padding_multiple(self) -> int:
        """What T is padded to a multiple of: whole chunks, and whole blocks."""
        lengths = [self.chunk_length] if self.hashes else []
        lengths += [self.block_length] if self.has_key_lists else []
        return math.lcm(*lengths)


# Everything off but a window, for `for_length` to add to.
_WINDOW_ALONE = {"num_hashes": 0, "window": 0}


def _power_of_two_below(number: float) -> int:
    return 1 << max(0, int(number).bit_length() - 1)
