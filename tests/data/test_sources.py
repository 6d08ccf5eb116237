import dataclasses

import numpy as np
import pytest

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.data import tfds_export
from albert_lsh_tf.data.glue import read_examples
from albert_lsh_tf.data.glue_tasks import TASKS, find_task
from albert_lsh_tf.data.jsonl_task import make_task
from albert_lsh_tf.data.sources import glue_dir_of, locate
from albert_lsh_tf.data.task import Example
from albert_lsh_tf.errors import InputError

MRPC = find_task("MRPC")
SPLITS = ("train", "dev", "test")


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch, tmp_path):
    """No data anywhere, and nothing written outside the test's folder."""
    monkeypatch.delenv("GLUE_DIR", raising=False)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write_task(folder, task=MRPC):
    path = folder / task.files["train"]
    path.parent.mkdir(parents=True)
    path.write_text("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t1\t2\ta\tb\n")
    return folder


def prepare_tfds(config, features, rows):
    """Prepares glue/`config` as TensorFlow Datasets does, from rows made up here.

    Args:
      config: such as "mrpc".
      features: name to feature, besides idx.
      rows: split to list of rows.
    """
    import tensorflow_datasets as tfds

    # Not registered: the real one has that name.
    class Glue(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        BUILDER_CONFIGS = [
            tfds.core.BuilderConfig(name=config, version=tfds.core.Version("2.0.0"))
        ]

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self,
                description="made up",
                features=tfds.features.FeaturesDict(
                    {**features(tfds), "idx": np.int32}
                ),
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in rows}

        def _generate_examples(self, split):
            for index, row in enumerate(rows[split]):
                yield index, {**row, "idx": index}

    builder = Glue(config=config, data_dir=str(tfds_export._data_dir()))
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(try_download_gcs=False)
    )


def mrpc_features(tfds):
    names = ["not_equivalent", "equivalent"]
    return {
        "sentence1": tfds.features.Text(),
        "sentence2": tfds.features.Text(),
        "label": tfds.features.ClassLabel(names=names),
    }


def prepare_mrpc():
    rows = [
        {"sentence1": f'one "{i}"\t\n.', "sentence2": f"two é {i} .", "label": i % 2}
        for i in range(12)
    ]
    hidden = [{**row, "label": -1} for row in rows]
    splits = {"train": rows, "validation": rows[:3], "test": hidden}
    prepare_tfds("mrpc", mrpc_features, splits)


def test_data_dir_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("GLUE_DIR", str(write_task(tmp_path / "glue")))
    source = locate(MRPC, ClassifierConfig(data_dir=str(tmp_path / "mine")))
    assert source.data_dir == tmp_path / "mine"
    assert source.description == f"MRPC in {tmp_path / 'mine'}"
    assert not source.is_sample


def test_glue_dir_comes_second(tmp_path, monkeypatch):
    prepare_mrpc()
    monkeypatch.setenv("GLUE_DIR", str(write_task(tmp_path / "glue")))
    source = locate(MRPC, ClassifierConfig())
    assert source.data_dir == tmp_path / "glue"
    assert source.description == f"MRPC in {tmp_path / 'glue'} ($GLUE_DIR)"


def test_prepared_tfds_comes_third(tmp_path):
    prepare_mrpc()
    source = locate(MRPC, ClassifierConfig(), tmp_path / "run")
    assert source.description.startswith("MRPC from TensorFlow Datasets, ")
    assert not source.is_sample
    train, dev, test = (read_examples(MRPC, source.data_dir, each) for each in SPLITS)
    assert (len(train), len(dev), len(test)) == (12, 3, 12)
    assert train[5] == Example("train-6", 'one "5"  .', "two é 5 .", 1)
    assert test[7] == Example("7", 'one "7"  .', "two é 7 .", None)
    # The second time nothing is written again.
    before = (source.data_dir / "MRPC/train.tsv").stat().st_mtime_ns
    again = locate(MRPC, ClassifierConfig(), tmp_path / "run")
    assert again == source
    assert (source.data_dir / "MRPC/train.tsv").stat().st_mtime_ns == before


def test_a_broken_off_download_is_not_prepared_data(tmp_path):
    (tmp_path / "tfds/glue/mrpc/2.0.0.incomplete").mkdir(parents=True)
    assert tfds_export.prepared_folders(MRPC) == {}
    assert locate(MRPC, ClassifierConfig(), tmp_path).is_sample


def test_damaged_prepared_data_is_named(tmp_path):
    folder = tmp_path / "tfds/glue/mrpc/2.0.0"
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text("{}")
    with pytest.raises(
        InputError, match="mrpc/2.0.0: cannot be read by TensorFlow Data"
    ):
        locate(MRPC, ClassifierConfig(), tmp_path)


