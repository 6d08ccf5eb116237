"""What a run shows while it goes: a bar on a terminal, elsewhere a line at times."""

import contextlib
import io
import sys
import time
from collections.abc import Iterator

import tqdm

_SECONDS_BETWEEN_LINES = 15.0


class Progress:
    """Shows loss, metric, steps per second and time left.

    On a terminal, a bar on stderr; otherwise plain lines on stdout, at most one in 15
    seconds. Draws nothing where `enabled` is False.

    Args:
      total: steps of the whole training.
      start: steps that earlier runs have done.
      enabled: whether this process shows anything; of several workers only one does.
    """

    def __init__(self, total: int, start: int = 0, enabled: bool = True):
        self._total = total
        self._step = self._start = start
        self._enabled = enabled
        # The streams of now: Orbit's own lines are kept off by swapping sys.stdout.
        self._stdout = sys.stdout
        self._is_terminal = enabled and sys.stderr.isatty()
        self._bar: tqdm.tqdm | None = None
        self._postfix: dict[str, str] = {}
        self._last_line = time.monotonic()
        self._seconds = 0.0

    def say(self, line: str) -> None:
        """Prints a line for the user, above the bar if there is one."""
        if not self._enabled:
            return
        if self._bar is not None:
            self._bar.clear()
        print(line, file=self._stdout, flush=True)
        if self._bar is not None:
            self._bar.refresh()

    def update(self, step: int, loss: float, seconds: float) -> None:
        """Tells of training.

        Args:
          step: the step reached.
          loss: mean over the steps since the last call.
          seconds: what they took.
        """
        if not self._enabled:
            return
        self._seconds += seconds
        self._postfix["loss"] = f"{loss:.4f}"
        if self._is_terminal:
            if self._bar is None:
                self._bar = tqdm.tqdm(
                    total=self._total,
                    initial=self._start,
                    unit="step",
                    desc="training",
                    dynamic_ncols=True,
                )
            self._bar.set_postfix(self._postfix, refresh=False)
            self._bar.update(step - self._step)
        self._step = step
        due = time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES
        if not self._is_terminal and (due or step >= self._total):
            self._last_line = time.monotonic()
            self.say(self._line())

    def show(self, name: str, text: str) -> None:
        """Adds a measure, such as the last evaluation's metric, to what is shown."""
        self._postfix[name] = text

    def close(self) -> None:
        """Leaves the bar where it is."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _line(self) -> str:
        rate = (self._step - self._start) / max(self._seconds, 1e-9)
        left = int((self._total - self._step) / max(rate, 1e-9))
        shown = "  ".join(f"{name} {value}" for name, value in self._postfix.items())
        return (
            f"step {self._step}/{self._total}  {shown}  {rate:.2f} steps/s  "
            f"left {left // 3600}:{left // 60 % 60:02}:{left % 60:02}"
        )


@contextlib.contextmanager
def orbit_quiet() -> Iterator[None]:
    """Keeps Orbit from printing a line for every loop, checkpoint and evaluation."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
