"""The figures of a diagnosis, as arrays, as a dict and as a table."""

import dataclasses
from typing import Any

import numpy as np

from albert_lsh_tf.lsh_config import LSHConfig


@dataclasses.dataclass(frozen=True, eq=False)
class BucketLoad:
    """How evenly a hash fills its buckets, in chunks: 1 is as many tokens as a chunk.

    Means over sequences and hash rounds. Padding is in no bucket.

    Attributes:
      largest: [layers, heads]: tokens in the fullest bucket / tokens in a chunk.
      median: [layers, heads]: the same for the median of the buckets that hold any.
    """

    largest: np.ndarray
    median: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class SettingDiagnosis:
    """What one setting of LSH attention does to an encoder.

    Only tokens count, as queries and as keys.

    Attributes:
      name: as tables and pictures call it.
      config: the setting.
      budget: what `LSHConfig.for_length` made it of; None if nothing did.
      logits_per_query: what a query computes, of T.
      mass: [layers, heads]: dense attention's weight on the keys that a query meets,
        landmarks aside; mean over queries. 1 misses nothing.
      recall: [layers, heads]: share of the `top_k` heaviest keys of dense attention
        that a query meets; mean over queries.
      error: [layers, heads]: norm of the output's difference from dense attention's,
        divided by the norm of that, with landmarks as configured. The inputs are those
        that the layer gets with dense attention.
      cosine: [layers]: mean cosine of the layer's states to those with dense attention,
        once the mean state of dense attention is subtracted from both. Here every layer
        before has LSH attention, too.
      query_load: of the buckets of queries; None without hash rounds.
      key_load: of those of keys.
    """

    name: str
    config: LSHConfig
    budget: float | None
    logits_per_query: int
    mass: np.ndarray
    recall: np.ndarray
    error: np.ndarray
    cosine: np.ndarray
    query_load: BucketLoad | None = None
    key_load: BucketLoad | None = None

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            field.name: _plain(getattr(self, field.name))
            for field in dataclasses.fields(self)
        }


@dataclasses.dataclass(frozen=True, eq=False)
class Diagnosis:
    """What several settings do to one encoder on one text.

    Attributes:
      length: tokens of a sequence (T), padding included.
      num_sequences: sequences looked at.
      num_tokens: tokens in them, padding aside.
      top_k: heaviest keys that recall looks for.
      settings: one for each setting, in the order given.
      encoder: what it is, in words; may be empty.
      text: what it is, in words; may be empty.
    """

    length: int
    num_sequences: int
    num_tokens: int
    top_k: int
    settings: tuple[SettingDiagnosis, ...]
    encoder: str = ""
    text: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: arrays are lists, [settings][layers][heads]."""
        values = {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self)
        }
        return {**values, "settings": [each.to_dict() for each in self.settings]}

    def table(self) -> str:
        """A Markdown table with a line for each setting."""
        has_loads = any(each.query_load is not None for each in self.settings)
        header = [
            "setting",
            f"logits / query, of {self.length}",
            "mass met",
            f"recall of top {self.top_k}",
            "output error",
            "error, worst head",
            "cosine, last layer",
            "cosine, worst layer",
        ]
        if has_loads:
            header.append("fullest bucket, queries / keys")
        lines = [header, ["---", *["---:"] * (len(header) - 1)]]
        for each in self.settings:
            cells = [
                each.name,
                str(each.logits_per_query),
                f"{each.mass.mean():.3f}",
                f"{each.recall.mean():.3f}",
                f"{each.error.mean():.3f}",
                f"{each.error.max():.3f}",
                f"{each.cosine[-1]:.4f}",
                f"{each.cosine.min():.4f}",
            ]
            if has_loads:
                loads = each.query_load, each.key_load
                cells.append(" / ".join(_fullest(load) for load in loads))
            lines.append(cells)
        return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)

    def layer_table(self, setting: SettingDiagnosis) -> str:
        """A Markdown table with a line for each layer of one setting.

        The mean over heads, except where it says worst.
        """
        header = ["layer", "mass met", f"recall of top {self.top_k}", "output error"]
        header += ["error, worst head", "cosine"]
        if setting.query_load is not None:
            header += ["query buckets, largest / median"]
            header += ["key buckets, largest / median"]
        lines = [header, ["---:"] * len(header)]
        for layer, errors in enumerate(setting.error):
            cells = [
                str(layer + 1),
                f"{setting.mass[layer].mean():.3f}",
                f"{setting.recall[layer].mean():.3f}",
                f"{errors.mean():.3f}",
                f"{errors.max():.3f} (head {errors.argmax() + 1})",
                f"{setting.cosine[layer]:.4f}",
            ]
            if setting.query_load is not None:
                for load in (setting.query_load, setting.key_load):
                    largest, median = load.largest[layer], load.median[layer]
                    cells.append(f"{largest.mean():.1f} / {median.mean():.2f}")
            lines.append(cells)
        return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _fullest(load: BucketLoad | None) -> str:
    return "-" if load is None else f"{load.largest.max():.1f}"


def _plain(value: Any) -> Any:
    if isinstance(value, LSHConfig):
        return value.to_dict()
    if isinstance(value, BucketLoad):
        return {"largest": value.largest.tolist(), "median": value.median.tolist()}
    return value.tolist() if isinstance(value, np.ndarray) else value
