import pytest
from tensorflow.core.protobuf import saved_model_pb2

from albert_lsh_tf.checkpoints.saved_model import read_num_layers
from albert_lsh_tf.errors import InputError


def test_the_number_of_layers_stands_in_the_signatures(saved_model):
    assert read_num_layers(saved_model) == 3


def test_without_encoder_outputs_it_is_unknown(tmp_path):
    empty = saved_model_pb2.SavedModel()
    (tmp_path / "saved_model.pb").write_bytes(empty.SerializeToString())
    assert read_num_layers(tmp_path) is None


def test_a_damaged_program_file_is_one_line(tmp_path, saved_model):
    content = (saved_model / "saved_model.pb").read_bytes()
    (tmp_path / "saved_model.pb").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"saved_model\.pb: the SavedModel is damaged"):
        read_num_layers(tmp_path)
