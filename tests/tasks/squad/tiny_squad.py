"""A SQuAD run small enough for tests: weights, questions and settings."""

import json
import pathlib
from collections.abc import Callable

from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.data.squad.sample import write_sample
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.tasks.best_checkpoint import RECORD_FILE
from albert_lsh_tf.tasks.run_folder import RunFolder
from albert_lsh_tf.tasks.squad.settings import SquadConfig
from tests.tasks.tiny_run import write_tiny_weights

SETTINGS = {
    "max_seq_length": 48,
    "doc_stride": 16,
    "max_query_length": 16,
    "max_answer_length": 8,
    "n_best_size": 3,
    "train_batch_size": 8,
    "predict_batch_size": 16,
    "num_train_epochs": 0.25,
    "save_checkpoints_steps": 4,
    "learning_rate": 1e-3,
    "distribution_strategy": "one_device",
    "lsh": {"chunk_length": 8},
}
NUM_TEXTS = {"train": 18, "dev": 5}


class TinySquad:
    """Weights and questions in a folder, and runs that use them.

    Args:
      folder: where everything is written.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.weights = write_tiny_weights(folder / "weights")
        self.files = {
            version: {
                split: _shortened(path, NUM_TEXTS[split])
                for split, path in write_sample(
                    folder / f"sample_{version}", version == 2
                ).items()
            }
            for version in (1, 2)
        }

    def config(self, version: int = 1, **changes) -> SquadConfig:
        files = self.files[version]
        return SquadConfig.from_dict(
            {
                **SETTINGS,
                "version_2": version == 2,
                "held_out_share": 0.3,
                "train_file": [str(files["train"])],
                "predict_file": str(files["dev"]),
                "init_checkpoint": str(self.weights),
                **changes,
            }
        )


def write_run(
    folder: pathlib.Path,
    config: SquadConfig,
    step: int = 4,
    best: dict[str, float] | None = None,
) -> pathlib.Path:
    """The folder of a run that was never made: its checkpoint holds nothing.

    Args:
      folder: of the run.
      config: of the run; `init_checkpoint` names start weights.
      step: of the checkpoint, and of the best one.
      best: its scores; None: nothing was scored.
    """
    run = RunFolder(folder, config_class=SquadConfig)
    architecture = pathlib.Path(config.init_checkpoint) / "albert_config.json"
    run.describe(
        config,
        AlbertConfig.from_file(architecture),
        EMBEDDED_MODEL_DIR / "spiece.model",
    )
    name = f"ckpt-{step}"
    (folder / f"{name}.index").touch()
    (folder / "checkpoint").write_text(
        f'model_checkpoint_path: "{name}"\nall_model_checkpoint_paths: "{name}"\n'
    )
    if best is not None:
        run.best_dir.mkdir()
        record = {"step": step, "metrics": best, "prefix": f"best-{step}"}
        (run.best_dir / RECORD_FILE).write_text(json.dumps(record))
        (run.best_dir / f"best-{step}.index").touch()
    return folder


def rewrite(
    source: pathlib.Path, target: pathlib.Path, change: Callable[[int, dict], None]
) -> pathlib.Path:
    """A copy of a file; `change` is given number and fields of each question."""
    content = json.loads(source.read_text())
    questions = [
        question
        for article in content["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]
    for number, question in enumerate(questions):
        change(number, question)
    target.write_text(json.dumps(content))
    return target


def _shortened(path: pathlib.Path, num_texts: int) -> pathlib.Path:
    content = json.loads(path.read_text())
    paragraphs = content["data"][0]["paragraphs"]
    content["data"][0]["paragraphs"] = paragraphs[:num_texts]
    path.write_text(json.dumps(content))
    return path
