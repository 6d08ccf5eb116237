"""Finds what a plan names, and exports it."""

import itertools
import os
import pathlib

from albert_lsh_tf.checkpoints.loading import load_encoder, load_pretrainer, open_source
from albert_lsh_tf.checkpoints.matching import heads_in
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.config import FineTuningConfig, LSHConfig, check_attention_kinds
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.export.encoder import export_encoder
from albert_lsh_tf.export.folders import check_apart, check_export_dir
from albert_lsh_tf.export.model_card import Provenance
from albert_lsh_tf.export.plan import ExportPlan
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.pretrainer import AlbertPretrainer

_RUN_CONFIG = "config.yaml"
_TASK_LENGTH = 128  # What TF-Hub's preprocessing makes, unless told.


def export_plan(plan: ExportPlan) -> list[str]:
    """Writes the SavedModels of a plan.

    Args:
      plan: what to export.

    Returns:
      A line about each of them.

    Raises:
      InputError: something that the plan names is not there or does not fit.
    """
    _check_folders(plan)
    source = open_source(plan.source, plan.albert_config_file)
    if source.kind != "embedded":  # Its name is no path.
        for name in ("dest", "preprocess"):
            if (folder := getattr(plan, name)) is not None:
                check_apart(folder, name, {"source": plan.source})
    run = _run_of(source)
    vocabulary_file = plan.vocabulary_file or source.spm_model_file or source.vocab_file
    if plan.preprocess and vocabulary_file is None:
        raise InputError(
            f"There is no vocabulary beside {source.path}, which preprocess needs; "
            "give vocabulary_file."
        )
    said = (plan.do_lower_case, source.do_lower_case, run and run.do_lower_case)
    do_lower_case = False not in said
    # All that can be wrong shows before something is written.
    model = _load(plan, source, run)
    length = plan.max_seq_length or (run.max_seq_length if run else _TASK_LENGTH)
    lines = []
    if plan.tflite:
        lines.append(_export_tflite(plan.tflite, model, length))
    if plan.preprocess:
        # tensorflow_text takes a second to import, and is not needed otherwise.
        from albert_lsh_tf.export.preprocessing import export_preprocessing

        export_preprocessing(vocabulary_file, plan.preprocess, do_lower_case, length)
        case = "lower-cased" if do_lower_case else "in its letter case"
        lines.append(
            f"{plan.preprocess}: text, {case}, to inputs of {length} tokens, with "
            f"{vocabulary_file}"
        )
    export_encoder(
        model,
        plan.dest,
        vocabulary_file=vocabulary_file,
        do_lower_case=do_lower_case,
        provenance=Provenance(base_model=source.description),
    )
    return [f"{plan.dest}: {_description(model)}; from {source.description}", *lines]


def _export_tflite(
    file: str, model: AlbertLSHEncoder | AlbertPretrainer, length: int
) -> str:
    """Writes the encoder for TensorFlow Lite, and says so in a line."""
    # TensorFlow Lite is slow to import, and rarely asked for.
    from albert_lsh_tf.export.tflite import export_tflite

    encoder = model if isinstance(model, AlbertLSHEncoder) else model.encoder
    written = export_tflite(encoder, file, length)
    return (
        f"{file}: the encoder for inputs of {length} tokens, "
        f"{written.num_bytes / 2**20:.1f} MiB; differs from TensorFlow by at most "
        f"{written.max_difference:.1g}"
    )


def _check_folders(plan: ExportPlan) -> None:
    """Refuses what cannot be written, or would be replaced by what is written next."""
    paths = {"dest": check_export_dir(plan.dest, "dest")}
    if plan.preprocess is not None:
        paths["preprocess"] = check_export_dir(plan.preprocess, "preprocess")
    if plan.tflite is not None:
        file = os.path.expanduser(plan.tflite)
        paths["tflite"] = pathlib.Path(file).resolve()
        if paths["tflite"].is_dir():
            raise InputError(f"tflite={plan.tflite} is a folder; give a file.")
    for (name, path), (other, another) in itertools.combinations(paths.items(), 2):
        if path.is_relative_to(another) or another.is_relative_to(path):
            raise InputError(
                f"{other}={getattr(plan, other)} and {name}={getattr(plan, name)} lie "
                "in each other; give different places."
            )


def _run_of(source: WeightSource) -> FineTuningConfig | None:
    """The config of the run that a checkpoint is of; None where there is no run."""
    if source.kind != "object":
        return None
    # RUN/ckpt-5 and RUN/best/ckpt-5.
    for folder in list(pathlib.Path(source.path).parents)[:2]:
        if (folder / _RUN_CONFIG).exists():
            return FineTuningConfig.of_any_run(folder / _RUN_CONFIG)
    return None


def _load(
    plan: ExportPlan, source: WeightSource, run: FineTuningConfig | None
) -> AlbertLSHEncoder | AlbertPretrainer:
    has_heads = plan.heads and "mlm" in heads_in(source.variables)
    load = load_pretrainer if has_heads else load_encoder
    attention = plan.attention or (run.attention if run else "lsh")
    if len(attention) == 1:
        (attention,) = attention
    check_attention_kinds(attention, source.config.num_hidden_layers)
    return load(
        source,
        attention,
        _lsh_config(plan, source, run),
        dropout_rate=run and run.hidden_dropout_prob,
        attention_dropout_rate=run and run.attention_probs_dropout_prob,
        max_position_embeddings=plan.max_position_embeddings,
        extend_positions=plan.extend_positions,
    )


def _lsh_config(
    plan: ExportPlan, source: WeightSource, run: FineTuningConfig | None
) -> LSHConfig:
    """The run's own setting, unless the plan says something about it."""
    if plan.lsh_config is not None:
        return LSHConfig.from_file(plan.lsh_config)
    if run and plan.lsh_budget is None and plan.max_seq_length is None:
        return run.lsh_or_recommended
    length = (
        plan.max_seq_length
        or (run and run.max_seq_length)
        or plan.max_position_embeddings
        or source.config.max_position_embeddings
    )
    budget = {} if plan.lsh_budget is None else {"budget": plan.lsh_budget}
    return LSHConfig.for_length(length, **budget, dense_below=None)


def _description(model: AlbertLSHEncoder | AlbertPretrainer) -> str:
    """An encoder in one line."""
    heads = f" with {' and '.join(model.heads)}" if hasattr(model, "heads") else ""
    encoder = model.encoder if heads else model
    config = encoder.get_config()
    length = config["max_sequence_length"]
    lsh = LSHConfig.from_dict(config["lsh_config"])
    kinds = dict.fromkeys(
        check_attention_kinds(config["attention"], config["num_layers"])
    )
    attention = f"{' and '.join(kinds)} attention"
    if "lsh" in kinds and lsh.is_dense(length):
        attention += ", which is dense at all these lengths"
    elif "lsh" in kinds:
        logits = lsh.logits_per_query(length)
        attention += f" ({logits} logits a query at {length} tokens, seed {lsh.seed})"
    return (
        f"encoder of {config['num_layers']} layers{heads}, up to {length} tokens, "
        f"{attention}"
    )
