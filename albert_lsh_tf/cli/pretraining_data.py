"""`create_pretraining_data.py`: text to masked examples. Imports no TensorFlow."""

import dataclasses
import importlib.util
import os
import pathlib
from collections.abc import Sequence

from albert_lsh_tf.cli import config_flags, messages
from albert_lsh_tf.cli.command_line import program_name
from albert_lsh_tf.config_io import Config, setting
from albert_lsh_tf.data.pretraining import parallel
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.errors import InputError

OUTPUT_DIR = "runs/pretraining_data"
NUM_FILES = 8
_NAMES_WIDTH = 32


@dataclasses.dataclass(frozen=True)
class FileFlags(Config):
    """What is read and what is written."""

    input_file: tuple[str, ...] = setting(
        (), "text files and patterns, also .gz; must be given"
    )
    spm_model_file: str | None = setting(None, "SentencePiece model")
    vocab_file: str | None = setting(
        None, "WordPiece vocab.txt, where there is no spm_model_file"
    )
    do_lower_case: bool = setting(True, "lower-case the text")
    num_files: int = setting(NUM_FILES, "how many files of examples")
    output_file: tuple[str, ...] = setting(
        (), "these files instead, all of one folder; unset: in output_dir"
    )
    dupe_factor: int = setting(40, "passes over the text, each with other masks")
    online: bool = setting(
        False, "write token ids alone, which training masks anew in every epoch"
    )
    num_workers: int | None = setting(
        None, "processes; the files do not depend on it; unset: one for each core"
    )
    runner: str | None = setting(
        None, "make the files by Apache Beam, with its DirectRunner or another"
    )
    beam_options: tuple[str, ...] = setting(
        (), "more flags of that runner, such as project=P,region=R"
    )
    input_file_mode: str = setting("r", "Google's; has no effect", choices=("r", "rb"))
    do_permutation: bool = setting(False, "Google's; refused")
    random_next_sentence: bool = setting(False, "Google's; refused")

    def validate(self) -> None:
        for name in ("num_files", "dupe_factor", "num_workers"):
            self.require_at_least(name, 1)
        if self.do_permutation:
            raise InputError(
                "--do_permutation has no meaning here: words are masked, not permuted; "
                "leave it out."
            )
        if self.random_next_sentence:
            raise InputError(
                "--random_next_sentence has no meaning here: both segments are always "
                "of one document, in order or swapped; leave it out. For BERT's "
                "next-sentence prediction use TensorFlow Model Garden's "
                "create_pretraining_data."
            )
        if not self.input_file:
            raise InputError(
                "--input_file must be given: UTF-8 text, a sentence a line, with a "
                "blank line between documents."
            )
        if not (self.spm_model_file or self.vocab_file):
            raise InputError(
                "--spm_model_file must be given, such as Google's 30k-clean.model; "
                "albert-lsh vocab trains one on your text."
            )
        if self.online and self.output_file:
            raise InputError("--online writes no output_file; give --output_dir.")
        if self.runner and (self.online or self.output_file):
            raise InputError(
                "--runner goes with neither --online nor --output_file; give "
                "--output_dir."
            )
        if self.beam_options and not self.runner:
            raise InputError("--beam_options goes with --runner; give both.")

    @property
    def vocabulary_file(self) -> str:
        """What the text is tokenized with."""
        # Google's command gives the list of pieces as vocab_file beside the model.
        return os.path.expanduser(self.spm_model_file or self.vocab_file)


def main(argv: Sequence[str] | None = None) -> None:
    """Makes the files that the command line describes.

    Args:
      argv: without the program's name; None: that of the process.

    Raises:
      SystemExit: with a status other than 0, after one line on stderr, where the user
        has to mend something.
    """
    messages.run_command(argv, help_text, _command)


