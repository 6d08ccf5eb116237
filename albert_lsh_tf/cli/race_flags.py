"""The flags of run_race.py: those of run_classifier.py, and RACE's own.

Imports no TensorFlow.
"""

import dataclasses

from albert_lsh_tf.cli import classifier_flags
from albert_lsh_tf.cli.command_line import Flag
from albert_lsh_tf.cli.flags import RETIRED

_FEATURES = "leave it out; features are made in memory, each article once"

_RENAMED = {
    "classifier_dropout_prob": "dropout_prob",
    "keep_checkpoint_max": "num_keep_checkpoint",
}
_RUN = {
    "output_dir": classifier_flags.FLAGS.run["output_dir"],
    "high_only": Flag(bool, "only what is for high schools"),
    "middle_only": Flag(bool, "only what is for middle schools"),
    **classifier_flags.FLAGS.run,
}

FLAGS = dataclasses.replace(
    classifier_flags.FLAGS,
    intro=(
        "Fine-tunes and evaluates ALBERT with LSH attention on RACE.",
        "",
        "  {program} --data_dir=DIR  # DIR/RACE/{{train,dev,test}}/{{middle,high}}/",
        "",
        "Settings come from, later wins: the defaults below, configs/race/race.yaml,",
        "--config_file, flags.",
    ),
    run=_RUN,
    groups={**classifier_flags.FLAGS.groups, "Run": (*_RUN, "task_name", "seed")},
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
