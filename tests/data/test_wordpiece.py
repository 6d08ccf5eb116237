import pytest
from official.nlp.tools import tokenization

from albert_lsh_tf.data.wordpiece import MASK, WordPieceTokenizer, read_vocab
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.errors import InputError
from tests.data.hard_texts import HARD_STRINGS
from tests.fixtures.wordpiece import SPECIAL, wordpiece_lines, write_wordpiece


@pytest.fixture(scope="module")
def vocab_file(tmp_path_factory):
    return write_wordpiece(tmp_path_factory.mktemp("wordpiece") / "vocab.txt")


@pytest.fixture(scope="module")
def tokenizer(vocab_file):
    return WordPieceTokenizer(vocab_file)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("中文字,unaffable", "中 文 字 , un ##aff ##able"),
        ("東京ABC", "[UNK] 京 a ##b ##c"),
        ("  Straße\t1000\n", "straße 10 ##00"),
        ("Crème ΟΔΟΣ", "c ##r ##e ##m ##e ο ##δ ##ο ##ς"),
        ("a\u200db\x00c\ufffd", "a ##b ##c"),
        ("[MASK]", "[ m ##a ##s ##k ]"),
        ("I", "i"),
        ("", ""),
    ],
)
def test_words_are_those_of_google(tokenizer, text, expected):
    assert " ".join(tokenizer.tokenize(text)) == expected
    assert tokenizer.encode(text) == [
        wordpiece_lines().index(piece) for piece in expected.split()
    ]


def test_case_and_accents_are_kept_when_asked(vocab_file):
    tokenizer = WordPieceTokenizer(vocab_file, do_lower_case=False)
    assert tokenizer.tokenize("I ä a\u0308 straße") == ["I", "ä", "[UNK]", "straße"]


def test_ids_are_those_of_model_garden(tokenizer, vocab_file):
    full = tokenization.FullTokenizer(str(vocab_file))
    # Model Garden splits words of 201 to 400 characters as well.
    texts = [text for text in HARD_STRINGS if max(map(len, ["", *text.split()])) < 200]
    assert len(texts) > 25
    for text in texts:
        expected = full.convert_tokens_to_ids(full.tokenize(text))
        assert tokenizer.encode(text) == expected, ascii(text)
    assert tokenizer.encode_batch(texts) == [tokenizer.encode(text) for text in texts]


def test_words_of_more_than_200_characters_are_unknown(tokenizer):
    assert len(tokenizer.encode("ä" * 200)) == 200
    assert tokenizer.encode("ä" * 201) == [tokenizer.unk_id]


def test_special_ids_are_those_of_the_file(tokenizer):
    assert SPECIAL.index(MASK) == tokenizer.mask_id
    ids = (tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id)
    assert ids == (0, 2, 3, 4)
    assert tokenizer.vocab_size == len(wordpiece_lines())


def test_lines_are_read_as_google_reads_them(tmp_path):
    path = tmp_path / "vocab.txt"
    lines = [*SPECIAL, "的\t12", "", "a b", "的\t3", " 一 ", "##x"]
    path.write_bytes("\r\n".join(lines).encode())
    assert read_vocab(str(path)) == [*SPECIAL, "的", " ", "a", "一", "##x"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such WordPiece vocabulary"),
        (b"", r"has no \[PAD\], \[UNK\], \[CLS\], \[SEP\], \[MASK\]"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\n", r"has no \[MASK\]"),
        ((EMBEDDED_MODEL_DIR / "spiece.model").read_bytes(), "with spm_model_file"),
        (
            "<pad>\t0\n<unk>\t0\n[CLS]\t0\n[SEP]\t0\n[MASK]\t0\n\u2581the\t-3\n".encode(),
            "SentencePiece writes beside a model.*with spm_model_file",
        ),
    ],
    ids=["missing", "empty", "incomplete", "sentencepiece", "list"],
)
def test_a_file_that_is_no_vocabulary_is_named(tmp_path, content, message):
    path = tmp_path / "vocab.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f"vocab.txt: .*{message}") as error:
        WordPieceTokenizer(path)
    assert "\n" not in str(error.value)


def test_a_folder_is_no_vocabulary(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        WordPieceTokenizer(tmp_path)
