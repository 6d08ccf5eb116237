"""Interrupts a run in the middle."""

import pytest

from albert_lsh_tf.tasks.progress import Progress


class StopAt:
    """Interrupts training after a step, as Ctrl-C would."""

    def __init__(self, step: int):
        self._step = step

    def __enter__(self):
        self._patch = pytest.MonkeyPatch()
        update = Progress.update

        def stop(progress, step, *args):
            update(progress, step, *args)
            if step == self._step:
                raise KeyboardInterrupt

        self._patch.setattr(Progress, "update", stop)

    def __exit__(self, *_):
        self._patch.undo()
