"""Where tests find real data: never in the repository, absent on most machines."""

import os
import pathlib

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]


def shared_data(relative_path: str) -> pathlib.Path:
    """A real data file or folder; skips the calling test where there is none.

    Args:
      relative_path: below $ALBERT_LSH_TF_DATA, or below `shared/data` beside the
        checkout.

    Returns:
      A path that exists.
    """
    root = os.environ.get("ALBERT_LSH_TF_DATA")
    root = pathlib.Path(root) if root else REPOSITORY.parent / "shared" / "data"
    path = root / relative_path
    if not path.exists():
        pytest.skip(f"no {relative_path} in {root}; set ALBERT_LSH_TF_DATA")
    return path
