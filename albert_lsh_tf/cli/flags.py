"""The flags of a script, from the config of its run. Imports no TensorFlow.

Google's names; a flag that was not given leaves the setting to the recipe.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from albert_lsh_tf.cli.command_line import Flag, flags_of, help_line, read, words_of
from albert_lsh_tf.config import LSHConfig, RunConfig
from albert_lsh_tf.errors import InputError

_WIDTH = 32  # Of the names on a help page.

# Flags of TPUEstimator, which have no meaning here.
RETIRED = {
    "use_tpu": "use --distribution_strategy=tpu",
    "tpu_name": "use --distribution_strategy=tpu --tpu_address=NAME",
    "tpu_zone": "leave it out; the zone is found from --tpu_address",
    "gcp_project": "leave it out; the project is found from --tpu_address",
    "master": "use --distribution_strategy=tpu --tpu_address=ADDRESS, or "
    "multi_worker_mirrored with --worker_hosts and --task_index",
    "num_tpu_cores": "leave it out; --distribution_strategy=tpu uses all cores",
    "iterations_per_loop": "leave it out; --save_checkpoints_steps says how often "
    "checkpoints are written",
}

# Settings of LSHConfig whose own names would be unclear, or taken, among flags.
_LSH_FLAGS = {"seed": "lsh_seed", "hash": "lsh_hash"}
ATTENTION_FLAGS = (
    "attention",
    "lsh_budget",
    *(_LSH_FLAGS.get(f.name, f.name) for f in dataclasses.fields(LSHConfig)),
)


@dataclasses.dataclass(frozen=True)
class FlagsOfScript:
    """The flags of one script.

    Attributes:
      intro: lines of the help page before the flags; "{program}" is filled in.
      config: the class of the run's settings; each is a flag.
      run: the flags that are no settings: output_dir, do_train, ...
      groups: title to names of flags, for the help page; what is in none of them is
        listed at the end, under "Devices"; settings by their names in `config`.
      retired: flags of Google's script that have no meaning here, and what to do.
      left_out: settings of `config` that are no flags of this script.
      renamed: settings whose flags have the names of Google's script.
      described: flags of settings with a help and default of this script's own.
    """

    intro: tuple[str, ...]
    config: type[RunConfig]
    run: Mapping[str, Flag]
    groups: Mapping[str, tuple[str, ...]]
    retired: Mapping[str, str]
    left_out: tuple[str, ...] = ()
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    described: Mapping[str, Flag] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ParsedFlags:
    """What the command line says.

    run: the flags that are not settings: output_dir, do_train, ...; None if not given.
    settings: the settings that were given, as nested dicts for the config.
    """

    run: Mapping[str, Any]
    settings: Mapping[str, Any]

    def phases(self, *names: str) -> dict[str, bool]:
        """Which of do_train, do_eval, ... to do: those asked for, or else all.

        One that was turned off leaves the others: --nodo_predict alone is all but that.
        """
        given = {name: self.run[name] for name in names}
        default = not any(given.values())
        return {
            name: default if value is None else value for name, value in given.items()
        }


def parse(argv: Sequence[str], script: FlagsOfScript) -> ParsedFlags:
    """Reads a command line.

    Args:
      argv: without the program's name.
      script: its flags.

    Returns:
      What was given.

    Raises:
      InputError: a flag is unknown or retired, its value is of the wrong kind, or
        there is an argument that is no flag.
    """
    known = _all_flags(script)
    _refuse_retired(argv, script.retired)
    given, rest = read(argv, known)
    if rest:
        raise InputError(
            f"{rest[0]!r} is not a flag; write settings as --name=value, and text with "
            "blanks in quotes."
        )
    run = {name: given.pop(name, None) for name in script.run}
    settings = _nested(given)
    for name, flag in script.renamed.items():
        if flag in settings:
            settings[name] = settings.pop(flag)
    return ParsedFlags(run, settings)


def help_text(program: str, script: FlagsOfScript) -> str:
    """The help page: all flags in groups, one a line."""
    known = _all_flags(script)
    groups = {
        title: [script.renamed.get(n, n) for n in names if n not in script.left_out]
        for title, names in script.groups.items()
    }
    grouped = [name for names in groups.values() for name in names]
    devices = [name for name in known if name not in grouped]
    lines = [line.format(program=program) for line in script.intro]
    for title, names in {**groups, "Devices": devices}.items():
        lines += ["", f"{title}:"]
        lines += [help_line(name, known[name], _WIDTH) for name in names]
    return "\n".join(lines) + "\n"


def _all_flags(script: FlagsOfScript) -> dict[str, Flag]:
    settings = {**flags_of(script.config), **script.described}
    for name in ("lsh", *script.left_out):
        del settings[name]
    for name, flag in script.renamed.items():
        settings[flag] = settings.pop(name)
    for name, flag in flags_of(LSHConfig).items():
        settings[_LSH_FLAGS.get(name, name)] = flag
    return {**script.run, **settings}


def _refuse_retired(argv: Sequence[str], retired: Mapping[str, str]) -> None:
    for argument in argv:
        if argument == "--":
            return
        name = argument.lstrip("-").split("=")[0]
        if argument.startswith("-") and name.removeprefix("no") in retired:
            name = name if name in retired else name.removeprefix("no")
            raise InputError(f"--{name} has no meaning here: {retired[name]}.")


def _nested(given: dict[str, Any]) -> dict[str, Any]:
    """Flags as settings: those of LSH under `lsh`, attentions by layer as a list."""
    lsh_settings = {}
    for field in dataclasses.fields(LSHConfig):
        flag = _LSH_FLAGS.get(field.name, field.name)
        if flag in given:
            lsh_settings[field.name] = given.pop(flag)
    # `seed` is a setting of both; the plain flag is the run's.
    if "," in given.get("attention", ""):
        given["attention"] = words_of(given["attention"])
    return {**given, **({"lsh": lsh_settings} if lsh_settings else {})}
