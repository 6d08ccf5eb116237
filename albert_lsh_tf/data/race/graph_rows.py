"""Articles, questions and options to a network's inputs, inside a TensorFlow graph."""

import tensorflow as tf

from albert_lsh_tf.data.graph_packing import InputPacker
from albert_lsh_tf.data.graph_tokenization import GraphTokenizer
from albert_lsh_tf.data.race.features import NUM_SPECIAL, check_lengths
from albert_lsh_tf.data.tokenizers import Tokenizer


class OptionRows(tf.Module):
    """`fill_in` and the rows of `RaceFeatures`, in TensorFlow ops alone.

    It can be saved, as `GraphTokenizer` can. Where question and option are without any
    token, the row has no [SEP] of theirs, which training gives it.

    Args:
      tokenizer: gives the ids.
      max_seq_length: tokens a row holds (T), special ones included.
      max_qa_length: most tokens of a question with an option.

    Raises:
      InputError: `max_seq_length` has no room for a token of the article, or a
        vocabulary that only Python can follow.
    """

    def __init__(self, tokenizer: Tokenizer, max_seq_length: int, max_qa_length: int):
        super().__init__(name="option_rows")
        check_lengths(max_seq_length, max_qa_length)
        self.tokenize = GraphTokenizer(tokenizer)
        self.pack = InputPacker(tokenizer, max_seq_length)
        self._max_seq_length = max_seq_length
        self._max_qa_length = max_qa_length

    def __call__(
        self, article: tf.Tensor, question: tf.Tensor, options: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Makes a row of each option.

        Args:
          article: string [B].
          question: string [B]; where it has blanks, the option stands in them.
          options: string [B, C].

        Returns:
          input_word_ids, input_mask and input_type_ids, int32 [B, C, T].
        """
        batch, num_options = tf.unstack(tf.shape(options, tf.int64))
        question_of = tf.repeat(tf.range(batch), num_options)
        filled = fill_in(tf.gather(question, question_of), tf.reshape(options, [-1]))
        choices = self.tokenize(filled).with_row_splits_dtype(tf.int64)
        choices = choices[:, -self._max_qa_length :]
        articles = tf.gather(self.tokenize(article), question_of)
        room = self._max_seq_length - NUM_SPECIAL - choices.row_lengths()
        packed = self.pack([_first_of_each(articles, room), choices])
        shape = [batch, num_options, self._max_seq_length]
        return {name: tf.reshape(rows, shape) for name, rows in packed.items()}


def fill_in(question: tf.Tensor, option: tf.Tensor) -> tf.Tensor:
    """`questions.fill_in` for strings [N] and [N]."""
    question = tf.strings.regex_replace(question, "\uff3f", "_")
    parts = tf.strings.split(question, "_").with_row_splits_dtype(tf.int64)
    num_parts = parts.row_lengths()
    # Each part but the first has a blank before it.
    is_first = tf.equal(tf.ragged.range(num_parts).flat_values, 0)
    blank = tf.where(is_first, "", tf.repeat(option, num_parts))
    pieces = tf.strings.join([blank, parts.flat_values])
    filled = tf.strings.unsorted_segment_join(
        pieces, parts.value_rowids(), parts.nrows()
    )
    followed = tf.strings.join([question, option], separator=" ")
    return tf.where(num_parts > 1, filled, followed)


def _first_of_each(rows: tf.RaggedTensor, length: tf.Tensor) -> tf.RaggedTensor:
    """Rows [N, (T)] cut to lengths [N]."""
    rows = rows.with_row_splits_dtype(tf.int64)
    num_tokens = rows.row_lengths()
    place = tf.ragged.range(num_tokens).flat_values
    stays = place < tf.repeat(length, num_tokens)
    return tf.RaggedTensor.from_row_lengths(
        tf.boolean_mask(rows.flat_values, stays), tf.minimum(num_tokens, length)
    )
