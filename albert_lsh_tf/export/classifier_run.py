"""Exports the classifier of a run, with all that the run's folder knows of it."""

import json
import pathlib
from typing import Any

from albert_lsh_tf.config import ClassifierConfig, RunConfig
from albert_lsh_tf.data.classification import find_task
from albert_lsh_tf.data.task import Task
from albert_lsh_tf.export.classifier import export_classifier
from albert_lsh_tf.export.model_card import Provenance
from albert_lsh_tf.export.text_inputs import TextInputs
from albert_lsh_tf.networks.classifier import AlbertClassifier

_NOTHING_NAMED = "albert_lsh_tiny, the package's own model"
_VOCABULARIES = ("spiece.model", "vocab.txt")  # A run has one of them.


def export_run(
    model: AlbertClassifier,
    export_dir: str | pathlib.Path,
    output_dir: str | pathlib.Path,
    config: ClassifierConfig,
) -> None:
    """`export_classifier` with labels, vocabulary and scores of a run.

    Text is cut and lower-cased as in training. Where the run has no vocabulary, ids are
    all that the export takes.

    Args:
      model: the run's classifier.
      export_dir: see `folders.check_export_dir`.
      output_dir: the run's folder.
      config: of the run; the one in its folder comes first.

    Raises:
      InputError: see `export_classifier`.
    """
    folder = trained_folder(pathlib.Path(output_dir), config)
    if (folder / "config.yaml").exists():
        config = ClassifierConfig.from_file(folder / "config.yaml")
    task = find_task(config.task_name, config.labels, config.text_pairs)
    text = None
    for file in (folder / name for name in _VOCABULARIES):
        if file.exists():
            text = TextInputs(
                vocabulary_file=file,
                do_lower_case=config.do_lower_case,
                max_seq_length=config.max_seq_length,
                num_texts=len(task.text_columns),
            )
    architecture = folder / "albert_config.json"
    export_classifier(
        model,
        export_dir,
        task.labels,
        # Beside a SavedModel it makes it a source of weights that needs nothing else.
        extra_files=[architecture] if architecture.exists() else [],
        text=text,
        provenance=_provenance(config, task, folder),
    )


def trained_folder(output_dir: pathlib.Path, config: RunConfig) -> pathlib.Path:
    """The folder of the run that trained the model.

    Evaluating another run's checkpoint leaves no description in `output_dir`.
    """
    given = pathlib.Path(config.init_checkpoint or output_dir)
    folders = (output_dir, given, *given.parents[:2])
    return next((f for f in folders if (f / "config.yaml").exists()), output_dir)


def _provenance(
    config: ClassifierConfig, task: Task, folder: pathlib.Path
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
        metrics=_best_metrics(folder / "metrics.json"),
        settings=config.to_dict(),
    )


def _best_metrics(file: pathlib.Path) -> dict[str, Any]:
    """Scores and step of the best checkpoint, on the dev set."""
    if not file.exists():
        return {}
    return json.loads(file.read_text(encoding="utf-8"))["best"] or {}
