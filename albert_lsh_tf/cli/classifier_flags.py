"""The flags of run_classifier.py. Imports no TensorFlow."""

from albert_lsh_tf.cli.command_line import Flag
from albert_lsh_tf.cli.flags import ATTENTION_FLAGS, RETIRED, FlagsOfScript
from albert_lsh_tf.config import ClassifierConfig

_RUN = {
    "output_dir": Flag(str, "folder of the run; default runs/<task>"),
    "do_train": Flag(bool, "train; with none of these three, all are done"),
    "do_eval": Flag(bool, "evaluate every checkpoint, and the best at the end"),
    "do_predict": Flag(bool, "predict the test set with the best checkpoint"),
    "export_dir": Flag(str, "folder for a SavedModel of the best checkpoint"),
    "config_file": Flag(str, "YAML or JSON of these settings; flags win over it"),
}

FLAGS = FlagsOfScript(
    intro=(
        "Fine-tunes and evaluates ALBERT with LSH attention on GLUE, or your own data.",
        "",
        "  {program} --task_name=MRPC",
        "  {program} --task_name=NAME --data_dir=DIR  # DIR/NAME/train.jsonl",
        "",
        "Later wins: defaults below, configs/glue/<task>.yaml, --config_file, flags.",
    ),
    config=ClassifierConfig,
    run=_RUN,
    groups={
        "Run": (*_RUN, "task_name", "seed"),
        "Data and weights": (
            "data_dir",
            "labels",
            "text_pairs",
            "download",
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
            "group_by_length",
            "eval_batch_size",
            "predict_batch_size",
            "learning_rate",
            "train_step",
            "num_train_epochs",
            "warmup_step",
            "save_checkpoints_steps",
            "keep_checkpoint_max",
            "optimizer",
            "hidden_dropout_prob",
            "attention_probs_dropout_prob",
            "classifier_dropout_prob",
        ),
        "Attention": ATTENTION_FLAGS,
    },
    retired={
        **RETIRED,
        "cached_dir": "leave it out; features are made in memory",
        "threshold_to_export": "leave it out; compare the SavedModel's probabilities "
        "with your threshold",
    },
)
