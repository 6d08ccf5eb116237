"""`run_squad.py`: fine-tunes on SQuAD, answers questions, and exports."""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from albert_lsh_tf.cli import flags, messages, recipes
from albert_lsh_tf.cli.command_line import program_name
from albert_lsh_tf.cli.squad_flags import FLAGS, OUTPUT_DIR
from albert_lsh_tf.config_io import read_mapping
from albert_lsh_tf.embedded import EMBEDDED_MODEL_NAME, SQUAD_FINE_TUNING_FILE
from albert_lsh_tf.tasks.squad.settings import SquadConfig

# A run's folder holds these itself, and the files they name may be gone.
_OF_TRAINING = (*recipes.WEIGHT_SETTINGS, "train_file", "train_feature_file")


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
    return flags.help_text(program_name("albert-lsh-squad"), FLAGS)


def _run(parsed: flags.ParsedFlags) -> None:
    output_dir = parsed.run["output_dir"] or OUTPUT_DIR
    phases = parsed.phases("do_train", "do_predict")
    config = _config(parsed, output_dir, phases["do_train"])
    if parsed.run["output_dir"] is None:
        print(f"output_dir: {output_dir} (the default)", flush=True)

    messages.quiet_tensorflow()
    # TensorFlow takes seconds to import; a mistyped flag should not wait for it.
    from albert_lsh_tf.export.folders import check_export_dir
    from albert_lsh_tf.tasks.squad.training import train_and_answer

    export_dir = parsed.run["export_dir"]
    if export_dir:
        check_export_dir(export_dir)
    results = train_and_answer(config, output_dir, **phases)
    if export_dir and results["is_chief"]:
        _export(results, export_dir, output_dir, config)
        print(f"SavedModel: {export_dir}", flush=True)


def _export(
    results: Mapping[str, Any], export_dir: str, output_dir: str, config: SquadConfig
) -> None:
    """Writes the model with what its run's folder knows of it."""
    from albert_lsh_tf.export.classifier_run import trained_folder
    from albert_lsh_tf.export.model_card import Provenance
    from albert_lsh_tf.export.span_labeler import export_span_labeler

    folder = trained_folder(pathlib.Path(output_dir).expanduser(), config)
    export_span_labeler(
        results["model"],
        export_dir,
        # Beside a SavedModel it makes it a source of weights that needs nothing else.
        extra_files=[folder / "albert_config.json"],
        vocabulary_file=folder / "spiece.model",
        do_lower_case=config.do_lower_case,
        settings=config.answer_settings,
        provenance=Provenance(
            base_model=config.named_weights,
            data=", ".join(config.train_file) or "a made-up sample",
            metrics=results["best"] or {},
            settings=config.to_dict(),
        ),
    )


def _config(parsed: flags.ParsedFlags, output_dir: str, do_train: bool) -> SquadConfig:
    """Settings on top of each other, later wins.

    Defaults; what suits the embedded model, where its weights are trained; or the
    settings of the run that answers; --config_file; flags.
    """
    config = SquadConfig()
    config_file = parsed.run["config_file"]
    file_settings = recipes.settings_file(config_file)
    given = [file_settings, parsed.settings]
    if do_train and recipes.uses_embedded_weights(given):
        print(f"recipe: what suits {EMBEDDED_MODEL_NAME}, then flags", flush=True)
        settings = read_mapping(SQUAD_FINE_TUNING_FILE)
        config = config.with_settings(settings, str(SQUAD_FINE_TUNING_FILE))
    if not do_train and (run_file := _trained_run_file(parsed, output_dir)):
        settings = read_mapping(run_file)
        for name in _OF_TRAINING:
            settings.pop(name, None)
        config = config.with_settings(settings, run_file)
    config = config.with_settings(file_settings, config_file or "")
    return config.with_settings(parsed.settings)


def _trained_run_file(parsed: flags.ParsedFlags, output_dir: str) -> str | None:
    """The config of the run that answers: what answers must be as it was trained."""
    for folder in (output_dir, parsed.settings.get("init_checkpoint")):
        if folder:
            path = os.path.join(os.path.expanduser(folder), "config.yaml")
            if os.path.exists(path):
                return path
    return None


if __name__ == "__main__":
    main()
