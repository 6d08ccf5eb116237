"""What `run_alone` lets a program see, tried with small distributions."""

import pytest

from tests.tensorflow_alone import run_alone


def test_a_program_sees_what_was_asked_for_and_what_that_requires():
    done = run_alone(
        "import google.protobuf, sentencepiece, yaml\n"
        "print('found', *sys.argv[1:], file=sys.stderr)\n"
        "try:\n"
        "    import numpy\n"
        "except ModuleNotFoundError:\n"
        "    print('no numpy')\n",
        ["sentencepiece", "tf-slim", "PyYAML", "protobuf"],
        "an argument",
    )
    assert done.stdout == "no numpy\n"
    assert done.stderr == "found an argument\n"
    run_alone("import absl.logging", ["tf-slim"])  # By what tf-slim requires.


def test_a_program_that_fails_tells_why():
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        run_alone("1 / 0", ["PyYAML"])


def test_this_package_and_model_garden_must_be_away():
    with pytest.raises(AssertionError, match="official can be imported"):
        run_alone("", ["tf-models-official"])
