"""From settings to what Model Garden's trainer wants."""

from official.core import config_definitions as cfg

from albert_lsh_tf.tasks.encoder_config import encoder_of_run
from albert_lsh_tf.tasks.inputs import ModelFiles
from albert_lsh_tf.tasks.optimization import optimization_config
from albert_lsh_tf.tasks.squad.settings import SquadConfig
from albert_lsh_tf.tasks.squad.task_config import (
    SquadDataConfig,
    SquadModelConfig,
    SquadTaskConfig,
)


def experiment_config(
    config: SquadConfig, files: ModelFiles, num_windows: int, start_step: int
) -> cfg.ExperimentConfig:
    """The run as Model Garden's trainer wants it described.

    Args:
      config: the run.
      files: its architecture and vocabulary.
      num_windows: of training; 0 without training.
      start_step: steps that earlier processes have trained.

    Returns:
      Runtime, task and trainer, without start weights.
    """
    data_settings = {
        "vocabulary_file": files.vocabulary_file,
        "do_lower_case": config.do_lower_case,
        "max_seq_length": config.max_seq_length,
        "doc_stride": config.doc_stride,
        "max_query_length": config.max_query_length,
        "max_answer_length": config.max_answer_length,
        "skip_faulty": config.skip_faulty_questions,
    }
    train_steps, warmup_steps = config.num_steps(num_windows)
    return cfg.ExperimentConfig(
        runtime=cfg.RuntimeConfig(mixed_precision_dtype=config.mixed_precision),
        task=SquadTaskConfig(
            version_2=config.version_2,
            model=SquadModelConfig(
                encoder=encoder_of_run(config, files.albert_config),
                start_n_top=config.start_n_top,
                end_n_top=config.end_n_top,
                dropout=config.dropout_prob,
            ),
            train_data=SquadDataConfig(
                input_path=",".join(config.train_file),
                global_batch_size=config.train_batch_size,
                held_out_share=config.share_left_out,
                seed=config.seed,
                start_step=start_step,
                group_by_length=config.group_by_length,
                **data_settings,
            ),
            validation_data=SquadDataConfig(
                input_path=config.predict_file,
                is_training=False,
                global_batch_size=config.predict_batch_size,
                **data_settings,
            ),
            n_best_size=config.n_best_size,
            null_score_diff_threshold=config.null_score_diff_threshold,
            enable_xla=config.enable_xla,
        ),
        trainer=cfg.TrainerConfig(
            optimizer_config=optimization_config(
                config.optimizer,
                initial_learning_rate=config.learning_rate,
                train_steps=train_steps,
                warmup_steps=warmup_steps,
            ),
            train_steps=train_steps,
        ),
    )
