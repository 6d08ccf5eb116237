"""Command-line flags, made from the fields of the configs. Does not import TensorFlow.

Google's names, and absl's ways of writing them: `--do_train`, `--do_train=true`,
`--nodo_train`. A flag that was not given leaves the setting to the recipe.
"""

import dataclasses
import re
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from albert_lsh_tf.config import ClassifierConfig, LSHConfig
from albert_lsh_tf.config_io import nearest
from albert_lsh_tf.errors import InputError

# Flags of TPUEstimator and of caches, which have no meaning here.
RETIRED = {
    "use_tpu": "use --distribution_strategy=tpu",
    "tpu_name": "use --distribution_strategy=tpu --tpu_address=NAME",
    "tpu_zone": "use --tpu_address; the zone is found from it",
    "gcp_project": "use --tpu_address; the project is found from it",
    "master": "use --tpu_address, or --worker_hosts and --task_index",
    "num_tpu_cores": "leave it out; --distribution_strategy=tpu uses all cores",
    "iterations_per_loop": "leave it out; --save_checkpoints_steps says how often "
    "checkpoints are written",
    "cached_dir": "leave it out; features are made in memory",
    "threshold_to_export": "leave it out; compare the SavedModel's probabilities with "
    "your threshold",
}

_KINDS = {int: "a whole number", float: "a number", bool: "true or false"}

# Settings of LSHConfig whose own names would be unclear, or taken, among flags.
_LSH_FLAGS = {"seed": "lsh_seed", "hash": "lsh_hash"}


@dataclasses.dataclass(frozen=True)
class _Flag:
    """One flag: its kind (str, int, float, bool), help and what it defaults to."""

    kind: type
    help: str
    default: Any = None
    choices: tuple[str, ...] = ()


_RUN_FLAGS = {
    "output_dir": _Flag(str, "folder of the run; default runs/<task>"),
    "do_train": _Flag(bool, "train; with none of these three, all are done"),
    "do_eval": _Flag(bool, "evaluate every checkpoint, and the best at the end"),
    "do_predict": _Flag(bool, "predict the test set with the best checkpoint"),
    "export_dir": _Flag(str, "folder for a SavedModel of the best checkpoint"),
    "config_file": _Flag(str, "YAML or JSON of these settings; flags win over it"),
}

_GROUPS = {
    "Run": (*_RUN_FLAGS, "task_name", "seed"),
    "Data and weights": (
        "data_dir",
        "download",
        "init_checkpoint",
        "albert_hub_module_handle",
        "albert_config_file",
        "spm_model_file",
        "vocab_file",
        "do_lower_case",
        "max_seq_length",
    ),
    "Recipe": (
        "train_batch_size",
        "eval_batch_size",
        "predict_batch_size",
        "learning_rate",
        "train_step",
        "num_train_epochs",
        "warmup_step",
        "save_checkpoints_steps",
        "keep_checkpoint_max",
        "optimizer",
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
        "classifier_dropout_prob",
    ),
    "Attention": (
        "attention",
        "lsh_budget",
        *(
            _LSH_FLAGS.get(field.name, field.name)
            for field in dataclasses.fields(LSHConfig)
        ),
    ),
    # "Devices" are all that is left.
}


@dataclasses.dataclass(frozen=True)
class ParsedFlags:
    """What the command line says.

    run: the flags that are not settings: output_dir, do_train, ...; None if not given.
    settings: the settings that were given, as nested dicts for `ClassifierConfig`.
    """

    run: Mapping[str, Any]
    settings: Mapping[str, Any]


def parse(argv: Sequence[str]) -> ParsedFlags:
    """Reads a command line.

    Args:
      argv: without the program's name.

    Returns:
      What was given.

    Raises:
      InputError: a flag is unknown or retired, its value is of the wrong kind, or
        there is an argument that is no flag.
    """
    known = _all_flags()
    values = _define(known)
    _refuse_retired(argv)
    try:
        rest = values(["", *argv])[1:]
    except flags.UnrecognizedFlagError as error:
        raise InputError(
            f"unknown flag --{error.flagname}{nearest(error.flagname, known) or '.'}"
        ) from error
    except flags.IllegalFlagValueError as error:
        raise InputError(_wrong_kind(str(error), known)) from error
    except flags.Error as error:
        raise InputError(" ".join(str(error).split()).rstrip(".") + ".") from error
    if rest:
        raise InputError(
            f"{rest[0]!r} is not a flag; write settings as --name=value, and text with "
            "blanks in quotes."
        )
    given = {name: values[name].value for name in known if values[name].present}
    run = {name: given.pop(name, None) for name in _RUN_FLAGS}
    return ParsedFlags(run, _nested(given))


