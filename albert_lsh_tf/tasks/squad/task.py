"""Questions about texts as a Model Garden task: `albert_lsh/squad`.

Evaluation brings the best spans of all windows to the host and answers and scores the
questions there, so scores do not depend on batch size or devices.
"""

import os
from typing import Any

import numpy as np
import tensorflow as tf
from official.core import config_definitions as cfg
from official.core import exp_factory, task_factory

from albert_lsh_tf.data.input_pipeline import evaluation_dataset, training_dataset
from albert_lsh_tf.data.squad.answers import CandidateArrays
from albert_lsh_tf.data.squad.features import make_features
from albert_lsh_tf.data.squad.question_files import QuestionFiles
from albert_lsh_tf.data.squad.settings import AnswerSettings
from albert_lsh_tf.data.squad.spans import candidates_of_beam, candidates_of_logits
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.networks.joint_span_labeler import AlbertJointSpanLabeler
from albert_lsh_tf.networks.span_labeler import AlbertSpanLabeler
from albert_lsh_tf.tasks.encoder_config import build_encoder
from albert_lsh_tf.tasks.fine_tuning_task import (
    FineTuningTask,
    in_order,
    model_inputs,
)
from albert_lsh_tf.tasks.optimization import OptimizationConfig
from albert_lsh_tf.tasks.squad.losses import joint_span_loss, span_loss
from albert_lsh_tf.tasks.squad.question_sets import (
    JoinedWindows,
    Predictions,
    QuestionSet,
)
from albert_lsh_tf.tasks.squad.task_config import SquadDataConfig, SquadTaskConfig

SpanLabeler = AlbertSpanLabeler | AlbertJointSpanLabeler


