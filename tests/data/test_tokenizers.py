import pytest

from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.data.tokenizers import Tokenizer, is_wordpiece, open_tokenizer
from albert_lsh_tf.data.wordpiece import WordPieceTokenizer
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.errors import InputError
from tests.fixtures.wordpiece import write_wordpiece

SPM_MODEL_FILE = EMBEDDED_MODEL_DIR / "spiece.model"


@pytest.fixture
def vocab_file(tmp_path):
    return write_wordpiece(tmp_path / "vocab_chinese.txt")


def test_the_vocabulary_says_which_tokenizer(vocab_file):
    words, pieces = open_tokenizer(vocab_file, False), open_tokenizer(SPM_MODEL_FILE)
    assert isinstance(words, WordPieceTokenizer) and not words.do_lower_case
    assert isinstance(pieces, AlbertTokenizer) and pieces.do_lower_case
    assert is_wordpiece("a/VOCAB.TXT") and not is_wordpiece("vocab.txt/a.model")
    for tokenizer in (words, pieces):
        for name in Tokenizer.__annotations__:
            assert hasattr(tokenizer, name), name
        assert tokenizer.encode_batch(["a b"], num_threads=1) == [
            tokenizer.encode("a b")
        ]


def test_vocabularies_under_a_wrong_name_are_told_apart(vocab_file, tmp_path):
    model = tmp_path / "spiece.model"
    vocab_file.rename(model)
    with pytest.raises(InputError, match="WordPiece vocabulary: give it with vocab"):
        open_tokenizer(model)
    words = tmp_path / "vocab.txt"
    words.write_bytes(SPM_MODEL_FILE.read_bytes())
    with pytest.raises(InputError, match="give a SentencePiece model with spm"):
        open_tokenizer(words)
