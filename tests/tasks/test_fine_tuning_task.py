import numpy as np

from albert_lsh_tf.tasks.fine_tuning_task import in_order


def test_filler_rows_are_dropped_and_order_restored():
    batches = [
        {
            "example_id": np.array([2, 0]),
            "label": np.array([12, 10]),
            "logits": np.array([[0.2], [0.0]]),
        },
        {
            "example_id": np.array([-1, 1]),
            "label": np.array([0, 11]),
            "logits": np.array([[9.9], [0.1]]),
        },
    ]
    outputs = in_order(batches)
    np.testing.assert_array_equal(outputs["label"], [10, 11, 12])
    np.testing.assert_array_equal(outputs["logits"][:, 0], [0.0, 0.1, 0.2])
    np.testing.assert_array_equal(outputs["example_id"], [0, 1, 2])
