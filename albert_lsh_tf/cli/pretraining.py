"""`run_pretraining.py`: pre-trains ALBERT and evaluates it."""

import os
import sys
from collections.abc import Sequence

from albert_lsh_tf.cli import flags, messages, recipes
from albert_lsh_tf.cli.pretraining_flags import FLAGS, OUTPUT_DIR
from albert_lsh_tf.config_io import read_mapping
from albert_lsh_tf.tasks.pretraining.settings import PretrainingConfig


def main(argv: Sequence[str] | None = None) -> None:
    """Runs what the command line says.

    Args:
      argv: without the program's name; None: that of the process.

    Raises:
      SystemExit: with a status other than 0, after one line on stderr, where the user
        has to mend something.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    if any(argument in ("-h", "--help", "-help", "--helpfull") for argument in argv):
        script = os.path.basename(sys.argv[0])
        is_script = script.endswith(".py")
        program = f"python {script}" if is_script else "albert-lsh pretrain"
        print(flags.help_text(program, FLAGS), end="")
        return
    with messages.errors_in_one_line(), messages.warnings_in_one_line():
        _run(flags.parse(argv, FLAGS))


def _run(parsed: flags.ParsedFlags) -> None:
    output_dir = parsed.run["output_dir"] or OUTPUT_DIR
    phases = {name: parsed.run[name] for name in ("do_train", "do_eval")}
    # Without either of them, both; --nodo_eval alone leaves the other.
    default = not any(phases.values())
    phases = {
        name: default if value is None else value for name, value in phases.items()
    }
    config = _config(parsed, output_dir, phases["do_train"])
    if parsed.run["output_dir"] is None:
        print(f"output_dir: {output_dir} (the default)", flush=True)

    messages.quiet_tensorflow()
    # TensorFlow takes seconds to import; a mistyped flag should not wait for it.
    from albert_lsh_tf.tasks.pretraining.training import pretrain

    pretrain(config, output_dir, **phases)


def _config(
    parsed: flags.ParsedFlags, output_dir: str, do_train: bool
) -> PretrainingConfig:
    """Settings on top of each other: defaults, the run's own, a file's, flags."""
    config = PretrainingConfig()
    run_file = os.path.join(os.path.expanduser(output_dir), "config.yaml")
    if not do_train and os.path.exists(run_file):
        # What is scored again is scored as the run was.
        config = recipes.merge_settings(config, read_mapping(run_file), run_file)
    config_file = parsed.run["config_file"]
    config = recipes.merge_settings(
        config, recipes.settings_file(config_file), config_file or ""
    )
    return recipes.merge_settings(config, parsed.settings)


if __name__ == "__main__":
    main()