def test_labels_of_mnli_keep_their_meaning(tmp_path):
    def features(tfds):
        names = ["entailment", "neutral", "contradiction"]
        return {
            "premise": tfds.features.Text(),
            "hypothesis": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=names),
        }

    rows = [{"premise": "p", "hypothesis": "h", "label": label} for label in range(3)]
    names = ("train", "validation_matched", "validation_mismatched")
    prepare_tfds("mnli", features, {name: rows for name in names})
    task = find_task("MNLI")
    # The two test splits are missing from this one.
    export = {k: v for k, v in task.tfds_splits.items() if not k.startswith("test")}
    task = dataclasses.replace(task, tfds_splits=export)
    source = locate(task, ClassifierConfig(), tmp_path / "run")
    examples = read_examples(task, source.data_dir, "dev_mismatched")
    assert [task.labels[each.label] for each in examples] == [
        "entailment",
        "neutral",
        "contradiction",
    ]


def test_scores_and_the_headerless_file(tmp_path):
    def score(tfds):
        return {
            "sentence1": tfds.features.Text(),
            "sentence2": tfds.features.Text(),
            "label": np.float32,
        }

    rows = [{"sentence1": "a", "sentence2": "b", "label": 3.8}]
    prepare_tfds("stsb", score, dict.fromkeys(("train", "validation", "test"), rows))
    task = find_task("STS-B")
    source = locate(task, ClassifierConfig(), tmp_path / "run")
    (example,) = read_examples(task, source.data_dir, "dev")
    assert example.label == pytest.approx(3.8)

    def acceptable(tfds):
        names = ["unacceptable", "acceptable"]
        return {
            "sentence": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=names),
        }

    rows = [{"sentence": "Fine.", "label": 1}]
    prepare_tfds(
        "cola", acceptable, dict.fromkeys(("train", "validation", "test"), rows)
    )
    task = find_task("CoLA")
    source = locate(task, ClassifierConfig(), tmp_path / "run")
    assert read_examples(task, source.data_dir, "train") == [
        Example("train-1", "Fine.", None, 1)
    ]
    assert read_examples(task, source.data_dir, "test") == [
        Example("0", "Fine.", None, None)
    ]


def test_the_sample_comes_last_and_says_what_it_is(tmp_path):
    source = locate(MRPC, ClassifierConfig(), tmp_path / "run")
    assert source.is_sample
    assert source.data_dir == tmp_path / "run/sample"
    assert "\n" not in source.description
    assert "made-up sample" in source.description
    assert "This is NOT MRPC" in source.description
    assert len(read_examples(MRPC, source.data_dir, "train")) == 1200


def test_files_go_to_the_users_cache_where_no_folder_is_given(tmp_path):
    source = locate(MRPC, ClassifierConfig())
    assert source.data_dir == tmp_path / "cache/albert_lsh_tf/sample"


def test_a_glue_dir_without_the_task_is_passed_over_but_told(tmp_path, monkeypatch):
    monkeypatch.setenv("GLUE_DIR", str(tmp_path / "empty"))
    source = locate(MRPC, ClassifierConfig(), tmp_path / "run")
    assert f"($GLUE_DIR={tmp_path / 'empty'} has no MRPC files.)" in source.description


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file: data cannot be written there"):
        locate(MRPC, ClassifierConfig(), tmp_path / "file")


def test_own_data_are_where_the_user_says_or_nowhere(tmp_path, monkeypatch):
    task = make_task("news", [f"class {number}" for number in range(29)])
    source = locate(task, ClassifierConfig(data_dir=str(tmp_path)))
    assert source.data_dir == tmp_path
    start = f"news in {tmp_path}, 29 classes ('class 0', 'class 1', "
    assert source.description.startswith(start)
    assert source.description.endswith(" ...)")
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "train.jsonl").touch()
    monkeypatch.setenv("GLUE_DIR", str(tmp_path))
    assert glue_dir_of(task) is None
    with pytest.raises(InputError, match="no data for news: give data_dir"):
        locate(task, ClassifierConfig(download=True))


@pytest.mark.parametrize("name", [name for name in TASKS if name != "MRPC"])
def test_other_tasks_without_data_are_told_the_three_ways(name):
    with pytest.raises(InputError) as caught:
        locate(find_task(name), ClassifierConfig(task_name=name))
    for way in (f"no data for {name}", "data_dir", "$GLUE_DIR", "--download"):
        assert way in str(caught.value)


def test_nothing_is_downloaded_unless_asked_for(tmp_path, monkeypatch):
    def refuse(task):
        raise AssertionError("a download")

    monkeypatch.setattr(tfds_export, "download", refuse)
    assert locate(MRPC, ClassifierConfig(), tmp_path).is_sample
    with pytest.raises(AssertionError, match="a download"):
        locate(MRPC, ClassifierConfig(download=True), tmp_path)


def test_a_download_without_a_network_says_so(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    class Offline:
        def download_and_prepare(self):
            raise ConnectionError("Name or service\nnot known")

    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: Offline())
    message = (
        r"glue/mrpc could not be downloaded \(Name or service not known\); check the "
        r"network, or give data_dir, a folder that holds MRPC/train.tsv"
    )
    with pytest.raises(InputError, match=message):
        locate(MRPC, ClassifierConfig(download=True), tmp_path)


def test_what_is_prepared_is_not_downloaded_again(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    prepare_mrpc()
    monkeypatch.setattr(tfds, "builder", None)
    source = locate(MRPC, ClassifierConfig(download=True), tmp_path / "run")
    assert "TensorFlow Datasets" in source.description
