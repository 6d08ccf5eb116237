"""Tables in words and numbers, and the files that hold them."""

import json

import pytest

from albert_lsh_tf.diagnostics import write_report
from albert_lsh_tf.diagnostics.report import subject, to_markdown
from tests.diagnostics.figures import diagnosis, setting


def test_a_line_for_each_setting():
    found = diagnosis(setting("budget 0.25", 0.25, 128), setting("mine", logits=90))
    header, _, first, second = found.table().splitlines()
    assert header == (
        "| setting | logits / query, of 512 | mass met | recall of top 16 "
        "| output error | error, worst head "
        "| cosine, last layer | cosine, worst layer |"
    )
    assert first == (
        "| budget 0.25 | 128 | 0.893 | 0.947 | 0.107 | 0.200 | 0.9700 | 0.9700 |"
    )
    assert second.startswith("| mine | 90 |")


def test_bucket_loads_stand_only_where_there_are_any():
    rounds, blocks = setting("rounds", load=3.0), setting("blocks")
    header, _, first, second = diagnosis(rounds, blocks).table().splitlines()
    assert header.endswith("| fullest bucket, queries / keys |")
    assert first.endswith("| 3.0 / 6.0 |") and second.endswith("| - / - |")
    text = to_markdown(diagnosis(rounds, blocks))
    assert "1 is a bucket of as many tokens as a chunk" in text
    assert "| 3.0 / 0.50 | 6.0 / 0.50 |" in text
    assert "bucket" not in to_markdown(diagnosis(blocks))


def test_a_table_of_layers_names_the_worst_head():
    found = diagnosis(setting("mine"))
    lines = found.layer_table(found.settings[0]).splitlines()
    assert lines[2] == "| 1 | 0.880 | 0.940 | 0.120 | 0.200 (head 5) | 0.9900 |"
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| 1", "| 2", "| 3"]


@pytest.mark.parametrize(
    "words, expected",
    [
        ({}, "some model. 1,999 tokens of some.txt, in 4 sequences of 512."),
        ({"encoder": "", "text": ""}, "1,999 tokens, in 4 sequences of 512."),
    ],
)
def test_what_was_looked_at(words, expected):
    assert subject(diagnosis(setting("mine"), **words)) == expected


def test_three_files(tmp_path):
    found = diagnosis(setting("mine", load=1.0), setting("budget 0.5", 0.5, 256))
    write_report(found, tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    assert {path.name for path in folder.iterdir()} == {
        "diagnosis.json",
        "diagnosis.md",
        "diagnosis.png",
    }
    assert json.loads((folder / "diagnosis.json").read_text()) == found.to_dict()
    text = (folder / "diagnosis.md").read_text()
    assert text.startswith("# LSH attention next to dense attention\n\nsome model. ")
    assert found.table() in text
    assert "\n## mine\n\n| layer |" in text and "\n## budget 0.5\n" in text
