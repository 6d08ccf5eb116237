"""A card says what it was told, reads as Markdown, and leaves out what is unknown."""

import json
import re

import yaml

import albert_lsh_tf
from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.export.model_card import (
    Call,
    ModelCard,
    model_card_text,
    write_model_card,
)
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder

CALL = Call(
    title="Ids in (`serving_default`)",
    code="import math\nanswer = math.gcd(21, 35)\n",
    inputs={"input_word_ids": "int32 [B, T]"},
    outputs={"probabilities": "float32 [B, 2]: of no | yes"},
)
MINIMAL = ModelCard(title="cat", summary="Finds cats.", calls=[CALL])


def encoder(attention):
    return AlbertLSHEncoder(
        vocab_size=31,
        embedding_width=6,
        hidden_size=20,
        num_layers=2,
        num_attention_heads=2,
        max_sequence_length=64,
        intermediate_size=28,
        attention=attention,
        lsh_config=LSHConfig(chunk_length=4, seed=77),
    )


def front_matter(text):
    return yaml.safe_load(re.match(r"---\n(.*?)---\n", text, re.DOTALL)[1])


def fenced(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_a_full_card_tells_everything():
    card = ModelCard(
        title="mrpc",
        summary="Says whether two sentences mean the same.",
        calls=[CALL],
        pipeline_tag="text-classification",
        encoder=encoder(["dense", "lsh"]),
        base_model="Google checkpoint model.ckpt-best",
        data="MRPC",
        metrics={"eval_accuracy": 0.87654, "global_step": 800},
        labels=["no", "yes"],
        vocabulary="assets.extra/spiece.model",
        do_lower_case=True,
        settings={"learning_rate": 2e-5, "task_name": "MRPC"},
        notes=["Longer text is cut."],
    )
    text = model_card_text(card)
    assert front_matter(text) == {
        "library_name": "tensorflow",
        "pipeline_tag": "text-classification",
        "tags": ["albert", "saved-model", "lsh-attention"],
    }
    for line in (
        "# mrpc",
        "| Base model | Google checkpoint model.ckpt-best |",
        "| Trained on | MRPC |",
        "| Labels | `no`, `yes` |",
        f"| Encoder | ALBERT, 2 layers of width 20, {card.encoder.count_params():,} "
        "parameters |",
        "| Attention | dense and lsh |",
        "| Longest input | 64 tokens |",
        "| Vocabulary | `assets.extra/spiece.model` |",
        "| Letter case | lower-cased |",
        "| eval_accuracy | 0.8765 |",
        "| global_step | 800 |",
        "- Longer text is cut.",
    ):
        assert line in text.splitlines(), line
    assert f"albert_lsh_tf {albert_lsh_tf.__version__}, TensorFlow 2." in text
    attention, settings = map(yaml.safe_load, fenced(text, "yaml"))
    assert attention["attention"] == ["dense", "lsh"]
    assert LSHConfig.from_dict(attention["lsh"]) == LSHConfig(chunk_length=4, seed=77)
    assert settings == card.settings
    architecture = json.loads(fenced(text, "json")[0])
    assert architecture["intermediate_size"] == 28
    assert architecture["activation"] == "gelu"


def test_what_is_unknown_is_left_out():
    text = model_card_text(MINIMAL)
    assert "None" not in text
    headings = re.findall(r"^##? (.*)$", text, re.MULTILINE)
    assert headings == ["cat", "How to call it", "Safety and licence"]
    assert "pipeline_tag" not in front_matter(text)


def test_dense_attention_has_no_settings_of_hashing():
    card = ModelCard(title="a", summary="b", calls=[CALL], encoder=encoder("dense"))
    text = model_card_text(card)
    assert "lsh" not in front_matter(text)["tags"]
    assert yaml.safe_load(fenced(text, "yaml")[0]) == {"attention": "dense"}


def test_code_runs_as_written_and_tables_keep_their_columns():
    text = model_card_text(MINIMAL)
    names = {}
    exec(fenced(text, "python")[0], names)
    assert names["answer"] == 7
    assert r"| `probabilities` | float32 [B, 2]: of no \| yes |" in text


def test_the_card_is_readme_md(tmp_path):
    write_model_card(tmp_path, MINIMAL)
    written = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert written == model_card_text(MINIMAL)
