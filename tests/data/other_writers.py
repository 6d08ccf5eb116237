"""What writing meets: full disks, disks that lose what is written, other processes."""

import contextlib
import fcntl
import pathlib
from collections.abc import Callable, Iterator

from albert_lsh_tf.data import writing


def let_files_be(device: str, part_of_name: str, monkeypatch) -> None:
    """Lets the files of arrays with such names be a device, such as /dev/full."""

    def open_device(path, *arguments, **options):
        file = open(path, *arguments, **options)
        if part_of_name not in str(path):
            return file
        file.close()
        return open(device, *arguments, **options)

    monkeypatch.setattr(writing, "open", open_device, raising=False)


@contextlib.contextmanager
def another_process_in(
    folder: pathlib.Path, said: list[str], at_work: Callable[[], None]
) -> Iterator[Callable[[str], None]]:
    """Holds the lock of a folder until somebody says that he waits for it.

    Args:
      folder: is made.
      said: gets the lines that are said.
      at_work: is called before the lock is let go.

    Yields:
      What takes a line for the user.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / writing.LOCK_FILE, "ab") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)

        def say(line: str) -> None:
            said.append(line)
            if line == f"waiting for another process that works in {folder}":
                at_work()
                holder.close()

        yield say
