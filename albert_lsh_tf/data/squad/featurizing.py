"""Questions to windows of ids with the places of their answers, inside a graph."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import tensorflow as tf

from albert_lsh_tf.data.graph_offsets import LocatedTokens, TokenLocator
from albert_lsh_tf.data.squad.questions import Question
from albert_lsh_tf.data.squad.settings import AnswerSettings
from albert_lsh_tf.data.squad.windows import Windows, make_windows
from albert_lsh_tf.data.tokenization import AlbertTokenizer

# A batch holds as many questions, or fewer with long texts. A text counts once for each
# of its questions, since so often its tokens stand in memory. SQuAD's have about 4,000
# characters at most, so 64 questions about them always fit.
_QUESTIONS = 64
_CHARACTERS = 400_000


class QuestionBatch(NamedTuple):
    """Questions that stand one after the other in a file. Q questions, C contexts.

    question: string [Q].
    context: string [C]: each one once, in order.
    context_row: int64 [Q]: which of them a question is about.
    answer_start, answer_end: int32 [Q]: characters of the context before the answer,
      and up to its end; both 0 where there is none.
    """

    question: tf.Tensor
    context: tf.Tensor
    context_row: tf.Tensor
    answer_start: tf.Tensor
    answer_end: tf.Tensor

    @classmethod
    def of(
        cls, questions: Sequence[Question], with_answers: bool = True
    ) -> "QuestionBatch":
        """What is asked, and the first answer to it.

        Args:
          questions: one or more.
          with_answers: False: as if there were none. For predictions nobody checked
            where they stand.
        """
        contexts: dict[str, int] = {}
        rows = [contexts.setdefault(q.context, len(contexts)) for q in questions]
        answers = [q.answers[:1] if with_answers else () for q in questions]
        return cls(
            question=tf.constant([question.text for question in questions], tf.string),
            context=tf.constant([*contexts], tf.string),
            context_row=tf.constant(rows, tf.int64),
            answer_start=tf.constant([sum(a.start for a in each) for each in answers]),
            answer_end=tf.constant(
                [sum(a.start + len(a.text) for a in each) for each in answers]
            ),
        )


def in_batches(questions: Iterator[Question]) -> Iterator[Sequence[Question]]:
    """Questions in order, as many at once as a `QuestionBatch` should have."""
    batch: list[Question] = []
    num_characters = 0
    for question in questions:
        num_characters += len(question.context)
        is_full = len(batch) >= _QUESTIONS or num_characters > _CHARACTERS
        if batch and is_full:
            yield batch
            batch, num_characters = [], len(question.context)
        batch.append(question)
    if batch:
        yield batch


class WindowFeatures(NamedTuple):
    """Windows of a batch. W windows, T tokens each.

    input_word_ids: int32 [W, T].
    first_of_context: int32 [W]: the column of the first token of the context.
    num_of_context: int32 [W]: tokens of the context; a separator is behind them.
    question: int64 [W]: its row in the batch.
    start_position, end_position: int32 [W]: the columns of the first and last token of
      the answer; both 0 where the window does not show all of it, or there is none.
    token_start, token_end: int32 [W, T]: the characters of the context before and up to
      the end of each of its tokens; 0 for others.
    may_start: bool [W, T]: see `Windows`.
    """

    input_word_ids: tf.Tensor
    first_of_context: tf.Tensor
    num_of_context: tf.Tensor
    question: tf.Tensor
    start_position: tf.Tensor
    end_position: tf.Tensor
    token_start: tf.Tensor
    token_end: tf.Tensor
    may_start: tf.Tensor


class Featurizer(tf.Module):
    """Makes `WindowFeatures` of a `QuestionBatch`.

    Args:
      tokenizer: of the model.
      settings: lengths.

    Raises:
      InputError: see `TokenLocator`.
    """

    def __init__(self, tokenizer: AlbertTokenizer, settings: AnswerSettings):
        super().__init__(name="featurizer")
        self._locate = TokenLocator(tokenizer)
        self._special_ids = (tokenizer.pad_id, tokenizer.cls_id, tokenizer.sep_id)
        self._settings = settings

    def __call__(self, batch: QuestionBatch) -> WindowFeatures:
        """The windows of the first question in order, of the second, and so on."""
        located = self._locate(batch.context)
        tokens = LocatedTokens(*(tf.gather(x, batch.context_row) for x in located))
        questions = self._locate.tokenize(batch.question)
        windows = make_windows(
            questions.with_row_splits_dtype(tf.int64),
            tokens.ids,
            self._special_ids,
            self._settings,
        )
        is_context = windows.token >= 0
        # A place for those that are none; the pool is not empty then, either.
        place = tf.where(is_context, windows.token + 1, 0)
        start, end = _positions(
            windows, *_answer_tokens(tokens, batch.answer_start, batch.answer_end)
        )
        return WindowFeatures(
            input_word_ids=windows.input_word_ids,
            first_of_context=tf.cast(
                tf.argmax(windows.input_type_ids, axis=1), tf.int32
            ),
            num_of_context=tf.reduce_sum(tf.cast(is_context, tf.int32), axis=1),
            question=windows.row,
            start_position=start,
            end_position=end,
            token_start=tf.gather(tf.pad(tokens.starts.values, [[1, 0]]), place),
            token_end=tf.gather(tf.pad(tokens.ends.values, [[1, 0]]), place),
            may_start=windows.may_start,
        )


def _answer_tokens(
    tokens: LocatedTokens, answer_start: tf.Tensor, answer_end: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The first and last token of each answer, numbered through all texts: int64 [Q].

    -1 where no token is in it. Those that it cuts through are among them, so the text
    of the tokens is the answer, or a little more.
    """
    row = tf.cast(tokens.ids.value_rowids(), tf.int32)
    is_inside = (tokens.ends.values > tf.gather(answer_start, row)) & (
        tokens.starts.values < tf.gather(answer_end, row)
    )
    number = tf.range(tf.size(row, tf.int64))
    num_rows = tf.size(answer_start)
    first = tf.math.unsorted_segment_min(
        tf.where(is_inside, number, number.dtype.max), row, num_rows
    )
    last = tf.math.unsorted_segment_max(tf.where(is_inside, number, -1), row, num_rows)
    has_any = last >= 0
    return tf.where(has_any, first, -1), tf.where(has_any, last, -1)


def _positions(
    windows: Windows, first: tf.Tensor, last: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The columns of tokens in the windows of their rows: two int32 [W], or 0 and 0."""
    columns, are_shown = [], []
    for token in (first, last):
        token = tf.gather(token, windows.row)[:, tf.newaxis]
        is_there = (windows.token == token) & (token >= 0)
        are_shown.append(tf.reduce_any(is_there, axis=1))
        columns.append(
            tf.argmax(tf.cast(is_there, tf.int32), axis=1, output_type=tf.int32)
        )
    is_shown = are_shown[0] & are_shown[1]
    start, end = (tf.where(is_shown, column, 0) for column in columns)
    return start, end
