import json
import pathlib
import random

import pytest
import sentencepiece
import tensorflow as tf
import tensorflow_text as tf_text
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_lsh_tf.data.graph_tokenization import GraphPreprocessing, GraphTokenizer
from albert_lsh_tf.data.tokenization import AlbertTokenizer, preprocess_text
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.errors import InputError
from tests.data.hard_texts import HARD_STRINGS
from tests.shared_data import shared_data

GOLDENS = pathlib.Path(__file__).parent / "goldens"
SPM_MODEL_FILE = EMBEDDED_MODEL_DIR / "spiece.model"
BOTH_CASINGS = pytest.mark.parametrize("lower", [True, False], ids=["lower", "cased"])


@pytest.fixture(scope="module")
def tokenizers():
    """By casing, the tokenizer and its graph."""
    pairs = {}
    for lower in (True, False):
        tokenizer = AlbertTokenizer(SPM_MODEL_FILE, do_lower_case=lower)
        pairs[lower] = tokenizer, GraphTokenizer(tokenizer)
    return pairs


def assert_equal_ids(tokenizer, graph, texts):
    expected = tokenizer.encode_batch(texts)
    for text, ids, others in zip(
        texts, expected, graph(tf.constant(texts, tf.string)).to_list(), strict=True
    ):
        assert others == ids, ascii(text[:200])


def check_goldens(name, spm_model_file):
    """The ids that Model Garden's Python tokenizer gives."""
    cases = json.loads((GOLDENS / f"{name}.json").read_text())
    for lower in (True, False):
        chosen = [case for case in cases if case["do_lower_case"] == lower]
        assert len(chosen) >= len(HARD_STRINGS)
        graph = GraphTokenizer(AlbertTokenizer(spm_model_file, lower))
        texts = tf.constant([case["text"] for case in chosen])
        for case, ids in zip(chosen, graph(texts).to_list(), strict=True):
            assert ids == case["ids"], ascii(case["text"])


def test_golden_ids_of_hard_strings_with_the_embedded_vocabulary():
    check_goldens("albert_lsh_tiny", SPM_MODEL_FILE)


def test_golden_ids_of_hard_strings_with_googles_vocabulary():
    check_goldens("30k-clean", shared_data("albert/30k-clean.model"))


@BOTH_CASINGS
def test_every_character_is_rewritten_as_python_does(lower):
    # Astral planes above the second have ideographs and private characters only.
    code_points = [c for c in range(0x30000) if not 0xD800 <= c < 0xE000]
    texts = [
        "".join(f"a{chr(c)}b" for c in code_points[start : start + 64])
        for start in range(0, len(code_points), 64)
    ]
    normalized = GraphPreprocessing(lower)(tf.constant(texts)).numpy()
    for text, result in zip(texts, normalized, strict=True):
        assert result.decode() == preprocess_text(text, lower), ascii(text)


@BOTH_CASINGS
@settings(deadline=None, max_examples=150)
@given(
    texts=st.lists(
        st.text(
            st.one_of(
                st.characters(codec="utf-8"),
                st.sampled_from("ΣΣσς Α.a'ʰ\u0345\u00ad1,2 9,\u2581\u1100\u1161\u11a8"),
                st.sampled_from("eeelllsss....999 "),
            )
        ),
        max_size=4,
    )
)
def test_ids_of_any_text_are_those_of_python(tokenizers, lower, texts):
    assert_equal_ids(*tokenizers[lower], texts)


def test_ids_of_long_and_of_empty_texts_are_those_of_python(tokenizers):
    nothing = ["", " \n\t", "\u0301\u0301", "\u200b", "\u3000", "\x00"]
    sentence = "Crème brûlée cost $1,999, 中文 ΟΔΟΣ! "
    long = ["a" * 100_000, "中" * 100_000, sentence * 300, "\u0301 " * 50_000]
    assert_equal_ids(*tokenizers[True], nothing + long)
    assert tokenizers[True][1](tf.zeros([0], tf.string)).shape[0] == 0


