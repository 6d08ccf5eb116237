"""Equal, disjoint shares of a machine."""

import os

import pytest

from albert_lsh_tf.comparison import shares
from albert_lsh_tf.errors import InputError


@pytest.fixture
def machine(monkeypatch):
    """Five cores and three GPUs."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 3, 5, 7})
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-aa,6")


def test_cores_and_gpus_are_divided(machine):
    assert shares.shares_of_machine(2) == [
        shares.Share(cores=(0, 2), gpus=("4",)),
        shares.Share(cores=(3, 5), gpus=("GPU-aa",)),
    ]
    assert shares.shares_of_machine(1) == [None]


def test_there_must_be_enough_of_both(machine, monkeypatch):
    with pytest.raises(InputError, match="there are 3 GPUs; give at most 3"):
        shares.shares_of_machine(4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert [share.gpus for share in shares.shares_of_machine(4)] == [()] * 4
    with pytest.raises(InputError, match="there are 5 CPU cores"):
        shares.shares_of_machine(6)


def test_a_share_is_all_that_a_process_uses(machine, monkeypatch):
    taken = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda *share: taken.append(share))
    shares.shares_of_machine(2)[1].take()
    assert taken == [(0, (3, 5))]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-aa"
