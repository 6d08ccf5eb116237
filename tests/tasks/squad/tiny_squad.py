"""A SQuAD run small enough for tests: weights, questions and settings."""

import json
import pathlib

from albert_lsh_tf.data.squad.sample import write_sample
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


def _shortened(path: pathlib.Path, num_texts: int) -> pathlib.Path:
    content = json.loads(path.read_text())
    paragraphs = content["data"][0]["paragraphs"]
    content["data"][0]["paragraphs"] = paragraphs[:num_texts]
    path.write_text(json.dumps(content))
    return path
