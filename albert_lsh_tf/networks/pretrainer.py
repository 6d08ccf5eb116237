"""ALBERT with the heads of its pre-training."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras
from official.modeling import tf_utils

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.layers import initializers
from albert_lsh_tf.layers.keras_version import refuse_keras_3
from albert_lsh_tf.layers.masked_lm import MaskedLM
from albert_lsh_tf.layers.replaced_tokens import ReplacedTokens
from albert_lsh_tf.networks.with_encoder import ModelWithEncoder, encoder_inputs

HEADS = ("mlm", "sop")
_ALL_HEADS = (*HEADS, "rtd")


@tf_keras.utils.register_keras_serializable(package="albert_lsh_tf")
class AlbertPretrainer(ModelWithEncoder):
    """The encoder, and what predicts masked pieces and the order of two sentences.

    Masked language model (mlm): a dense layer to the embedding width with the encoder's
    activation, layer norm, then the encoder's own word embeddings, transposed, and a
    bias. Sentence order (sop): one dense layer on the pooled output. Replaced-token
    detection (rtd): two dense layers on every token; it serves training alone, and no
    format of weights has it.

    Inputs, as a list in this order or a dict by these names, int32:
      input_word_ids, input_mask, input_type_ids: [B, T], the encoder's.
      masked_lm_positions: [B, P], positions whose pieces are to be predicted; only with
        the head "mlm".

    Outputs, a dict, float32: the encoder's, and
      mlm_logits: [B, P, V].
      sop_logits: [B, 2]; class 1 means that the two sentences were swapped.
      rtd_logits: [B, T]; above 0 where a token is taken for a replacement; only with
        the head "rtd".

    Example:
      >>> pretrainer = AlbertPretrainer(AlbertLSHEncoder(vocab_size=30000))
      >>> ids = tf.ones([1, 300], tf.int32)
      >>> pretrainer([ids, ids, ids * 0, ids[:, :45]])["mlm_logits"].shape
      TensorShape([1, 45, 30000])

    Args:
      encoder: an encoder with three inputs, dict outputs and `get_embedding_table`,
        such as `AlbertLSHEncoder`.
      heads: which of "mlm", "sop" and "rtd" there are, at least one.
      initializer: of the dense kernels.
      **kwargs: `name` and the like, for `tf_keras.Model`.

    Raises:
      InputError: no heads, or an unknown one.
      TypeError: a Keras 3 object was passed in.

    Source: Lan et al. 2020 (arXiv:1909.11942), section 3.1; google-research/albert,
    run_pretraining.py, `get_masked_lm_output`, `get_sentence_order_output`; for "rtd",
    Clark et al. 2020 (arXiv:2003.10555).
    """

    def __init__(
        self,
        encoder: tf_keras.Model,
        heads: Sequence[str] = HEADS,
        initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_keras_3(encoder=encoder, initializer=initializer)
        heads = tuple(heads)
        if not heads or not set(heads) <= set(_ALL_HEADS):
            raise InputError(
                f"heads={heads} must be one or more of {', '.join(_ALL_HEADS)}."
            )
        initializer = initializers.of_weights(initializer)
        inputs = encoder_inputs()
        outputs = dict(encoder(inputs))
        head_layers = {}
        # The layers have the scopes of Google's variables, as Model Garden's have.
        if "mlm" in heads:
            positions = tf_keras.Input(
                [None], dtype=tf.int32, name="masked_lm_positions"
            )
            masked_lm = head_layers["masked_lm"] = MaskedLM(
                encoder.get_embedding_table(),
                activation=tf_keras.activations.get(encoder.get_config()["activation"]),
                initializer=tf_utils.clone_initializer(initializer),
                name="cls/predictions",
            )
            outputs["mlm_logits"] = masked_lm(
                outputs["sequence_output"], masked_positions=positions
            )
            inputs.append(positions)
        if "sop" in heads:
            sentence_order = head_layers["sentence_order"] = tf_keras.layers.Dense(
                2,
                kernel_initializer=tf_utils.clone_initializer(initializer),
                dtype=tf.float32,
                name="cls/seq_relationship",
            )
            outputs["sop_logits"] = sentence_order(outputs["pooled_output"])
        if "rtd" in heads:
            replaced_tokens = head_layers["replaced_tokens"] = ReplacedTokens(
                activation=tf_keras.activations.get(encoder.get_config()["activation"]),
                initializer=tf_utils.clone_initializer(initializer),
                name="discriminator_predictions",
            )
            outputs["rtd_logits"] = replaced_tokens(outputs["sequence_output"])
        super().__init__(
            encoder,
            inputs=inputs,
            outputs=outputs,
            settings=dict(
                heads=list(heads),
                initializer=tf_keras.initializers.serialize(initializer),
            ),
            **kwargs,
        )
        # Functions, since Keras would track what they hold, and put it in checkpoints.
        self._find_head_layers = lambda: dict(head_layers)
        self._find_heads = lambda: heads

    @property
    def heads(self) -> tuple[str, ...]:
        """Which of "mlm", "sop" and "rtd" there are."""
        return self._find_heads()

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """The parts by names; encoder and masked_lm are Model Garden's."""
        return {**super().checkpoint_items, **self._find_head_layers()}
