"""Examples of an evaluation, in memory."""

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
