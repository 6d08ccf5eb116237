"""Writes the SavedModels of a network that serves, and what lies beside them."""

import pathlib
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from albert_lsh_tf.export.folders import add_extra_files, replaced_folder
from albert_lsh_tf.export.model_card import ModelCard, write_model_card
from albert_lsh_tf.export.text_inputs import TEXT_FOLDER


def write_served(
    export_dir: str | pathlib.Path,
    by_ids: tf.Module,
    by_text: tf.Module | None,
    card: ModelCard,
    extra_files: Sequence[str | pathlib.Path] = (),
    extra_texts: Mapping[str, str] | None = None,
) -> None:
    """Writes all of an export, or replaces one.

    Args:
      export_dir: see `folders.check_export_dir`.
      by_ids: its function `serve` becomes the signature `serving_default`.
      by_text: the same, and its function `serve_text` the signature of that name, of a
        SavedModel in text/; None: there is none.
      card: the model card.
      extra_files: copied to assets.extra/.
      extra_texts: name to content of more files there.

    Raises:
      InputError: `export_dir` holds something else, or cannot be written.
    """
    with replaced_folder(export_dir) as folder:
        _save(by_ids, folder, {"serving_default": by_ids.serve})
        if by_text is not None:
            signatures = {
                "serving_default": by_text.serve,
                "serve_text": by_text.serve_text,
            }
            _save(by_text, folder / TEXT_FOLDER, signatures)
        extra = add_extra_files(folder, extra_files)
        for name, content in (extra_texts or {}).items():
            (extra / name).write_text(content, encoding="utf-8")
        write_model_card(folder, card)


def _save(
    module: tf.Module, folder: pathlib.Path, signatures: Mapping[str, Callable]
) -> None:
    # Nobody takes gradients of signatures, and those of attention are a third of the
    # file, and half of the time that it takes to write and to load.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(folder), signatures=signatures, options=options)
