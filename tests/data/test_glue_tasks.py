import pytest

from albert_lsh_tf.data.glue_tasks import TASKS, find_task
from albert_lsh_tf.errors import InputError


def test_all_of_glue_is_there():
    expected = "CoLA SST-2 MRPC STS-B QQP MNLI MISMNLI QNLI RTE WNLI AX".split()
    assert list(TASKS) == expected


@pytest.mark.parametrize("name", ["SST-2", "sst-2", "sst2", " Sst_2 "])
def test_names_are_found_in_any_spelling(name):
    assert find_task(name).name == "SST-2"


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="'mrpcc' .*; did you mean 'mrpc'"):
        find_task("mrpcc")
    with pytest.raises(InputError, match="'xyzzy' is not a GLUE task; known are CoLA"):
        find_task("xyzzy")


def test_the_glue_server_gets_its_file_names():
    names = [name for task in TASKS.values() for name in task.submissions.values()]
    assert set(names) == {
        *("CoLA.tsv", "SST-2.tsv", "MRPC.tsv", "STS-B.tsv", "QQP.tsv", "MNLI-m.tsv"),
        *("MNLI-mm.tsv", "QNLI.tsv", "RTE.tsv", "WNLI.tsv", "AX.tsv"),
    }


def test_the_table_is_whole():
    for task in TASKS.values():
        assert {"train", "dev", "test"} <= set(task.files)
        assert task.best_metric in task.metrics
        assert set(task.submissions) <= set(task.files)
        assert task.is_regression == (task.name == "STS-B")
        assert task.evaluation_splits[0] == "dev"
        assert task.test_splits[0] == "test"
        assert set(task.tfds_splits) <= set(task.files)


def test_labels_are_in_googles_order():
    assert find_task("mnli").labels == ("contradiction", "entailment", "neutral")
    assert find_task("rte").labels == ("entailment", "not_entailment")


def test_mnli_has_both_halves_and_the_diagnostic():
    mnli = find_task("MNLI")
    assert mnli.evaluation_splits == ("dev", "dev_mismatched")
    assert mnli.test_splits == ("test", "test_mismatched", "diagnostic")
    assert find_task("AX").files["train"] == mnli.files["train"]
