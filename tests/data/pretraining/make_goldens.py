"""Writes golden examples: python -m tests.data.pretraining.make_goldens

They are what this package made when its parts had been checked, so that a change of any
random number, and so of everybody's files, is noticed. The text is in `corpora.py`.
"""

import json
import pathlib
import tempfile

from albert_lsh_tf.data.pretraining.examples import make_examples
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.data.pretraining.tokenizing import tokenize_files
from tests.data.pretraining.corpora import SPM_MODEL_FILE, write_text

GOLDENS = pathlib.Path(__file__).resolve().parents[1] / "goldens" / "pretraining.json"
CONFIG = ExampleConfig(max_seq_length=40, short_seq_prob=0.3)
EPOCHS = range(2)


def examples_by_epoch() -> list[dict[str, list]]:
    """The examples of the text, in the order in which they are cut."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        corpus = tokenize_files([write_text(folder)], SPM_MODEL_FILE, folder / "tokens")
        return [
            {
                name: values.tolist()
                for name, values in make_examples(
                    corpus, corpus.pairs(epoch, CONFIG), CONFIG
                ).items()
            }
            for epoch in EPOCHS
        ]


def main() -> None:
    lines = ",\n".join(
        json.dumps({name: example})
        for epoch in examples_by_epoch()
        for name, example in epoch.items()
    )
    GOLDENS.write_text(f"[\n{lines}\n]\n", encoding="ascii")


if __name__ == "__main__":
    main()
