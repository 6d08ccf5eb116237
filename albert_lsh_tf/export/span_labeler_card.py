"""What the model card of a network that finds answers says."""

from albert_lsh_tf.data.squad.settings import AnswerSettings
from albert_lsh_tf.export.model_card import Call, ModelCard, Provenance, quoted
from albert_lsh_tf.export.text_inputs import TEXT_FOLDER, TEXT_FOLDER_NOTE
from albert_lsh_tf.networks.joint_span_labeler import AlbertJointSpanLabeler
from albert_lsh_tf.networks.span_labeler import AlbertSpanLabeler

SpanLabeler = AlbertSpanLabeler | AlbertJointSpanLabeler


def span_labeler_card(
    name: str,
    model: SpanLabeler,
    vocabulary: str | None,
    do_lower_case: bool,
    settings: AnswerSettings,
    provenance: Provenance,
) -> ModelCard:
    """The card of an export.

    Args:
      name: of its folder.
      model: the network in it.
      vocabulary: name of the file in assets.extra/; None where only ids are taken.
      do_lower_case: whether text is lower-cased.
      settings: lengths of windows and answers.
      provenance: what is known of its training.
    """
    calls = [_call_with_ids(name, model)]
    notes = []
    if vocabulary is not None:
        calls.insert(0, _call_with_text(name))
        notes = [
            f"A context is seen through windows of {settings.max_seq_length} tokens, "
            f"{settings.doc_stride} tokens apart; questions are cut to "
            f"{settings.max_query_length} tokens, and answers have at most "
            f"{settings.max_answer_length}.",
            _when_there_is_none(model),
            TEXT_FOLDER_NOTE,
        ]
    return ModelCard(
        title=name,
        summary="An ALBERT that marks the answer to a question in a text.",
        pipeline_tag="question-answering",
        calls=calls,
        encoder=model.encoder,
        vocabulary=vocabulary and f"assets.extra/{vocabulary}",
        do_lower_case=do_lower_case if vocabulary else None,
        notes=notes,
        **vars(provenance),
    )


def _is_joint(model: SpanLabeler) -> bool:
    return isinstance(model, AlbertJointSpanLabeler)


def _when_there_is_none(model: SpanLabeler) -> str:
    if _is_joint(model):
        return (
            "There is no answer where `null_score` is above a threshold; the one that "
            "training found is `null_score_diff_threshold`."
        )
    return (
        "Whether there is an answer at all is for the caller to decide, by a threshold "
        "of `score - null_score`."
    )


def _call_with_ids(name: str, model: SpanLabeler) -> Call:
    config = model.encoder.get_config()
    shape = f"int32 [B, T], T up to {config['max_sequence_length']}"
    return Call(
        title="Ids in (`serving_default`)",
        code=f"""\
import tensorflow as tf

model = tf.saved_model.load({quoted(name)})
ids = tf.constant([[2, 17, 23, 3, 42, 57, 3]])  # [CLS] question [SEP] text [SEP]
outputs = model.signatures["serving_default"](
    input_word_ids=ids,
    input_mask=tf.ones_like(ids),
    input_type_ids=tf.constant([[0, 0, 0, 0, 1, 1, 1]]),
)
print({{name: values.numpy() for name, values in outputs.items()}})
""",
        inputs={
            "input_word_ids": f"{shape}: pieces of the vocabulary",
            "input_mask": f"{shape}: 1 at tokens, 0 at padding",
            "input_type_ids": f"{shape}: 0 in the question, 1 in the text",
        },
        outputs=_BEAM if _is_joint(model) else _LOGITS,
    )


_LOGITS = {
    "start_logits": "float32 [B, T]: that the answer starts at a token",
    "end_logits": "float32 [B, T]: that it ends with a token",
}
_BEAM = {
    "start_positions": "int32 [B, K]: the likeliest starts",
    "start_log_probs": "float32 [B, K]",
    "end_positions": "int32 [B, K, N]: the likeliest ends for each start",
    "end_log_probs": "float32 [B, K, N]",
    "no_answer_logits": "float32 [B]: that there is no answer",
}


def _call_with_text(name: str) -> Call:
    return Call(
        title="Text in (`serve_text`)",
        code=f"""\
import tensorflow as tf
import tensorflow_text  # For the ops of the tokenizer.

model = tf.saved_model.load({quoted(f"{name}/{TEXT_FOLDER}")})
outputs = model.signatures["serve_text"](
    question=tf.constant(["Where did the cat sit?"]),
    context=tf.constant(["On Friday the cat sat on the mat. It rained."]),
)
print(outputs["answer"].numpy(), outputs["score"].numpy())
""",
        inputs={
            "question": "string [B], UTF-8",
            "context": "string [B], UTF-8, of any length",
        },
        outputs={
            "answer": "string [B]: a part of the context, as it came",
            "start": "int32 [B]: characters of the context before it",
            "end": "int32 [B]: characters of the context up to its end",
            "score": "float32 [B]: the sum of the scores of its start and end",
            "null_score": 'float32 [B]: what speaks for "no answer"',
        },
    )
