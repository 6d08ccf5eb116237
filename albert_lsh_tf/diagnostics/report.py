"""Writes a diagnosis: JSON for programs, Markdown and a picture for people."""

import json
import pathlib

from albert_lsh_tf.diagnostics.diagnosis import Diagnosis

LEGEND = """\
Only tokens count, not padding.

- mass met: the weight that dense attention gives to the keys that a query meets,
  landmarks aside; mean over queries, 1 misses nothing
- recall: the share of a query's heaviest keys that it meets; mean over queries
- output error: norm of the difference from dense attention's output, by the norm of
  that; 0 is equal
- cosine: of states to those with dense attention, their mean subtracted, when every
  layer attends by the setting; 1 is equal

The first three are means over layers and heads, except where it says worst.
"""


def to_markdown(diagnosis: Diagnosis) -> str:
    """The whole diagnosis: what was looked at, all settings, and each by layers."""
    lines = ["# LSH attention next to dense attention", "", subject(diagnosis), ""]
    lines += [diagnosis.table(), LEGEND]
    if any(setting.query_load is not None for setting in diagnosis.settings):
        lines += [
            "Buckets are counted in chunks: 1 is a bucket of as many tokens as a chunk "
            "holds.",
            "",
        ]
    for setting in diagnosis.settings:
        lines += [f"## {setting.name}", "", diagnosis.layer_table(setting)]
    return "\n".join(lines).rstrip() + "\n"


def subject(diagnosis: Diagnosis) -> str:
    """What was looked at, in a line or two."""
    encoder = f"{diagnosis.encoder}. " if diagnosis.encoder else ""
    text = f" of {diagnosis.text}" if diagnosis.text else ""
    return (
        f"{encoder}{diagnosis.num_tokens:,} tokens{text}, in {diagnosis.num_sequences} "
        f"sequences of {diagnosis.length:,}."
    )


def write_report(diagnosis: Diagnosis, output_dir: str | pathlib.Path) -> None:
    """Writes diagnosis.json, diagnosis.md and diagnosis.png.

    Args:
      diagnosis: what to write.
      output_dir: made where it does not exist.
    """
    # Matplotlib takes a while to import; who only reads numbers does without.
    from albert_lsh_tf.diagnostics import plots

    folder = pathlib.Path(output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(diagnosis.to_dict(), indent=2, allow_nan=False) + "\n"
    (folder / "diagnosis.json").write_text(text, encoding="utf-8")
    (folder / "diagnosis.md").write_text(to_markdown(diagnosis), encoding="utf-8")
    plots.plot_diagnosis(diagnosis, folder / "diagnosis.png")
