"""Writes the golden ids of hard strings: python tests/data/make_tokenizer_goldens.py

The ids come from Model Garden's copy of Google's tokenizer, not from this package's.
`30k-clean.json` is written where Google's vocabulary is at hand, in
`albert/30k-clean.model` below $ALBERT_LSH_TF_DATA, or below `shared/data` beside the
checkout.
"""

import json
import os
import pathlib

from hard_texts import HARD_STRINGS
from official.nlp.tools import tokenization

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
GOLDENS = pathlib.Path(__file__).resolve().parent / "goldens"
DATA = os.environ.get("ALBERT_LSH_TF_DATA") or REPOSITORY.parent / "shared" / "data"

VOCABULARIES = {
    "albert_lsh_tiny": REPOSITORY
    / "albert_lsh_tf/embedded/albert_lsh_tiny/spiece.model",
    "30k-clean": pathlib.Path(DATA) / "albert" / "30k-clean.model",
}


def main() -> None:
    GOLDENS.mkdir(exist_ok=True)
    for name, path in VOCABULARIES.items():
        if not path.is_file():
            print(f"{name}: left as it is, no {path}")
            continue
        tokenizer = tokenization.FullSentencePieceTokenizer(str(path))
        cases = []
        for lower in (True, False):
            for text in HARD_STRINGS:
                prepared = tokenization.preprocess_text(text, lower=lower)
                pieces = tokenizer.tokenize(prepared)
                ids = tokenizer.convert_tokens_to_ids(pieces)
                cases.append({"text": text, "do_lower_case": lower, "ids": ids})
        lines = ",\n".join(json.dumps(case) for case in cases)
        (GOLDENS / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="ascii")
        print(f"{name}: {len(cases)} cases")


if __name__ == "__main__":
    main()
