"""A RACE run small enough for tests: weights, articles and settings."""

import pathlib

from albert_lsh_tf.config import ClassifierConfig
from albert_lsh_tf.data.race.questions import OPTIONS
from tests.data.race.articles import line, write
from tests.tasks.tiny_run import write_tiny_weights

# Articles fill up to four chunks of 8 tokens, or have to be cut.
SETTINGS = {
    "task_name": "RACE",
    "max_seq_length": 32,
    "max_qa_length": 12,
    "train_batch_size": 8,
    "eval_batch_size": 16,
    "predict_batch_size": 4,
    "train_step": 24,
    "save_checkpoints_steps": 12,
    "warmup_step": 2,
    "learning_rate": 1e-2,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "classifier_dropout_prob": 0.0,
    "distribution_strategy": "one_device",
    "lsh": {"chunk_length": 8},
}
# Articles of two questions each.
NUM_ARTICLES = {
    ("train", "middle"): 8,
    ("train", "high"): 8,
    ("dev", "middle"): 3,
    ("dev", "high"): 7,
    ("test", "middle"): 4,
    ("test", "high"): 7,
}
LEARNED = "queen"
_WRONG = ("the king is dead", "the book is old", "a long war", "the old town")


class TinyRace:
    """Weights and articles in a folder, and runs that use them.

    The right option is the one with a queen in it, but for the second question about
    every article for middle schools that is not trained on.

    Args:
      folder: where everything is written.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.weights = write_tiny_weights(folder / "weights")
        self.data = folder / "data"
        for (split, level), num_articles in NUM_ARTICLES.items():
            for number in range(num_articles):
                article = _article(f"{level}{number}.txt", number)
                if level == "middle" and split != "train":
                    article["answers"][1] = _next(article["answers"][1])
                write(self.data, f"{split}/{level}/{number}.txt", article)

    def config(self, **changes) -> ClassifierConfig:
        return ClassifierConfig.from_dict(
            {
                **SETTINGS,
                "data_dir": str(self.data),
                "init_checkpoint": str(self.weights),
                **changes,
            }
        )

    def flags(self, output_dir: pathlib.Path, *more: str) -> list[str]:
        """The same run as a command line; later flags win."""
        flat = {**SETTINGS, **SETTINGS["lsh"]}
        del flat["lsh"], flat["task_name"]
        flat["dropout_prob"] = flat.pop("classifier_dropout_prob")
        flat["data_dir"] = self.data
        flat["init_checkpoint"] = self.weights
        flat["output_dir"] = output_dir
        return [*(f"--{name}={value}" for name, value in flat.items()), *more]


def _article(name: str, number: int) -> dict:
    answers = [OPTIONS[number % 4], OPTIONS[(number + number // 4 + 1) % 4]]
    options = [list(_WRONG) for _ in answers]
    for each, answer in zip(options, answers, strict=True):
        each[OPTIONS.index(answer)] = f"the {LEARNED} of england"
    return line(
        id=name,
        article=" ".join(["In the year 1843 it was seen."] * (number % 5)),
        questions=["Who was it?", "They saw _ there."],
        options=options,
        answers=answers,
    )


def _next(letter: str) -> str:
    return OPTIONS[(OPTIONS.index(letter) + 1) % len(OPTIONS)]
