"""Writes a network that finds answers as SavedModels: ids in, and text in.

    EXPORT/       ids in, logits out; TensorFlow alone loads it
    EXPORT/text/  also questions and texts in, answers out; needs tensorflow_text

`text_inputs` says why there are two.
"""

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import tensorflow as tf

from albert_lsh_tf.data.squad.settings import AnswerSettings
from albert_lsh_tf.data.squad.spans import (
    IMPOSSIBLE,
    Candidates,
    best_spans,
    candidates_of_beam,
    candidates_of_logits,
)
from albert_lsh_tf.data.squad.windows import Windows, make_windows
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.data.tokenizers import is_wordpiece
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.export.model_card import Provenance
from albert_lsh_tf.export.plain_copy import plain_copy
from albert_lsh_tf.export.reusable import INPUTS
from albert_lsh_tf.export.serving import write_served
from albert_lsh_tf.export.span_labeler_card import span_labeler_card
from albert_lsh_tf.export.text_inputs import check_text_inputs
from albert_lsh_tf.networks.joint_span_labeler import AlbertJointSpanLabeler
from albert_lsh_tf.networks.span_labeler import AlbertSpanLabeler

if TYPE_CHECKING:
    from albert_lsh_tf.data.graph_offsets import LocatedTokens

SpanLabeler = AlbertSpanLabeler | AlbertJointSpanLabeler


def export_span_labeler(
    model: SpanLabeler,
    export_dir: str | pathlib.Path,
    extra_files: Sequence[str | pathlib.Path] = (),
    vocabulary_file: str | pathlib.Path | None = None,
    do_lower_case: bool = True,
    settings: AnswerSettings | None = None,
    provenance: Provenance | None = None,
) -> None:
    """Writes a span labeler with its model card, or replaces one.

    The signature `serving_default` takes input_word_ids, input_mask and input_type_ids,
    int32 [B, T] for any B and T up to the model's positions. It gives what the model
    gives: logits of starts and ends, or the likeliest spans and "no answer".

    `serve_text`, in the folder text/, takes `question` and `context`, string [B]. Long
    contexts are seen through windows that overlap. It gives

      answer: string [B], a part of the context as it came, accents and case included;
        empty where the context has no words.
      start, end: int32 [B], its place in characters: `context[start:end]` in Python.
      score: float32 [B], the sum of the scores of its start and end.
      null_score: float32 [B], what speaks for "no answer", the lowest of all windows.
        With `AlbertJointSpanLabeler` there is none if it is above a threshold, which
        training has found; with `AlbertSpanLabeler`, if it is so far above `score`.

        import tensorflow_text  # For the ops of the tokenizer.
        answer = tf.saved_model.load(f"{export_dir}/text").signatures["serve_text"]

    Args:
      model: made under any strategy and precision; the SavedModel computes in float32
        and runs on any device.
      export_dir: see `folders.check_export_dir`.
      extra_files: copied to assets.extra/ of the SavedModel.
      vocabulary_file: SentencePiece model; None writes no text/. It goes to
        assets.extra/ as well.
      do_lower_case: whether text is lower-cased, as in training.
      settings: lengths of windows and answers, as in training; None: Google's.
      provenance: for the model card.

    Raises:
      InputError: `export_dir` holds something else, the vocabulary is not the model's
        or cannot tell where tokens stand, or windows are longer than its positions.
    """
    settings = settings or AnswerSettings()
    if vocabulary_file is not None:
        _check_text(model, vocabulary_file, settings)
    model = plain_copy(model)
    by_text = None
    if vocabulary_file is not None:
        extra_files = [*extra_files, vocabulary_file]
        tokenizer = AlbertTokenizer(vocabulary_file, do_lower_case)
        by_text = _ServedText(model, tokenizer, settings)
    card = span_labeler_card(
        pathlib.Path(export_dir).resolve().name,
        model,
        vocabulary_file and pathlib.Path(vocabulary_file).name,
        do_lower_case,
        settings,
        provenance or Provenance(),
    )
    write_served(export_dir, _Served(model), by_text, card, extra_files)


def _check_text(
    model: SpanLabeler,
    vocabulary_file: str | pathlib.Path,
    settings: AnswerSettings,
) -> None:
    if is_wordpiece(vocabulary_file):
        raise InputError(
            f"{vocabulary_file}: answers in text need a SentencePiece model, which "
            "tells where its pieces stand; export without a vocabulary to take ids."
        )
    check_text_inputs(model.encoder, vocabulary_file, settings.max_seq_length)


def _candidates(
    outputs: dict[str, tf.Tensor],
    windows: Windows,
    tokens: "LocatedTokens",
    settings: AnswerSettings,
) -> Candidates:
    """The best spans of each window, by either kind of network."""
    longest = settings.max_answer_length
    # A place for what is no token of a text.
    has_characters = tf.pad(tokens.starts.values < tokens.ends.values, [[1, 0]])
    has_characters = tf.gather(has_characters, windows.token + 1)
    if "start_logits" not in outputs:
        return candidates_of_beam(outputs, windows.may_start, has_characters, longest)
    return candidates_of_logits(
        **outputs,
        may_start=windows.may_start,
        is_context=windows.token >= 0,
        has_characters=has_characters,
        max_answer_length=longest,
        num_spans=1,
    )


class _Served(tf.Module):
    """The signature for ids, and what it needs."""

    def __init__(self, model: SpanLabeler):
        super().__init__(name="albert_span_labeler")
        # No more of the model: Keras would save functions of each of its layers.
        self.model_variables = model.variables

        def logits(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            return model([*inputs], training=False)

        self.serve = tf.function(
            logits,
            input_signature=[tf.TensorSpec([None, None], tf.int32, n) for n in INPUTS],
            autograph=False,
        )


class _ServedText(_Served):
    """The same with a tokenizer in front, and a signature for text."""

    def __init__(
        self,
        model: SpanLabeler,
        tokenizer: AlbertTokenizer,
        settings: AnswerSettings,
    ):
        # tensorflow_text takes a second to import, and may be absent where only ids
        # are exported.
        from albert_lsh_tf.data.graph_offsets import TokenLocator

        super().__init__(model)
        self.locate = locate = TokenLocator(tokenizer)
        special_ids = (tokenizer.pad_id, tokenizer.cls_id, tokenizer.sep_id)

        def answer(question: tf.Tensor, context: tf.Tensor) -> dict[str, tf.Tensor]:
            tokens = locate(context)
            windows = make_windows(
                locate.tokenize(question).with_row_splits_dtype(tf.int64),
                tokens.ids,
                special_ids,
                settings,
            )
            outputs = model([getattr(windows, name) for name in INPUTS], training=False)
            candidates = _candidates(outputs, windows, tokens, settings)
            spans = best_spans(candidates, windows)
            is_found = spans.score > IMPOSSIBLE / 2
            start, end = (
                # One more place, for a batch without any tokens.
                tf.where(is_found, tf.gather(tf.pad(places.values, [[0, 1]]), token), 0)
                for places, token in (
                    (tokens.starts, spans.first),
                    (tokens.ends, spans.last),
                )
            )
            # Characters can only be counted in what is UTF-8.
            text = tf.strings.unicode_transcode(context, "UTF-8", "UTF-8")
            return {
                "answer": tf.strings.substr(text, start, end - start, "UTF8_CHAR"),
                "start": start,
                "end": end,
                "score": spans.score,
                "null_score": spans.null_score,
            }

        self.serve_text = tf.function(
            answer,
            input_signature=[
                tf.TensorSpec([None], tf.string, name)
                for name in ("question", "context")
            ],
            autograph=False,
        )
