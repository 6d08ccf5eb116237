"""`run_classifier.py`: fine-tunes, evaluates, predicts and exports a classifier."""

from collections.abc import Sequence

from albert_lsh_tf.cli import flags, messages, recipes
from albert_lsh_tf.cli.classifier_flags import FLAGS
from albert_lsh_tf.cli.command_line import program_name


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
    return flags.help_text(program_name("albert-lsh-classifier"), FLAGS)


def _run(parsed: flags.ParsedFlags) -> None:
    run(parsed, recipes.resolve(parsed, do_train=phases_of(parsed)["do_train"]))


def phases_of(parsed: flags.ParsedFlags) -> dict[str, bool]:
    """Which of training, evaluation and prediction a command line asks for."""
    return parsed.phases("do_train", "do_eval", "do_predict")


def run(parsed: flags.ParsedFlags, resolved: recipes.Resolved) -> None:
    """Trains, evaluates, predicts and exports.

    Args:
      parsed: the command line.
      resolved: the settings that it leads to.

    Raises:
      InputError: see `train_and_evaluate`.
    """
    print(f"recipe: {resolved.description}", flush=True)
    if parsed.run["output_dir"] is None:
        print(f"output_dir: {resolved.output_dir} (the default)", flush=True)

    messages.quiet_tensorflow()
    # TensorFlow takes seconds to import; a mistyped flag should not wait for it.
    from albert_lsh_tf.export.classifier_run import export_run
    from albert_lsh_tf.export.folders import check_export_dir
    from albert_lsh_tf.tasks.training import train_and_evaluate

    export_dir = parsed.run["export_dir"]
    if export_dir:
        weights = resolved.config.init_checkpoint
        paths = recipes.run_paths(resolved.output_dir, weights)
        check_export_dir(export_dir, apart_from=paths)
    results = train_and_evaluate(
        resolved.config, resolved.output_dir, **phases_of(parsed)
    )
    if export_dir and results["is_chief"]:
        export_run(
            results["model"],
            export_dir,
            resolved.output_dir,
            resolved.config,
            results["restored"],
        )
        print(f"SavedModel: {export_dir}", flush=True)


if __name__ == "__main__":
    main()
