"""The flags of run_race.py. Imports no TensorFlow."""

from albert_lsh_tf.cli.flags import ATTENTION_FLAGS, RETIRED, Flag, FlagsOfScript
from albert_lsh_tf.config import ClassifierConfig

_FEATURES = "leave it out; features are made in memory, each article once"

_RENAMED = {
    "classifier_dropout_prob": "dropout_prob",
    "keep_checkpoint_max": "num_keep_checkpoint",
}
_RUN = {
    "output_dir": Flag(str, "folder of the run; default runs/<task>"),
    "high_only": Flag(bool, "only what is for high schools"),
    "middle_only": Flag(bool, "only what is for middle schools"),
    "do_train": Flag(bool, "train; with none of these three, all are done"),
    "do_eval": Flag(bool, "evaluate every checkpoint, and the best at the end"),
    "do_predict": Flag(bool, "predict the test set with the best checkpoint"),
    "config_file": Flag(str, "YAML or JSON of these settings; flags win over it"),
}

FLAGS = FlagsOfScript(
    intro=(
        "Fine-tunes and evaluates ALBERT with LSH attention on RACE.",
        "",
        "  {program} --data_dir=DIR  # DIR/RACE/{{train,dev,test}}/{{middle,high}}/",
        "",
        "Settings come from, later wins: the defaults below, configs/race/race.yaml,",
        "--config_file, flags.",
    ),
    config=ClassifierConfig,
    run=_RUN,
    groups={
        "Run": (*_RUN, "task_name", "seed"),
        "Data and weights": (
            "data_dir",
            "init_checkpoint",
            "albert_hub_module_handle",
            "albert_config_file",
            "spm_model_file",
            "vocab_file",
            "do_lower_case",
            "max_seq_length",
            "max_qa_length",
            "max_position_embeddings",
        ),
        "Recipe": (
            "train_batch_size",
            "eval_batch_size",
            "predict_batch_size",
            "learning_rate",
            "train_step",
            "num_train_epochs",
            "warmup_step",
            "save_checkpoints_steps",
            "num_keep_checkpoint",
            "optimizer",
            "hidden_dropout_prob",
            "attention_probs_dropout_prob",
            "dropout_prob",
        ),
        "Attention": ATTENTION_FLAGS,
    },
    retired={
        **RETIRED,
        **dict.fromkeys(("train_file", "eval_file", "predict_file"), _FEATURES),
        **{name: f"use --{flag}" for name, flag in _RENAMED.items()},
    },
    left_out=("labels", "text_pairs", "download"),
    renamed=_RENAMED,
    described={
        "task_name": Flag(str, "race, race-middle or race-high", "race"),
        "data_dir": Flag(str, "folder that holds RACE/"),
    },
)
