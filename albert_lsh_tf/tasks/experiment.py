"""From settings to what Model Garden's trainer wants."""

from official.core import config_definitions as cfg

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.data.task import Task
from albert_lsh_tf.tasks.classification_config import (
    ClassificationConfig,
    ClassificationDataConfig,
    ClassificationModelConfig,
)
from albert_lsh_tf.tasks.encoder_config import encoder_of_run
from albert_lsh_tf.tasks.inputs import ModelFiles
from albert_lsh_tf.tasks.optimization import optimization_config
from albert_lsh_tf.tasks.task_data import TaskData


def experiment_config(
    config: ClassifierConfig,
    task: Task,
    files: ModelFiles,
    data: TaskData,
    start_step: int,
) -> cfg.ExperimentConfig:
    """The run as Model Garden's trainer wants it described.

    Args:
      config: the run.
      task: whose splits are evaluated.
      files: its architecture and vocabulary.
      data: where its examples are, and which splits there are.
      start_step: steps that earlier processes have trained.

    Returns:
      Runtime, task and trainer, without start weights.
    """
    data_settings = {
        "input_path": data.data_dir,
        "vocabulary_file": files.vocabulary_file,
        "do_lower_case": config.do_lower_case,
        "max_seq_length": config.max_seq_length,
        "max_qa_length": config.max_qa_length,
    }
    return cfg.ExperimentConfig(
        runtime=cfg.RuntimeConfig(mixed_precision_dtype=config.mixed_precision),
        task=ClassificationConfig(
            task_name=config.task_name,
            labels=config.labels,
            model=ClassificationModelConfig(
                encoder=encoder_of_run(config, files.albert_config),
                classifier_dropout=config.classifier_dropout_prob,
            ),
            train_data=ClassificationDataConfig(
                global_batch_size=config.train_batch_size,
                seed=config.seed,
                start_step=start_step,
                group_by_length=config.group_by_length,
                **data_settings,
            ),
            validation_data=ClassificationDataConfig(
                splits=data.splits(task.evaluation_splits),
                is_training=False,
                global_batch_size=config.eval_batch_size,
                **data_settings,
            ),
            enable_xla=config.enable_xla,
        ),
        trainer=cfg.TrainerConfig(
            optimizer_config=optimization_config(
                config.optimizer,
                initial_learning_rate=config.learning_rate,
                train_steps=config.train_step,
                warmup_steps=config.warmup_step,
            ),
            train_steps=config.train_step,
        ),
    )
