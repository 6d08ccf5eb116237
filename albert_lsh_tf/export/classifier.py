"""Writes a trained classifier as SavedModels: ids in, and text in.

    EXPORT/       ids in; TensorFlow alone loads it
    EXPORT/text/  also text in; needs tensorflow_text

`text_inputs` says why there are two.
"""

import pathlib
from collections.abc import Sequence

import tensorflow as tf

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.export.classifier_card import classifier_card
from albert_lsh_tf.export.model_card import Provenance
from albert_lsh_tf.export.plain_copy import plain_copy
from albert_lsh_tf.export.reusable import INPUTS
from albert_lsh_tf.export.serving import write_served
from albert_lsh_tf.export.text_inputs import TextInputs, check_text_inputs
from albert_lsh_tf.networks.classifier import AlbertClassifier


def export_classifier(
    model: AlbertClassifier,
    export_dir: str | pathlib.Path,
    labels: Sequence[str] | None,
    extra_files: Sequence[str | pathlib.Path] = (),
    text: TextInputs | None = None,
    provenance: Provenance | None = None,
) -> None:
    """Writes a classifier with its model card, or replaces one.

    The signature `serving_default` takes input_word_ids, input_mask and input_type_ids,
    int32 [B, T] for any B and T up to the model's positions. It gives `probabilities`,
    float32 [B, classes]; `predictions`, int64 [B] ids of labels; and `label`, string
    [B]. For regression both are the scores, float32 [B, 1] and [B], without a label.

        served = tf.saved_model.load(export_dir).signatures["serving_default"]

    `serve_text`, in the folder text/ beside that one, takes text_a, and text_b in a
    task of pairs, string [B], and gives the same:

        import tensorflow_text  # For the ops of the tokenizer.
        served = tf.saved_model.load(f"{export_dir}/text").signatures["serve_text"]

    Args:
      model: the classifier, made under any strategy and precision; the SavedModel
        computes in float32 and runs on any device.
      export_dir: see `folders.check_export_dir`.
      labels: names of the classes in the order of their ids; None for regression.
      extra_files: copied to assets.extra/ of the SavedModel.
      text: how text becomes ids; None writes no text/. Its vocabulary goes to
        assets.extra/ as well.
      provenance: for the model card.

    Raises:
      InputError: `export_dir` holds something else, the model has not as many classes
        as there are labels or fewer positions than text has tokens, or the vocabulary
        is not the model's.
    """
    num_classes = 1 if labels is None else len(labels)
    if num_classes != model.num_classes:
        raise InputError(
            f"labels={labels} are for {num_classes} classes, but the model has "
            f"{model.num_classes}; name each, or give None for regression."
        )
    if text is not None:
        check_text_inputs(model.encoder, text.vocabulary_file, text.max_seq_length)
    model = plain_copy(model)
    name = pathlib.Path(export_dir).resolve().name
    lines = "".join(f"{label}\n" for label in labels or ())
    write_served(
        export_dir,
        _Served(model, labels),
        _ServedText(model, labels, text) if text else None,
        classifier_card(name, model, labels, text, provenance or Provenance()),
        extra_files=[*extra_files, *([text.vocabulary_file] if text else [])],
        extra_texts={"labels.txt": lines} if labels else None,
    )


class _Served(tf.Module):
    """The signature for ids, and what it needs."""

    def __init__(self, model: AlbertClassifier, labels: Sequence[str] | None):
        super().__init__(name="albert_classifier")
        # No more of the model: Keras would save functions of each of its layers.
        self.model_variables = model.variables

        def classify(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            outputs = classifier_outputs(model, inputs)
            if labels is not None:
                outputs["label"] = tf.gather([*labels], outputs["predictions"])
            return outputs

        self.serve = tf.function(
            classify,
            input_signature=[tf.TensorSpec([None, None], tf.int32, n) for n in INPUTS],
            autograph=False,
        )


class _ServedText(_Served):
    """The same with a tokenizer in front, and a signature for text."""

    def __init__(
        self, model: AlbertClassifier, labels: Sequence[str] | None, text: TextInputs
    ):
        # tensorflow_text takes a second to import, and may be absent where only ids
        # are exported.
        from albert_lsh_tf.export.preprocessing import AlbertPreprocessor

        super().__init__(model, labels)
        classify = self.serve.python_function
        self.preprocessor = preprocessor = AlbertPreprocessor(
            text.vocabulary_file, text.do_lower_case, text.max_seq_length
        )

        def classify_text(*texts: tf.Tensor) -> dict[str, tf.Tensor]:
            segments = [preprocessor.tokenize(each) for each in texts]
            inputs = preprocessor.bert_pack_inputs(segments)
            # Attention may depend on the length, where it is known as in training.
            shape = [None, text.max_seq_length]
            return classify(*(tf.ensure_shape(inputs[name], shape) for name in INPUTS))

        self.serve_text = tf.function(
            classify_text,
            input_signature=[tf.TensorSpec([None], tf.string, n) for n in text.names],
            autograph=False,
        )


def classifier_outputs(
    model: AlbertClassifier, inputs: Sequence[tf.Tensor]
) -> dict[str, tf.Tensor]:
    """What an export gives for ids: `probabilities` and `predictions`."""
    logits = model([*inputs], training=False)
    if model.num_classes == 1:
        return {"probabilities": logits, "predictions": logits[:, 0]}
    return {
        "probabilities": tf.nn.softmax(logits, axis=-1),
        "predictions": tf.argmax(logits, axis=-1),
    }
