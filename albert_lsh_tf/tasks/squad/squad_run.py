"""One process's part in a SQuAD run: training, scores and answers."""

import logging
from typing import Any

import tensorflow as tf

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks import results
from albert_lsh_tf.tasks.best_checkpoint import read_best
from albert_lsh_tf.tasks.fine_tuning_run import FineTuningRun
from albert_lsh_tf.tasks.inputs import ModelFiles, find_trained
from albert_lsh_tf.tasks.prediction import outputs_of
from albert_lsh_tf.tasks.run_folder import RunFolder, step_of
from albert_lsh_tf.tasks.same_run import changed_settings
from albert_lsh_tf.tasks.squad.data import SquadData
from albert_lsh_tf.tasks.squad.experiment import experiment_config
from albert_lsh_tf.tasks.squad.question_sets import THRESHOLD, Predictions
from albert_lsh_tf.tasks.squad.results import write_answers
from albert_lsh_tf.tasks.squad.settings import SquadConfig
from albert_lsh_tf.tasks.squad.task import SquadTask, predictions_of
from albert_lsh_tf.tasks.training_run import in_a_line

BEST_METRIC = "f1"
# What the scores of weights that are trained already depend on.
_SCORING = (
    *("predict_file", "skip_faulty_questions", "null_score_diff_threshold"),
    *("max_seq_length", "doc_stride", "max_query_length", "max_answer_length"),
)

_logger = logging.getLogger(__name__)


