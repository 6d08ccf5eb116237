"""`AlbertLSHEncoder` for Model Garden's `EncoderConfig(type="any")`."""

import dataclasses
from collections.abc import Callable
from typing import Any

from official.modeling.hyperparams import base_config
from official.nlp.configs import encoders

from albert_lsh_tf.config import AlbertConfig, LSHConfig, RunConfig
from albert_lsh_tf.machine import kind_for_attention
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder


@dataclasses.dataclass
class LSHEncoderConfig(encoders.AlbertEncoderConfig):
    """Model Garden's ALBERT config, and how its attention works.

    attention: "lsh", "dense", or a list with one for each layer.
    lsh: the settings of `LSHConfig`.
    recompute: "block", or None.
    """

    attention: Any = "lsh"
    lsh: base_config.Config = dataclasses.field(
        default_factory=lambda: base_config.Config(LSHConfig().to_dict())
    )
    recompute: str | None = None


@dataclasses.dataclass
class EncoderConfig(encoders.EncoderConfig):
    """Model Garden's choice of encoders, with ours as "any".

    The field's type is known here, so YAML and `--params_override` reach into it.
    """

    type: str | None = "any"
    any: LSHEncoderConfig = dataclasses.field(default_factory=LSHEncoderConfig)


def encoder_config(
    albert: AlbertConfig,
    attention: str | tuple[str, ...],
    lsh: LSHConfig,
    dropout: float | None = None,
    attention_dropout: float | None = None,
    recompute: str | None = None,
) -> EncoderConfig:
    """What Model Garden needs to build an encoder.

    Args:
      albert: the architecture.
      attention: "lsh" or "dense", or one of them for each layer.
      lsh: how attention hashes.
      dropout: instead of the architecture's hidden_dropout_prob.
      attention_dropout: instead of its attention_probs_dropout_prob.
      recompute: "block" to compute blocks anew in the backward pass.

    Returns:
      The config, of type "any".
    """
    if dropout is None:
        dropout = albert.hidden_dropout_prob
    if attention_dropout is None:
        attention_dropout = albert.attention_probs_dropout_prob
    return EncoderConfig(
        any=LSHEncoderConfig(
            vocab_size=albert.vocab_size,
            embedding_width=albert.embedding_size,
            hidden_size=albert.hidden_size,
            num_layers=albert.num_hidden_layers,
            num_attention_heads=albert.num_attention_heads,
            hidden_activation=albert.hidden_act,
            intermediate_size=albert.intermediate_size,
            dropout_rate=dropout,
            attention_dropout_rate=attention_dropout,
            max_position_embeddings=albert.max_position_embeddings,
            type_vocab_size=albert.type_vocab_size,
            initializer_range=albert.initializer_range,
            attention=attention if isinstance(attention, str) else list(attention),
            lsh=base_config.Config(lsh.to_dict()),
            recompute=recompute,
        )
    )


def encoder_of_run(
    config: RunConfig, albert: AlbertConfig, lsh: LSHConfig | None = None
) -> EncoderConfig:
    """The encoder that a run's settings describe.

    Args:
      config: the run.
      albert: the architecture.
      lsh: how attention hashes; None: as the run's settings say.

    Returns:
      See `encoder_config`.
    """
    return encoder_config(
        albert,
        config.attention,
        lsh or config.lsh_or_recommended,
        config.hidden_dropout_prob,
        config.attention_probs_dropout_prob,
        config.recompute,
    )


def say_if_dense(config: RunConfig, say: Callable[[str], None]) -> None:
    """Tells the user where LSH was asked for, and no sequence is long enough for it.

    Args:
      config: the run; nothing is said where it sets `dense_below`.
      say: takes a line.
    """
    lsh, length = config.lsh_or_recommended, config.max_seq_length
    is_recommended = lsh.dense_below is None and "lsh" in config.attention
    if is_recommended and lsh.is_dense(length, kind_for_attention()):
        say(
            f"attention: dense at {length} tokens, where it was found faster than LSH; "
            "--dense_below=0 gives LSH at any length"
        )


@base_config.bind(LSHEncoderConfig)
def build_encoder(config: LSHEncoderConfig) -> AlbertLSHEncoder:
    """Builds the encoder, untrained, inside the current strategy's scope."""
    albert = AlbertConfig(
        vocab_size=config.vocab_size,
        embedding_size=config.embedding_width or config.hidden_size,
        hidden_size=config.hidden_size,
        num_hidden_layers=config.num_layers,
        num_attention_heads=config.num_attention_heads,
        intermediate_size=config.intermediate_size,
        hidden_act=config.hidden_activation,
        hidden_dropout_prob=config.dropout_rate,
        attention_probs_dropout_prob=config.attention_dropout_rate,
        max_position_embeddings=config.max_position_embeddings,
        type_vocab_size=config.type_vocab_size,
        initializer_range=config.initializer_range,
    )
    return AlbertLSHEncoder.from_albert_config(
        albert,
        config.attention,
        config.lsh.as_dict(),
        recompute=config.recompute,
    )
