"""The user's own data: what is read, and the one line for everything that is wrong."""

import gzip
import json

import pytest

from albert_lsh_tf.data.jsonl_task import make_task, read_examples, read_task
from albert_lsh_tf.data.task import Example, has_split
from albert_lsh_tf.errors import InputError
from tests.shared_data import shared_data

TASK = make_task("news", ["no", "yes"])
GOOD = b'{"text": "a", "label": "no"}\n{"text": "b", "label": "yes"}\n'


def write(folder, split, content):
    """A file of the task "news": bytes, or lines to be."""
    path = folder / "news" / f"{split}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(content, bytes):
        content = "".join(json.dumps(line) + "\n" for line in content).encode()
    path.write_bytes(content)
    return path


def labelled(*labels):
    return [{"text": f"text {n}", "label": label} for n, label in enumerate(labels)]


def refused(tmp_path, content, split="dev", task=TASK):
    """The error message, without the folder."""
    write(tmp_path, split, content)
    with pytest.raises(InputError) as caught:
        read_examples(task, tmp_path, split)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{tmp_path}/", "")


def test_texts_ids_and_labels(tmp_path):
    lines = [
        {"id": "x/1", "text": "One\npage,\u2028two.", "label": "yes"},
        {"label": "no", "text": " Three ", "text_b": "Four", "more": [5]},
        {"id": 17, "text": "Five", "text_b": None, "label": "no"},
        {"id": "x/1", "text": "Six", "text_b": " ", "label": " yes "},
    ]
    write(tmp_path, "dev", lines)
    assert read_examples(TASK, tmp_path, "dev") == [
        Example("x/1", "One\npage,\u2028two.", None, 1),
        Example("dev-2", " Three ", "Four", 0),
        Example("17", "Five", None, 0),
        Example("x/1", "Six", None, 1),
    ]


def test_labels_of_a_test_file_are_not_looked_at(tmp_path):
    lines = [{"text": "a"}, {"text": "b", "label": None}, {"text": "c", "label": 7.5}]
    write(tmp_path, "test", lines)
    examples = read_examples(TASK, tmp_path, "test")
    assert [example.label for example in examples] == [None] * 3
    assert [example.guid for example in examples] == ["test-1", "test-2", "test-3"]


def test_byte_order_mark_line_ends_and_blank_lines_at_the_end(tmp_path):
    content = b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n") + b"\n\n"
    write(tmp_path, "train", content)
    assert [each.text_a for each in read_examples(TASK, tmp_path, "train")] == [*"ab"]


def test_packed_files_are_read_where_there_is_no_other(tmp_path):
    path = write(tmp_path, "dev", GOOD)
    packed = path.with_suffix(".jsonl.gz")
    packed.write_bytes(gzip.compress(GOOD * 2))
    assert len(read_examples(TASK, tmp_path, "dev")) == 2
    path.unlink()
    assert len(read_examples(TASK, tmp_path, "dev")) == 4
    packed.write_bytes(gzip.compress(GOOD)[:-9])
    with pytest.raises(InputError, match="dev.jsonl.gz: damaged, or not packed"):
        read_examples(TASK, tmp_path, "dev")
    packed.write_bytes(GOOD)
    with pytest.raises(InputError, match="dev.jsonl.gz: damaged, or not packed"):
        read_examples(TASK, tmp_path, "dev")


def test_the_tasks_own_folder_will_do(tmp_path):
    write(tmp_path, "dev", GOOD)
    assert len(read_examples(TASK, tmp_path / "news", "dev")) == 2
    assert not has_split(TASK, tmp_path, "test")
    with pytest.raises(InputError, match="news/test.jsonl: no such file; looked for"):
        read_examples(TASK, tmp_path, "test")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("pos", "neg", "pos", "Neg"), ("Neg", "neg", "pos")),
        ((10, 9, "-1", 9), ("-1", "9", "10")),
        # Not all of them are numbers.
        ((10, 9, "x"), ("10", "9", "x")),
        (("ä", "z", "a"), ("a", "z", "ä")),
    ],
)
def test_labels_are_those_of_the_training_data_sorted(tmp_path, labels, expected):
    write(tmp_path, "train", labelled(*labels))
    task = read_task("news", tmp_path)
    assert task.labels == expected
    assert task.text_columns == ("text",)
    ids = [example.label for example in read_examples(task, tmp_path, "train")]
    assert [task.labels[index] for index in ids] == [str(label) for label in labels]


