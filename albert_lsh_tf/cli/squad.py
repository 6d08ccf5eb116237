"""`run_squad.py`: fine-tunes on SQuAD, answers questions, and exports."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from albert_lsh_tf.cli import flags, messages, recipes
from albert_lsh_tf.cli.command_line import program_name
from albert_lsh_tf.cli.squad_flags import FLAGS, OUTPUT_DIR
from albert_lsh_tf.config_io import read_mapping
from albert_lsh_tf.embedded import EMBEDDED_MODEL_NAME, SQUAD_FINE_TUNING_FILE
from albert_lsh_tf.tasks.squad.settings import SquadConfig

if TYPE_CHECKING:
    from albert_lsh_tf.export.model_card import Provenance
    from albert_lsh_tf.tasks.run_folder import RunFolder

_NOTHING_NAMED = f"{EMBEDDED_MODEL_NAME}, the package's own model"
# Of data and machines that answering does without, and that may be gone.
_OF_TRAINING = (*recipes.NOT_TAKEN_OVER, "train_file", "train_feature_file")


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
        paths = recipes.run_paths(output_dir, config.init_checkpoint)
        check_export_dir(export_dir, apart_from=paths)
    results = train_and_answer(config, output_dir, **phases)
    if export_dir and results["is_chief"]:
        _export(results, export_dir, output_dir, config, phases["do_train"])
        print(f"SavedModel: {export_dir}", flush=True)


def _export(
    results: Mapping[str, Any],
    export_dir: str,
    output_dir: str,
    config: SquadConfig,
    do_train: bool,
) -> None:
    """Writes the model with what its run's folder knows of it."""
    from albert_lsh_tf.export.span_labeler import export_span_labeler
    from albert_lsh_tf.tasks.inputs import find_trained
    from albert_lsh_tf.tasks.run_folder import RunFolder

    run = RunFolder(output_dir, config_class=SquadConfig)
    if not do_train:
        run, _ = find_trained(config, run)
    export_span_labeler(
        results["model"],
        export_dir,
        # Beside a SavedModel it makes it a source of weights that needs nothing else.
        extra_files=[run.albert_config_file],
        vocabulary_file=run.spm_model_file,
        do_lower_case=config.do_lower_case,
        settings=config.answer_settings,
        provenance=_provenance(run, results),
    )


def _provenance(run: "RunFolder", results: Mapping[str, Any]) -> "Provenance":
    """Where a run's model is from; answering alone does not say that."""
    from albert_lsh_tf.export.model_card import Provenance
    from albert_lsh_tf.tasks.results import read_summary
    from albert_lsh_tf.tasks.squad.files import is_sample

    trained = run.saved_config()
    # The results may be of answers in another folder.
    summary = read_summary(run) or results
    metrics = summary["best"] or summary.get("threshold") or {}
    answered = results["predicted"]
    if answered and metrics.get("step") != answered["step"]:
        # Another checkpoint than the best one was asked for.
        scores = answered["scores"]
        metrics = {"step": answered["step"], **scores} if scores else {}
    data = "a made-up sample" if is_sample(trained) else ", ".join(trained.train_file)
    return Provenance(
        base_model=trained.named_weights or _NOTHING_NAMED,
        data=data,
        metrics=metrics,
        settings=trained.to_dict(),
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
        layers = [f"what suits {EMBEDDED_MODEL_NAME}", config_file, "flags"]
        print(f"recipe: {', then '.join(filter(None, layers))}", flush=True)
        settings = read_mapping(SQUAD_FINE_TUNING_FILE)
        config = config.with_settings(settings, str(SQUAD_FINE_TUNING_FILE))
    weights = {**file_settings, **parsed.settings}.get("init_checkpoint")
    run_file = None if do_train else recipes.trained_run_file(output_dir, weights)
    if run_file:
        settings = read_mapping(run_file)
        for name in _OF_TRAINING:
            settings.pop(name, None)
        config = config.with_settings(settings, str(run_file))
    config = config.with_settings(file_settings, config_file or "")
    return config.with_settings(parsed.settings)


if __name__ == "__main__":
    main()
