"""`run_squad.py`: the front door of SQuAD, which is not built yet."""

import sys
from collections.abc import Sequence

from absl import flags

from albert_lsh_tf.cli import messages
from albert_lsh_tf.config_io import nearest
from albert_lsh_tf.errors import InputError

# The flags of Google's run_squad_v1.py and run_squad_v2.py that will stay.
_FLAGS = (
    "albert_config_file",
    "albert_hub_module_handle",
    "config_file",
    "do_lower_case",
    "do_predict",
    "do_train",
    "doc_stride",
    "export_dir",
    "init_checkpoint",
    "learning_rate",
    "max_answer_length",
    "max_query_length",
    "max_seq_length",
    "n_best_size",
    "num_train_epochs",
    "output_dir",
    "predict_batch_size",
    "predict_file",
    "save_checkpoints_steps",
    "spm_model_file",
    "train_batch_size",
    "train_file",
    "version_2",
    "warmup_proportion",
)
_SWITCHES = ("do_lower_case", "do_predict", "do_train", "version_2")


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the command line, and says that SQuAD is not there yet.

    Args:
      argv: without the program's name; None: that of the process.

    Raises:
      SystemExit: always with a status other than 0, but after `--help`.
    """
    messages.run_command(argv, _help_text, _command)


def _help_text() -> str:
    lines = ["SQuAD is not built yet. These flags are planned:"]
    return "\n".join([*lines, *(f"  --{name}" for name in _FLAGS)]) + "\n"


def _command(argv: list[str]) -> None:
    _parse(argv)
    print(
        "error: SQuAD is not built yet; run_classifier.py fine-tunes the GLUE tasks.",
        file=sys.stderr,
    )
    raise SystemExit(2)


def _parse(argv: Sequence[str]) -> None:
    values = flags.FlagValues()
    for name in _FLAGS:
        define = flags.DEFINE_boolean if name in _SWITCHES else flags.DEFINE_string
        define(name, None, "", flag_values=values)
    try:
        values(["", *argv])
    except flags.UnrecognizedFlagError as error:
        raise InputError(
            f"unknown flag --{error.flagname}{nearest(error.flagname, _FLAGS) or '.'}"
        ) from error
    except flags.Error as error:
        raise InputError(" ".join(str(error).split())) from error
