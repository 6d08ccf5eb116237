"""Exports the network of a run, with all that the run's folder knows of it."""

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from albert_lsh_tf.config import ClassifierConfig, RunConfig
from albert_lsh_tf.data.classification import find_task
from albert_lsh_tf.data.race.questions import RaceTask
from albert_lsh_tf.data.task import Task
from albert_lsh_tf.export.classifier import export_classifier
from albert_lsh_tf.export.model_card import Provenance
from albert_lsh_tf.export.multiple_choice import QuestionInputs, export_multiple_choice
from albert_lsh_tf.export.text_inputs import TextInputs
from albert_lsh_tf.networks.classifier import AlbertClassifier
from albert_lsh_tf.networks.multiple_choice import AlbertMultipleChoice

_NOTHING_NAMED = "albert_lsh_tiny, the package's own model"
_VOCABULARIES = ("spiece.model", "vocab.txt")  # A run has one of them.


def export_run(
    model: AlbertClassifier | AlbertMultipleChoice,
    export_dir: str | pathlib.Path,
    output_dir: str | pathlib.Path,
    config: ClassifierConfig,
    restored: Mapping[str, Any] | None = None,
) -> None:
    """Exports with labels, vocabulary and scores of a run.

    It is `export_classifier`, or `export_multiple_choice` where the task is RACE.

    Text is cut and lower-cased as in training. Where the run has no vocabulary, ids are
    all that the export takes.

    Args:
      model: the run's network.
      export_dir: see `folders.check_export_dir`.
      output_dir: the run's folder.
      config: of the run, and the one in its folder comes first; or what another run's
        checkpoint was scored with, whose text is then cut to its length.
      restored: `step` of the model's weights and, if it has just been scored, scores;
        None: of the checkpoint that `config` names, or else of the best one. The card
        has the scores that the run has on record for that step, or else these; of
        another run's checkpoint these, or else those on record.

    Raises:
      InputError: see those two.
    """
    folder = trained_folder(output_dir, config)
    restored = restored or _named_checkpoint(folder, config)
    is_anothers = folder != _path(output_dir)
    scored_with = config
    if (folder / "config.yaml").exists():
        config = ClassifierConfig.from_file(folder / "config.yaml")
    task = find_task(config.task_name, config.labels, config.text_pairs)
    lengths = scored_with if is_anothers else config
    text = None
    for file in (folder / name for name in _VOCABULARIES):
        if file.exists():
            text = _text_inputs(task, file, config.do_lower_case, lengths)
    is_scored_anew = is_anothers and restored and len(restored) > 1
    scores = restored if is_scored_anew else _scores(folder, restored)
    architecture = folder / "albert_config.json"
    settings = dict(
        # Beside a SavedModel it makes it a source of weights that needs nothing else.
        extra_files=[architecture] if architecture.exists() else [],
        text=text,
        provenance=_provenance(config, task, scores),
    )
    if isinstance(task, RaceTask):
        export_multiple_choice(model, export_dir, **settings)
    else:
        export_classifier(model, export_dir, task.labels, **settings)


def _text_inputs(
    task: Task,
    vocabulary_file: pathlib.Path,
    do_lower_case: bool,
    lengths: ClassifierConfig,
) -> TextInputs | QuestionInputs:
    """How the texts of a task become ids, with the lengths of a config."""
    settings = dict(
        vocabulary_file=vocabulary_file,
        do_lower_case=do_lower_case,
        max_seq_length=lengths.max_seq_length,
    )
    if isinstance(task, RaceTask):
        return QuestionInputs(**settings, max_qa_length=lengths.max_qa_length)
    return TextInputs(**settings, num_texts=len(task.text_columns))


def trained_folder(output_dir: str | pathlib.Path, config: RunConfig) -> pathlib.Path:
    """The folder of the run that trained the model.

    Evaluating another run's checkpoint leaves no description in `output_dir`.
    """
    folders = [_path(output_dir)]
    if config.init_checkpoint:
        given = _path(config.init_checkpoint)
        folders += [given, *given.parents[:2]]
    described = [f for f in folders if (f / "config.yaml").exists()]
    # A start that was killed leaves a description of what was not trained.
    trained = [f for f in described if (f / "checkpoint").exists()]
    return next(iter([*trained, *described]), folders[0])


def _path(given: str | pathlib.Path) -> pathlib.Path:
    # Unlike pathlib's own, it leaves the home of nobody as it is written.
    return pathlib.Path(os.path.expanduser(given))


def _named_checkpoint(
    folder: pathlib.Path, config: RunConfig
) -> Mapping[str, Any] | None:
    """The step of the checkpoint in a run's folder that settings name, if they do."""
    prefix = _path(config.init_checkpoint or "")
    is_there = os.path.exists(f"{prefix}.index")
    if is_there and prefix.resolve().is_relative_to(folder.resolve()):
        step = prefix.name.rpartition("-")[2]
        return {"step": int(step)} if step.isdigit() else None
    return None


def _provenance(
    config: ClassifierConfig, task: Task, metrics: Mapping[str, Any]
) -> Provenance:
    if config.data_dir is None:
        data = (
            f"{task.name}, found without a data_dir: what TensorFlow Datasets had "
            "prepared, or else a made-up sample whose scores mean nothing"
        )
    else:
        data = f"{task.name} in `{config.data_dir}`"
    return Provenance(
        base_model=config.named_weights or _NOTHING_NAMED,
        data=data,
        metrics=metrics,
        settings=config.to_dict(),
    )


def _scores(
    folder: pathlib.Path, restored: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """Step and scores, on the dev set, of the weights that are exported.

    Args:
      folder: of their run.
      restored: their step and perhaps scores; None: those of the best checkpoint.
    """
    entries = _entries_on_record(folder)
    if restored is None:
        return next(entries, {})
    on_record = (entry for entry in entries if entry["step"] == restored["step"])
    # A step alone says nothing.
    return next(on_record, restored if len(restored) > 1 else {})


def _entries_on_record(folder: pathlib.Path) -> Iterator[dict[str, Any]]:
    """Scores that a run's folder has of its checkpoints, those of the best one first.

    Training may have gone on after metrics.json was written.
    """
    best = _read_json(folder / "best" / "best.json")
    summary = _read_json(folder / "metrics.json")
    on_record = summary.get("best") or {}
    # Both are of the same weights; metrics.json has what they scored last.
    if best and on_record.get("step") != best["step"]:
        on_record = {"step": best["step"], **best["metrics"]}
    if on_record:
        yield on_record
    yield from summary.get("history", [])
    log = folder / "training_log.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    for line in lines:
        with contextlib.suppress(json.JSONDecodeError):  # A kill cuts the last one.
            entry = json.loads(line)
            if "eval" in entry:
                yield {"step": entry["step"], **entry["eval"]}


def _read_json(file: pathlib.Path) -> dict[str, Any]:
    """What a file of a run holds; nothing where it is not there."""
    if not file.exists():
        return {}
    return json.loads(file.read_text(encoding="utf-8"))
