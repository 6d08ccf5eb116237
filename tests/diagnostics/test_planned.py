"""Plans: which model, text and settings they come to."""

import dataclasses

import pytest
import tensorflow as tf

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.diagnostics import DiagnosisPlan, planned, run_plan
from albert_lsh_tf.errors import InputError

PLAN = DiagnosisPlan(max_seq_length=40, num_sequences=2, budgets=(0.5,))


def test_a_plan_without_names_is_the_embedded_model():
    found = run_plan(PLAN)
    assert (found.length, found.num_sequences) == (40, 2)
    assert 40 < found.num_tokens <= 80
    assert found.settings[0].error.shape == (4, 4)
    assert found.encoder.startswith("albert_lsh_tiny, the model that comes")
    assert "made-up sentences" in found.text


def test_a_plan_reads_files(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("A guard counted nine boats.\nThe mayor did not agree.\n")
    (tmp_path / "deeper").mkdir()
    files = [tmp_path / "mine.yaml", tmp_path / "deeper" / "mine.yaml"]
    configs = [LSHConfig(chunk_length=5), LSHConfig(num_hashes=0, window=2)]
    for config, file in zip(configs, files, strict=True):
        config.save(file)
    plan = PLAN.replace(
        text_file=str(text), budgets=(), lsh_config=tuple(map(str, files))
    )
    found = run_plan(plan)
    assert [each.config for each in found.settings] == configs
    assert [each.name for each in found.settings] == [*map(str, files)]
    assert found.num_sequences == 1 and found.text == str(text)
    (only,) = run_plan(plan.replace(lsh_config=(str(files[0]),))).settings
    assert only.name == "mine"


def test_positions_may_be_added():
    long = PLAN.replace(max_seq_length=520, num_sequences=1)
    with pytest.raises(InputError, match="more than the 512 positions of albert_lsh_t"):
        run_plan(long)
    with pytest.raises(InputError, match="extend_positions='stretch' is unknown"):
        run_plan(long.replace(extend_positions="stretch"))
    assert run_plan(long.replace(extend_positions="tile")).length == 520


def test_a_source_without_vocabulary_says_so(monkeypatch):
    find = planned.find_weights

    def without_vocabulary(*arguments):
        return dataclasses.replace(find(*arguments), spm_model_file=None)

    monkeypatch.setattr(planned, "find_weights", without_vocabulary)
    with pytest.raises(InputError, match="no vocabulary beside .*spm_model.*vocab_f"):
        run_plan(PLAN)


def test_too_little_memory_is_one_line(monkeypatch):
    def exhausted(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM")

    monkeypatch.setattr(planned, "diagnose", exhausted)
    with pytest.raises(InputError, match="out of memory; lower max_seq_length"):
        run_plan(PLAN)
