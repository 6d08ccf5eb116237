"""The questions of a run, and the windows over them, before the first training step."""

import dataclasses
import pathlib
from collections.abc import Callable

from albert_lsh_tf.checkpoints.vocabulary import check_vocabulary
from albert_lsh_tf.data.squad.features import make_features
from albert_lsh_tf.data.squad.question_files import QuestionFiles
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.data.tokenizers import is_wordpiece
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.tasks.inputs import ModelFiles
from albert_lsh_tf.tasks.run_folder import RunFolder
from albert_lsh_tf.tasks.squad.question_sets import QuestionSet
from albert_lsh_tf.tasks.squad.settings import FEATURES_FOLDER, SquadConfig

SKIPPED_FILE = "skipped_questions.txt"
# Without training, or the list of what training left out would be lost.
SKIPPED_IN_ANSWERING_FILE = "skipped_predict_questions.txt"


@dataclasses.dataclass(frozen=True)
class SquadData:
    """The questions of a run.

    Attributes:
      training: what is trained on; None without training.
      held_out: what of the training files is not, to find a threshold on; None where
        no threshold is to be found.
      predicted: what is answered.
    """

    training: QuestionSet | None
    held_out: QuestionSet | None
    predicted: QuestionSet

    @property
    def evaluated(self) -> list[QuestionSet]:
        """What an evaluation answers, in the order that `SquadTask` wants."""
        sets = [self.held_out, self.predicted]
        return [each for each in sets if each is not None]

    @property
    def can_be_scored(self) -> bool:
        """Whether answers to the questions that are predicted are known, all of them.

        See `load_data`, which refuses to know some.
        """
        return self.predicted.num_known > 0


def load_data(
    config: SquadConfig,
    files: ModelFiles,
    folder: RunFolder,
    do_train: bool,
    say: Callable[[str], None],
) -> SquadData:
    """Makes the windows over the questions, or finds them where they were made.

    Args:
      config: with files.
      files: whose vocabulary is used.
      folder: of the run; windows go there unless the config says where.
      do_train: whether training questions are needed, and held-out ones for a
        threshold; without training, the trained model has one.
      say: takes lines for the user.

    Returns:
      The data.

    Raises:
      InputError: a file or a question is not what it should be, or only a part of the
        questions to predict have answers, or the vocabulary cannot tell where tokens
        stand.
    """
    if is_wordpiece(files.vocabulary_file):
        raise InputError(
            f"{files.vocabulary_file}: answers are parts of the text, and only a "
            "SentencePiece model tells where its pieces stand; give spm_model_file."
        )
    check_vocabulary(
        files.albert_config.vocab_size, files.description, files.vocabulary_file
    )
    tokenizer = AlbertTokenizer(files.vocabulary_file, config.do_lower_case)
    maker = _Maker(config, tokenizer, folder, say)
    to_predict = QuestionFiles(
        (config.predict_file,),
        for_training=False,
        version_2=config.version_2,
        skip_faulty=config.skip_faulty_questions,
    )
    training = held_out = None
    if do_train:
        # Before the windows of training are made, which takes far longer.
        found = to_predict.check()
        to_predict.refuse_partly_labeled(found.answered + found.impossible, found.total)
        training = maker.make(
            "training",
            config.train_feature_file,
            QuestionFiles(
                config.train_file,
                for_training=True,
                version_2=config.version_2,
                skip_faulty=config.skip_faulty_questions,
                held_out_share=config.share_left_out,
            ),
        )
    if do_train and config.needs_threshold:
        held_out = maker.make(
            "held-out",
            None,
            QuestionFiles(
                config.train_file,
                for_training=False,
                version_2=config.version_2,
                skip_faulty=config.skip_faulty_questions,
                held_out_share=config.share_left_out,
                held_out=True,
            ),
        )
    predicted = maker.make("predicted", config.predict_feature_file, to_predict)
    predicted.refuse_partly_labeled()
    maker.list_skipped(SKIPPED_FILE if do_train else SKIPPED_IN_ANSWERING_FILE)
    return SquadData(training, held_out, predicted)


class _Maker:
    """Makes question sets, and remembers what they left out."""

    def __init__(
        self,
        config: SquadConfig,
        tokenizer: AlbertTokenizer,
        folder: RunFolder,
        say: Callable[[str], None],
    ):
        self._config, self._tokenizer = config, tokenizer
        self._folder, self._say = folder, say
        self._skipped: list[str] = []

    def make(
        self, purpose: str, feature_folder: str | None, files: QuestionFiles
    ) -> QuestionSet:
        # Every worker makes its own, so that none reads what another one writes.
        chosen = self._folder.checkpoint_dir / FEATURES_FOLDER / purpose
        if feature_folder and self._folder.writable:
            chosen = pathlib.Path(feature_folder).expanduser()
        features = make_features(
            files,
            self._tokenizer,
            self._config.answer_settings,
            chosen,
            say=lambda line: self._say(f"{purpose} {line}"),
        )
        counts = features.counts
        described = f"{purpose} questions: {counts['questions']}"
        if files.version_2:
            described += f", {counts['impossible']} without an answer"
        if counts.get("shown", counts["answered"]) < counts["answered"]:
            hidden = counts["answered"] - counts["shown"]
            described += f"; {hidden} answers are longer than a window"
        self._say(described)
        if files.skip_faulty and counts["skipped"]:
            self._skipped += map(str, files.check().faults)
        return QuestionSet(files, features)

    def list_skipped(self, name: str) -> None:
        """Writes the questions that were left out to a file; removes an earlier one."""
        # A file may have been read for two purposes.
        skipped = list(dict.fromkeys(self._skipped))
        if not skipped:
            self._folder.remove(name)
            return
        self._folder.make()
        self._folder.write(name, "".join(f"{line}\n" for line in skipped))
        self._say(
            f"note: {len(skipped)} questions cannot be used and are left out; they are "
            f"listed in {self._folder.path / name}"
        )
