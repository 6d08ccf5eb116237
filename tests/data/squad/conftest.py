"""Features of four questions."""

import pytest

from albert_lsh_tf.data.squad.features import make_features
from albert_lsh_tf.data.squad.question_files import QuestionFiles
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from tests.data.squad.four_questions import SETTINGS, save


@pytest.fixture(scope="session")
def tokenizer():
    return AlbertTokenizer(EMBEDDED_MODEL_DIR / "spiece.model")


@pytest.fixture
def make(tmp_path, tokenizer):
    save(tmp_path / "squad.json")

    def make(for_training=True, settings=SETTINGS, say=lambda line: None, **fields):
        fields = {"version_2": True, **fields}
        files = QuestionFiles((str(tmp_path / "squad.json"),), for_training, **fields)
        return make_features(files, tokenizer, settings, tmp_path / "features", say)

    return make
