import json
import pathlib
import subprocess
import sys

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_lsh_tf.data.tokenization import AlbertTokenizer, preprocess_text
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.errors import InputError
from tests.shared_data import shared_data

GOLDENS = pathlib.Path(__file__).parent / "goldens"
SPM_MODEL_FILE = EMBEDDED_MODEL_DIR / "spiece.model"


@pytest.fixture(scope="module")
def tokenizer():
    return AlbertTokenizer(SPM_MODEL_FILE)


def check_goldens(name, spm_model_file):
    cases = json.loads((GOLDENS / f"{name}.json").read_text())
    assert len(cases) > 40
    tokenizers = {
        lower: AlbertTokenizer(spm_model_file, do_lower_case=lower)
        for lower in (True, False)
    }
    for case in cases:
        tokenizer = tokenizers[case["do_lower_case"]]
        for ids in (
            tokenizer.encode(case["text"]),
            tokenizer.encode_batch([case["text"]])[0],
        ):
            assert ids == case["ids"], (
                f"{case['text'][:80]!r}, do_lower_case={case['do_lower_case']}; if the "
                "vocabulary changed, run python tests/data/make_tokenizer_goldens.py"
            )


def test_golden_ids_of_hard_strings_with_the_embedded_vocabulary():
    check_goldens("albert_lsh_tiny", SPM_MODEL_FILE)


def test_golden_ids_of_hard_strings_with_googles_vocabulary():
    check_goldens("30k-clean", shared_data("albert/30k-clean.model"))


def test_special_ids_are_alberts(tokenizer):
    ids = (tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id)
    assert ids + (tokenizer.mask_id,) == (0, 1, 2, 3, 4)
    assert tokenizer.vocab_size == 8000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  two \t blanks\n", "two blanks"),
        ("Crème Brûlée", "creme brulee"),
        ("Straße", "straße"),  # casefold() would give "strasse".
        ("İ", "i"),
        ("ﬁ½", "fi1\u20442"),
        ("``a'' “b”", "``a'' “b”"),
        ("a\u200db", "a\u200db"),
    ],
)
def test_preprocess_text(text, expected):
    assert preprocess_text(text) == expected


def test_case_is_kept_when_asked_but_accents_go():
    assert preprocess_text("Crème", do_lower_case=False) == "Creme"


def test_zero_width_joiner_parts_words_in_googles_vocabulary():
    tokenizer = AlbertTokenizer(shared_data("albert/30k-clean.model"))
    assert tokenizer.tokenize("a\u200db") == tokenizer.tokenize("a b")


@pytest.fixture(scope="module")
def comma_tokenizer(tmp_path_factory):
    """A vocabulary with digit-comma pieces at the start of a word and within one."""
    prefix = tmp_path_factory.mktemp("vocabulary") / "commas"
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(["it cost 19, or b19, then b7 19 7 , b c d"] * 20),
        model_prefix=str(prefix),
        vocab_size=40,
        hard_vocab_limit=False,
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        control_symbols=["[CLS]", "[SEP]", "[MASK]"],
        user_defined_symbols=["9,", "\u258119,", "1", "9"],
        minloglevel=2,
    )
    return AlbertTokenizer(f"{prefix}.model")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("19, d", ["\u2581", "1", "9", ",", "\u2581d"]),  # Was "\u258119,".
        ("b9,", ["\u2581b", "9", ","]),  # Was "9,": no word starts at the 9.
    ],
)
def test_number_and_comma_are_two_pieces(comma_tokenizer, text, expected):
    raw = comma_tokenizer._model.EncodeAsPieces(text)
    assert any(piece.endswith("9,") for piece in raw)  # Or nothing would be split.
    assert comma_tokenizer.tokenize(text) == expected
    assert comma_tokenizer.encode_batch([text]) == [comma_tokenizer.encode(text)]


def test_special_pieces_are_not_found_in_text(tokenizer):
    assert tokenizer.cls_id not in tokenizer.encode("[CLS]")
    assert tokenizer.pad_id not in tokenizer.encode("<pad>")


def test_encode_is_tokenize_then_lookup(tokenizer):
    assert tokenizer.encode("the 中文") == [
        tokenizer._ids.get(piece, 1) for piece in tokenizer.tokenize("the 中文")
    ]
    assert tokenizer.encode("中")[-1] == tokenizer.unk_id


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.text(
            alphabet=st.one_of(
                st.characters(codec="utf-8"), st.sampled_from("0123456789,, a")
            )
        )
    )
)
def test_encode_batch_equals_encode(texts):
    tokenizer = AlbertTokenizer(SPM_MODEL_FILE)
    assert tokenizer.encode_batch(texts) == [tokenizer.encode(text) for text in texts]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such SentencePiece model"),
        (b"", "not a SentencePiece model"),
        (b"[CLS]\n[SEP]\nthe\n", "not a SentencePiece model"),
        (b"\x00" * 999, "not a SentencePiece model"),
    ],
    ids=["missing", "empty", "text", "zeros"],
)
def test_a_file_that_is_no_model_is_named(tmp_path, content, message):
    path = tmp_path / "spiece.model"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f"spiece.model: {message}"):
        AlbertTokenizer(path)


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        AlbertTokenizer(tmp_path)


def test_a_vocabulary_without_special_pieces_is_refused(tmp_path):
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(["a few words of text"] * 5),
        model_prefix=str(tmp_path / "other"),
        vocab_size=20,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    with pytest.raises(InputError, match=r"has no <pad>, \[CLS\], \[SEP\], \[MASK\]"):
        AlbertTokenizer(tmp_path / "other.model")


def test_importing_the_tokenizer_does_not_import_tensorflow():
    code = (
        "import sys, albert_lsh_tf.data.tokenization, albert_lsh_tf.data.glue, "
        "albert_lsh_tf.data.features; sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