def _command(argv: list[str]) -> None:
    flags, config, output_dir = config_flags.parse(
        argv, (FileFlags, ExampleConfig), default_output_dir=OUTPUT_DIR
    )
    output_dir = os.path.expanduser(output_dir)
    messages.quiet_tensorflow()
    outcome = "the same command goes on after the last file that was finished."
    if flags.runner:
        outcome = "with Beam, the same command makes all files again."
    with messages.when_interrupted(outcome):
        if flags.runner:
            _run_beam(flags, config, output_dir)
        else:
            _run(flags, config, pathlib.Path(output_dir))


def help_text() -> str:
    """The help page: all flags, one a line."""
    program = program_name("albert-lsh pretraining-data")
    lines = [
        "Makes the examples that ALBERT is pre-trained on: two segments of a document,",
        "in order or swapped, with masked n-grams of words. A command that was",
        "interrupted goes on where it was when it is given again; with --runner, it",
        "begins again.",
        "",
        f"  {program} --input_file='text/*.txt.gz' \\",
        "    --spm_model_file=30k-clean.model --output_dir=examples",
        "",
        config_flags.output_dir_line(
            "folder for examples, token ids and manifests",
            OUTPUT_DIR,
            width=_NAMES_WIDTH,
        ),
    ]
    for title, config in {"Files": FileFlags, "Examples": ExampleConfig}.items():
        lines += ["", f"{title}:"]
        lines += config_flags.help_lines(config, width=_NAMES_WIDTH)
    return "\n".join(lines) + "\n"


def _refuse_what_has_no_effect(flags: FileFlags, config: ExampleConfig) -> None:
    """Refuses flags of examples where none are made."""
    made = FileFlags.num_files, FileFlags.dupe_factor
    if (flags.num_files, flags.dupe_factor) != made:
        raise InputError(
            "--num_files and --dupe_factor have no effect with --online, which writes "
            "token ids alone; leave them out."
        )
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if value != field.default:
            there = "seed" if field.name == "random_seed" else field.name
            raise InputError(
                f"--{field.name}={value} has no effect with --online, which writes "
                f"token ids alone; give --{there} to run_pretraining.py, which makes "
                "examples of them."
            )


def _run(flags: FileFlags, config: ExampleConfig, output_dir: pathlib.Path) -> None:
    from albert_lsh_tf.data.pretraining import create, documents, files, tokenizing

    num_workers = flags.num_workers or parallel.default_workers()
    if flags.online:
        _refuse_what_has_no_effect(flags, config)
        folder = output_dir / files.TOKENS_FOLDER
        corpus = tokenizing.tokenize_files(
            documents.find_files(flags.input_file),
            flags.vocabulary_file,
            folder,
            flags.do_lower_case,
            num_workers,
            say=messages.say,
        )
        messages.say(f"{folder}: {corpus.description()}")
        return
    names = files.output_names(flags.num_files)
    manifest = create.create_pretraining_data(
        flags.input_file,
        flags.output_file or [output_dir / name for name in names],
        flags.vocabulary_file,
        config,
        flags.do_lower_case,
        flags.dupe_factor,
        num_workers,
        say=messages.say,
    )
    messages.say(f"{manifest.path.parent}: {files.summary(manifest)}")


def _run_beam(flags: FileFlags, config: ExampleConfig, output_dir: str) -> None:
    if importlib.util.find_spec("apache_beam") is None:
        raise InputError(
            "--runner needs Apache Beam, which is not installed: pip install "
            "'albert-lsh-tf[beam]', or leave the flag out."
        )
    from albert_lsh_tf.data.pretraining import beam, files

    manifest = beam.create_pretraining_data(
        flags.input_file,
        output_dir,
        flags.vocabulary_file,
        config,
        flags.do_lower_case,
        flags.num_files,
        flags.dupe_factor,
        flags.runner,
        flags.beam_options,
        say=messages.say,
    )
    messages.say(f"{output_dir}: {files.summary(manifest)}")


if __name__ == "__main__":
    main()
