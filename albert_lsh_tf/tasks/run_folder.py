"""The folder of a run: its files, whose run it is, and writes that survive a kill."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Iterator

import tensorflow as tf
import yaml

from albert_lsh_tf.config import AlbertConfig, ClassifierConfig, RunConfig
from albert_lsh_tf.data.classification import spelled
from albert_lsh_tf.data.task import Task
from albert_lsh_tf.data.tokenizers import is_wordpiece
from albert_lsh_tf.errors import InputError, is_disk_full
from albert_lsh_tf.tasks.checkpoint_record import list_checkpoints, mend_record
from albert_lsh_tf.tasks.folder_lock import FolderLock
from albert_lsh_tf.tasks.training_log import TrainingLog
from albert_lsh_tf.tasks.whole_files import write_atomically
from albert_lsh_tf.tasks.worker_scratch import make_scratch

# TensorFlow's folder while it writes a checkpoint.
_HALF_A_CHECKPOINT = re.compile(r"(ckpt|best)-\d+_temp")


class RunFolder:
    """Where one run keeps checkpoints and results.

    It is complete: predicting needs nothing else but data. Small files are replaced as
    a whole, so a reader, or the next start, never sees half of one.

    Args:
      path: the folder; made when something is first written.
      writable: False for all workers but one: they write into a folder of their own,
        beside this one, that `close` removes.
      config_class: of the run that the folder is for.
    """

    def __init__(
        self,
        path: str | pathlib.Path,
        writable: bool = True,
        config_class: type[RunConfig] = ClassifierConfig,
    ):
        # Unlike pathlib's own, it leaves the home of nobody as it is written.
        self.path = pathlib.Path(os.path.expanduser(path))
        self.writable = writable
        self.config_class = config_class
        self._scratch: pathlib.Path | None = None
        self._lock = FolderLock(self.path)

    config_file = property(lambda self: self.path / "config.yaml")
    albert_config_file = property(lambda self: self.path / "albert_config.json")
    spm_model_file = property(lambda self: self.path / "spiece.model")
    vocab_file = property(lambda self: self.path / "vocab.txt")
    best_dir = property(lambda self: self.path / "best")
    log_file = property(lambda self: self.path / "training_log.jsonl")

    def open_log(self) -> TrainingLog:
        """What happened in the run so far, to go on with."""
        return TrainingLog(self.log_file, self.writable)

    @property
    def vocabulary_file(self) -> pathlib.Path:
        """The run's vocabulary: WordPiece where there is one, or else SentencePiece."""
        return self.vocab_file if self.vocab_file.exists() else self.spm_model_file

    @property
    def checkpoint_dir(self) -> pathlib.Path:
        """Where this process writes checkpoints.

        Every worker must take part in writing, since reading a variable may need all
        of them; but only one may write into the run's folder.
        """
        if self.writable:
            return self.path
        if self._scratch is None:
            self._scratch = make_scratch(self.path)
        return self._scratch

    @contextlib.contextmanager
    def named_in_errors(self) -> Iterator[None]:
        """Turns errors of the file system about this folder into `InputError`.

        Whatever the reason why it cannot be made, read or written: the line names
        output_dir. Errors about files elsewhere pass. Afterwards others may train here.
        """
        try:
            yield
        except (OSError, tf.errors.OpError) as error:
            file = getattr(error, "filename", None)
            if is_disk_full(error) and (file is None or self._is_about(file)):
                raise InputError(
                    f"output_dir={self.path}: the disk is full. Free some space, and "
                    "give the same command again: it goes on from the last checkpoint."
                ) from error
            if file is not None and self._is_about(file):
                raise InputError(
                    f"output_dir={self.path} cannot be made or written "
                    f"({error.strerror}); give a folder that you may write to."
                ) from error
            raise
        finally:
            # Here, since an error that somebody looks at keeps this object alive.
            self.release()

    def _is_about(self, file: str) -> bool:
        """Whether a file is this folder, in it, or one of the folders around it."""
        file, own = pathlib.Path(file).absolute(), self.path.absolute()
        return file.is_relative_to(own) or own.is_relative_to(file)

    def make(self, trains: bool = False) -> None:
        """Makes the folder.

        Args:
          trains: `claim` it, too.

        Raises:
          InputError: another process trains here.
        """
        if not self.writable:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.path):
            pass  # Before hours of training: whether one may write here.
        if trains and not self.claim():
            raise InputError(
                f"output_dir={self.path}: another process trains there. Wait for it, "
                "or give another output_dir."
            )

    def claim(self) -> bool:
        """Keeps other processes from training here, until `release`.

        It clears what a killed one left half-written: now nobody is writing it.

        Returns:
          False: another process trains here.
        """
        if not self.writable:
            return True
        if not self._lock.acquire():
            return False
        for folder in (self.path, self.best_dir):
            for left_over in folder.glob("*_temp"):
                if _HALF_A_CHECKPOINT.fullmatch(left_over.name):
                    shutil.rmtree(left_over, ignore_errors=True)
            for left_over in folder.glob(".*.tmp"):
                if left_over.is_file():
                    left_over.unlink(missing_ok=True)
        mend_record(self.path)
        return True

    def release(self) -> None:
        """Lets other processes train here."""
        self._lock.release()

    def close(self) -> None:
        """Removes what only this process needed."""
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def write(self, name: str, content: str | bytes) -> None:
        """Writes or replaces a small file at once; nothing on other workers."""
        if self.writable:
            write_atomically(self.path / name, content)

    def remove(self, name: str) -> None:
        """Removes a small file if it is there; nothing on other workers."""
        if self.writable:
            (self.path / name).unlink(missing_ok=True)

    def describe(
        self,
        config: RunConfig,
        albert_config: AlbertConfig | None = None,
        vocabulary_file: str | pathlib.Path | None = None,
    ) -> None:
        """Writes what makes the folder complete; nothing on other workers.

        Args:
          config: of the run, which is to be trained now.
          albert_config: the architecture; None: that which is there stays.
          vocabulary_file: of the model; None: that which is there stays.

        Raises:
          InputError: another process trains here.
        """
        self.make(trains=True)
        if albert_config is not None:
            text = json.dumps(albert_config.to_dict(), indent=2) + "\n"
            self.write(self.albert_config_file.name, text)
        if vocabulary_file is not None:
            self.write_vocabulary(vocabulary_file)
        text = yaml.safe_dump(config.to_dict(), sort_keys=False)
        self.write(self.config_file.name, text)

    def write_vocabulary(self, file: str | pathlib.Path) -> None:
        """Copies a vocabulary under the name of its kind; nothing on other workers."""
        copy, other = self.spm_model_file, self.vocab_file
        if is_wordpiece(file):
            copy, other = other, copy
        self.write(copy.name, pathlib.Path(file).read_bytes())
        if self.writable:  # A start with another kind may have got no further.
            other.unlink(missing_ok=True)

    def saved_config(self) -> RunConfig | None:
        """The config of the run that made the folder; None where there is none.

        Raises:
          InputError: it is of another kind of run.
        """
        if not self.config_file.exists():
            return None
        try:
            return self.config_class.from_file(self.config_file)
        except InputError as error:
            raise InputError(
                f"output_dir={self.path} holds a run of another kind, or of another "
                f"version ({error.args[0].rstrip('.')}); give another output_dir."
            ) from error

    def refuse_other_task(self, task: Task) -> None:
        """Raises `InputError` where the folder belongs to a run of another task."""
        saved = self.saved_config()
        if saved is not None and spelled(saved.task_name) != task.name:
            raise InputError(
                f"output_dir={self.path} holds a run of {saved.task_name}, not of "
                f"{task.name}; give another output_dir, or delete it."
            )
        if saved is None and self.checkpoints():
            raise InputError(
                f"output_dir={self.path} holds checkpoints, but no config.yaml that "
                "says which task they are of; give another output_dir."
            )

    def refuse_other_architecture(self, config: AlbertConfig) -> None:
        """Raises `InputError` where the folder's checkpoints have another shape."""
        if not self.albert_config_file.exists() or not self.checkpoints():
            return
        saved = AlbertConfig.from_file(self.albert_config_file).to_dict()
        differing = [
            f"{name} {saved[name]} there, {value} asked for"
            for name, value in config.to_dict().items()
            # Dropout changes no variable.
            if value != saved[name] and not name.endswith("dropout_prob")
        ]
        if differing:
            raise InputError(
                f"output_dir={self.path} holds a run of another architecture "
                f"({'; '.join(differing)}); give another output_dir, or delete it."
            )

    def checkpoints(self) -> list[str]:
        """Prefixes of the complete checkpoints, the oldest first."""
        return list_checkpoints(self.path)

    def latest_checkpoint(self) -> str | None:
        """Prefix of the last complete checkpoint; None where there is none."""
        checkpoints = self.checkpoints()
        return checkpoints[-1] if checkpoints else None


def step_of(prefix: str | None) -> int:
    """The step in a checkpoint's name; 0 for None."""
    return int(prefix.rsplit("-", 1)[1]) if prefix else 0
