"""`run_pretraining.py`: pre-trains ALBERT and evaluates it."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from albert_lsh_tf.cli import flags, messages, recipes
from albert_lsh_tf.cli.command_line import program_name
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
    messages.run_command(argv, _help_text, lambda argv: _run(flags.parse(argv, FLAGS)))


def _help_text() -> str:
    return flags.help_text(program_name("albert-lsh pretrain"), FLAGS)


def _run(parsed: flags.ParsedFlags) -> None:
    output_dir = parsed.run["output_dir"] or OUTPUT_DIR
    phases = parsed.phases("do_train", "do_eval")
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
        settings = read_mapping(run_file)
        # The folder has a copy of it, and the file may be gone.
        settings.pop("albert_config_file", None)
        config = config.with_settings(settings, run_file)
    config_file = parsed.run["config_file"]
    config = _with_layer(config, recipes.settings_file(config_file), config_file or "")
    return _with_layer(config, parsed.settings)


def _with_layer(
    config: PretrainingConfig, settings: Mapping[str, Any], source: str = ""
) -> PretrainingConfig:
    """Puts a layer on; where it changes the steps alone, warm-up keeps its share."""
    settings = recipes.with_warmup_share(
        config, settings, "num_train_steps", "num_warmup_steps"
    )
    return config.with_settings(settings, source)


if __name__ == "__main__":
    main()
