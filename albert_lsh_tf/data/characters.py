"""What `preprocess_text` does to single characters, as tables. No TensorFlow here.

A graph that looks characters up in these agrees with Python, whichever version of
Unicode either knows. That works since dropping combining marks leaves nothing that
NFKD could reorder: every other character decomposes on its own. Lower-casing looks at
its neighbours in one case only, the capital sigma.
"""

import functools
import sys
import unicodedata
from collections.abc import Iterable, Iterator

CAPITAL_SIGMA, SMALL_SIGMA, FINAL_SIGMA = "\u03a3", "\u03c3", "\u03c2"


def decompose(text: str) -> str:
    """The text in NFKD, without the characters that combine with the one before."""
    text = unicodedata.normalize("NFKD", text)
    return "".join(char for char in text if not unicodedata.combining(char))


@functools.cache
def rewritten_characters(do_lower_case: bool) -> dict[int, str]:
    """What becomes of each character that does not stay as it is.

    Args:
      do_lower_case: whether characters are lower-cased once they are decomposed. The
        capital sigma is not: see `final_sigma`.

    Returns:
      Code points, ascending, and the text that takes their place; often empty.
    """
    rewritten = {}
    for char in _all_characters():
        text = decompose(char)
        if do_lower_case:
            text = "".join(c if c == CAPITAL_SIGMA else c.lower() for c in text)
        if text != char:
            rewritten[ord(char)] = text
    return rewritten


def blanks() -> str:
    """The inside of an RE2 class with the characters at which `str.split` splits."""
    return _ranges(char for char in _all_characters() if char.isspace())


@functools.cache
def final_sigma() -> str:
    """An RE2 pattern of a capital sigma that ends a word, for lower-case text.

    Groups 1 and 2 are what stands around the sigma. The text is that which
    `rewritten_characters` leaves: all lower case but for the sigmas themselves.

    Source: The Unicode Standard 3.13, table 3-17, Final_Sigma: a cased character
    before, none behind, and in between only characters that case ignores. Which
    characters these are is asked of `str.lower`, so that the two agree.
    """
    cased, ignored = [], []
    for char in _all_characters():
        if (char + CAPITAL_SIGMA).lower().endswith(FINAL_SIGMA):
            cased.append(char)
        elif f"A{char}{CAPITAL_SIGMA}".lower().endswith(FINAL_SIGMA):
            ignored.append(char)
    cased, ignored = _ranges(cased), _ranges(ignored)
    before = f"[{cased}][{ignored}]*"
    behind = f"[{ignored}]*(?:[^{cased}{ignored}]|$)"
    return f"({before}){CAPITAL_SIGMA}({behind})"


def _all_characters() -> Iterator[str]:
    for code_point in range(sys.maxunicode + 1):
        if not 0xD800 <= code_point <= 0xDFFF:  # Surrogates are no characters.
            yield chr(code_point)


def _ranges(chars: Iterable[str]) -> str:
    """Ascending characters as the ranges of an RE2 class."""
    ranges: list[list[int]] = []
    for code_point in map(ord, chars):
        if ranges and ranges[-1][1] == code_point - 1:
            ranges[-1][1] = code_point
        else:
            ranges.append([code_point, code_point])
    return "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in ranges)
