"""Runs on questions: answered, timed, and with weights that are fine-tuned already."""

import json

import pytest

from albert_lsh_tf.cli import compare
from albert_lsh_tf.data.squad.sample import write_sample
from albert_lsh_tf.tasks.squad.settings import SquadConfig
from albert_lsh_tf.tasks.squad.training import train_and_answer

QUESTIONS = """
seeds: [1]
settings:
  max_seq_length: 48
  doc_stride: 16
  max_query_length: 16
  train_batch_size: 8
  predict_batch_size: 64
  num_train_epochs: 0.02
tasks: {Made up: {train_file: [train.json], predict_file: dev.json}}
variants: {dense: {attention: dense}}
"""


def write_few_questions(folder):
    """Split to file, of a twentieth of the sample."""
    files = write_sample(folder, version_2=False)
    for path in files.values():
        content = json.loads(path.read_text())
        (article,) = content["data"]
        del article["paragraphs"][len(article["paragraphs"]) // 20 :]
        path.write_text(json.dumps(content))
    return files


def make_texts_long(path, num_sentences):
    """Puts as many sentences after each text; gives the number of questions."""
    content = json.loads(path.read_text())
    (article,) = content["data"]
    for paragraph in article["paragraphs"]:
        paragraph["context"] += " It was so then." * num_sentences
    path.write_text(json.dumps(content))
    return sum(len(paragraph["qas"]) for paragraph in article["paragraphs"])


def test_questions_are_answered_and_timed(tmp_path):
    files = write_few_questions(tmp_path / "sample")
    for split, path in files.items():
        files[split] = path.rename(tmp_path / f"{split}.json")
    (tmp_path / "plan.yaml").write_text(QUESTIONS)
    command = [
        str(tmp_path / "plan.yaml"),
        f"--output_dir={tmp_path / 'runs'}",
        f"--data_dir={tmp_path}",
    ]
    compare.main(command)
    folder = tmp_path / "runs/Made_up/dense/seed-1"
    result = json.loads((folder / "comparison.json").read_text())["result"]
    assert {"exact_match", "f1"} <= set(result["best"])
    assert result["answering"]["seconds"] > 0
    paragraphs = json.loads(files["dev"].read_text())["data"][0]["paragraphs"]
    num_questions = sum(len(paragraph["qas"]) for paragraph in paragraphs)
    assert result["answering"]["questions"] == num_questions
    assert (
        f"| {result['answering']['windows']:,} |"
        in (tmp_path / "runs/results.md").read_text()
    )
    assert not (folder / "features").exists() and not list(folder.glob("ckpt*"))
    # Other questions under the same name are another run; another folder is not.
    (tmp_path / "elsewhere").mkdir()
    for name in ("train.json", "dev.json"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    compare.main([*command[:2], f"--data_dir={tmp_path / 'elsewhere'}", "--report"])
    (tmp_path / "elsewhere/dev.json").rename(tmp_path / "elsewhere/test.json")
    plan = QUESTIONS.replace("dev.json", "test.json")
    (tmp_path / "plan.yaml").write_text(plan)
    with pytest.raises(SystemExit):
        compare.main([*command[:2], f"--data_dir={tmp_path / 'elsewhere'}"])


def test_longer_windows_answer_with_weights_that_are_trained(tmp_path):
    files = write_few_questions(tmp_path / "sample")
    # Five tokens and more a sentence: longer than the positions of the weights.
    num_questions = make_texts_long(files["dev"], 120)
    config = SquadConfig(
        train_file=(str(files["train"]),),
        predict_file=str(files["dev"]),
        max_seq_length=48,
        max_position_embeddings=1024,
        doc_stride=16,
        max_query_length=16,
        train_batch_size=8,
        num_train_epochs=0.2,
    )
    train_and_answer(config, tmp_path / "trained", do_predict=False)
    (tmp_path / "plan.yaml").write_text(
        f"""
settings: {{init_checkpoint: {tmp_path / "trained"}, do_train: false}}
tasks: {{Made up: {{predict_file: {files["dev"]}}}}}
variants:
  short: {{attention: dense, max_seq_length: 384, doc_stride: 128}}
  long: {{attention: lsh, max_seq_length: 1024}}
"""
    )
    compare.main([str(tmp_path / "plan.yaml"), f"--output_dir={tmp_path / 'runs'}"])
    short, long = json.loads((tmp_path / "runs/results.json").read_text())
    assert short["answering"][0]["windows"] >= 3 * num_questions
    # Each text is one window.
    assert long["answering"][0]["windows"] == num_questions
    table = (tmp_path / "runs/results.md").read_text()
    assert "| windows | s/question | MiB |" in table and "s/step" not in table
