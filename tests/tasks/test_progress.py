"""What is shown: lines where nobody watches, a bar on a terminal, nothing elsewhere."""

import io
import sys

from albert_lsh_tf.tasks import progress
from albert_lsh_tf.tasks.progress import Progress, orbit_quiet


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_plain_lines_without_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.0)
    shown = Progress(total=10, start=4)
    shown.show("f1", "0.5000")
    shown.update(6, loss=0.25, seconds=4.0)
    shown.close()
    out = capsys.readouterr()
    assert out.out == "step 6/10  f1 0.5000  loss 0.2500  0.50 steps/s  left 0:00:08\n"
    assert out.err == ""


def test_lines_are_rare_but_for_the_last(capsys):
    shown = Progress(total=3)
    for step in (1, 2, 3):
        shown.update(step, loss=0.5, seconds=1.0)
    assert capsys.readouterr().out.startswith("step 3/3")


def test_bar_on_a_terminal(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    shown = Progress(total=10, start=4)
    shown.update(6, loss=0.25, seconds=4.0)
    shown.say("step 6: f1 0.5")
    shown.close()
    bar = terminal.getvalue()
    assert "training:" in bar and "6/10" in bar and "loss=0.2500" in bar
    assert capsys.readouterr().out == "step 6: f1 0.5\n"


def test_only_one_worker_shows_anything(capsys):
    shown = Progress(total=3, enabled=False)
    shown.update(3, loss=0.5, seconds=1.0)
    shown.say("hello")
    assert capsys.readouterr() == ("", "")


def test_orbit_is_quiet_but_progress_is_not(capsys):
    shown = Progress(total=1)
    with orbit_quiet():
        print("train | step: 1")
        shown.say("mine")
    assert capsys.readouterr().out == "mine\n"
