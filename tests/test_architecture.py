"""Imports point one way, and what should start fast imports no TensorFlow."""

import ast
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / "albert_lsh_tf"

# Each folder (or module) of the package, and what of the package it may import.
EVERYBODY = {"config", "lsh_config", "config_io", "errors", "machine", "__init__"}
MAY_IMPORT = {
    "__init__": set(),
    "errors": set(),
    "config_io": {"errors"},
    "lsh_config": {"config_io", "errors"},
    "config": {"config_io", "errors", "lsh_config"},
    "machine": set(),
    "ops": EVERYBODY,
    "layers": EVERYBODY | {"ops"},
    "networks": EVERYBODY | {"ops", "layers"},
    "embedded": set(),
    "data": EVERYBODY,
    "checkpoints": EVERYBODY | {"networks", "embedded"},
    "tasks": EVERYBODY | {"networks", "data", "checkpoints", "embedded"},
    "export": EVERYBODY | {"networks", "checkpoints", "data"},
    "benchmark": EVERYBODY | {"ops", "layers", "networks"},
    "comparison": EVERYBODY | {"data", "checkpoints", "embedded", "tasks"},
    "diagnostics": EVERYBODY
    | {"ops", "layers", "networks", "checkpoints", "data", "embedded"},
}
MAY_IMPORT["cli"] = set(MAY_IMPORT)
WITHOUT_MODEL_GARDEN = (
    *("errors", "config_io", "lsh_config", "config", "machine", "ops", "layers"),
)
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: pathlib.Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path: pathlib.Path) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            modules.update(f"{node.module}.{alias.name}" for alias in node.names)
    return modules


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    room = room_of(path)
    for module in imported_modules(path):
        parts = module.split(".")
        if parts[0] == "albert_lsh_tf" and parts[1] in MAY_IMPORT:
            assert parts[1] == room or parts[1] in MAY_IMPORT[room], module
        if parts[0] == "official":
            assert room not in WITHOUT_MODEL_GARDEN, module
        # Keras 3 hides behind both of these names.
        assert module != "keras"
        assert not module.startswith(("keras.", "tensorflow.keras"))


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("diagnostics/*.py")))
def test_diagnostics_draw_in_one_place(path):
    draws = any(module.startswith("matplotlib") for module in imported_modules(path))
    assert draws == (path.name == "plots.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nobody_reaches_for_tf_keras_through_tf(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr == "keras":
            assert not (isinstance(node.value, ast.Name) and node.value.id == "tf")


@pytest.mark.parametrize(
    "module",
    [
        "albert_lsh_tf",
        "albert_lsh_tf.config",
        "albert_lsh_tf.benchmark.run",
        "albert_lsh_tf.cli.benchmark",
        "albert_lsh_tf.cli.classifier",
        "albert_lsh_tf.cli.compare",
        "albert_lsh_tf.cli.convert",
        "albert_lsh_tf.cli.diagnose",
        "albert_lsh_tf.cli.export",
        "albert_lsh_tf.cli.inspect",
        "albert_lsh_tf.cli.main",
        "albert_lsh_tf.cli.pretraining",
        "albert_lsh_tf.cli.pretraining_data",
        "albert_lsh_tf.cli.race",
        "albert_lsh_tf.cli.squad",
        "albert_lsh_tf.cli.vocab",
        "albert_lsh_tf.comparison.report",
        "albert_lsh_tf.data.classification",
        "albert_lsh_tf.data.pretraining.create",
        "albert_lsh_tf.data.race.questions",
        "albert_lsh_tf.data.tokenization",
        "albert_lsh_tf.data.tokenizers",
        "albert_lsh_tf.diagnostics",
        "albert_lsh_tf.export",
    ],
)
def test_starts_without_tensorflow(module):
    program = f"import sys, {module}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_every_public_name_can_be_had():
    import albert_lsh_tf

    for name in albert_lsh_tf.__all__:
        assert getattr(albert_lsh_tf, name).__name__ == name
    assert set(albert_lsh_tf.__all__) <= set(dir(albert_lsh_tf))