def test_one_second_text_makes_a_task_of_pairs(tmp_path):
    lines = [*labelled("a", "b"), {"text": "c", "text_b": "d", "label": "a"}]
    write(tmp_path, "train", lines)
    assert read_task("news", tmp_path).text_columns == ("text", "text_b")
    task = make_task("news", ["a", "b"], has_pairs=False)
    message = refused(tmp_path, lines, "test", task)
    assert message.startswith("news/test.jsonl, line 3: text_b, which no line had that")


def test_what_the_rest_of_the_run_needs_to_know():
    task = make_task("imdb-long", ["a", "b", "c"])
    assert task.files["test"] == "imdb-long/test.jsonl"
    assert task.submissions == {"test": "imdb-long.tsv"}
    assert task.metrics == ("eval_accuracy", "f1_macro")
    assert task.best_metric in task.metrics
    assert not task.is_regression
    assert (task.evaluation_splits, task.test_splits) == (("dev",), ("test",))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "a/", "test_results"])
def test_names_that_are_no_folders_are_refused(name):
    with pytest.raises(InputError, match=f"task_name='{name}' cannot name data of"):
        make_task(name, ["a", "b"])


def test_a_single_label_is_refused(tmp_path):
    write(tmp_path, "train", labelled(3, "3"))
    with pytest.raises(InputError, match="train.jsonl: every label is '3'; .* two lab"):
        read_task("news", tmp_path)


@pytest.mark.parametrize("split", ["train", "dev", "test"])
@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"text\tlabel", "not JSON (Expecting value); expected one object a line, as"),
        (b'{"text": "a", "label"', "not JSON (Expecting ':' delimiter)"),
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON (maximum recursion depth"),
        (b'["a", "yes"]', "list instead of an object"),
        (b'{"label": "yes"}', "no text; the fields found are 'label', expected are {"),
        (b"{}", "no text; the fields found are none"),
        (b'{"text": null, "label": "yes"}', "no text"),
        (b'{"text": "", "label": "yes"}', "text is empty; leave the line out"),
        (b'{"text": "\\n \\t", "label": "yes"}', "text is empty"),
        (b'{"text": 7, "label": "yes"}', "text must be a string"),
        (b'{"text": "a", "text_b": ["b"], "label": "yes"}', "text_b must be a string"),
        (b'{"text": "a \\ud83d", "label": "yes"}', "text holds half of a character"),
        (b'{"text": "a", "label": "yes", "id": 1.5}', "id 1.5 must be a string or a w"),
        (
            b'{"text": "a", "label": "yes", "id": "1\\t2"}',
            "id '1\\t2' must be a word or a few",
        ),
    ],
)
def test_bad_lines_are_named(tmp_path, split, line, message):
    content = GOOD + line + b'\n{"text": "c", "label": "no"}\n'
    told = refused(tmp_path, content, split)
    assert told.startswith(f"news/{split}.jsonl, line 3: {message}")


@pytest.mark.parametrize("split", ["train", "dev"])
@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("maybe", "unknown label 'maybe'; the labels of news are 'no', 'yes'."),
        (1, "unknown label '1'"),
        (None, "no label; the fields found are 'text', 'label'"),
        (True, "label true must be a string or a whole number"),
        (1.0, "label 1.0 must be a string or a whole number"),
        (["no"], 'label ["no"] must be a string or a whole number'),
        ("", "label '' must be a word or a few"),
        ("y\nes", "label 'y\\nes' must be a word or a few, without tabs and line ends"),
        ("\udc00", "label holds half of a character (\\udc00)"),
    ],
)
def test_bad_labels_are_named(tmp_path, split, label, message):
    told = refused(tmp_path, labelled("no", label, "yes"), split)
    assert told.startswith(f"news/{split}.jsonl, line 2: {message}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "dev.jsonl: the file is empty"),
        (b"\n\n", "dev.jsonl: the file is empty"),
        (GOOD + b'{"text": "\xff"}\n', "dev.jsonl, line 3: not UTF-8 (byte 0xff"),
    ],
)
def test_bad_files_are_named(tmp_path, content, message):
    assert refused(tmp_path, content).startswith(f"news/{message}")


@pytest.mark.parametrize(
    ("name", "num_labels", "num_dev"),
    [("imdb-long", 2, 396), ("novel-author", 33, 198)],
)
def test_real_long_documents(name, num_labels, num_dev):
    folder = shared_data("longdoc")
    task = read_task(name, folder)
    assert len(task.labels) == num_labels
    assert task.labels == tuple(sorted(task.labels))
    examples = read_examples(task, folder, "dev")
    assert len(examples) == num_dev
    assert min(len(example.text_a) for example in examples) > 1000
