import logging
import re

import pytest

from albert_lsh_tf.data.glue import read_examples
from albert_lsh_tf.data.glue_tasks import TASKS, find_task
from albert_lsh_tf.data.task import Example, has_split
from albert_lsh_tf.errors import InputError
from tests.shared_data import shared_data

MRPC_HEADER = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(tmp_path, task, split, content):
    task = find_task(task)
    write(tmp_path, task.files[split], content)
    return read_examples(task, tmp_path, split)


def refused(tmp_path, task, split, content):
    """The error message, without the folder."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, task, split, content)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{tmp_path}/", "")


def test_mrpc_with_a_byte_order_mark(tmp_path):
    content = "\ufeff" + MRPC_HEADER + '1\t10\t20\t"Quoted" one .\tIt\'s "two .\n'
    assert read(tmp_path, "MRPC", "train", content) == [
        Example("train-1", '"Quoted" one .', "It's \"two .", 1)
    ]


def test_mrpc_test_has_ids_and_no_labels(tmp_path):
    content = "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n17\t1\t2\ta\tb\n"
    assert read(tmp_path, "MRPC", "test", content) == [Example("17", "a", "b", None)]


def test_labels_of_a_test_file_are_not_looked_at(tmp_path):
    content = "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n"
    assert read(tmp_path, "RTE", "test", content)[0].label is None


def test_cola_has_no_header_but_its_test_has(tmp_path):
    content = "gj04\t1\t\tFirst.\r\ngj04\t0\t*\tSecond .\r\n"
    assert read(tmp_path, "CoLA", "dev", content) == [
        Example("dev-1", "First.", None, 1),
        Example("dev-2", "Second .", None, 0),
    ]
    content = "index\tsentence\n0\tThird.\n"
    assert read(tmp_path, "CoLA", "test", content) == [
        Example("0", "Third.", None, None)
    ]


def test_mnli_dev_has_sixteen_columns(tmp_path):
    header = ["index", "promptID", "pairID", "genre", "sentence1_binary_parse"]
    header += ["sentence2_binary_parse", "sentence1_parse", "sentence2_parse"]
    header += ["sentence1", "sentence2", "label1", "label2", "label3", "label4"]
    header += ["label5", "gold_label"]
    row = [str(i) for i in range(8)] + ["a", "b"] + ["entailment"] * 5 + ["neutral"]
    content = "\t".join(header) + "\n" + "\t".join(row) + "\n"
    for split, guid in (("dev", "dev-1"), ("dev_mismatched", "dev_mismatched-1")):
        examples = read(tmp_path, "MNLI", split, content)
        assert examples == [Example(guid, "a", "b", 2)]
    assert (tmp_path / "MNLI/dev_matched.tsv").exists()
    assert (tmp_path / "MNLI/dev_mismatched.tsv").exists()


def test_ax_predicts_the_diagnostic_set(tmp_path):
    content = "index\tsentence1\tsentence2\n5\ta\tb\n"
    assert read(tmp_path, "AX", "test", content) == [Example("5", "a", "b", None)]
    assert (tmp_path / "diagnostic/diagnostic.tsv").exists()
    examples = read_examples(find_task("MNLI"), tmp_path, "diagnostic")
    assert examples[0].guid == "5"


def test_sts_b_has_scores(tmp_path):
    content = "index\tsentence1\tsentence2\tscore\n0\ta\tb\t3.800\n1\tc\td\t5\n"
    labels = [each.label for each in read(tmp_path, "STS-B", "dev", content)]
    assert labels == [3.8, 5.0]
    assert all(isinstance(label, float) for label in labels)


def test_order_of_columns_and_further_columns_do_not_matter(tmp_path):
    content = "sentence2\textra\tlabel\tsentence1\tindex\nb\t-\t0\ta\t9\n"
    assert read(tmp_path, "WNLI", "dev", content) == [Example("dev-1", "a", "b", 0)]
    assert read(tmp_path, "WNLI", "test", content) == [Example("9", "a", "b", None)]


def test_other_line_ends_of_unicode_are_text(tmp_path):
    content = "sentence\tlabel\none\u2028two\x85three\x0bfour\t1\n"
    (example,) = read(tmp_path, "SST-2", "train", content)
    assert example.text_a == "one\u2028two\x85three\x0bfour"


def test_the_tasks_own_folder_will_do(tmp_path):
    write(tmp_path, "MRPC/dev.tsv", MRPC_HEADER + "1\t1\t2\ta\tb\n")
    assert len(read_examples(find_task("MRPC"), tmp_path / "MRPC", "dev")) == 1


def test_a_missing_file_names_the_folders_looked_in(tmp_path):
    task = find_task("MRPC")
    message = f"{tmp_path}/MRPC/dev.tsv: no such file; looked for dev.tsv in "
    with pytest.raises(InputError, match=re.escape(message + f"{tmp_path}/MRPC. ")):
        read_examples(task, tmp_path, "dev")
    own = tmp_path / "mrpc"
    with pytest.raises(InputError, match=re.escape(f"in {own}/MRPC and {own}. ")):
        read_examples(task, own, "dev")
    assert not has_split(task, tmp_path, "dev")


def test_an_unknown_split_is_refused(tmp_path):
    with pytest.raises(
        InputError, match="MRPC has no split 'valid'; it has train, dev"
    ):
        read_examples(find_task("MRPC"), tmp_path, "valid")


def test_too_few_columns(tmp_path):
    content = MRPC_HEADER + "1\t1\t2\ta\tb\n" + "1\t1\t2\tonly one\n"
    assert refused(tmp_path, "MRPC", "train", content) == (
        "MRPC/train.tsv, line 3: columns found: 4, needed for MRPC: 5; separate them "
        "with tabs."
    )


def test_a_tab_within_a_sentence(tmp_path):
    content = MRPC_HEADER + "1\t1\t2\ta\tb\tc\n"
    assert "line 2: columns found: 6, named in the header: 5; take the tab out" in (
        refused(tmp_path, "MRPC", "train", content)
    )


def test_empty_columns_at_the_end_are_harmless(tmp_path):
    content = MRPC_HEADER + "1\t1\t2\ta\tb\t\t\n"
    assert read(tmp_path, "MRPC", "train", content)[0].text_b == "b"


def test_a_blank_line_between_rows(tmp_path):
    content = MRPC_HEADER + "1\t1\t2\ta\tb\n\n0\t1\t2\ta\tb\n\n\n"
    assert "line 3: columns found: 1" in refused(tmp_path, "MRPC", "dev", content)


def test_an_unknown_label(tmp_path):
    content = MRPC_HEADER + "1\t1\t2\ta\tb\n" + "yes\t1\t2\ta\tb\n"
    assert refused(tmp_path, "MRPC", "train", content) == (
        "MRPC/train.tsv, line 3: unknown label 'yes'; MRPC labels are 0, 1."
    )


def test_a_header_where_cola_has_none(tmp_path):
    message = refused(tmp_path, "CoLA", "dev", "source\tlabel\tmark\tsentence\n")
    assert message == (
        "CoLA/dev.tsv, line 1: unknown label 'label'; CoLA labels are 0, 1. This file "
        "must have no header line."
    )


@pytest.mark.parametrize("score", ["high", "", "nan", "-0.1", "5.1"])
def test_an_impossible_score(tmp_path, score):
    content = f"index\tsentence1\tsentence2\tscore\n0\ta\tb\t{score}\n"
    assert refused(tmp_path, "STS-B", "dev", content) == (
        f"STS-B/dev.tsv, line 2: score {score!r} is not a number from 0 to 5."
    )


def test_a_missing_column_shows_the_header(tmp_path):
    content = "id\tsentence1\tlabel\n0\ta\tentailment\n"
    message = refused(tmp_path, "RTE", "train", content)
    assert message.startswith(
        "RTE/train.tsv, line 1: no column 'sentence2'; the header found is 'id', "
        "'sentence1', 'label'. Use RTE's official layout"
    )


def test_a_file_without_its_header(tmp_path):
    message = refused(tmp_path, "SST-2", "dev", "a fine film\t1\n")
    assert "no column 'sentence' or 'label'" in message
    assert "header found is 'a fine film', '1'" in message


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_file(tmp_path, content):
    message = refused(tmp_path, "MRPC", "dev", content)
    assert message == "MRPC/dev.tsv: the file is empty; get it again."


def test_a_header_alone(tmp_path):
    message = refused(tmp_path, "MRPC", "dev", MRPC_HEADER)
    assert message == "MRPC/dev.tsv: a header but no rows; get the file again."


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_not_utf8(tmp_path, mark):
    start = mark + MRPC_HEADER.encode() + b"1\t1\t2\tcaf"
    message = refused(tmp_path, "MRPC", "dev", start + b"\xe9\tb\n")
    assert message == (
        f"MRPC/dev.tsv, line 2: not UTF-8 (byte 0xe9 at offset {len(start)}); save the "
        "file as UTF-8."
    )


def test_broken_rows_of_qqp_are_left_out_and_counted(tmp_path, caplog):
    header = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
    content = header + "0\t1\t2\ta?\tb?\t1\n" + "1\t1\t2\tc\n" + "2\t1\t2\td?\te?\t0\n"
    with caplog.at_level(logging.WARNING):
        examples = read(tmp_path, "QQP", "train", content)
    assert [each.guid for each in examples] == ["train-1", "train-3"]
    assert "left out 1 of 3 rows, with too few columns (line 3)" in caplog.text


COUNTS = {
    "CoLA": (8551, 1043, 1063),
    "SST-2": (67349, 872, 1821),
    "MRPC": (3668, 408, 1725),
    "STS-B": (5749, 1500, 1379),
    "RTE": (2490, 277, 3000),
    "WNLI": (635, 71, 146),
    "QNLI": (9999, 5463, 5463),
    "MNLI": (8999, 1000, None),
    "QQP": (8999, 1000, None),
    "AX": (8999, 1000, 1104),
}


@pytest.mark.parametrize("name", COUNTS)
def test_official_files_are_read_whole(name):
    data_dir = shared_data("glue")
    task = TASKS[name]
    for split, count in zip(("train", "dev", "test"), COUNTS[name], strict=True):
        if count is None:
            assert not has_split(task, data_dir, split)
            continue
        examples = read_examples(task, data_dir, split)
        assert len(examples) == count
        assert all((each.label is None) == (split == "test") for each in examples)
        assert len({each.guid for each in examples}) == count


def test_official_label_counts():
    data_dir = shared_data("glue")
    labels = [each.label for each in read_examples(TASKS["MRPC"], data_dir, "dev")]
    assert (sum(labels), len(labels)) == (279, 408)
    labels = [each.label for each in read_examples(TASKS["RTE"], data_dir, "dev")]
    assert labels.count(0) == 146  # "entailment" is the first label.
