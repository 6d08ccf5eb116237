"""The GLUE tasks as a table: files, columns, labels, metrics. No TensorFlow here.

Source: gluebenchmark.com (files, columns, metrics, submission names) and
google-research/albert, classifier_utils.py (order of the labels, names of the metrics).
"""

import dataclasses
from collections.abc import Mapping

from albert_lsh_tf.config_io import nearest
from albert_lsh_tf.data.task import Task
from albert_lsh_tf.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class GlueTask(Task):
    """A task of GLUE; its name is as GLUE spells it.

    `text_columns` are names of the header, `submissions` those the GLUE server wants.
    """

    label_column: str
    id_column: str = "index"  # In the test files.
    headerless_columns: tuple[str, ...] | None = None  # CoLA's train and dev files.
    skip_short_rows: bool = False  # Official QQP files have a few broken rows.
    # Split to config and split of the TensorFlow Datasets builder "glue".
    tfds_splits: Mapping[str, str] = dataclasses.field(default_factory=dict)


SCORE_RANGE = (0.0, 5.0)  # Of STS-B.

_BINARY = ("0", "1")
_NLI = ("contradiction", "entailment", "neutral")
_ENTAILMENT = ("entailment", "not_entailment")
_SENTENCES = ("sentence1", "sentence2")
_ACCURACY = {"metrics": ("eval_accuracy",), "best_metric": "eval_accuracy"}
_ACCURACY_AND_F1 = {
    "metrics": ("eval_accuracy", "f1"),
    "best_metric": "eval_accuracy",
}


def _files(folder: str) -> dict[str, str]:
    return {split: f"{folder}/{split}.tsv" for split in ("train", "dev", "test")}


def _tfds(name: str) -> dict[str, str]:
    splits = {"train": "train", "dev": "validation", "test": "test"}
    return {split: f"{name}/{theirs}" for split, theirs in splits.items()}


_MNLI = {
    "text_columns": _SENTENCES,
    "label_column": "gold_label",
    "labels": _NLI,
    **_ACCURACY,
}

_TASKS = (
    GlueTask(
        name="CoLA",
        files=_files("CoLA"),
        text_columns=("sentence",),
        label_column="label",
        labels=_BINARY,
        metrics=("matthew_corr", "eval_accuracy"),
        best_metric="matthew_corr",
        submissions={"test": "CoLA.tsv"},
        headerless_columns=("source", "label", "author_mark", "sentence"),
        tfds_splits=_tfds("cola"),
    ),
    GlueTask(
        name="SST-2",
        files=_files("SST-2"),
        text_columns=("sentence",),
        label_column="label",
        labels=_BINARY,
        submissions={"test": "SST-2.tsv"},
        tfds_splits=_tfds("sst2"),
        **_ACCURACY,
    ),
    GlueTask(
        name="MRPC",
        files=_files("MRPC"),
        text_columns=("#1 String", "#2 String"),
        label_column="Quality",
        labels=_BINARY,
        submissions={"test": "MRPC.tsv"},
        tfds_splits=_tfds("mrpc"),
        **_ACCURACY_AND_F1,
    ),
    GlueTask(
        name="STS-B",
        files=_files("STS-B"),
        text_columns=_SENTENCES,
        label_column="score",
        labels=None,
        metrics=("pearson", "spearman", "MSE"),
        best_metric="pearson",
        submissions={"test": "STS-B.tsv"},
        tfds_splits=_tfds("stsb"),
    ),
    GlueTask(
        name="QQP",
        files=_files("QQP"),
        text_columns=("question1", "question2"),
        label_column="is_duplicate",
        labels=_BINARY,
        submissions={"test": "QQP.tsv"},
        id_column="id",
        skip_short_rows=True,
        tfds_splits=_tfds("qqp"),
        **_ACCURACY_AND_F1,
    ),
    GlueTask(
        name="MNLI",
        files={
            "train": "MNLI/train.tsv",
            "dev": "MNLI/dev_matched.tsv",
            "dev_mismatched": "MNLI/dev_mismatched.tsv",
            "test": "MNLI/test_matched.tsv",
            "test_mismatched": "MNLI/test_mismatched.tsv",
            "diagnostic": "diagnostic/diagnostic.tsv",
        },
        submissions={
            "test": "MNLI-m.tsv",
            "test_mismatched": "MNLI-mm.tsv",
            "diagnostic": "AX.tsv",
        },
        tfds_splits={
            "train": "mnli/train",
            "dev": "mnli/validation_matched",
            "dev_mismatched": "mnli/validation_mismatched",
            "test": "mnli/test_matched",
            "test_mismatched": "mnli/test_mismatched",
        },
        **_MNLI,
    ),
    GlueTask(
        name="MISMNLI",
        files={
            "train": "MNLI/train.tsv",
            "dev": "MNLI/dev_mismatched.tsv",
            "test": "MNLI/test_mismatched.tsv",
        },
        submissions={"test": "MNLI-mm.tsv"},
        tfds_splits={
            "train": "mnli/train",
            "dev": "mnli/validation_mismatched",
            "test": "mnli/test_mismatched",
        },
        **_MNLI,
    ),
    GlueTask(
        name="QNLI",
        files=_files("QNLI"),
        text_columns=("question", "sentence"),
        label_column="label",
        labels=_ENTAILMENT,
        submissions={"test": "QNLI.tsv"},
        tfds_splits=_tfds("qnli"),
        **_ACCURACY,
    ),
    GlueTask(
        name="RTE",
        files=_files("RTE"),
        text_columns=_SENTENCES,
        label_column="label",
        labels=_ENTAILMENT,
        submissions={"test": "RTE.tsv"},
        tfds_splits=_tfds("rte"),
        **_ACCURACY,
    ),
    GlueTask(
        name="WNLI",
        files=_files("WNLI"),
        text_columns=_SENTENCES,
        label_column="label",
        labels=_BINARY,
        submissions={"test": "WNLI.tsv"},
        tfds_splits=_tfds("wnli"),
        **_ACCURACY,
    ),
    # The diagnostic set has no training data: train on MNLI, predict these.
    GlueTask(
        name="AX",
        files={
            "train": "MNLI/train.tsv",
            "dev": "MNLI/dev_matched.tsv",
            "test": "diagnostic/diagnostic.tsv",
        },
        submissions={"test": "AX.tsv"},
        tfds_splits={
            "train": "mnli/train",
            "dev": "mnli/validation_matched",
            "test": "ax/test",
        },
        **_MNLI,
    ),
)

TASKS: Mapping[str, GlueTask] = {task.name: task for task in _TASKS}


def find_task(name: str) -> GlueTask:
    """The task of that name, whatever its case and with or without its hyphen.

    Args:
      name: such as "MRPC", "mrpc", "sst-2" or "sst2".

    Returns:
      The task.

    Raises:
      InputError: GLUE has no such task.
    """
    by_key = {_key(task.name): task for task in _TASKS}
    if _key(name) in by_key:
        return by_key[_key(name)]
    close = nearest(name.lower(), [task.name.lower() for task in _TASKS])
    raise InputError(
        f"task_name={name!r} is not a GLUE task{close or ';'} "
        f"known are {', '.join(TASKS)}."
    )


def _key(name: str) -> str:
    return name.strip().lower().replace("-", "").replace("_", "")
