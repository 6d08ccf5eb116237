"""Pre-training small enough for tests: a corpus, an architecture and settings."""

import json
import pathlib

import numpy as np
import scipy.special

from albert_lsh_tf.checkpoints.sources import find_weights
from albert_lsh_tf.checkpoints.writing.weights import read_weights
from albert_lsh_tf.data.manifest import FILE_NAME, Manifest, describe_file
from albert_lsh_tf.data.pretraining.examples import make_examples, serialize
from albert_lsh_tf.data.pretraining.files import order_keys, write_records
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.data.pretraining.token_corpus import (
    KIND,
    VOCABULARY_FILE,
    TokenCorpus,
    TokenShard,
    shard_names,
)
from albert_lsh_tf.networks.pretrainer import AlbertPretrainer
from albert_lsh_tf.tasks.pretraining.settings import PretrainingConfig
from tests.data.pretraining.corpora import (
    NUM_SPECIAL_IDS,
    VOCAB_SIZE,
    made_up_vocabulary,
    random_corpus,
)

ALBERT = {
    "vocab_size": VOCAB_SIZE,
    "embedding_size": 5,
    "hidden_size": 14,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 19,
    "max_position_embeddings": 29,
    # Larger than usual, so that a few steps change something.
    "initializer_range": 0.2,
}
SETTINGS = {
    "max_seq_length": 23,
    "train_batch_size": 6,
    "eval_batch_size": 8,
    "num_train_steps": 2,
    "num_warmup_steps": 0,
    "save_checkpoints_steps": 2,
    "learning_rate": 1e-2,
    "optimizer": "adamw",
    "attention": "dense",
    "distribution_strategy": "one_device",
}
# Of 23 tokens there are 29 in every epoch: five training steps but one example.
CORPUS = random_corpus(seed=1, num_documents=17)
# Five chunks, so that LSH attention leaves something out.
LSH = {"attention": "lsh", "lsh": {"chunk_length": 5}}


def write_tokens(folder: pathlib.Path, corpus: TokenCorpus = CORPUS) -> pathlib.Path:
    """A corpus as `create_pretraining_data.py --online` leaves it."""
    folder.mkdir(parents=True)
    corpus.vocabulary.save(folder / VOCABULARY_FILE)
    manifest = Manifest(
        folder / FILE_NAME,
        KIND,
        {"input_files": [str(number) for number in range(len(corpus.shards))]},
    )
    for number, shard in enumerate(corpus.shards):
        names = shard_names(number, len(corpus.shards))
        shard.ids.astype(corpus.vocabulary.id_dtype).tofile(folder / names[0])
        np.savez(
            folder / names[1],
            sentence_ends=shard.sentence_ends,
            document_ends=shard.document_ends,
        )
        manifest.add({name: describe_file(folder / name) for name in names})
    return folder


def easy_corpus(num_words: int = 7, num_documents: int = 211) -> TokenCorpus:
    """Every document says one word again and again; what is masked stands beside it."""
    rng = np.random.default_rng(8)
    documents = [
        [np.full(rng.integers(2, 8), NUM_SPECIAL_IDS + 1 + 2 * word)] * 3
        for word in rng.integers(num_words, size=num_documents)
    ]
    return TokenCorpus([TokenShard.of(documents, np.int32)], made_up_vocabulary())


def examples_of(
    config: ExampleConfig, num_epochs: int, corpus: TokenCorpus = CORPUS
) -> dict[str, np.ndarray]:
    """All examples of some epochs in the order of training."""
    columns = []
    for epoch in range(num_epochs):
        pairs = corpus.pairs(epoch, config)
        pairs = pairs[np.argsort(order_keys(pairs.key), kind="stable")]
        columns.append(make_examples(corpus, pairs, config))
    return {
        name: np.concatenate([each[name] for each in columns]) for name in columns[0]
    }


def write_examples(
    file: pathlib.Path, config: ExampleConfig, corpus: TokenCorpus = CORPUS
) -> pathlib.Path:
    """The first epoch as a file of `create_pretraining_data.py`."""
    write_records(file, serialize(examples_of(config, 1, corpus)))
    return file


class TinyPretraining:
    """A corpus and an architecture in a folder, and runs that use them.

    Args:
      folder: where everything is written.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.tokens = write_tokens(folder / "tokens")
        self.albert_config_file = write_albert_config(folder / "albert_config.json")
        # For what has to be built again and again.
        self.shallow_config_file = write_albert_config(
            folder / "shallow.json", num_hidden_layers=1
        )

    def config(self, **changes) -> PretrainingConfig:
        return PretrainingConfig.from_dict({**self.settings(), **changes})

    def settings(self) -> dict:
        return {
            **SETTINGS,
            "input_file": [str(self.tokens)],
            "albert_config_file": str(self.albert_config_file),
        }


def write_albert_config(file: pathlib.Path, **changes) -> pathlib.Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**ALBERT, **changes}))
    return file


def model_inputs(examples: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Examples by the names of the model's inputs."""
    return {
        "input_word_ids": examples["input_ids"],
        "input_mask": examples["input_mask"],
        "input_type_ids": examples["segment_ids"],
        "masked_lm_positions": examples["masked_lm_positions"],
    }


def scores_by_hand(
    model: AlbertPretrainer, examples: dict[str, np.ndarray]
) -> dict[str, float]:
    """Losses and accuracies over examples, in float64 from the model's outputs."""
    outputs = model(model_inputs(examples))
    is_masked = examples["masked_lm_weights"] == 1
    heads = {
        "masked_lm": (
            outputs["mlm_logits"].numpy()[is_masked],
            examples["masked_lm_ids"][is_masked],
        ),
        "sentence_order": (
            outputs["sop_logits"].numpy(),
            examples["next_sentence_labels"][:, 0],
        ),
    }
    scores = {}
    for head, (logits, labels) in heads.items():
        log_shares = scipy.special.log_softmax(logits.astype(np.float64), axis=-1)
        scores[f"{head}_accuracy"] = np.mean(logits.argmax(axis=-1) == labels)
        scores[f"{head}_loss"] = -np.mean(log_shares[np.arange(len(labels)), labels])
    scores["loss"] = scores["masked_lm_loss"] + scores["sentence_order_loss"]
    return scores


def weights_of(source: str | pathlib.Path) -> dict[str, np.ndarray]:
    """All variables of encoder and heads, by their names in a model."""
    weights = read_weights(find_weights(source))
    assert weights.heads == ("mlm", "sop")
    return weights.values


def check_weights(
    actual: str | pathlib.Path, expected: str | pathlib.Path, atol: float
) -> None:
    """Compares all variables of two sources."""
    weights = weights_of(actual)
    assert len(weights) == 32
    for name, value in weights_of(expected).items():
        np.testing.assert_allclose(
            weights[name], value, rtol=0, atol=atol, err_msg=name
        )
