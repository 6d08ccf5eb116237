"""Made-up articles in RACE's layout."""

import json
import pathlib
from typing import Any


def line(**fields: Any) -> dict[str, Any]:
    """The fields of an article with one question, of which some are others."""
    return {
        "id": "high7.txt",
        "article": "Tom is six. He has a cat.",
        "questions": ["How old is Tom?"],
        "options": [["five", "six", "ten", "two"]],
        "answers": ["B"],
        **fields,
    }


def write(folder: pathlib.Path, name: str, *lines: dict[str, Any] | str) -> None:
    """Writes a file of articles, or of text that should be some.

    Args:
      folder: the one that holds RACE/.
      name: such as "dev/high/7.txt".
      *lines: an article each.
    """
    path = folder / "RACE" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
