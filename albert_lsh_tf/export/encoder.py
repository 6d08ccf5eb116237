"""Writes an encoder as a SavedModel that stands wherever a TF-Hub ALBERT stands."""

import pathlib
import shutil
import tempfile
from typing import Any

import tensorflow as tf
import tf_keras

from albert_lsh_tf.checkpoints.config_files import CONFIG_FILE
from albert_lsh_tf.checkpoints.vocabulary import (
    SPM_FILES,
    VOCAB_FILES,
    check_vocabulary,
)
from albert_lsh_tf.config import AlbertConfig
from albert_lsh_tf.data.tokenizers import is_wordpiece
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.export.encoder_card import encoder_card
from albert_lsh_tf.export.folders import (
    add_extra_files,
    check_export_dir,
    replaced_folder,
)
from albert_lsh_tf.export.model_card import Provenance, write_model_card
from albert_lsh_tf.export.plain_copy import plain_copy
from albert_lsh_tf.export.reusable import ReusableEncoder, ReusableHeads
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder, activation_named
from albert_lsh_tf.networks.pretrainer import AlbertPretrainer


def export_encoder(
    model: AlbertLSHEncoder | AlbertPretrainer,
    export_dir: str | pathlib.Path,
    *,
    vocabulary_file: str | pathlib.Path | None = None,
    do_lower_case: bool = True,
    provenance: Provenance | None = None,
) -> None:
    """Writes an encoder with its model card, or replaces one.

        encoder = hub.KerasLayer(export_dir, trainable=True)
        outputs = encoder(inputs)

    Called with a dict of input_word_ids, input_mask and input_type_ids, int32 [B, T] of
    any B and any T up to the encoder's positions, it gives what the encoder gives, and
    `default`, which is `pooled_output` by the name that all of TF-Hub's text models
    have. `training=True` turns dropout on. All variables can be trained. The signature
    `serving_default` takes the same three inputs.

    An `AlbertPretrainer` gives it a function `mlm`, which takes masked_lm_positions,
    int32 [B, P], besides, and gives the logits of the heads besides.

    The vocabulary is the attribute `sp_model_file` (`vocab_file` if it is WordPiece),
    with `do_lower_case` beside it. `load_encoder` and `load_pretrainer` take the folder
    as a source of weights. Loading it as a SavedModel needs TensorFlow alone.

    Args:
      model: made under any strategy and precision; the SavedModel computes in float32
        and runs on any device. It hashes with the model's seed.
      export_dir: see `folders.check_export_dir`.
      vocabulary_file: SentencePiece model, or WordPiece vocabulary if it ends in .txt.
      do_lower_case: whether text is lower-cased before it is tokenized.
      provenance: for the model card.

    Raises:
      InputError: `export_dir` holds something else, the vocabulary is another model's,
        the heads are without that of the masked language model, or the encoder gives
        no dict.
    """
    check_export_dir(export_dir)
    _check_outputs(model)
    config = albert_config_of(_encoder_of(model))
    if vocabulary_file is not None:
        check_vocabulary(config.vocab_size, "the encoder", vocabulary_file)
    asked_for = _encoder_of(model).get_config()["attention"]
    model = plain_copy(model)
    encoder = _encoder_of(model)
    exported = ReusableEncoder(encoder)
    heads = ()
    if model is not encoder:
        heads = model.heads
        exported.mlm = ReusableHeads(exported, model)
    vocabulary = None
    with replaced_folder(export_dir) as folder, tempfile.TemporaryDirectory() as beside:
        if vocabulary_file is not None:
            vocabulary = _add_vocabulary(
                exported, vocabulary_file, do_lower_case, pathlib.Path(beside)
            )
        tf.saved_model.save(
            exported, str(folder), signatures={"serving_default": exported.serve}
        )
        config.save(add_extra_files(folder, []) / CONFIG_FILE)
        card = encoder_card(
            name=pathlib.Path(export_dir).resolve().name,
            encoder=encoder,
            is_always_dense=encoder.get_config()["attention"] != asked_for,
            heads=heads,
            vocabulary=vocabulary,
            do_lower_case=None if vocabulary is None else do_lower_case,
            provenance=provenance or Provenance(),
        )
        write_model_card(folder, card)


def _encoder_of(model: AlbertLSHEncoder | AlbertPretrainer) -> AlbertLSHEncoder:
    return model if isinstance(model, AlbertLSHEncoder) else model.encoder


def _check_outputs(model: AlbertLSHEncoder | AlbertPretrainer) -> None:
    if isinstance(model, AlbertPretrainer) and "mlm" not in model.heads:
        raise InputError(
            f"The model has the head {', '.join(model.heads)} alone, but an export "
            "needs mlm, or no head at all; export its encoder."
        )
    if not _encoder_of(model).get_config()["dict_outputs"]:
        raise InputError(
            "The encoder gives a list, but an export needs names of outputs; make it "
            "with dict_outputs=True."
        )


def albert_config_of(encoder: AlbertLSHEncoder) -> AlbertConfig:
    """The architecture of an encoder, as it stands in an albert_config.json.

    Raises:
      InputError: its activation has no name there.
    """
    config = encoder.get_config()
    initializer = tf_keras.initializers.get(config["initializer"]).get_config()
    return AlbertConfig(
        vocab_size=config["vocab_size"],
        embedding_size=config["embedding_width"],
        hidden_size=config["hidden_size"],
        num_hidden_layers=config["num_layers"],
        num_attention_heads=config["num_attention_heads"],
        intermediate_size=config["intermediate_size"],
        hidden_act=_activation_name(config["activation"]),
        hidden_dropout_prob=config["dropout_rate"],
        attention_probs_dropout_prob=config["attention_dropout_rate"],
        max_position_embeddings=config["max_sequence_length"],
        type_vocab_size=config["type_vocab_size"],
        initializer_range=initializer.get("stddev", AlbertConfig().initializer_range),
    )


def _activation_name(serialized: Any) -> str:
    """What `activation_named` knows a function by that Keras has made a config of."""
    try:
        activation = tf_keras.activations.get(serialized)
        for name in ("gelu", "gelu_erf", activation.__name__):
            if activation_named(name) is activation:
                return name
    except ValueError:
        pass  # Unknown to Keras, or to Model Garden.
    raise InputError(
        f"An {CONFIG_FILE} has no name for the encoder's activation, {serialized}; "
        "export needs gelu, or one of Keras's own."
    )


def _add_vocabulary(
    exported: ReusableEncoder,
    vocabulary_file: str | pathlib.Path,
    do_lower_case: bool,
    folder: pathlib.Path,
) -> str:
    """Makes a vocabulary an attribute, and says where in the export it will be."""
    # By the name under which it is looked for beside weights.
    if is_wordpiece(vocabulary_file):
        copy = shutil.copy(vocabulary_file, folder / VOCAB_FILES[0])
        exported.vocab_file = tf.saved_model.Asset(str(copy))
    else:
        copy = shutil.copy(vocabulary_file, folder / SPM_FILES[0])
        exported.sp_model_file = tf.saved_model.Asset(str(copy))
    exported.do_lower_case = tf.Variable(
        do_lower_case, trainable=False, name="do_lower_case"
    )
    return f"assets/{copy.name}"
