"""What tokenizers do to single characters, as tables. No TensorFlow here.

A graph that looks characters up in these agrees with Python, whichever version of
Unicode either knows.
"""

import functools
import unicodedata
from collections.abc import Callable, Iterable, Iterator

# All planes of Unicode that hold characters, without surrogates. In the others, all are
# unassigned or private, and nothing ever becomes of these.
_CHARACTERS = ((0, 0xD7FF), (0xE000, 0x3FFFF), (0xE0000, 0xEFFFF))

CAPITAL_SIGMA, SMALL_SIGMA, FINAL_SIGMA = "\u03a3", "\u03c3", "\u03c2"


def decompose(text: str) -> str:
    """The text in NFKD, without the characters that combine with the one before."""
    text = unicodedata.normalize("NFKD", text)
    return "".join(char for char in text if not unicodedata.combining(char))


@functools.cache
def preprocessed_characters(do_lower_case: bool) -> dict[int, str]:
    """What `preprocess_text` makes of each character but blanks and capital sigmas.

    Dropping combining marks leaves nothing that NFKD could reorder, so every character
    that stays decomposes on its own. Lower-casing looks at the neighbours in one case
    only: see `final_sigma`.

    Args:
      do_lower_case: whether characters are lower-cased once they are decomposed.

    Returns:
      See `rewritten_characters`.
    """

    def rewrite(char: str) -> str:
        text = decompose(char)
        if not do_lower_case:
            return text
        return "".join(c if c == CAPITAL_SIGMA else c.lower() for c in text)

    return rewritten_characters(rewrite)


def rewritten_characters(rewrite: Callable[[str], str]) -> dict[int, str]:
    """What becomes of each character that does not stay as it is.

    Args:
      rewrite: a character to the text that takes its place, which may be empty.

    Returns:
      Code points, ascending, and these texts.
    """
    rewritten = {}
    for char in _all_characters():
        text = rewrite(char)
        if text != char:
            rewritten[ord(char)] = text
    return rewritten


def blanks() -> str:
    """The inside of an RE2 class with the characters at which `str.split` splits."""
    return _ranges(char for char in _all_characters() if char.isspace())


@functools.cache
def final_sigma() -> str:
    """An RE2 pattern of a capital sigma that ends a word.

    Groups 1 and 2 are what stands around the sigma. Whether other letters are lower
    case by then makes no difference to it.

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
    for first, last in _CHARACTERS:
        yield from map(chr, range(first, last + 1))


def _ranges(chars: Iterable[str]) -> str:
    """Ascending characters as the ranges of an RE2 class."""
    ranges: list[list[int]] = []
    for code_point in map(ord, chars):
        if ranges and ranges[-1][1] == code_point - 1:
            ranges[-1][1] = code_point
        else:
            ranges.append([code_point, code_point])
    return "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in ranges)
