import hashlib

import pytest

from albert_lsh_tf.data.glue import read_examples
from albert_lsh_tf.data.glue_tasks import find_task
from albert_lsh_tf.data.sample import NUM_ROWS, make_pairs, write_sample

SPLITS = ("train", "dev", "test")
TASK = find_task("MRPC")

# Changes when the sample does; a run that goes on would then read other data.
DIGEST = "207fbf99c197ab9e"


def digest(folder):
    contents = b"".join((folder / f"MRPC/{each}.tsv").read_bytes() for each in SPLITS)
    return hashlib.sha256(contents).hexdigest()[:16]


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return write_sample(tmp_path_factory.mktemp("sample"))


def test_the_reader_of_mrpc_reads_it(sample):
    for split in SPLITS:
        examples = read_examples(TASK, sample, split)
        assert len(examples) == NUM_ROWS[split]
        assert all((each.label is None) == (split == "test") for each in examples)


def test_layout_is_mrpcs(sample):
    train = (sample / "MRPC/train.tsv").read_text().split("\n")
    assert train[0] == "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"
    assert train[1].split("\t")[1:3] == ["0", "1"]
    test = (sample / "MRPC/test.tsv").read_text().split("\n")
    assert test[0] == "index\t#1 ID\t#2 ID\t#1 String\t#2 String"
    assert test[2].startswith("1\t")
    assert sorted(path.name for path in (sample / "MRPC").iterdir()) == [
        "dev.tsv",
        "test.tsv",
        "train.tsv",
    ]


def test_the_same_seed_gives_the_same_bytes(sample, tmp_path):
    assert digest(write_sample(tmp_path / "a")) == digest(sample) == DIGEST
    assert digest(write_sample(tmp_path / "b", seed=1)) != DIGEST


def test_two_thirds_are_paraphrases(sample):
    for split in ("train", "dev"):
        labels = [each.label for each in read_examples(TASK, sample, split)]
        assert 0.6 < sum(labels) / len(labels) < 0.73


def test_no_sentence_occurs_twice(sample):
    sentences = []
    for split in SPLITS:
        for example in read_examples(TASK, sample, split):
            sentences += [example.text_a, example.text_b]
    assert len(set(sentences)) == len(sentences)


def test_sentences_look_like_mrpcs():
    for pair in make_pairs(500):
        for text in (pair.text_a, pair.text_b):
            assert text[0].isupper() or text[0].isdigit()
            assert text.endswith(" .")
            assert "  " not in text and ", ," not in text and text.isascii()


def test_pairs_that_share_most_words_are_of_both_kinds():
    """Overlap alone must not tell the two kinds apart."""

    def overlap(pair):
        a, b = (set(text.lower().split()) for text in (pair.text_a, pair.text_b))
        return len(a & b) / min(len(a), len(b))

    alike = [pair for pair in make_pairs(2000) if overlap(pair) > 0.8]
    others = [pair for pair in alike if not pair.is_paraphrase]
    assert len(others) > 100
    assert len(alike) - len(others) > 100


def test_sizes_can_be_chosen(tmp_path):
    write_sample(tmp_path, num_rows={"train": 5, "dev": 3, "test": 2})
    assert len(read_examples(TASK, tmp_path, "train")) == 5
    assert len(read_examples(TASK, tmp_path, "test")) == 2
