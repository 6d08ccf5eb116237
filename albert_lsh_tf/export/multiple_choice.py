"""Writes a network that chooses between options as SavedModels: ids in, and text in.

    EXPORT/       ids in; TensorFlow alone loads it
    EXPORT/text/  also articles, questions and options in; needs tensorflow_text

`text_inputs` says why there are two.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

import tensorflow as tf

from albert_lsh_tf.data.tokenizers import open_tokenizer
from albert_lsh_tf.export.model_card import Provenance
from albert_lsh_tf.export.multiple_choice_card import multiple_choice_card
from albert_lsh_tf.export.plain_copy import plain_copy
from albert_lsh_tf.export.reusable import INPUTS
from albert_lsh_tf.export.serving import write_served
from albert_lsh_tf.export.text_inputs import check_text_inputs
from albert_lsh_tf.networks.multiple_choice import AlbertMultipleChoice


@dataclasses.dataclass(frozen=True)
class QuestionInputs:
    """How questions become ids: as in training.

    Attributes:
      vocabulary_file: SentencePiece model, or WordPiece vocab.txt.
      do_lower_case: whether text is lower-cased.
      max_seq_length: tokens that an article with a question and an option is cut to.
      max_qa_length: tokens that a question with an option is cut to.
    """

    vocabulary_file: str | pathlib.Path
    do_lower_case: bool
    max_seq_length: int
    max_qa_length: int


def export_multiple_choice(
    model: AlbertMultipleChoice,
    export_dir: str | pathlib.Path,
    extra_files: Sequence[str | pathlib.Path] = (),
    text: QuestionInputs | None = None,
    provenance: Provenance | None = None,
) -> None:
    """Writes a network for RACE with its model card, or replaces one.

    The signature `serving_default` takes input_word_ids, input_mask and input_type_ids,
    int32 [B, C, T], a row for each of C options, for any B, C, and T up to the model's
    positions. It gives `probabilities`, float32 [B, C], and `predictions`, int64 [B],
    the option that is the most probable.

    `serve_text`, in the folder text/, takes `article` and `question`, string [B], and
    `options`, string [B, C], and gives `answer` besides, string [B], the option:

        import tensorflow_text  # For the ops of the tokenizer.
        served = tf.saved_model.load(f"{export_dir}/text").signatures["serve_text"]

    Args:
      model: made under any strategy and precision; the SavedModel computes in float32
        and runs on any device.
      export_dir: see `folders.check_export_dir`.
      extra_files: copied to assets.extra/ of the SavedModel.
      text: how text becomes ids; None writes no text/. Its vocabulary goes to
        assets.extra/ as well.
      provenance: for the model card.

    Raises:
      InputError: `export_dir` holds something else, the model has fewer positions than
        text has tokens, or the vocabulary is not the model's.
    """
    if text is not None:
        check_text_inputs(model.encoder, text.vocabulary_file, text.max_seq_length)
    model = plain_copy(model)
    name = pathlib.Path(export_dir).resolve().name
    write_served(
        export_dir,
        _Served(model),
        _ServedText(model, text) if text else None,
        multiple_choice_card(name, model, text, provenance or Provenance()),
        extra_files=[*extra_files, *([text.vocabulary_file] if text else [])],
    )


class _Served(tf.Module):
    """The signature for ids, and what it needs."""

    def __init__(self, model: AlbertMultipleChoice):
        super().__init__(name="albert_multiple_choice")
        # No more of the model: Keras would save functions of each of its layers.
        self.model_variables = model.variables

        def choose(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            logits = model([*inputs], training=False)
            return {
                "probabilities": tf.nn.softmax(logits, axis=-1),
                "predictions": tf.argmax(logits, axis=-1),
            }

        self.serve = tf.function(
            choose,
            input_signature=[
                tf.TensorSpec([None, None, None], tf.int32, name) for name in INPUTS
            ],
            autograph=False,
        )


class _ServedText(_Served):
    """The same with a tokenizer in front, and a signature for text."""

    def __init__(self, model: AlbertMultipleChoice, text: QuestionInputs):
        # tensorflow_text takes a second to import, and may be absent where only ids
        # are exported.
        from albert_lsh_tf.data.race.graph_rows import OptionRows

        super().__init__(model)
        choose = self.serve.python_function
        self.rows = rows_of = OptionRows(
            open_tokenizer(text.vocabulary_file, text.do_lower_case),
            text.max_seq_length,
            text.max_qa_length,
        )

        def choose_text(
            article: tf.Tensor, question: tf.Tensor, options: tf.Tensor
        ) -> dict[str, tf.Tensor]:
            rows = rows_of(article, question, options)
            outputs = choose(*(rows[name] for name in INPUTS))
            answer = tf.gather(options, outputs["predictions"], batch_dims=1)
            return {**outputs, "answer": answer}

        self.serve_text = tf.function(
            choose_text,
            input_signature=[
                tf.TensorSpec([None], tf.string, "article"),
                tf.TensorSpec([None], tf.string, "question"),
                tf.TensorSpec([None, None], tf.string, "options"),
            ],
            autograph=False,
        )
