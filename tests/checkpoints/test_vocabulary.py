import pytest

from albert_lsh_tf.checkpoints.vocabulary import (
    Vocabulary,
    check_vocabulary,
    find_vocabulary,
)
from albert_lsh_tf.errors import InputError
from tests.fixtures import vocabularies


@pytest.fixture
def spm_model_file(tmp_path):
    file = tmp_path / "spiece.model"
    file.write_bytes(vocabularies.spm_model())
    return file


@pytest.fixture
def vocab_file(tmp_path):
    file = tmp_path / "vocab_chinese.txt"
    file.write_text(vocabularies.wordpiece_text(), encoding="utf-8")
    return file


def test_the_usual_names_come_before_others(tmp_path, spm_model_file, vocab_file):
    (tmp_path / "other.model").touch()
    (tmp_path / "vocab_old.txt").touch()
    assert find_vocabulary([tmp_path / "none", tmp_path]) == Vocabulary(
        str(spm_model_file), str(vocab_file)
    )


def test_another_name_will_do_where_there_is_no_second(tmp_path):
    for name in ("one.model", "vocab-one.txt"):
        (tmp_path / name).touch()
    assert find_vocabulary([tmp_path]) == Vocabulary(
        str(tmp_path / "one.model"), str(tmp_path / "vocab-one.txt")
    )
    for name in ("two.model", "vocab-two.txt"):
        (tmp_path / name).touch()
    assert find_vocabulary([tmp_path]) == Vocabulary(None, None)


# Equal, padded to a multiple of 128, and with two tokens added in fine-tuning.
@pytest.mark.parametrize("vocab_size", [31, 32, 33])
def test_vocabularies_that_fit(vocab_size, spm_model_file, vocab_file):
    for file in (spm_model_file, vocab_file):
        check_vocabulary(vocab_size, "weights", file)


@pytest.mark.parametrize("vocab_size", [30, 40, 30000])
def test_another_models_vocabulary(vocab_size, spm_model_file, vocab_file):
    for file in (spm_model_file, vocab_file):
        with pytest.raises(
            InputError,
            match=rf"{file.name} has 31 pieces, but the weights in "
            rf"models/albert are of {vocab_size}; one of the two is of another model",
        ):
            check_vocabulary(vocab_size, "models/albert", file)


def test_special_pieces_have_fixed_ids(tmp_path):
    file = tmp_path / "spiece.model"
    changed = vocabularies.spm_model().replace(b"[SEP]", b"[BOS]")
    file.write_bytes(changed)
    with pytest.raises(InputError, match=r"fixed ids: \[SEP\] should be 3\. Give"):
        check_vocabulary(31, "weights", file)


def test_special_words_of_wordpiece(vocab_file):
    text = vocab_file.read_text(encoding="utf-8").replace("[MASK]", "[mask]")
    vocab_file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"vocabulary has no \[MASK\]\."):
        check_vocabulary(31, "weights", vocab_file)


def test_words_are_counted_as_google_counts_them(tmp_path):
    # A line separator of Unicode's is a word of some vocabularies, not the end of one.
    file = tmp_path / "vocab.txt"
    text = vocabularies.wordpiece_text(30) + "\u2028\t1\n"
    for content in (text, text.rstrip("\n"), text.replace("\n", "\r\n")):
        file.write_bytes(content.encode("utf-8"))
        check_vocabulary(31, "weights", file)
        with pytest.raises(InputError, match="has 31 pieces"):
            check_vocabulary(30, "weights", file)


@pytest.mark.parametrize("content", [b"", b"not a model", None])
def test_damaged_sentencepiece_models(tmp_path, content):
    file = tmp_path / "spiece.model"
    if content is None:
        content = vocabularies.spm_model()[:100]
    file.write_bytes(content)
    with pytest.raises(InputError, match="not a SentencePiece model, or a damaged one"):
        check_vocabulary(31, "weights", file)


def test_words_that_are_not_text(vocab_file):
    vocab_file.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8 text, one word a line"):
        check_vocabulary(31, "weights", vocab_file)


def test_a_vocabulary_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"cannot be read \(No such file"):
        check_vocabulary(31, "weights", tmp_path / "gone.model")
