"""Makes a learned table of positions longer than it was trained."""

import numpy as np

from albert_lsh_tf.errors import InputError

WAYS = ("tile", "interpolate")


def extend_table(table: np.ndarray, num_positions: int, how: str) -> np.ndarray:
    """A table of more positions, whose first rows are those of `table`, untouched.

    With P learned rows and n new ones, new row P + j (j from 0 to n - 1) is

      tile: row j mod P, so that every P tokens the positions start again.
      interpolate: the learned table stretched over the new rows, that is its value at
        j * (P - 1) / (n - 1), linear between the two rows nearest to that point. The
        new rows start with a copy of row 0 and end with one of row P - 1.

    Args:
      table: [P, E], float.
      num_positions: P + n, at least P.
      how: "tile" or "interpolate".

    Returns:
      [P + n, E] in the dtype of `table`.

    Raises:
      InputError: fewer positions than the table has, or an unknown way.

    Source: Beltagy et al. 2020, Longformer (arXiv:2004.05150), section 5, copies the
    512 positions of a pre-trained encoder until they fill the longer table: "tile".
    """
    check_extension(len(table), num_positions, how)
    num_new = num_positions - len(table)
    if how == "tile":
        return table[np.arange(num_positions) % len(table)]
    point = np.linspace(0, len(table) - 1, num_new)
    before = np.floor(point).astype(int)
    after = np.ceil(point).astype(int)
    share = (point - before)[:, np.newaxis]
    new_rows = (1 - share) * table[before] + share * table[after]
    return np.concatenate([table, new_rows.astype(table.dtype)])


def check_extension(num_learned: int, num_positions: int, how: str) -> None:
    """Raises `InputError` where `extend_table` would."""
    if how not in WAYS:
        raise InputError(
            f"extend_positions={how!r} is unknown; expected "
            f"{' or '.join(map(repr, WAYS))}."
        )
    if num_positions < num_learned:
        raise InputError(
            f"max_position_embeddings={num_positions} is less than the {num_learned} "
            f"positions of the weights. Give {num_learned} or more; inputs may be "
            "shorter all the same."
        )
