"""configs/glue: the files load, and hold the numbers of the ALBERT paper's table 14."""

import pathlib

import pytest

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.data.glue_tasks import TASKS, find_task

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "configs" / "glue"

# Learning rate, batch, encoder dropout, steps, warm-up.
TABLE_14 = {
    "CoLA": (1e-5, 16, 0, 5336, 320),
    "STS-B": (2e-5, 16, 0, 3598, 214),
    "SST-2": (1e-5, 32, 0, 20935, 1256),
    "MNLI": (3e-5, 128, 0, 10000, 1000),
    "QNLI": (1e-5, 32, 0, 33112, 1986),
    "QQP": (5e-5, 128, 0.1, 14000, 1000),
    "RTE": (3e-5, 32, 0.1, 800, 200),
    "MRPC": (2e-5, 32, 0, 800, 200),
    "WNLI": (2e-5, 16, 0.1, 2000, 250),
}


def test_every_task_has_its_recipe():
    # MISMNLI and AX train on MNLI.
    assert set(TABLE_14) == set(TASKS) - {"MISMNLI", "AX"}
    names = {path.name for path in FOLDER.glob("*.yaml")}
    assert names == {f"{name.lower()}.yaml" for name in TABLE_14}


@pytest.mark.parametrize("name", TABLE_14)
def test_recipe_is_the_papers(name):
    path = FOLDER / f"{name.lower()}.yaml"
    learning_rate, batch, dropout, steps, warmup = TABLE_14[name]
    expected = ClassifierConfig(
        task_name=find_task(name).name,
        learning_rate=learning_rate,
        train_batch_size=batch,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        classifier_dropout_prob=0.1,
        train_step=steps,
        warmup_step=warmup,
        max_seq_length=512,
        save_checkpoints_steps=100,
    )
    assert ClassifierConfig.from_file(path) == expected
    assert path.read_text().startswith(f"# Fine-tunes ALBERT on {name}: ")
    assert f"--config_file=configs/glue/{path.name}" in path.read_text()
