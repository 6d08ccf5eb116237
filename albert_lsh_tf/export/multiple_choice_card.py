"""What the model card of a network that chooses between options says."""

import pathlib
from typing import TYPE_CHECKING

from albert_lsh_tf.export.model_card import Call, ModelCard, Provenance, quoted
from albert_lsh_tf.export.text_inputs import TEXT_FOLDER, TEXT_FOLDER_NOTE
from albert_lsh_tf.networks.multiple_choice import AlbertMultipleChoice

if TYPE_CHECKING:
    from albert_lsh_tf.export.multiple_choice import QuestionInputs

_OUTPUTS = {
    "probabilities": "float32 [B, C], as options are ordered",
    "predictions": "int64 [B]: the most probable option, 0 for the first",
}


def multiple_choice_card(
    name: str,
    model: AlbertMultipleChoice,
    text: "QuestionInputs | None",
    provenance: Provenance,
) -> ModelCard:
    """The card of an export.

    Args:
      name: of its folder.
      model: the network in it.
      text: how questions become ids; None where only ids are taken.
      provenance: what is known of its training.
    """
    calls = [_call_with_ids(name, model)]
    notes = []
    if text is not None:
        calls.insert(0, _call_with_text(name))
        notes = [
            f"Of a question with an option the last {text.max_qa_length} tokens are "
            f"read; the article is cut at its end, to {text.max_seq_length} tokens "
            "with them.",
            TEXT_FOLDER_NOTE,
        ]
    return ModelCard(
        title=name,
        summary="An ALBERT that chooses the option that answers a question.",
        pipeline_tag="multiple-choice",
        calls=calls,
        encoder=model.encoder,
        vocabulary=text and f"assets.extra/{pathlib.Path(text.vocabulary_file).name}",
        do_lower_case=text and text.do_lower_case,
        notes=notes,
        **vars(provenance),
    )


def _call_with_ids(name: str, model: AlbertMultipleChoice) -> Call:
    config = model.encoder.get_config()
    shape = f"int32 [B, C, T], T up to {config['max_sequence_length']}"
    return Call(
        title="Ids in (`serving_default`)",
        code=f"""\
import tensorflow as tf

model = tf.saved_model.load({quoted(name)})
# [CLS] article [SEP] question and option [SEP], for each option
ids = tf.constant([[[2, 17, 23, 3, 42, 57, 3], [2, 17, 23, 3, 42, 63, 3]]])
outputs = model.signatures["serving_default"](
    input_word_ids=ids,
    input_mask=tf.ones_like(ids),
    input_type_ids=tf.constant([[[0, 0, 0, 0, 1, 1, 1]] * 2]),
)
print(outputs["predictions"].numpy(), outputs["probabilities"].numpy())
""",
        inputs={
            "input_word_ids": f"{shape}: pieces of the vocabulary",
            "input_mask": f"{shape}: 1 at tokens, 0 at padding",
            "input_type_ids": f"{shape}: 0 in the article, 1 in question and option",
        },
        outputs=_OUTPUTS,
    )


def _call_with_text(name: str) -> Call:
    return Call(
        title="Text in (`serve_text`)",
        code=f"""\
import tensorflow as tf
import tensorflow_text  # For the ops of the tokenizer.

model = tf.saved_model.load({quoted(f"{name}/{TEXT_FOLDER}")})
outputs = model.signatures["serve_text"](
    article=tf.constant(["On Friday the cat sat on the mat. It rained."]),
    question=tf.constant(["The cat sat on the _ ."]),
    options=tf.constant([["roof", "mat", "table", "bed"]]),
)
print(outputs["answer"].numpy(), outputs["probabilities"].numpy())
""",
        inputs={
            "article": "string [B], UTF-8, of any length",
            "question": "string [B], UTF-8; options stand in its blanks (`_`)",
            "options": "string [B, C], UTF-8; four where it was trained on RACE",
        },
        outputs={**_OUTPUTS, "answer": "string [B]: that option"},
    )
