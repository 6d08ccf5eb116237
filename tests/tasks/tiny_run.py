"""A run small enough for tests: an encoder, data and settings."""

import json
import pathlib

import numpy as np
import tensorflow as tf

from albert_lsh_tf.config import AlbertConfig, ClassifierConfig
from albert_lsh_tf.data.sample import write_sample
from albert_lsh_tf.data.tokenization import AlbertTokenizer
from albert_lsh_tf.embedded import EMBEDDED_MODEL_DIR
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder

# Three chunks of 8 tokens, so that LSH attention leaves something out.
SETTINGS = {
    "task_name": "MRPC",
    "max_seq_length": 24,
    "train_batch_size": 8,
    "eval_batch_size": 16,
    "predict_batch_size": 16,
    "train_step": 4,
    "save_checkpoints_steps": 2,
    "warmup_step": 1,
    "learning_rate": 1e-3,
    "classifier_dropout_prob": 0.0,
    "distribution_strategy": "one_device",
    "lsh": {"chunk_length": 8},
}
NUM_ROWS = {"train": 40, "dev": 23, "test": 19}
VOCAB_SIZE = AlbertTokenizer(EMBEDDED_MODEL_DIR / "spiece.model").vocab_size

# What `write_tiny_weights` writes, by Model Garden's names.
ENCODER = {
    "vocab_size": VOCAB_SIZE,
    "embedding_width": 6,
    "hidden_size": 16,
    "num_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 20,
    "max_position_embeddings": 64,
}


def write_tiny_weights(folder: pathlib.Path, **changes: int) -> pathlib.Path:
    """A folder with an untrained encoder; `changes` are of its albert_config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "vocab_size": VOCAB_SIZE,
        "embedding_size": 6,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 20,
        "max_position_embeddings": 64,
        **changes,
    }
    (folder / "albert_config.json").write_text(json.dumps(settings))
    (folder / "spiece.model").write_bytes(
        (EMBEDDED_MODEL_DIR / "spiece.model").read_bytes()
    )
    encoder = AlbertLSHEncoder.from_albert_config(AlbertConfig.from_dict(settings))
    random = np.random.default_rng(3)
    for variable in encoder.variables:
        # Larger than usual, so that a few steps change something.
        variable.assign_add(random.normal(0, 0.1, variable.shape).astype(np.float32))
    tf.train.Checkpoint(encoder=encoder).write(str(folder / "encoder"))
    return folder


def watch_grouping(module, monkeypatch) -> list[bool]:
    """What `group_by_length` a module asks for, filled when it makes training data."""
    asked = []
    training_dataset = module.training_dataset

    def watched(*arguments, group_by_length, **others):
        asked.append(group_by_length)
        return training_dataset(*arguments, group_by_length=group_by_length, **others)

    monkeypatch.setattr(module, "training_dataset", watched)
    return asked


class TinyRun:
    """Weights and data in a folder, and runs that use them.

    Args:
      folder: where everything is written.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.weights = write_tiny_weights(folder / "weights")
        self.data = write_sample(folder / "data", num_rows=NUM_ROWS)

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
        del flat["lsh"]
        flat["data_dir"] = self.data
        flat["init_checkpoint"] = self.weights
        flat["output_dir"] = output_dir
        return [*(f"--{name}={value}" for name, value in flat.items()), *more]


def read_log(output_dir: pathlib.Path) -> list[dict]:
    lines = (output_dir / "training_log.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def losses(output_dir: pathlib.Path) -> dict[int, float]:
    """Training loss by step."""
    return {e["step"]: e["loss"] for e in read_log(output_dir) if "loss" in e}
