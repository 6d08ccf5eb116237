"""Writes the golden ids of hard strings: python tests/data/make_tokenizer_goldens.py

The ids come from Model Garden's copy of Google's tokenizer, not from this package's.
`30k-clean.json` is written where Google's vocabulary is at hand, in
`albert/30k-clean.model` below $ALBERT_LSH_TF_DATA, or below `shared/data` beside the
checkout.
"""

import json
import os
import pathlib

from official.nlp.tools import tokenization

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
GOLDENS = pathlib.Path(__file__).resolve().parent / "goldens"
DATA = os.environ.get("ALBERT_LSH_TF_DATA") or REPOSITORY.parent / "shared" / "data"

VOCABULARIES = {
    "albert_lsh_tiny": REPOSITORY
    / "albert_lsh_tf/embedded/albert_lsh_tiny/spiece.model",
    "30k-clean": pathlib.Path(DATA) / "albert" / "30k-clean.model",
}

HARD_STRINGS = (
    "",
    "   ",
    "Hello, world.",
    "\t two  blanks,\u00a0no-break,\u3000ideographic\r\n newline \u2028 separator ",
    "Crème brûlée, naïve café; Ångström, Łódź, Đà Nẵng",
    "cre\u0300me already decomposed, Zalgo: z\u0351\u036b\u0343",
    "In 1999, 2000, and 2010, she paid $1,234,567.89 for 3, 4 or 10,000,000 of 64, 7",
    "a9, x1,2 1999,b 2,3,4 12,,3",
    "``Quoted'' \"straight\" 'single' “curly” ‘curly’ «guillemets» „low“",
    "zero\u200bwidth\u200cnon\u200djoiner \ufeffmark so\u00adft",
    "family 👩\u200d👩\u200d👧 emoji 😀😀 heart ❤\ufe0f flag 🇳🇱",
    "Straße, STRASSE, STRAẞE, ſharp; İstanbul ıssız IĞDIR; ΌΣΟΣ ὈΔΥΣΣΕΎΣ",
    "中文字 与 日本語の テスト, 한국어 시험, 東京，大阪。",
    "ＦＵＬＬ－ｗｉｄｔｈ １２３，４５６ ｶﾀｶﾅ",
    "ﬁne ﬂuﬀ ½ ² ™ ℃ № … Ⅷ ① ㍿",
    "١٢٣, ४५, ৭, Thai ก็ น้ำ Arabic مُحَمَّد Hebrew שָׁלוֹם",
    "[CLS] [SEP] [MASK] <pad> <unk> \u2581under\u2581line __ ##s",
    "a-b–c—d (e) [f] {g} £5 €6 ¥7 50% e.g. i.e. ... U.S.",
    "Don't 've n't it's O'Neil rock'n'roll",
    "control\x00\x07\x1b\x7f\x85 characters",
    "supercalifragilisticexpialidocious" * 10,
    "the quick brown fox jumps over the lazy dog, again and again; " * 20,
)


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
