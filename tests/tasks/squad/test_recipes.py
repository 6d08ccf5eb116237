"""configs/squad: the files load, and hold the numbers of ALBERT's table 14."""

import pathlib

import pytest

from albert_lsh_tf.tasks.squad.settings import SquadConfig

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "configs" / "squad"

# Learning rate, steps, tokens; and questions of the training file.
TABLE_14 = {
    "v1.1": (5e-5, 3649, 384, 87_599),
    "v2.0": (3e-5, 8144, 512, 130_319),
}


@pytest.mark.parametrize("version", TABLE_14)
def test_recipe_is_the_papers(version):
    learning_rate, steps, length, num_questions = TABLE_14[version]
    path = FOLDER / f"{version}.yaml"
    config = SquadConfig.from_file(path)
    expected = SquadConfig(
        version_2=version == "v2.0",
        learning_rate=learning_rate,
        train_batch_size=48,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        num_train_epochs=config.num_train_epochs,
        max_seq_length=length,
    )
    assert config == expected
    assert config.num_train_epochs == round(steps * 48 / num_questions)
    assert f"--config_file=configs/squad/{version}.yaml" in path.read_text()


def test_all_recipes_load():
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {*TABLE_14, "newwiki"}
    newwiki = SquadConfig.from_file(FOLDER / "newwiki.yaml")
    assert (newwiki.attention, newwiki.max_position_embeddings) == ("dense", 8192)
