"""The flags of run_pretraining.py. Imports no TensorFlow."""

from albert_lsh_tf.cli.command_line import Flag
from albert_lsh_tf.cli.flags import ATTENTION_FLAGS, RETIRED, FlagsOfScript
from albert_lsh_tf.tasks.pretraining.settings import PretrainingConfig

OUTPUT_DIR = "runs/pretraining"

_RUN = {
    "output_dir": Flag(str, "folder of the run", OUTPUT_DIR),
    "do_train": Flag(bool, "train; with neither of these two, both are done"),
    "do_eval": Flag(bool, "evaluate every checkpoint, and the best at the end"),
    "config_file": Flag(str, "YAML or JSON of these settings; flags win over it"),
}

FLAGS = FlagsOfScript(
    intro=(
        "Pre-trains ALBERT, with dense or LSH attention, on masked words and sentence",
        "order. A command that was interrupted goes on where it was when it is given",
        "again.",
        "",
        "  {program} --input_file=pretraining/tokens \\",
        "    --albert_config_file=albert_config.json --spm_model_file=spiece.model",
        "",
        "Settings come from, later wins: the defaults below, --config_file, flags.",
    ),
    config=PretrainingConfig,
    run=_RUN,
    groups={
        "Run": (*_RUN, "seed"),
        "Examples": (
            "input_file",
            "eval_input_file",
            "max_seq_length",
            "curriculum",
            "max_predictions_per_seq",
            "masked_lm_prob",
            "ngram",
            "favor_shorter_ngram",
            "do_whole_word_mask",
            "short_seq_prob",
            "copied_segment_prob",
        ),
        "Model": (
            "albert_config_file",
            "init_checkpoint",
            "spm_model_file",
            "vocab_file",
            "hidden_dropout_prob",
            "attention_probs_dropout_prob",
        ),
        "Recipe": (
            "train_batch_size",
            "gradient_accumulation_steps",
            "eval_batch_size",
            "max_eval_steps",
            "replaced_token_weight",
            "replaced_token_share",
            "optimizer",
            "learning_rate",
            "poly_power",
            "num_train_steps",
            "num_warmup_steps",
            "start_warmup_step",
            "save_checkpoints_steps",
            "keep_checkpoint_max",
        ),
        "Attention": ATTENTION_FLAGS,
    },
    retired={
        **RETIRED,
        "init_from_group0": "leave it out; ALBERT here has one group",
        "masked_lm_budget": "leave it out; --input_file of token ids masks anew in "
        "every epoch",
    },
)
