import collections
import gzip
import pathlib

import pytest
import scipy.stats
from sentencepiece import sentencepiece_model_pb2

from albert_lsh_tf.checkpoints.vocabulary import check_vocabulary
from albert_lsh_tf.data import vocabulary_training
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.data.vocabulary_training import (
    LONGEST_LINE,
    VocabularyConfig,
    read_lines,
    sample,
    train_vocabulary,
    write_vocabulary,
)
from albert_lsh_tf.errors import InputError
from tests.data.pretraining.corpora import TEXT, write_text
from tests.shared_data import shared_data

SIZE = 80
CONFIG = VocabularyConfig(vocab_size=SIZE)
FIRST_PIECES = '<pad> <unk> [CLS] [SEP] [MASK] ( ) " - . – £ €'.split()


def model_of(content: bytes) -> sentencepiece_model_pb2.ModelProto:
    return sentencepiece_model_pb2.ModelProto.FromString(content)


@pytest.fixture
def said() -> list[str]:
    return []


def write(folder: pathlib.Path, text=TEXT, config=CONFIG, say=lambda line: None):
    path = write_text(folder, text)
    return write_vocabulary([str(path)], folder / "vocab" / "spiece", config, say)


def test_it_works_wherever_googles_does(tmp_path):
    model_file = write(tmp_path)
    check_vocabulary(SIZE, "weights", model_file)
    tokenizer = AlbertTokenizer(model_file)
    assert tokenizer.vocab_size == SIZE
    ids = [getattr(tokenizer, f"{name}_id") for name in ("pad", "unk", "cls", "sep")]
    assert [*ids, tokenizer.mask_id] == [0, 1, 2, 3, 4]
    assert tokenizer.unk_id not in tokenizer.encode(TEXT)
    assert tokenizer.tokenize("(-.)")[-4:] == ["(", "-", ".", ")"]


def test_pieces_begin_as_googles_do(tmp_path):
    lines = write(tmp_path).with_suffix(".vocab").read_text("utf-8").splitlines()
    pieces, scores = zip(*(line.split("\t") for line in lines), strict=True)
    assert list(pieces[:13]) == FIRST_PIECES
    assert set(scores[:13]) == {"0"}
    assert len(pieces) == SIZE
    assert max(map(float, scores[13:])) < 0


def test_settings_are_those_of_googles_model():
    theirs = model_of(shared_data("albert/30k-clean.model").read_bytes())
    ours = model_of(train_vocabulary(TEXT.lower().split("\n"), CONFIG))
    differing = {
        field.name
        for field in ours.trainer_spec.DESCRIPTOR.fields
        if getattr(ours.trainer_spec, field.name)
        != getattr(theirs.trainer_spec, field.name)
    }
    # What is read is decided before SentencePiece sees it.
    assert differing == {
        "input",
        "model_prefix",
        "vocab_size",
        "input_sentence_size",
        "num_threads",
    }
    for name in ("name", "add_dummy_prefix", "remove_extra_whitespaces"):
        expected = getattr(theirs.normalizer_spec, name)
        assert getattr(ours.normalizer_spec, name) == expected
    assert [(p.piece, p.type) for p in ours.pieces[:13]] == [
        (p.piece, p.type) for p in theirs.pieces[:13]
    ]


