"""What a run's user is told of its attention."""

import pytest

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.tasks.encoder_config import say_if_dense
from albert_lsh_tf.tasks.squad.settings import SquadConfig


@pytest.mark.parametrize("config_class", [ClassifierConfig, SquadConfig])
def test_a_length_at_which_lsh_is_dense_is_told(config_class):
    def told(**settings):
        lines = []
        say_if_dense(config_class.from_dict(settings), lines.append)
        return lines

    assert told(max_seq_length=384) == [
        "attention: dense at 384 tokens, where it was found faster than LSH; "
        "--dense_below=0 gives LSH at any length"
    ]
    assert told(max_seq_length=384, attention=["dense", "lsh"])
    assert not told(max_seq_length=384, attention="dense")
    assert not told(max_seq_length=1024)
    # Whoever sets a limit knows it.
    for dense_below in (0, 512):
        assert not told(max_seq_length=384, lsh={"dense_below": dense_below})
