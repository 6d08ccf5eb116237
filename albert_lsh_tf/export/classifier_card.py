"""What the model card of a classifier says."""

import pathlib
from collections.abc import Sequence

from albert_lsh_tf.export.model_card import Call, ModelCard, Provenance, quoted
from albert_lsh_tf.export.text_inputs import TEXT_FOLDER, TEXT_FOLDER_NOTE, TextInputs
from albert_lsh_tf.networks.classifier import AlbertClassifier

_EXAMPLES = ("The cat sat down.", "A cat was sitting.")


def classifier_card(
    name: str,
    model: AlbertClassifier,
    labels: Sequence[str] | None,
    text: TextInputs | None,
    provenance: Provenance,
) -> ModelCard:
    """The card of an export.

    Args:
      name: of its folder.
      model: the classifier in it.
      labels: names of its classes; None for regression.
      text: how text becomes ids; None where only ids are taken.
      provenance: what is known of its training.
    """
    calls = [_call_with_ids(name, model, labels)]
    notes = []
    if text is not None:
        calls.insert(0, _call_with_text(name, model, labels, text))
        notes = [
            f"Text is cut to {text.max_seq_length} tokens.",
            TEXT_FOLDER_NOTE,
        ]
    subject = "pair of texts" if text and text.num_texts == 2 else "text"
    what = "a score" if labels is None else f"one of {len(labels)} labels"
    return ModelCard(
        title=name,
        summary=f"An ALBERT classifier: gives each {subject} {what}.",
        pipeline_tag="text-classification",
        calls=calls,
        encoder=model.encoder,
        labels=labels or (),
        vocabulary=text and f"assets.extra/{pathlib.Path(text.vocabulary_file).name}",
        do_lower_case=text and text.do_lower_case,
        notes=notes,
        **vars(provenance),
    )


def _call_with_ids(
    name: str, model: AlbertClassifier, labels: Sequence[str] | None
) -> Call:
    config = model.encoder.get_config()
    shape = f"int32 [B, T], T up to {config['max_sequence_length']}"
    return Call(
        title="Ids in (`serving_default`)",
        code=f"""\
import tensorflow as tf

model = tf.saved_model.load({quoted(name)})
ids = tf.constant([[2, 17, 23, 3, 42, 3]])  # [CLS] a [SEP] b [SEP]
outputs = model.signatures["serving_default"](
    input_word_ids=ids,
    input_mask=tf.ones_like(ids),
    input_type_ids=tf.constant([[0, 0, 0, 0, 1, 1]]),
)
print(outputs["predictions"].numpy(), outputs["probabilities"].numpy())
""",
        inputs={
            "input_word_ids": f"{shape}: pieces of the vocabulary",
            "input_mask": f"{shape}: 1 at tokens, 0 at padding",
            "input_type_ids": f"{shape}: 0 in the first text, 1 in the second",
        },
        outputs=_outputs(model, labels),
    )


def _call_with_text(
    name: str,
    model: AlbertClassifier,
    labels: Sequence[str] | None,
    text: TextInputs,
) -> Call:
    arguments = "".join(
        f"    {each}=tf.constant([{quoted(example)}]),\n"
        for each, example in zip(text.names, _EXAMPLES, strict=False)
    )
    shown = "predictions" if labels is None else "label"
    return Call(
        title="Text in (`serve_text`)",
        code=f"""\
import tensorflow as tf
import tensorflow_text  # For the ops of the tokenizer.

model = tf.saved_model.load({quoted(f"{name}/{TEXT_FOLDER}")})
outputs = model.signatures["serve_text"](
{arguments})
print(outputs[{quoted(shown)}].numpy(), outputs["probabilities"].numpy())
""",
        inputs={each: "string [B], UTF-8" for each in text.names},
        outputs=_outputs(model, labels),
    )


def _outputs(model: AlbertClassifier, labels: Sequence[str] | None) -> dict[str, str]:
    if labels is None:
        return {
            "probabilities": "float32 [B, 1]: the score",
            "predictions": "float32 [B]: the score",
        }
    return {
        "probabilities": f"float32 [B, {model.num_classes}], as labels are ordered",
        "predictions": "int64 [B]: id of the most probable label",
        "label": "string [B]: its name",
    }