def test_the_same_text_gives_the_same_bytes(tmp_path):
    contents = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        contents.append(write(tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


def test_text_is_prepared_as_the_tokenizer_does(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress("Crème  BRÛLÉE\n\n \u0301\nmore".encode()))
    assert list(read_lines([path], True)) == ["creme brulee", "more"]
    assert list(read_lines([path], False)) == ["Creme BRULEE", "more"]


def test_few_lines_are_all_taken_in_order():
    assert sample(iter("abc"), 3, seed=0) == (["a", "b", "c"], 3)
    assert sample([], 3, seed=0) == ([], 0)


def test_of_many_lines_each_is_as_likely_as_another():
    counts = collections.Counter()
    for seed in range(2000):
        drawn, num_lines = sample(iter("abcdefg"), 3, seed)
        assert num_lines == 7 and len(set(drawn)) == 3
        counts.update(drawn)
    assert scipy.stats.chisquare([counts[line] for line in "abcdefg"]).pvalue > 0.001
    assert sample("abcdefg", 3, 5) == sample("abcdefg", 3, 5)


def test_lines_that_are_too_long_are_told_of(tmp_path, said):
    write(tmp_path, TEXT + "\n" + "long " * LONGEST_LINE, say=said.append)
    assert said == [
        f"1 lines of more than {LONGEST_LINE} bytes left out.",
        "training on 8 of 9 lines",
    ]


@pytest.mark.parametrize(
    "text, changes, message",
    [
        ("", {}, "input_file: there is no line of text to train on."),
        ("\u2581\n", {}, "input_file: there is no character of text to train on."),
        (
            "a b c",
            {},
            "vocab_size=80: the text has no more than [0-9]+ pieces; give a s",
        ),
        (
            TEXT,
            {"vocab_size": 30},
            "vocab_size=30: the characters of the text alone are",
        ),
    ],
)
def test_text_that_does_not_do_is_one_line(tmp_path, text, changes, message):
    with pytest.raises(InputError, match=message):
        write(tmp_path, text, CONFIG.replace(**changes))
    assert not any((tmp_path / "vocab").iterdir())


@pytest.mark.parametrize("kind", [RuntimeError, ValueError])
def test_other_errors_of_sentencepiece_are_one_line(monkeypatch, kind):
    def refuse(**_):
        raise kind("INTERNAL: x.cc(7) [a]\nb ")

    trainer = vocabulary_training.sentencepiece.SentencePieceTrainer
    monkeypatch.setattr(trainer, "Train", refuse)
    message = (
        "^SentencePiece cannot train .* settings: INTERNAL: x.cc\\(7\\) \\[a\\] b$"
    )
    with pytest.raises(InputError, match=message):
        train_vocabulary(["text"], CONFIG)


@pytest.mark.parametrize("with_list", [False, True])
def test_nothing_is_written_over(tmp_path, with_list):
    (tmp_path / "vocab").mkdir()
    paths = [tmp_path / "vocab" / f"spiece{end}" for end in (".model", ".vocab")]
    for path in paths[: 1 + with_list]:
        path.write_text("mine")
    with pytest.raises(InputError, match="spiece.model is there already; give another"):
        write(tmp_path)
    assert {path.read_text() for path in paths[: 1 + with_list]} == {"mine"}


def test_a_list_without_its_model_is_what_a_kill_left(tmp_path, said):
    (tmp_path / "vocab").mkdir()
    (tmp_path / "vocab" / "spiece.vocab").write_text("half")
    assert write(tmp_path, say=said.append).exists()
    assert "spiece.vocab has no .model: left of a start that was stopped" in said[0]
    assert (tmp_path / "vocab" / "spiece.vocab").read_text("utf-8").startswith("<pad>")


def test_where_nothing_can_be_written_is_found_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr(vocabulary_training, "read_lines", None)
    (tmp_path / "vocab").touch()
    message = "vocab: no file can be made there .*; give another model_prefix."
    with pytest.raises(InputError, match=message):
        write(tmp_path)


def test_homes_are_filled_in(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_text(tmp_path)
    written = write_vocabulary(
        ["~/text.txt"], "~/new/spiece", CONFIG, lambda line: None
    )
    assert written == tmp_path / "new" / "spiece.model"
    assert written.exists()


@pytest.mark.parametrize("changes", [{"num_threads": 129}, {"vocab_size": 2**31}])
def test_numbers_have_limits(changes):
    ((name, value),) = changes.items()
    with pytest.raises(InputError, match=f"{name}={value} must be at most {value - 1}"):
        CONFIG.replace(**changes)


@pytest.mark.parametrize("coverage", [0.9, 1.1])
def test_coverage_has_limits(coverage):
    with pytest.raises(
        InputError, match=f"character_coverage={coverage} must be at le"
    ):
        VocabularyConfig(character_coverage=coverage)
