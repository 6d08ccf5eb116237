"""How close LSH attention comes to dense attention for a budget of logits.

    python -m albert_lsh_tf.benchmark.quality ARRAYS.npz --plot quality.png

The file holds `query`, `key` and `value`, [L, H, T, D] each, as the layers of an
encoder project them; L is layers (or any other number of examples).
"""

import argparse
import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from albert_lsh_tf.benchmark.encoders import lsh_config_for
from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.ops.dense_attention import dense_attention
from albert_lsh_tf.ops.lsh_attention import lsh_attention

BUDGETS = (0.05, 0.1, 0.25, 0.5, 1.0)
_NAMES = ("query", "key", "value")


@dataclasses.dataclass(frozen=True)
class Quality:
    """How LSH attention did with one budget.

    Attributes:
      budget: share of dense attention's logits, as asked for.
      logits_per_query: what the setting computes for it, of T.
      errors: for each layer, the norm of the difference from dense attention's output
        divided by the norm of that output. 0 is equal; all zeros for output gives 1.
    """

    budget: float
    logits_per_query: float
    errors: tuple[float, ...]

    @property
    def mean_error(self) -> float:
        return sum(self.errors) / len(self.errors)


def quality_over_budget(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    budgets: Sequence[float] = BUDGETS,
    seed: int = 0,
) -> list[Quality]:
    """Compares LSH with dense attention on given arrays, without padding.

    Args:
      query: [L, H, T, D], as projected: not scaled yet.
      key: [L, H, T, D].
      value: [L, H, T, D].
      budgets: as `LSHConfig.for_length` takes them.
      seed: of the hashing.

    Returns:
      One `Quality` for each budget, in the order given.

    Raises:
      InputError: the shapes are not [L, H, T, D] or differ.
    """
    query, key, value = check_arrays({"query": query, "key": key, "value": value})
    length, width = query.shape[2:]
    layers = list(zip(query * np.float32(width**-0.5), key, value, strict=True))
    dense_outputs = [attend_dense(*layer) for layer in layers]
    found = []
    for budget in budgets:
        config = lsh_config_for(length, budget)
        errors = tuple(
            relative_error(attend_lsh(*layer, config, seed), dense_output)
            for layer, dense_output in zip(layers, dense_outputs, strict=True)
        )
        found.append(Quality(budget, config.logits_per_query(length), errors))
    return found


def attend_lsh(
    query_HTD: np.ndarray,
    key_HTD: np.ndarray,
    value_HTD: np.ndarray,
    config: LSHConfig,
    seed: int,
) -> np.ndarray:
    """LSH attention of one layer, outside any model: [H, T, D]. Queries are scaled."""
    output_BHTD = lsh_attention(
        *(tf.constant(array[np.newaxis]) for array in (query_HTD, key_HTD, value_HTD)),
        tf.ones([1, query_HTD.shape[1]], tf.bool),
        config=config,
        num_hashes=config.evaluation_hashes,
        seed=tf.constant([seed, 0], tf.int32),
    )
    return output_BHTD[0].numpy()


def attend_dense(
    query_HTD: np.ndarray, key_HTD: np.ndarray, value_HTD: np.ndarray
) -> np.ndarray:
    """Dense attention of one layer: [H, T, D], a head at a time to save memory."""
    is_token_BT = tf.ones([1, query_HTD.shape[1]], tf.bool)
    heads = [
        dense_attention(
            *(tf.constant(array[np.newaxis, np.newaxis]) for array in head), is_token_BT
        )[0]
        for head in zip(query_HTD, key_HTD, value_HTD, strict=True)
    ]
    return tf.concat(heads, axis=0).numpy()


def relative_error(actual: np.ndarray, desired: np.ndarray) -> float:
    """Norm of the difference by the norm of `desired`."""
    return float(np.linalg.norm(actual - desired) / np.linalg.norm(desired))


def read_arrays(path: str | pathlib.Path) -> list[np.ndarray]:
    """Query, key and value from a .npz file; `InputError` where it has none."""
    try:
        # Pickled objects could run any program.
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in _NAMES if name not in file]
            if missing:
                raise InputError(
                    f"{path}: no array named {', '.join(missing)}; it has "
                    f"{', '.join(file)}."
                )
            arrays = {name: file[name] for name in _NAMES}
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file.") from error
    except InputError:
        raise
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{path}: not a .npz file of plain arrays.") from error
    return check_arrays(arrays)


def check_arrays(arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The arrays in their order, once their shapes are found to be right."""
    shapes = {name: np.shape(array) for name, array in arrays.items()}
    if len(set(shapes.values())) > 1 or len(shapes["query"]) != 4:
        told = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
        raise InputError(
            f"expected three arrays of one shape [L, H, T, D]; got {told}."
        )
    return [np.asarray(array, np.float32) for array in arrays.values()]


def table(qualities: Sequence[Quality], length: int) -> str:
    """A Markdown table with a line for each budget."""
    lines = [
        f"| budget | logits / query, of {length} | mean error | least - most |",
        "| ---: | ---: | ---: | ---: |",
    ]
    for quality in qualities:
        lines.append(
            f"| {quality.budget:g} | {quality.logits_per_query:.0f} "
            f"| {quality.mean_error:.4f} "
            f"| {min(quality.errors):.4f} - {max(quality.errors):.4f} |"
        )
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the command line, prints the table and draws the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("arrays", help=".npz with query, key and value [L, H, T, D]")
    parser.add_argument(
        "--budgets",
        type=lambda text: tuple(map(float, text.split(","))),
        default=BUDGETS,
        help="shares of dense attention's logits, comma list",
    )
    parser.add_argument("--plot", help="PNG file for the error over logits per query")
    arguments = parser.parse_args(argv)
    try:
        arrays = read_arrays(arguments.arrays)
        qualities = quality_over_budget(*arrays, budgets=arguments.budgets)
    except InputError as error:
        parser.exit(1, f"error: {error}\n")
    length = arrays[0].shape[2]
    print(table(qualities, length), end="")
    if arguments.plot:
        from albert_lsh_tf.benchmark.quality_plot import plot_quality

        plot_quality(qualities, length, arguments.plot)


if __name__ == "__main__":
    main()