@pytest.mark.parametrize(
    "bytes_", [b"a\xffb", b"\xed\xa0\x80 x", b"\xf0\x9f\x98", b"e\xcc", b"\xc0\x80\xa0"]
)
def test_bytes_that_are_no_text_count_as_replacement_characters(tokenizers, bytes_):
    tokenizer, graph = tokenizers[True]
    expected = tokenizer.encode(bytes_.decode("utf-8", "replace"))
    assert graph(tf.constant([bytes_])).to_list() == [expected]


def unsure_texts():
    """Many equally good ways to split them, so that rounding decides."""
    rng = random.Random(20)
    return [
        "".join(rng.choice("aeilos. 9中") * rng.randrange(1, 7) for _ in range(25))
        for _ in range(500)
    ]


def test_rounding_decides_ties_as_in_python(tokenizers):
    tokenizer, graph = tokenizers[True]
    texts = unsure_texts()
    assert_equal_ids(tokenizer, graph, texts)
    # Or else there would be no ties here that are decided in more than one way.
    op = tf_text.SentencepieceTokenizer(SPM_MODEL_FILE.read_bytes())
    assert op.tokenize(texts).to_list() != tokenizer.encode_batch(texts)


TEXT = "it cost 19, or £19, then b7 19 7 , b c d É xyz"


def trained(tmp_path, text=TEXT, **options):
    """A small vocabulary with the special pieces of ALBERT."""
    options = {
        "user_defined_symbols": ["9,", "\u258119,", "1", "9", "cost", "£"],
        "vocab_size": 44,
    } | options
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter([text] * 20),
        model_prefix=str(tmp_path / "small"),
        hard_vocab_limit=False,
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        control_symbols=["[CLS]", "[SEP]", "[MASK]"],
        minloglevel=2,
        **options,
    )
    return AlbertTokenizer(tmp_path / "small.model", do_lower_case=False)


def test_numbers_and_commas_are_parted_wherever_they_stand(tmp_path):
    tokenizer = trained(tmp_path)
    changed = [ids for id_, ids in enumerate(tokenizer.final_ids()) if ids != [id_]]
    assert len(changed) == 2
    texts = ["19, d", "b9,", "19,9,", "£19,cost", "costcost £1", "é9,中9,", "xx 9"]
    assert_equal_ids(tokenizer, GraphTokenizer(tokenizer), texts)


def test_characters_that_are_only_within_longer_pieces_are_unknown_alone(tmp_path):
    # "ö" and "中" are in no piece but "öb" and "中文", which are user-defined.
    tokenizer = trained(tmp_path, user_defined_symbols=["öb", "中文", ",", "9"])
    assert tokenizer.encode("中")[-1] == tokenizer.unk_id
    texts = ["öb ö ööb", "中文 中 中中文文", "ö中öb中文", "ж ö ж", "öжb"]
    assert_equal_ids(tokenizer, GraphTokenizer(tokenizer), texts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"user_defined_symbols": [], "text": "no comma here"}, 'no piece ","'),
        ({"model_type": "bpe", "vocab_size": 60}, "only unigram models"),
        ({"byte_fallback": True, "vocab_size": 300}, "without byte fallback"),
    ],
)
def test_vocabularies_that_no_graph_can_follow_are_refused(tmp_path, options, message):
    tokenizer = trained(tmp_path, **options)
    with pytest.raises(InputError, match=f"small.model: .*{message}"):
        GraphTokenizer(tokenizer)


def test_special_tokens_have_tf_hubs_names(tokenizers):
    special = tokenizers[True][1].get_special_tokens_dict()
    assert {name: int(id_) for name, id_ in special.items()} == {
        "vocab_size": 8000,
        "padding_id": 0,
        "start_of_sequence_id": 2,
        "end_of_segment_id": 3,
        "mask_id": 4,
    }
    assert {id_.dtype for id_ in special.values()} == {tf.int32}
