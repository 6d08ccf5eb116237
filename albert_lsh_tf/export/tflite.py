"""Writes a network as a TensorFlow Lite file, for one shape of input."""

import dataclasses
import os
import pathlib
import warnings

import numpy as np
import tensorflow as tf
import tf_keras
from tensorflow.lite.python.convert import ConverterError

from albert_lsh_tf.errors import InputError
from albert_lsh_tf.export.classifier import classifier_outputs
from albert_lsh_tf.export.plain_copy import plain_copy
from albert_lsh_tf.export.reusable import INPUTS
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder
from albert_lsh_tf.networks.classifier import AlbertClassifier
from albert_lsh_tf.networks.span_labeler import AlbertSpanLabeler

_Network = AlbertLSHEncoder | AlbertClassifier | AlbertSpanLabeler


@dataclasses.dataclass(frozen=True)
class TFLiteExport:
    """What was written.

    Attributes:
      path: the file.
      num_bytes: its size.
      max_difference: largest difference of its outputs to those of TensorFlow, on one
        random batch with padding, in the interpreter of this machine.
    """

    path: pathlib.Path
    num_bytes: int
    max_difference: float


def export_tflite(
    model: _Network, file: str | pathlib.Path, length: int, batch_size: int = 1
) -> TFLiteExport:
    """Converts a network, compares it with TensorFlow, and writes or replaces the file.

    It needs the built-in ops of TensorFlow Lite alone, for dense and LSH attention. The
    signature takes input_word_ids, input_mask and input_type_ids, int32 [batch_size,
    length], and gives what the network's SavedModel gives, as far as it is numbers:

        interpreter = tf.lite.Interpreter("albert.tflite")
        outputs = interpreter.get_signature_runner()(**inputs)

    Args:
      model: an encoder (sequence_output, pooled_output), a classifier (probabilities,
        predictions) or a span labeler (start_logits, end_logits). The file computes in
        float32, whatever the precision of the model.
      file: such as "albert.tflite"; its folder is made where there is none.
      length: tokens in a row (T), padding included. Shorter inputs must be padded.
      batch_size: rows (B).

    Returns:
      What was written.

    Raises:
      InputError: the length does not fit the model, or it cannot be converted.
    """
    encoder = model if isinstance(model, AlbertLSHEncoder) else model.encoder
    _check_shape(encoder, length, batch_size)
    module = _FixedShape(plain_copy(model), length, batch_size)
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.outputs.get_concrete_function()], module
    )
    try:
        content = converter.convert()
    except ConverterError as error:
        raise InputError(
            "TensorFlow Lite cannot convert this network with its built-in ops "
            f"({str(error).splitlines()[0]}); export it as a SavedModel instead."
        ) from error
    inputs = _random_inputs(encoder, length, batch_size)
    difference = _max_difference(content, module, inputs)
    path = pathlib.Path(file).expanduser()
    _write(path, content)
    return TFLiteExport(path, len(content), difference)


class _FixedShape(tf.Module):
    """The network as a function of one input shape."""

    def __init__(self, model: tf_keras.Model, length: int, batch_size: int):
        super().__init__(name="albert")
        # The converter saves this object. It needs no more than the variables, and
        # Keras would trace every layer of a model.
        self.model_variables = model.variables

        def outputs(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            if isinstance(model, AlbertClassifier):
                return classifier_outputs(model, inputs)
            named = model([*inputs], training=False)
            # Those of each layer are a list, and the last of them is there by name.
            return {name: x for name, x in named.items() if tf.is_tensor(x)}

        self.outputs = tf.function(
            outputs,
            input_signature=[
                tf.TensorSpec([batch_size, length], tf.int32, name) for name in INPUTS
            ],
            autograph=False,
        )


def _check_shape(encoder: AlbertLSHEncoder, length: int, batch_size: int) -> None:
    positions = encoder.get_config()["max_sequence_length"]
    if not 1 <= length <= positions:
        raise InputError(
            f"length={length} must be at least 1 and at most {positions}, the model's "
            "positions."
        )
    if batch_size < 1:
        raise InputError(f"batch_size={batch_size} must be at least 1.")


def _random_inputs(
    encoder: AlbertLSHEncoder, length: int, batch_size: int
) -> dict[str, np.ndarray]:
    """Two segments and padding, unless `length` is too short for that."""
    random = np.random.default_rng(0)
    shape = (batch_size, length)
    ids = random.integers(0, encoder.get_config()["vocab_size"], shape)
    position = np.broadcast_to(np.arange(length), shape)
    mask = position < max(length - length // 4, 1)
    values = (ids, mask, mask & (position >= length // 2))
    return {n: v.astype(np.int32) for n, v in zip(INPUTS, values, strict=True)}


def _max_difference(
    content: bytes, module: _FixedShape, inputs: dict[str, np.ndarray]
) -> float:
    with warnings.catch_warnings():
        # That LiteRT will replace it; TensorFlow itself has no other.
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(model_content=content)
    outputs = interpreter.get_signature_runner()(**inputs)
    expected = module.outputs(*inputs.values())
    return max(
        float(np.abs(outputs[name] - expected[name].numpy()).max()) for name in expected
    )


def _write(path: pathlib.Path, content: bytes) -> None:
    """Writes or replaces a file, so that there is never half of one."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(
            f"{path} cannot be written ({error.strerror}); give a file in a folder "
            "that you may write to."
        ) from error
