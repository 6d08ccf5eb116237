"""Runs a program where only some of the installed packages exist.

What is exported must work for people who have TensorFlow, and nothing of what made it.
"""

import importlib.metadata
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ABSENT = ("albert_lsh_tf", "official")
_START = f"""\
import importlib.util, sys
sys.path.append(sys.argv.pop(1))
for name in {_ABSENT}:
    assert importlib.util.find_spec(name) is None, f"{{name}} can be imported"
"""


def run_alone(
    program: str, distributions: Sequence[str] = ("tensorflow",), *arguments: object
) -> subprocess.CompletedProcess[str]:
    """Runs a Python program that sees some distributions and what they require.

        run_alone("import tensorflow as tf; print(tf.__version__)")
        run_alone(program, ["tensorflow", "tensorflow-text"], export_dir)

    Args:
      program: its text. Neither this package nor Model Garden can be imported in it.
      distributions: names as pip knows them.
      *arguments: the program has them as strings in `sys.argv[1:]`.

    Returns:
      What it printed, as `stdout` and `stderr`. TensorFlow's C++ part says nothing, so
      stderr holds what Python warns of.

    Raises:
      AssertionError: the program failed; the message is what it printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        _link_distributions(_with_requirements(distributions), pathlib.Path(folder))
        done = subprocess.run(
            # Isolated, and without the interpreter's own site-packages.
            [sys.executable, "-I", "-S", "-c", _START + program, folder]
            + [str(argument) for argument in arguments],
            capture_output=True,
            text=True,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def _with_requirements(
    names: Iterable[str],
) -> list[importlib.metadata.Distribution]:
    """Distributions and, over all steps, what they require of what is installed."""
    found: dict[str, importlib.metadata.Distribution] = {}
    seen: set[Requirement] = set()
    waiting = [Requirement(name) for name in names]
    while waiting:
        requirement = waiting.pop()
        if requirement in seen:
            continue
        seen.add(requirement)
        try:
            distribution = importlib.metadata.distribution(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            continue  # Whoever needs it in the program will say so.
        found[canonicalize_name(requirement.name)] = distribution
        for each in map(Requirement, distribution.requires or ()):
            extras = {"", *requirement.extras}
            if each.marker is None or any(
                each.marker.evaluate({"extra": extra}) for extra in extras
            ):
                waiting.append(each)
    return list(found.values())


def _link_distributions(
    distributions: Iterable[importlib.metadata.Distribution], folder: pathlib.Path
) -> None:
    """Makes a folder that can stand for a site-packages with these distributions."""
    for distribution in distributions:
        for file in distribution.files or ():
            if ".." not in file.parts and file.parts[0] != "__pycache__":
                _link(file.parts, pathlib.Path(distribution.locate_file("")), folder)


def _link(parts: tuple[str, ...], site: pathlib.Path, folder: pathlib.Path) -> None:
    """Links the uppermost folder of a file that belongs to one distribution alone."""
    for depth in range(1, len(parts) + 1):
        there = site.joinpath(*parts[:depth])
        here = folder.joinpath(*parts[:depth])
        if here.is_symlink():
            return
        # Without __init__.py several distributions may share a folder, as google/.
        is_shared = there.is_dir() and not (there / "__init__.py").exists()
        if not is_shared:
            here.symlink_to(there)
            return
        here.mkdir(exist_ok=True)
