"""Whether the run in a folder may go on, or be scored again, with other settings."""

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.pretraining.settings import PretrainingConfig
from albert_lsh_tf.tasks.run_folder import RunFolder, step_of
from albert_lsh_tf.tasks.same_run import (
    FREE_OF_EVERY_RUN,
    changed_settings,
    refuse_fewer_steps,
    warmup_keeps_its_share,
)

# Free to change while a run goes on, besides what is of every run.
_FREE = (
    *FREE_OF_EVERY_RUN,
    "num_train_steps",  # See `refuse_fewer_steps`.
    # The best checkpoint is forgotten where other examples come of them.
    *("max_eval_steps", "eval_input_file"),
    "gradient_accumulation_steps",
    *("input_file", "albert_config_file"),  # What is in them is compared.
)
# What the scores of weights that are trained already depend on.
_SCORING = (
    *("max_seq_length", "curriculum", "max_predictions_per_seq", "masked_lm_prob"),
    *("ngram", "favor_shorter_ngram", "do_whole_word_mask"),
    *("short_seq_prob", "copied_segment_prob", "seed"),
    *("attention", "lsh", "lsh_budget", "mixed_precision"),
)


def refuse_other_settings(
    config: PretrainingConfig, folder: RunFolder, do_train: bool
) -> None:
    """Refuses settings that would mix two runs in one folder, or their scores.

    Args:
      config: what is asked for.
      folder: may hold a run, whose settings are in it.
      do_train: False where only scores are asked for; settings of training are not
        compared then.

    Raises:
      InputError: names every setting that is another one, with both values; or training
        would end before it has come to.
    """
    saved = folder.saved_config()
    if saved is None or not folder.checkpoints():
        return
    names = [name for name in config.to_dict() if name not in _FREE]
    # The command line scales it where it is not given.
    if warmup_keeps_its_share(
        (saved.num_warmup_steps, saved.num_train_steps),
        (config.num_warmup_steps, config.num_train_steps),
    ):
        names.remove("num_warmup_steps")
    if changes := changed_settings(saved, config, names if do_train else _SCORING):
        raise InputError(
            f"output_dir={folder.path} holds a run with other settings: "
            f"{', '.join(changes)}. Give another --output_dir, or leave them as they "
            f"were; --init_checkpoint={folder.path} goes on from its weights."
        )
    if do_train:
        trained_steps = step_of(folder.latest_checkpoint())
        refuse_fewer_steps(
            folder, "num_train_steps", config.num_train_steps, trained_steps
        )
