"""`albert-lsh convert`: weights in the formats of others. Imports no TensorFlow."""

import dataclasses
from collections.abc import Sequence

from albert_lsh_tf.cli import config_flags, messages
from albert_lsh_tf.config_io import Config, nearest, setting
from albert_lsh_tf.errors import InputError

FORMATS = ("google", "garden", "huggingface", "hub")
_POSITIONAL = ("source", "dest")


@dataclasses.dataclass(frozen=True)
class ConvertFlags(Config):
    """What is converted, where to, and to what."""

    source: str = dataclasses.field(
        metadata={"help": "folder, checkpoint prefix, archive or hub handle"}
    )
    dest: str = dataclasses.field(
        metadata={"help": "a new or empty folder, outside of the source's"}
    )
    to: str | None = setting(None, "google, garden, huggingface or hub; must be given")
    albert_config_file: str | None = setting(
        None, "replaces the config beside the weights"
    )
    hidden_act: str | None = setting(
        None, "replaces the config's activation; see above"
    )
    dtype: str = setting(
        "float32", "float32; float16 is half the size, for google and huggingface"
    )

    def validate(self) -> None:
        if self.to is None:
            raise InputError(f"--to must be given, one of {', '.join(FORMATS)}.")
        if self.to not in FORMATS:
            guess = nearest(self.to, FORMATS)
            raise InputError(
                f"--to={self.to} is none of {', '.join(FORMATS)}{guess or '.'}"
            )


def main(argv: Sequence[str] | None = None) -> None:
    """Converts what the command line names, and prints what was written.

    Args:
      argv: without the program's name and the word `convert`; None: that of the
        process.

    Raises:
      SystemExit: with a status other than 0, after one line on stderr, where the user
        has to mend something.
    """
    messages.run_command(argv, help_text, _command)


def _command(argv: list[str]) -> None:
    (flags,) = config_flags.parse(argv, (ConvertFlags,), positional=_POSITIONAL)
    messages.quiet_tensorflow()
    # TensorFlow takes seconds to import; a mistyped flag should not wait for it.
    from albert_lsh_tf.export.conversion import convert

    with messages.when_interrupted("nothing was written."):
        written = convert(
            flags.source,
            flags.dest,
            flags.to,
            albert_config_file=flags.albert_config_file,
            hidden_act=flags.hidden_act,
            dtype=flags.dtype,
        )
    print(written.summary())


def help_text() -> str:
    """The help page: all flags, one a line."""
    lines = [
        "Writes ALBERT weights in another format, with their pre-training heads,",
        "config and vocabulary:",
        "",
        "  google       model.ckpt-best with the variable names of Google's scripts",
        "  garden       an object checkpoint, ckpt-1, for TensorFlow Model Garden",
        "  huggingface  a folder for transformers",
        "  hub          a SavedModel for tensorflow_hub, with dense attention",
        "",
        "  albert-lsh convert albert_base_v2/ for_transformers/ --to=huggingface",
        "",
        "In a config of Hugging Face's, gelu is the one with the error function, which",
        "is gelu_erf here. Google trained with the tanh form: where such a config says",
        "gelu of Google's weights, as albert-base-v1's does, --hidden_act=gelu tells.",
        "",
        *config_flags.help_lines(ConvertFlags, _POSITIONAL),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
