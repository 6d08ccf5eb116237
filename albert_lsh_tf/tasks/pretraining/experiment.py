"""From settings to what Model Garden's trainer wants."""

from official.core import config_definitions as cfg

from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.tasks.encoder_config import encoder_of_run
from albert_lsh_tf.tasks.optimization import optimization_config
from albert_lsh_tf.tasks.pretraining.settings import PretrainingConfig, Stage
from albert_lsh_tf.tasks.pretraining.task_config import (
    PretrainingDataConfig,
    PretrainingModelConfig,
    PretrainingTaskConfig,
)


def experiment_config(
    config: PretrainingConfig, stage: Stage, albert: AlbertConfig, start_step: int
) -> cfg.ExperimentConfig:
    """One stage of a run as Model Garden's trainer wants it described.

    Args:
      config: the run.
      stage: which part of it.
      albert: the architecture.
      start_step: steps of the run that earlier processes or stages have trained.

    Returns:
      Runtime, task and trainer, without start weights.
    """
    examples = config.example_config(stage.max_seq_length)
    data_settings = {
        "max_seq_length": examples.max_seq_length,
        "max_predictions_per_seq": examples.max_predictions_per_seq,
        "masked_lm_prob": examples.masked_lm_prob,
        "ngram": examples.ngram,
        "favor_shorter_ngram": examples.favor_shorter_ngram,
        "do_whole_word_mask": examples.do_whole_word_mask,
        "short_seq_prob": examples.short_seq_prob,
        "copied_segment_prob": examples.copied_segment_prob,
        "seed": examples.random_seed,
    }
    return cfg.ExperimentConfig(
        runtime=cfg.RuntimeConfig(mixed_precision_dtype=config.mixed_precision),
        task=PretrainingTaskConfig(
            model=PretrainingModelConfig(
                encoder=encoder_of_run(
                    config,
                    albert,
                    config.lsh_at(stage.max_seq_length, config.lsh_budget),
                )
            ),
            train_data=PretrainingDataConfig(
                input_path=",".join(config.input_file),
                global_batch_size=stage.train_batch_size,
                # Every length has examples of its own, from the first one on.
                start_step=config.batches_before(stage) + start_step - stage.first_step,
                **data_settings,
            ),
            validation_data=PretrainingDataConfig(
                input_path=",".join(config.eval_input_file or config.input_file),
                is_training=False,
                global_batch_size=config.eval_batch_size,
                max_eval_steps=config.max_eval_steps,
                **data_settings,
            ),
            gradient_accumulation_steps=config.gradient_accumulation_steps,
            replaced_token_weight=config.replaced_token_weight,
            replaced_token_share=config.replaced_token_share,
            enable_xla=config.enable_xla,
        ),
        trainer=cfg.TrainerConfig(
            optimizer_config=optimization_config(
                config.optimizer,
                initial_learning_rate=config.learning_rate,
                train_steps=config.num_train_steps,
                warmup_steps=config.num_warmup_steps,
                power=config.poly_power,
                start_step=config.start_warmup_step,
            ),
            train_steps=config.num_train_steps,
        ),
    )
