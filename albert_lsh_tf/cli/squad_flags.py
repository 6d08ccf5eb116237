"""The flags of run_squad.py. Imports no TensorFlow."""

from albert_lsh_tf.cli.command_line import Flag
from albert_lsh_tf.cli.flags import ATTENTION_FLAGS, RETIRED, FlagsOfScript
from albert_lsh_tf.tasks.squad.settings import SquadConfig

OUTPUT_DIR = "runs/squad"

_RUN = {
    "output_dir": Flag(str, "folder of the run", OUTPUT_DIR),
    "do_train": Flag(bool, "train; with neither of these two, both are done"),
    "do_predict": Flag(bool, "answer predict_file with the best checkpoint"),
    "export_dir": Flag(str, "folder for a SavedModel of the best checkpoint"),
    "config_file": Flag(str, "YAML or JSON of these settings; flags win over it"),
}

FLAGS = FlagsOfScript(
    intro=(
        "Fine-tunes ALBERT with LSH attention on SQuAD 1.1, or 2.0 with --version_2,",
        "and answers questions. A command that was interrupted goes on where it was",
        "when it is given again.",
        "",
        "  {program} --train_file=train-v1.1.json --predict_file=dev-v1.1.json",
        "",
        "Settings come from, later wins: the defaults below, --config_file, flags.",
    ),
    config=SquadConfig,
    run=_RUN,
    groups={
        "Run": (*_RUN, "seed"),
        "Questions": (
            "version_2",
            "train_file",
            "predict_file",
            "train_feature_file",
            "predict_feature_file",
            "skip_faulty_questions",
            "max_seq_length",
            "doc_stride",
            "max_query_length",
            "do_lower_case",
        ),
        "Answers": (
            "max_answer_length",
            "n_best_size",
            "start_n_top",
            "end_n_top",
            "null_score_diff_threshold",
            "held_out_share",
        ),
        "Weights": (
            "init_checkpoint",
            "albert_hub_module_handle",
            "albert_config_file",
            "spm_model_file",
            "vocab_file",
            "max_position_embeddings",
        ),
        "Recipe": (
            "train_batch_size",
            "group_by_length",
            "predict_batch_size",
            "learning_rate",
            "num_train_epochs",
            "warmup_proportion",
            "save_checkpoints_steps",
            "keep_checkpoint_max",
            "optimizer",
            "hidden_dropout_prob",
            "attention_probs_dropout_prob",
            "dropout_prob",
        ),
        "Attention": ATTENTION_FLAGS,
    },
    retired={
        **RETIRED,
        "eval_batch_size": "use --predict_batch_size; evaluations have it, too",
        "predict_feature_left_file": "leave it out; predict_feature_file has all",
        "use_einsum": "leave it out; exports work without it",
    },
    left_out=("eval_batch_size",),
)
