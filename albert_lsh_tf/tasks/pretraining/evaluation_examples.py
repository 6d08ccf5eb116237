"""Examples of an evaluation, in memory."""

import hashlib

import numpy as np


class EvaluationExamples:
    """Columns of n examples, as `input_pipeline.evaluation_dataset` reads them.

    Args:
      columns: [n, ...] each, as `data.pretraining.examples.make_examples` gives them.
    """

    def __init__(self, columns: dict[str, np.ndarray]):
        self._columns = columns

    def __len__(self) -> int:
        return len(self._columns["input_ids"])

    def as_dict(self) -> dict[str, np.ndarray]:
        """The columns, and `example_id`, int64 [n]."""
        ids = np.arange(len(self), dtype=np.int64)
        return {**self._columns, "example_id": ids}

    def identity(self) -> str:
        """How many examples there are, and a hash of all that is in them."""
        digest = hashlib.sha256()
        for name, values in sorted(self._columns.items()):
            digest.update(f"{name} {values.dtype} {values.shape}\n".encode())
            digest.update(np.ascontiguousarray(values))
        return f"{len(self)} examples, sha256 {digest.hexdigest()}"
