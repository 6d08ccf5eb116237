"""Settings of a SQuAD run. Does not import TensorFlow."""

import dataclasses

from albert_lsh_tf.config import FineTuningConfig
from albert_lsh_tf.config_io import setting
from albert_lsh_tf.data.squad.settings import AnswerSettings
from albert_lsh_tf.errors import InputError

FEATURES_FOLDER = "features"  # In a run's folder, where no other was named.


@dataclasses.dataclass(frozen=True)
class SquadConfig(FineTuningConfig):
    """One run on SQuAD 1.1 or 2.0: the questions, the windows, the answers.

    Names and defaults are those of google-research/albert's run_squad_v1.py and
    run_squad_v2.py where they have them. Lengths are in tokens.
    """

    version_2: bool = setting(False, "questions may have no answer, as in SQuAD 2.0")
    train_file: tuple[str, ...] = setting(
        (), "SQuAD JSON to train on, comma list; unset: a sample that is made up"
    )
    predict_file: str | None = setting(
        None, "SQuAD JSON to answer; unset: a sample that is made up"
    )
    train_feature_file: str | None = setting(
        None, "folder of the training windows; unset: one in output_dir"
    )
    predict_feature_file: str | None = setting(
        None, "folder of the windows to predict; unset: one in output_dir"
    )
    skip_faulty_questions: bool = setting(
        False, "leave out questions that cannot be used, and list them"
    )
    max_seq_length: int = setting(384, "tokens of a window, question and text")
    doc_stride: int = setting(128, "tokens from a window over a text to the next")
    max_query_length: int = setting(64, "tokens a question is cut to")
    max_answer_length: int = setting(30, "tokens of the longest answer")
    n_best_size: int = setting(20, "answers listed for a question")
    start_n_top: int = setting(5, "version_2: starts that are followed up")
    end_n_top: int = setting(5, "version_2: ends that are followed up for each")
    dropout_prob: float = setting(0.1, "version_2: dropout before its last layer")
    null_score_diff_threshold: float | None = setting(
        None,
        "version_2: no answer above it; unset: what is best for held-out questions",
    )
    held_out_share: float = setting(
        0.05, "version_2: share of the training texts that the threshold is found on"
    )
    num_train_epochs: float = setting(3.0, "passes over the training windows")
    warmup_proportion: float = setting(0.1, "share of the steps for linear warm-up")

    def validate(self) -> None:
        super().validate()
        for name in ("n_best_size", "start_n_top", "end_n_top"):
            self.require_at_least(name, 1)
        for name in ("dropout_prob", "warmup_proportion"):
            self.require_probability(name)
        self.require_positive("num_train_epochs")
        if not 0 <= self.held_out_share < 1:
            raise InputError(
                f"held_out_share={self.held_out_share} must be at least 0 and below 1."
            )
        if self.version_2 and not (
            self.held_out_share or self.null_score_diff_threshold is not None
        ):
            raise InputError(
                "held_out_share=0 leaves no questions to find a threshold on; give it "
                "with null_score_diff_threshold."
            )
        self.answer_settings  # noqa: B018  Refuses lengths that are none.

    @property
    def needs_threshold(self) -> bool:
        """Whether questions that training leaves out decide about a threshold."""
        return self.version_2 and self.null_score_diff_threshold is None

    @property
    def share_left_out(self) -> float:
        """Of the training texts, those that are not trained on."""
        return self.held_out_share if self.needs_threshold else 0.0

    @property
    def answer_settings(self) -> AnswerSettings:
        """The lengths of windows and answers."""
        return AnswerSettings(
            self.max_seq_length,
            self.doc_stride,
            self.max_query_length,
            self.max_answer_length,
        )

    def num_steps(self, num_windows: int) -> tuple[int, int]:
        """Training steps, and those of them that warm up."""
        steps = round(self.num_train_epochs * num_windows / self.train_batch_size)
        steps = max(steps, 1)
        return steps, int(self.warmup_proportion * steps)
