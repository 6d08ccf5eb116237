"""An encoder as the functions of a reusable SavedModel, which hub.KerasLayer trains.

Source: https://www.tensorflow.org/hub/reusable_saved_models for the attributes, and
tensorflow/albert_en_base/3 for inputs and outputs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.pretrainer import AlbertPretrainer

INPUTS = ("input_word_ids", "input_mask", "input_type_ids")
MASKED_POSITIONS = "masked_lm_positions"
# What the signature gives; the outputs of every layer would only hide it.
SERVED = ("default", "pooled_output", "sequence_output")

Outputs = dict[str, Any]


class _Reusable(tf.Module):
    """A function of a dict and of `training`, and the variables that it uses.

    No Keras model is an attribute: saving one would save functions of each of its
    layers, and their loading takes far longer than that of these two.

    Args:
      function: to be saved.
      inputs: names of what it takes, int32 with two axes.
      variables: all that it uses.
    """

    # Values that are saved, in place of properties of tf.Module that are not.
    variables = ()
    trainable_variables = ()

    def __init__(
        self,
        function: Callable[[Mapping[str, tf.Tensor], bool], Outputs],
        inputs: Sequence[str],
        variables: Iterable[tf.Variable],
    ):
        super().__init__()
        self.variables = list(variables)
        self.trainable_variables = [each for each in self.variables if each.trainable]
        self.regularization_losses = []

        def call(inputs: Mapping[str, tf.Tensor], training: bool = False) -> Outputs:
            return function(inputs, training)

        self.__call__ = tf.function(call, autograph=False)
        # Whoever loads it finds these two functions, and can trace no third. If specs
        # had names, they would fit no tensor of the functions that call these.
        specs = {name: tf.TensorSpec([None, None], tf.int32) for name in inputs}
        for training in (False, True):
            self.__call__.get_concrete_function(specs, training=training)


class ReusableEncoder(_Reusable):
    """An encoder as TF-Hub has them.

    Args:
      encoder: the network, in float32 and without `recompute`: gradients that call
        functions with gradients of their own cannot be saved.

    Attributes:
      serve: the same for a signature, without dropout and with `SERVED` alone.
    """

    def __init__(self, encoder: AlbertLSHEncoder):
        config = encoder.get_config()

        def encode(inputs: Mapping[str, tf.Tensor], training: bool) -> Outputs:
            word_ids, mask, type_ids = (inputs[name] for name in INPUTS)
            word_ids = _checked(
                _of_unknown_length(word_ids),
                config["vocab_size"],
                "input_word_ids: an id is not in the vocabulary; tokenize with the one "
                "that belongs to this encoder.",
            )
            type_ids = _checked(
                type_ids,
                config["type_vocab_size"],
                "input_type_ids: an id is of no segment; give 0 and 1.",
            )
            outputs = encoder([word_ids, mask, type_ids], training=training)
            # The name that all text models of TF-Hub have for it.
            return {**outputs, "default": outputs["pooled_output"]}

        super().__init__(encode, INPUTS, encoder.variables)
        self.serve = tf.function(
            self._serve,
            input_signature=[
                tf.TensorSpec([None, None], tf.int32, name) for name in INPUTS
            ],
            autograph=False,
        )

    def _serve(self, *inputs: tf.Tensor) -> Outputs:
        outputs = self.__call__(dict(zip(INPUTS, inputs, strict=True)), training=False)
        return {name: outputs[name] for name in SERVED}


class ReusableHeads(_Reusable):
    """An encoder's outputs, and the logits of the heads of its pre-training.

    Args:
      encoder: of the same network.
      pretrainer: the heads and the network below them; with the head "mlm".
    """

    def __init__(self, encoder: ReusableEncoder, pretrainer: AlbertPretrainer):
        heads = pretrainer.checkpoint_items

        def predict(inputs: Mapping[str, tf.Tensor], training: bool) -> Outputs:
            # A call of the function that is there already, instead of a second one.
            outputs = encoder.__call__(
                {name: inputs[name] for name in INPUTS}, training=training
            )
            outputs["mlm_logits"] = heads["masked_lm"](
                outputs["sequence_output"], masked_positions=inputs[MASKED_POSITIONS]
            )
            if "sop" in pretrainer.heads:
                outputs["sop_logits"] = heads["sentence_order"](
                    outputs["pooled_output"]
                )
            return outputs

        super().__init__(predict, (*INPUTS, MASKED_POSITIONS), pretrainer.variables)


def _of_unknown_length(ids: tf.Tensor) -> tf.Tensor:
    """`ids` without their shape: so too many of them meet the encoder's own check.

    Else whoever builds a graph around it would be told that 600 and 512 are not equal.
    """
    return tf.raw_ops.PlaceholderWithDefault(input=ids, shape=[None, None])


def _checked(ids: tf.Tensor, size: int, advice: str) -> tf.Tensor:
    """`ids`, or an error where the graph runs: on a GPU a wrong id reads zeros."""
    least, greatest = tf.reduce_min(ids), tf.reduce_max(ids)
    check = tf.debugging.Assert(
        ((least >= 0) & (greatest < size)) | tf.equal(tf.size(ids), 0),
        [f"{advice} They are 0 to {size - 1}, but here", least, "to", greatest],
    )
    with tf.control_dependencies([check]):
        return tf.identity(ids)
