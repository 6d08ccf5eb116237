"""`albert-lsh inspect`: what a source of weights holds. Imports no TensorFlow."""

import dataclasses
import json
from collections.abc import Sequence

from albert_lsh_tf.cli import config_flags, messages
from albert_lsh_tf.config_io import Config, setting

_POSITIONAL = ("source",)


@dataclasses.dataclass(frozen=True)
class InspectFlags(Config):
    """What is looked into, and how it is told."""

    source: str | None = setting(
        None, "folder, checkpoint prefix, archive or hub handle; unset: the tiny model"
    )
    albert_config_file: str | None = setting(
        None, "replaces the config beside the weights"
    )
    json: bool = setting(False, "print JSON instead of a table")


def main(argv: Sequence[str] | None = None) -> None:
    """Prints what is in the source that the command line names.

    Args:
      argv: without the program's name and the word `inspect`; None: that of the
        process.

    Raises:
      SystemExit: with status 1 where the source cannot be read, or `load_encoder` would
        refuse it.
    """
    messages.run_command(argv, help_text, _command)


def _command(argv: list[str]) -> None:
    (flags,) = config_flags.parse(argv, (InspectFlags,), positional=_POSITIONAL)
    messages.quiet_tensorflow()
    # TensorFlow takes seconds to import; a mistyped flag should not wait for it.
    from albert_lsh_tf.checkpoints.inspection import inspect

    found = inspect(flags.source, flags.albert_config_file)
    print(json.dumps(found.to_dict(), indent=2) if flags.json else found.table())
    if found.problem is not None:
        raise SystemExit(1)


def help_text() -> str:
    """The help page: all flags, one a line."""
    lines = [
        "Shows the format, config, parameters, heads and vocabulary of ALBERT weights,",
        "reads all of them, and says what load_encoder would do. Nothing is run: of a",
        "SavedModel or hub module only the variables are read.",
        "",
        "  albert-lsh inspect albert_base_v2/",
        "",
        *config_flags.help_lines(InspectFlags, _POSITIONAL),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