@task_factory.register_task_cls(SquadTaskConfig)
class SquadTask(FineTuningTask):
    """Fine-tunes ALBERT on questions about texts, and answers others.

    Args:
      params: which version, weights and data.
      logging_dir: unused, as Model Garden passes it.
      name: of the `tf.Module`.

    Attributes:
      training: what is trained on; `build_inputs` makes it where it is None.
      evaluation: what an evaluation answers: the questions that are scored and, before
        them, those that training leaves out, where they are needed for a threshold.
    """

    def __init__(
        self,
        params: SquadTaskConfig,
        logging_dir: str | None = None,
        name: str | None = None,
    ):
        super().__init__(params, logging_dir, name)
        self.training: QuestionSet | None = None
        self.evaluation: list[QuestionSet] = []

    def build_model(self) -> SpanLabeler:
        """The model with new weights; `initialize` or a checkpoint fills it."""
        config = self.task_config.model
        encoder = build_encoder(config.encoder.get())
        if not self.task_config.version_2:
            return AlbertSpanLabeler(encoder)
        return AlbertJointSpanLabeler(
            encoder, config.start_n_top, config.end_n_top, config.dropout
        )

    def build_inputs(
        self,
        params: SquadDataConfig,
        input_context: tf.distribute.InputContext | None = None,
    ) -> tf.data.Dataset:
        """Batches of one replica's size: the three inputs, example_id and positions."""
        if not params.is_training:
            self.evaluation = self.evaluation or self._evaluation_sets(params)
            return evaluation_dataset(
                JoinedWindows(self.evaluation),
                params.global_batch_size,
                input_context,
                shortest_first=self.trims_padding,
            )
        if self.training is None:
            self.training = self._open(params, "training")
        return training_dataset(
            self.training.features,
            params.global_batch_size,
            seed=params.seed or 0,
            start_step=params.start_step,
            input_context=input_context,
            group_by_length=params.group_by_length,
        )

    def _evaluation_sets(self, params: SquadDataConfig) -> list[QuestionSet]:
        sets = [self._open(params, "evaluation")]
        sets[0].refuse_partly_labeled()
        if self.needs_threshold:
            sets.insert(0, self._open(self.task_config.train_data, "held_out"))
        return sets

    def _open(self, params: SquadDataConfig, purpose: str) -> QuestionSet:
        """Finds or makes the windows over the files of a data config."""
        is_dev = purpose == "evaluation"
        files = QuestionFiles(
            tuple(params.input_path.split(",")),
            for_training=purpose == "training",
            version_2=self.task_config.version_2,
            skip_faulty=params.skip_faulty,
            held_out_share=0.0 if is_dev else params.held_out_share,
            held_out=purpose == "held_out",
        )
        features = make_features(
            files,
            AlbertTokenizer(params.vocabulary_file, params.do_lower_case),
            answer_settings(params),
            os.path.join(params.feature_dir, purpose),
            say=lambda line: None,
        )
        return QuestionSet(files, features)

    @property
    def needs_threshold(self) -> bool:
        """Whether questions that training leaves out decide about a threshold."""
        config = self.task_config
        return config.version_2 and config.null_score_diff_threshold is None

    def trained_variables(self, model: SpanLabeler) -> list[tf.Variable]:
        # The pooled output has no part in answers.
        return [v for v in model.trainable_variables if "pooler" not in v.name]

    def loss_of(self, inputs: dict[str, tf.Tensor], model: SpanLabeler) -> tf.Tensor:
        loss = joint_span_loss if self.task_config.version_2 else span_loss
        return loss(model, inputs, training=True)

    @tf.autograph.experimental.do_not_convert
    def validation_step(
        self,
        inputs: dict[str, tf.Tensor],
        model: SpanLabeler,
        metrics: Any = None,
    ) -> dict[str, tf.Tensor]:
        """Ids and the best spans of one replica's share of the batch."""
        longest = self.task_config.validation_data.max_answer_length
        head = self.task_config.model

        def candidates_of(inputs):
            outputs = model(model_inputs(inputs), training=False)
            if self.task_config.version_2:
                return candidates_of_beam(
                    outputs,
                    inputs["may_start"],
                    inputs["has_characters"],
                    longest,
                    num_spans=head.start_n_top * head.end_n_top,
                )
            return candidates_of_logits(
                outputs["start_logits"],
                outputs["end_logits"],
                inputs["may_start"],
                inputs["is_context"],
                inputs["has_characters"],
                longest,
                self.task_config.n_best_size,
            )

        candidates = self.run_on(inputs, candidates_of)
        return {"example_id": inputs["example_id"], **candidates._asdict()}

    def candidates_by_set(
        self, batches: list[dict[str, np.ndarray]]
    ) -> list[tuple[QuestionSet, CandidateArrays]]:
        """The best spans of all windows, in order, for each of the sets."""
        outputs = in_order(batches)
        del outputs["example_id"]
        by_set = JoinedWindows(self.evaluation).split(CandidateArrays(**outputs))
        return list(zip(self.evaluation, by_set, strict=True))

    def threshold(self, predictions: list[Predictions]) -> float:
        """Above which odds there is no answer; of the answers to all sets."""
        if self.needs_threshold:
            return predictions[0].best_threshold()
        return self.task_config.null_score_diff_threshold

    def reduce_aggregated_logs(
        self,
        aggregated_logs: list[dict[str, np.ndarray]],
        global_step: tf.Tensor | None = None,
    ) -> dict[str, float]:
        """The official scores of the questions that are scored.

        With `version_2`, at the threshold, which is among them; what the threshold that
        is best for just these questions would give, is best_exact and best_f1.
        """
        predictions = predictions_of(self.candidates_by_set(aggregated_logs))
        threshold = None
        if self.task_config.version_2:
            threshold = self.threshold(predictions)
        return predictions[-1].scores(threshold)


def predictions_of(
    by_set: list[tuple[QuestionSet, CandidateArrays]],
) -> list[Predictions]:
    """The answers to each of some sets."""
    return [
        Predictions.of(questions.answered(candidates, n_best_size=1))
        for questions, candidates in by_set
    ]


def answer_settings(params: SquadDataConfig) -> AnswerSettings:
    """The lengths of windows and answers of a data config."""
    return AnswerSettings(
        params.max_seq_length,
        params.doc_stride,
        params.max_query_length,
        params.max_answer_length,
    )


@exp_factory.register_config_factory("albert_lsh/squad")
def albert_lsh_squad() -> cfg.ExperimentConfig:
    """ALBERT with LSH attention on SQuAD, for Model Garden's own trainer.

    To be given: `task.init_checkpoint`, and for training and validation data
    `input_path`, `feature_dir` and `vocabulary_file`; the encoder is ALBERT base.
    """
    return cfg.ExperimentConfig(
        task=SquadTaskConfig(),
        trainer=cfg.TrainerConfig(
            optimizer_config=OptimizationConfig(), train_steps=3649
        ),
        restrictions=[
            "task.train_data.is_training != None",
            "task.validation_data.is_training != None",
        ],
    )
