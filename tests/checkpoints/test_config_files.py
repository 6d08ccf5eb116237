import pytest
import yaml
from official.nlp.configs import encoders

from albert_lsh_tf.checkpoints.config_files import first_file, read_config
from albert_lsh_tf.config import AlbertConfig, LSHConfig
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.encoder_config import encoder_config
from tests.fixtures import checkpoints

CONFIG = AlbertConfig.from_dict(checkpoints.TINY_CONFIG)
GARDEN = {
    "vocab_size": 31,
    "embedding_width": 6,
    "hidden_size": 20,
    "num_layers": 3,
    "num_attention_heads": 5,
    "intermediate_size": 28,
    "dropout_rate": 0.1,
    "attention_dropout_rate": 0.2,
    "max_position_embeddings": 11,
    "type_vocab_size": 2,
}


def write(tmp_path, values):
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    return file


def test_the_first_file_of_the_first_folder(tmp_path):
    for name in ("one/b", "two/a", "two/b"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    folders = [tmp_path / "none", tmp_path / "one", tmp_path / "two"]
    assert first_file(folders, ["a", "b"]) == tmp_path / "one" / "b"
    assert first_file(folders, ["c"]) is None


def test_googles_config(tmp_path):
    assert read_config(checkpoints.write_config(tmp_path)) == CONFIG


@pytest.mark.parametrize("place", [("task", "model", "encoder"), ("encoder",), ()])
def test_model_gardens_config(tmp_path, place):
    values = {"type": "albert", "albert": GARDEN, "bert": {"vocab_size": 5}}
    for name in reversed(place):
        values = {name: values, "trainer": {"train_steps": 3}}
    assert read_config(write(tmp_path, values)) == CONFIG


def test_what_model_garden_itself_writes(tmp_path):
    encoder = encoders.EncoderConfig(
        type="albert", albert=encoders.AlbertEncoderConfig(**GARDEN)
    )
    assert read_config(write(tmp_path, encoder.as_dict())) == CONFIG


def test_this_projects_encoder_in_model_gardens_config(tmp_path):
    encoder = encoder_config(CONFIG, "lsh", LSHConfig(num_hashes=3))
    assert read_config(write(tmp_path, {"encoder": encoder.as_dict()})) == CONFIG


def test_a_file_that_was_cut_short(tmp_path):
    file = write(tmp_path, {"type": "albert", "albert": {**GARDEN, "num_layers": 3}})
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if "num_" not in line]
    file.write_text("".join(kept), encoding="utf-8")
    with pytest.raises(
        InputError, match="does not say num_hidden_layers, num_attention_heads; is it"
    ):
        read_config(file)


def test_an_empty_config(tmp_path):
    (tmp_path / "albert_config.json").touch()
    with pytest.raises(InputError, match="does not say vocab_size, embedding_si"):
        read_config(tmp_path / "albert_config.json")


def test_without_a_projection(tmp_path):
    narrow = {**GARDEN, "embedding_width": None}
    file = write(tmp_path, {"type": "albert", "albert": narrow})
    assert read_config(file) == CONFIG.replace(embedding_size=20)


def test_an_encoder_of_another_kind(tmp_path):
    file = write(tmp_path, {"encoder": {"type": "bert", "bert": GARDEN}})
    with pytest.raises(InputError, match="is of type 'bert', but must be 'albert'"):
        read_config(file)


def test_an_unknown_setting(tmp_path):
    odd = {**GARDEN, "num_experts": 4}
    with pytest.raises(InputError, match=r"params\.yaml: unknown setting 'num_experts"):
        read_config(write(tmp_path, {"type": "any", "any": odd}))


def test_yaml_makes_no_objects(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text("type: !!python/object/apply:os.getcwd []", encoding="utf-8")
    with pytest.raises(InputError, match="not valid YAML or JSON"):
        read_config(file)
