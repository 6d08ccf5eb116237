"""Texts at which tokenizers differ; the goldens and the graph are tested on them."""

from hypothesis import strategies as st

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
    "\u0130stanbul i\u0307 I\u0307 \ufb05 \u1e9e ςσΣ ΑΣ ΑΣ. Σ ΑΣΑ ΑΣ'Σ 𝚺 Α𝚺 ΑΣ\u0301",
    "\u1f80\u1f88 \u0345 \u1100\u1161\u11a8 \uac01 가각힣 \u3131\uffa1",
    "vowel signs of two parts: \u09c7\u09be \u0dd9\u0dcf\u0dca",
    "re\u0301sume\u0301 \u0301start q\u0323\u0307 \u20dd a\u20dd \u0489 \u0903 \u093e",
    "keycap 1\ufe0f\u20e3 2\u20e3, skin 👍🏽",
    "tag sequence 🏴\U000e0067\U000e0062\U000e007f 🤷\u200d♀️",
    "bidi \u202eabc\u202c \u2066x\u2069 \u061c \U000e0001 \u180e \u2060 \u034f \ufffc",
    "\ufffd \uffff \U0010ffff \ufdd0 \ue000 \U000f0000 \u0378 \U0002f800 \U0001d15e",
    "\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000",
    "¨ ´ ¸ ˘ ﹉ ￣ ͺ ΄ \u037a\u0384 \ufdfa \u33ff \u1f12e \u2a74 \u2057 ⑴ ⒈ 🄁 🄂",
    "ahhhh!! eeeeeeee zzzzzz ,,,, .... 999999 ////// http://a.b/c?d=e&f=10,000",
    "19, 2019, ²3, ٣, १, ⅓, 1\u0301, 5\u200d, 7،8、9，",
)

_HARD_CHARACTERS = (
    " \t\n\u00a0\u3000\u200b\u200d\ufffdaeZß1,.\u0301\u0327éﬁ½ΣİÅ中国한\u1112\u1161"
)
TEXTS = st.text(
    st.one_of(
        st.sampled_from(_HARD_CHARACTERS), st.characters(exclude_categories=["Cs"])
    ),
    max_size=30,
)
