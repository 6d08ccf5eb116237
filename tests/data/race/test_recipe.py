"""configs/race: the numbers of the ALBERT paper's table 14, and what suits ours."""

from albert_lsh_tf.config import AlbertConfig, ClassifierConfig
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR, RACE_FINE_TUNING_FILE
from tests.shared_data import REPOSITORY

FILE = REPOSITORY / "configs" / "race" / "race.yaml"


def test_recipe_is_the_papers_and_leaves_dropout_to_the_weights():
    expected = ClassifierConfig(
        task_name="RACE",
        learning_rate=2e-5,
        train_batch_size=32,
        classifier_dropout_prob=0.1,
        train_step=12000,
        warmup_step=1000,
        max_seq_length=512,
        max_qa_length=128,
        save_checkpoints_steps=100,
    )
    assert ClassifierConfig.from_file(FILE) == expected
    assert [path.name for path in FILE.parent.iterdir()] == ["race.yaml"]
    assert FILE.read_text().startswith("# Fine-tunes ALBERT on RACE: ")
    assert f"--config_file=configs/race/{FILE.name}" in FILE.read_text()


def test_what_suits_the_embedded_model_fits_it():
    config = ClassifierConfig.from_file(RACE_FINE_TUNING_FILE)
    model = AlbertConfig.from_file(EMBEDDED_MODEL_DIR / "albert_config.json")
    assert config.max_seq_length <= model.max_position_embeddings
    assert config.max_qa_length + 3 < config.max_seq_length
    assert 0 < config.warmup_step < config.train_step
    assert config.train_step % config.save_checkpoints_steps == 0