def help_text(program: str) -> str:
    """The help page: all flags in groups, one a line."""
    known = _all_flags()
    grouped = [name for names in _GROUPS.values() for name in names]
    devices = [name for name in known if name not in grouped]
    lines = [
        "Fine-tunes and evaluates ALBERT with LSH attention on a GLUE task.",
        "",
        f"  {program} --task_name=MRPC",
        "",
        "Settings come from, later wins: the defaults below, the task's recipe in",
        "configs/glue/, --config_file, flags.",
    ]
    for title, names in {**_GROUPS, "Devices": devices}.items():
        lines += ["", f"{title}:"]
        lines += [_help_line(name, known[name]) for name in names]
    return "\n".join(lines) + "\n"


def _help_line(name: str, flag: _Flag) -> str:
    shown = f"--[no]{name}" if flag.kind is bool else f"--{name}"
    # The choices say more than a help that repeats them.
    text = ", ".join(flag.choices) if flag.choices else flag.help
    default = "" if flag.default in (None, False) else f" ({flag.default})"
    return f"  {shown:<32}{text}{default}"


def _all_flags() -> dict[str, _Flag]:
    settings = _flags_of(ClassifierConfig)
    del settings["lsh"]
    for name, flag in _flags_of(LSHConfig).items():
        settings[_LSH_FLAGS.get(name, name)] = flag
    return {**_RUN_FLAGS, **settings}


def _flags_of(config: type) -> dict[str, _Flag]:
    hints = typing.get_type_hints(config)
    return {
        field.name: _Flag(
            _kind(hints[field.name]),
            field.metadata.get("help", ""),
            None if field.default is dataclasses.MISSING else field.default,
            field.metadata.get("choices", ()),
        )
        for field in dataclasses.fields(config)
    }


def _kind(hint: Any) -> type:
    """The first type of a union: `int | None` is read as an int."""
    is_union = isinstance(hint, types.UnionType) or typing.get_origin(hint) is (
        typing.Union
    )
    return typing.get_args(hint)[0] if is_union else hint


def _define(known: Mapping[str, _Flag]) -> flags.FlagValues:
    """Flag values of our own, so that no imported library's flags are among them."""
    values = flags.FlagValues()
    for name, flag in known.items():
        arguments = {
            "name": name,
            "default": None,
            "help": flag.help,
            "flag_values": values,
        }
        if flag.choices:
            flags.DEFINE_enum(enum_values=list(flag.choices), **arguments)
        elif flag.kind is bool:
            flags.DEFINE_boolean(**arguments)
        elif flag.kind is int:
            flags.DEFINE_integer(**arguments)
        elif flag.kind is float:
            flags.DEFINE_float(**arguments)
        else:
            flags.DEFINE_string(**arguments)
    return values


def _wrong_kind(message: str, known: Mapping[str, _Flag]) -> str:
    """What a flag expects, instead of absl's words, which are Python's own."""
    given = re.match(r"flag --((\w+)=.*?): ", message, re.DOTALL)
    flag = known.get(given[2]) if given else None
    if flag is None:
        return " ".join(message.split()).rstrip(".") + "."
    expected = _KINDS.get(flag.kind) or f"one of {', '.join(flag.choices)}"
    return f"--{' '.join(given[1].split())}: expected {expected}."


def _refuse_retired(argv: Sequence[str]) -> None:
    for argument in argv:
        if argument == "--":
            return
        name = argument.lstrip("-").split("=")[0]
        if argument.startswith("-") and name.removeprefix("no") in RETIRED:
            name = name if name in RETIRED else name.removeprefix("no")
            raise InputError(f"--{name} has no meaning here: {RETIRED[name]}.")


def _nested(given: dict[str, Any]) -> dict[str, Any]:
    """Flags as settings: LSH settings under `lsh`, a comma list as one for a layer."""
    lsh_settings = {}
    for field in dataclasses.fields(LSHConfig):
        flag = _LSH_FLAGS.get(field.name, field.name)
        if flag in given:
            lsh_settings[field.name] = given.pop(flag)
    # `seed` is a setting of both; the plain flag is the run's.
    if "," in (given.get("attention") or ""):
        given["attention"] = [kind.strip() for kind in given["attention"].split(",")]
    return {**given, **({"lsh": lsh_settings} if lsh_settings else {})}
