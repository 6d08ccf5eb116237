"""Samples in a file: kept, taken up again, and not mixed with others."""

import pytest

from albert_lsh_tf.benchmark.points import Work
from albert_lsh_tf.benchmark.samples import FILE_NAME, SampleFile
from albert_lsh_tf.errors import InputError
from tests.benchmark.results import MACHINE, failed, sample

WORK = Work(tokens=64)


def test_what_was_added_is_there_again(tmp_path):
    samples = [
        sample("lsh", budget=0.25, seconds=(0.1, 0.30000000000000004), peak=None),
        failed("garden-dense", "timeout"),
    ]
    file = SampleFile(tmp_path / "new" / "folder", WORK)
    for each in samples:
        file.add(each)
    again = SampleFile(tmp_path / "new" / "folder", WORK)
    assert again.samples == samples
    assert again.machine == MACHINE


def test_the_file_is_replaced_as_a_whole(tmp_path, monkeypatch):
    file = SampleFile(tmp_path, WORK)
    file.add(sample())
    before = (tmp_path / FILE_NAME).read_bytes()

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", stop)
    with pytest.raises(KeyboardInterrupt):
        file.add(sample(number=1))
    assert (tmp_path / FILE_NAME).read_bytes() == before
    assert SampleFile(tmp_path, WORK).samples == [sample()]


def test_a_point_is_had_for_its_round_alone_unless_it_failed(tmp_path):
    file = SampleFile(tmp_path, WORK)
    file.add(sample("dense", number=1))
    file.add(failed("garden-dense", number=0))
    dense, garden = (each.point for each in file.samples)
    assert file.has(dense, 1)
    assert not file.has(dense, 0)
    assert file.has(garden, 0) and file.has(garden, 1)
    assert not file.has(sample("dense", length=7).point, 1)


def test_errors_are_forgotten_for_another_try(tmp_path):
    file = SampleFile(tmp_path, WORK)
    for status in ("error", "out of memory", "timeout", "not possible"):
        file.add(failed(status=status))
    statuses = [each.status for each in SampleFile(tmp_path, WORK).samples]
    assert statuses == ["out of memory", "timeout", "not possible"]


def test_other_work_is_refused_by_name(tmp_path):
    SampleFile(tmp_path, WORK).add(sample())
    with pytest.raises(
        InputError, match=r"samples of other work \(tokens was 64 and is 128\)"
    ):
        SampleFile(tmp_path, Work(tokens=128))


def test_another_machine_is_refused_by_name(tmp_path):
    file = SampleFile(tmp_path, WORK)
    file.add(failed())
    file.add(sample())
    with pytest.raises(InputError, match=r"\(cores was 3 and is 4\).*another output_d"):
        file.add(sample(number=1, machine={**MACHINE, "cores": 4}))
    assert len(SampleFile(tmp_path, WORK).samples) == 2


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"work": {}, "point": 3}'])
def test_a_line_that_is_no_sample_is_named(tmp_path, line):
    SampleFile(tmp_path, WORK).add(sample())
    with (tmp_path / FILE_NAME).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match=r"samples\.jsonl, line 2: not a sample"):
        SampleFile(tmp_path, WORK)
