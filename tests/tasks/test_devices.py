"""Workers and devices that cannot be used are named."""

import pytest

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import devices


@pytest.mark.parametrize(
    "settings, message",
    [
        ({}, "give worker_hosts=host1:port,host2:port and task_index, or set TF_C"),
        ({"worker_hosts": "localhost,a:2"}, "names 'localhost'; write every worker as"),
        ({"worker_hosts": "a:1,b:x"}, "names 'b:x'; write every worker as host:port"),
        ({"worker_hosts": "a:1,b:2", "task_index": 5}, "beyond the 2 workers"),
    ],
)
def test_workers_that_make_no_cluster_are_refused(settings, message, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    config = ClassifierConfig(distribution_strategy="multi_worker_mirrored", **settings)
    with pytest.raises(InputError, match=message):
        devices.make_strategy(config)
