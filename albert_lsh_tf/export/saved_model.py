"""Writes a trained classifier as a SavedModel that plain TensorFlow loads."""

import pathlib
from collections.abc import Sequence

import tensorflow as tf
import tf_keras

from albert_lsh_tf.export.folders import add_extra_files, replaced_folder
from albert_lsh_tf.networks.classifier import AlbertClassifier

# Beside a SavedModel, these make it a source of weights that needs nothing else.
_RUN_FILES = ("albert_config.json", "spiece.model")


def export_classifier(
    model: AlbertClassifier,
    export_dir: str | pathlib.Path,
    labels: Sequence[str] | None,
    extra_files: Sequence[str | pathlib.Path] = (),
) -> None:
    """Writes a SavedModel, or replaces one.

    Its signature `serving_default` takes input_word_ids, input_mask and input_type_ids,
    int32 [B, T] for any B and T up to the model's positions. It gives `probabilities`,
    float32 [B, classes], and `predictions`: int64 [B] ids of labels, in the order of
    assets.extra/labels.txt. For regression both are the scores, float32 [B, 1] and [B].

        served = tf.saved_model.load(export_dir).signatures["serving_default"]

    Args:
      model: the classifier, made under any strategy and precision; the SavedModel
        computes in float32 and runs on any device.
      export_dir: see `folders.check_export_dir`.
      labels: names of the classes in the order of their ids; None for regression.
      extra_files: copied to assets.extra/ of the SavedModel.

    Raises:
      InputError: `export_dir` holds something else.
    """
    module = _Served(_plain_copy(model), is_regression=labels is None)
    with replaced_folder(export_dir) as folder:
        tf.saved_model.save(
            module, str(folder), signatures={"serving_default": module.serve}
        )
        extra = add_extra_files(folder, extra_files)
        if labels is not None:
            (extra / "labels.txt").write_text("".join(f"{label}\n" for label in labels))


def export_run(
    model: AlbertClassifier,
    export_dir: str | pathlib.Path,
    output_dir: str | pathlib.Path,
    labels: Sequence[str] | None,
) -> None:
    """`export_classifier` with the architecture and vocabulary of a run's folder."""
    files = [pathlib.Path(output_dir) / name for name in _RUN_FILES]
    export_classifier(
        model, export_dir, labels, [file for file in files if file.exists()]
    )


class _Served(tf.Module):
    """The signature and the model that it calls."""

    def __init__(self, model: AlbertClassifier, is_regression: bool):
        super().__init__(name="albert_classifier")
        self.model = model
        self._is_regression = is_regression
        self.serve = tf.function(
            self._serve,
            input_signature=[
                tf.TensorSpec([None, None], tf.int32, name)
                for name in ("input_word_ids", "input_mask", "input_type_ids")
            ],
        )

    def _serve(
        self,
        input_word_ids: tf.Tensor,
        input_mask: tf.Tensor,
        input_type_ids: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        logits = self.model(
            [input_word_ids, input_mask, input_type_ids], training=False
        )
        if self._is_regression:
            return {"probabilities": logits, "predictions": logits[:, 0]}
        return {
            "probabilities": tf.nn.softmax(logits, axis=-1),
            "predictions": tf.argmax(logits, axis=-1),
        }


def _plain_copy(model: AlbertClassifier) -> AlbertClassifier:
    """The same classifier outside of any strategy, in float32."""
    policy = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy("float32")
    try:
        copy = AlbertClassifier.from_config(model.get_config())
    finally:
        tf_keras.mixed_precision.set_global_policy(policy)
    copy.set_weights(model.get_weights())
    return copy
