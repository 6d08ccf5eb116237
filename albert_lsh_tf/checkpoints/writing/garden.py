"""Writes checkpoints that Model Garden's own code reads."""

import pathlib
from typing import Any

import tensorflow as tf
import tf_keras
import yaml
from official.nlp.modeling import networks

from albert_lsh_tf.checkpoints.config_files import CONFIG_FILE, GARDEN_CONFIG_FILE
from albert_lsh_tf.checkpoints.writing.weights import (
    Weights,
    check_activation,
    copy_vocabulary,
)
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.networks.albert_encoder import activation_named
from albert_lsh_tf.networks.pretrainer import AlbertPretrainer

_SPM_FILE = "spiece.model"


def write_garden(weights: Weights, folder: pathlib.Path) -> None:
    """Writes what Model Garden reads: an object checkpoint, ckpt-1.

        tf.train.Checkpoint(encoder=albert_encoder).restore(f"{folder}/ckpt-1")
        tf.train.Checkpoint(**pretrainer.checkpoint_items).restore(...)

    Args:
      weights: what to write. Sentence order becomes an item `sentence_order`, a dense
        layer on the pooled output, since Model Garden has no name for it.
      folder: an empty folder. Its params.yaml is for Model Garden's trainer, and its
        albert_config.json for this project.

    Raises:
      InputError: Model Garden's config cannot name the activation.
    """
    check_activation(weights.config, "Model Garden's configs")
    encoder = _garden_encoder(weights.config)
    model, items = encoder, {"encoder": encoder}
    if weights.heads:
        model = AlbertPretrainer(encoder, weights.heads)
        items = model.checkpoint_items
    weights.assign_to(model)
    # Older scripts of Model Garden's look for the encoder under `model`.
    tf.train.Checkpoint(**items, model=encoder).save(str(folder / "ckpt"))
    weights.config.save(folder / CONFIG_FILE)
    text = yaml.safe_dump(_garden_params(weights.config), sort_keys=False)
    (folder / GARDEN_CONFIG_FILE).write_text(text, encoding="utf-8")
    copy_vocabulary(weights, folder, _SPM_FILE)


def _garden_encoder(config: AlbertConfig) -> tf_keras.Model:
    return networks.AlbertEncoder(
        vocab_size=config.vocab_size,
        embedding_width=config.embedding_size,
        hidden_size=config.hidden_size,
        num_layers=config.num_hidden_layers,
        num_attention_heads=config.num_attention_heads,
        max_sequence_length=config.max_position_embeddings,
        type_vocab_size=config.type_vocab_size,
        intermediate_size=config.intermediate_size,
        activation=activation_named(config.hidden_act),
        # Replaced at once, and drawing normal numbers takes longer.
        initializer="zeros",
        dict_outputs=True,
    )


def _garden_params(config: AlbertConfig) -> dict[str, Any]:
    """The part of a run's params.yaml that says which encoder it has."""
    settings = config.to_dict()
    albert = {
        "vocab_size": settings["vocab_size"],
        "embedding_width": settings["embedding_size"],
        "hidden_size": settings["hidden_size"],
        "num_layers": settings["num_hidden_layers"],
        "num_attention_heads": settings["num_attention_heads"],
        "hidden_activation": settings["hidden_act"],
        "intermediate_size": settings["intermediate_size"],
        "dropout_rate": settings["hidden_dropout_prob"],
        "attention_dropout_rate": settings["attention_probs_dropout_prob"],
        "max_position_embeddings": settings["max_position_embeddings"],
        "type_vocab_size": settings["type_vocab_size"],
        "initializer_range": settings["initializer_range"],
    }
    return {"task": {"model": {"encoder": {"type": "albert", "albert": albert}}}}