class SquadRun(FineTuningRun):
    """One process's part in a SQuAD run.

    Args:
      config: the run.
      folder: its folder.
      strategy: the devices.
      files: where the model comes from.
      data: the questions.
      do_train: train, up to the last of the epochs.
    """

    def __init__(
        self,
        config: SquadConfig,
        folder: RunFolder,
        strategy: tf.distribute.Strategy,
        files: ModelFiles,
        data: SquadData,
        do_train: bool,
    ):
        self.files, self.data = files, data
        # Seconds that the network took, its compilation included, and for how much:
        # for all sets of questions, which one pass answers, held-out ones among them.
        self.answering: dict[str, float] | None = None
        self.threshold: float | None = None  # Of the answers, with `version_2`.
        start_step = step_of(files.checkpoint) if do_train else 0
        num_windows = len(data.training.features) if data.training else 0
        params = experiment_config(config, files, num_windows, start_step)
        task = SquadTask(params.task)
        task.training, task.evaluation = data.training, data.evaluated
        super().__init__(
            config,
            folder,
            strategy,
            task,
            params,
            best_metric=BEST_METRIC,
            start_step=start_step,
            trains=do_train,
            evaluates=do_train and data.can_be_scored,
        )

    def results(self, do_predict: bool) -> dict[str, Any]:
        """Trains if there is something left to train, then answers the questions."""
        step = self.train_and_restore_best()
        recorded = self.recorded()
        best, scores = self._best_on_record(recorded), None
        if do_predict:
            scores = self._predict()
            best = self._write_scores(best, step, scores)
        summary = results.summarize(self.log, best, recorded)
        summary["answering"] = self.answering
        summary["predicted"] = None
        if do_predict:
            file = self.config.predict_file
            summary["predicted"] = {"file": file, "step": step, "scores": scores}
        if self.config.version_2:
            summary["threshold"] = recorded.get("threshold")
            # Without training it may be one that was given for these answers alone.
            if self.data.training is not None and do_predict:
                summary["threshold"] = {"step": step, THRESHOLD: self.threshold}
        if do_predict or self.trains or self._is_unrecorded(summary, recorded):
            results.write_summary(self.folder, summary)
        results.draw_curves(self.folder, self.log, "SQuAD", BEST_METRIC, 100)
        self.progress.say(f"results: {self.folder.path}")
        return {**summary, "model": self.model, "is_chief": self.folder.writable}

    def _is_unrecorded(self, summary: dict[str, Any], recorded: dict[str, Any]) -> bool:
        """Whether training was asked for that metrics.json lacks.

        So it is where a process was killed between its last checkpoint and the summary.
        """
        names = ("best", "history", "train_loss")
        is_new = any(summary[name] != recorded.get(name) for name in names)
        return self.data.training is not None and is_new

    def _best_on_record(self, recorded: dict[str, Any]) -> dict[str, Any] | None:
        """Step and scores of the best checkpoint, on what the run is scored on."""
        on_record, best = recorded.get("best"), read_best(self.folder.best_dir)
        # Training may have gone on after metrics.json was written.
        if best and (on_record or {}).get("step") != best.step:
            return {"step": best.step, **best.metrics}
        return on_record

    def _write_scores(
        self, best: dict[str, Any] | None, step: int, scores: dict[str, float] | None
    ) -> dict[str, Any] | None:
        """Writes scores of new answers, and gives what is the best on record now.

        Those on record stay, unless this process has trained further. Other questions,
        and other checkpoints than the best one, are scored beside it. Scores of the
        answers before, which are gone, do not stay: all of them in a folder of answers
        alone, those beside the record in a run's.
        """
        results.remove_scores(self.folder, of_test=self.holds_run())
        if scores is None:
            return best
        is_best = best is None or best["step"] == step
        if self._scores_others() or not is_best:
            file = self.config.predict_file
            of_what = {"global_step": step, "predict_file": file}
            results.write_test_scores(self.folder, {**scores, **of_what})
            self.progress.say(f"{file} (step {step}): {in_a_line(scores)}")
            return best
        if best is None or self.trains:
            best = {"step": step, **scores}
        recorded = {name: value for name, value in best.items() if name != "step"}
        if not results.agree(recorded, scores) and self.folder.writable:
            _logger.warning(
                "Step %d now scores %s, not as recorded: data or programs have "
                "changed. The recorded scores stay.",
                step,
                in_a_line(scores),
            )
        results.write_scores(self.folder, recorded, step)
        self.say_best(step, recorded)
        return best

    def _scores_others(self) -> bool:
        """Whether other questions are scored, or otherwise, than in the run's training.

        Never in a folder without a run: its record is of the last answers.
        """
        if not self.holds_run():
            return False
        saved = self.folder.saved_config()
        return bool(changed_settings(saved, self.config, _SCORING))

    def _predict(self) -> dict[str, float] | None:
        """Answers the questions, writes the answers, and scores what can be scored."""
        features = [each.features for each in self.data.evaluated]
        num_windows = sum(map(len, features))
        outputs, seconds = outputs_of(
            self.strategy,
            self.task,
            self.model,
            lambda input_context=None: self.task.build_inputs(
                self.task.task_config.validation_data, input_context
            ),
            num_windows,
            "window",
            shows_progress=self.folder.writable,
        )
        by_set = self.task.candidates_by_set(outputs)
        self.answering = {
            "seconds": seconds,
            "windows": num_windows,
            "questions": sum(each.counts["questions"] for each in features),
        }
        predictions = predictions_of(by_set)
        if self.config.version_2:
            self.threshold = self._threshold(predictions)
        if self.folder.writable:
            questions, candidates = by_set[-1]
            answered = questions.answered(candidates, self.config.n_best_size)
            names = write_answers(self.folder, answered, self.threshold)
            self.progress.say(f"answers: {', '.join(names)}")
        if not self.data.can_be_scored:
            return None
        return predictions[-1].scores(self.threshold)

    def _threshold(self, predictions: list[Predictions]) -> float:
        """Found on held-out questions, given, or else that of the trained model.

        Each checkpoint has its own, as its null odds are others.
        """
        if len(predictions) > 1 or self.config.null_score_diff_threshold is not None:
            return self.task.threshold(predictions)
        run, checkpoint = find_trained(self.config, self.folder)
        step, best = step_of(checkpoint), read_best(run.best_dir)
        found = [{"step": e["step"], **e["eval"]} for e in run.open_log().evaluations]
        if best:
            found.append({"step": best.step, **best.metrics})
        found.append((results.read_summary(run) or {}).get("threshold") or {})
        for each in found:
            # None: it was no number.
            if each.get("step") == step and each.get(THRESHOLD) is not None:
                return each[THRESHOLD]
        raise InputError(
            f"{run.path} has found no threshold for step {step}, above which a "
            f"question has no answer; give {THRESHOLD}, or repeat the run's command "
            "with do_train and do_predict, which finds it."
        )
