"""Written once for all tests here: making a SavedModel takes seconds."""

import pytest

from tests.fixtures import checkpoints


@pytest.fixture(scope="session")
def variables():
    return checkpoints.google_variables()


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory, variables):
    """Read only; copy it to change it."""
    return checkpoints.write_saved_model(
        tmp_path_factory.mktemp("hub") / "3", variables
    )


@pytest.fixture
def google_folder(tmp_path, variables):
    return checkpoints.write_google_folder(tmp_path / "albert_tiny", variables)
