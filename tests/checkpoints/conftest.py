"""Written once for all tests here: making a SavedModel takes seconds."""

import pytest

from tests.fixtures import checkpoints
from tests.fixtures.hub_module import HubModule


@pytest.fixture(scope="session")
def variables():
    return checkpoints.google_variables()


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory, variables):
    """Read only; copy it to change it."""
    return checkpoints.write_saved_model(
        tmp_path_factory.mktemp("hub") / "3", variables
    )


@pytest.fixture(scope="session")
def hub_module(tmp_path_factory, variables):
    """A TF1 module without albert_config.json. Read only."""
    return HubModule().write(tmp_path_factory.mktemp("tf1") / "module", variables)


@pytest.fixture
def google_folder(tmp_path, variables):
    return checkpoints.write_google_folder(tmp_path / "albert_tiny", variables)
