"""What the model card of an encoder says."""

from collections.abc import Sequence

from albert_lsh_tf.export.model_card import Call, ModelCard, Provenance
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder

_IDS = """\
ids = tf.constant([[2, 17, 23, 3, 42, 3, 0, 0]])  # [CLS] a [SEP] b [SEP], padding
inputs = {
    "input_word_ids": ids,
    "input_mask": tf.constant([[1, 1, 1, 1, 1, 1, 0, 0]]),
    "input_type_ids": tf.constant([[0, 0, 0, 0, 1, 1, 0, 0]]),
}
"""


def encoder_card(
    name: str,
    encoder: AlbertLSHEncoder,
    is_always_dense: bool,
    heads: Sequence[str],
    vocabulary: str | None,
    do_lower_case: bool | None,
    provenance: Provenance,
) -> ModelCard:
    """The card of an export.

    Args:
      name: of its folder.
      encoder: the network in it.
      is_always_dense: whether it was asked for LSH attention, but all that fits is
        short enough for dense attention.
      heads: those of "mlm" and "sop" that are in it.
      vocabulary: where it is in the folder; None where there is none.
      do_lower_case: None where there is no vocabulary.
      provenance: what is known of the weights.
    """
    config = encoder.get_config()
    calls = [_call_in_keras(name, config), _call_of_signature(name, config)]
    if heads:
        calls.append(_call_of_heads(name, config, heads))
    notes = [
        f"Inputs of more than {config['max_sequence_length']} tokens, and ids that are "
        "not in the vocabulary, are refused.",
        "It computes in float32, whatever the precision around it.",
    ]
    if is_always_dense:
        notes.append(
            "Its settings of LSH attention ask for dense attention up to its longest "
            "input, so dense attention is what it has."
        )
    return ModelCard(
        title=name,
        summary=(
            "An ALBERT encoder: gives each token, and each text, a vector. It takes "
            "the place of TF-Hub's `tensorflow/albert_en_base/3`."
        ),
        pipeline_tag="feature-extraction",
        calls=calls,
        encoder=encoder,
        vocabulary=vocabulary,
        do_lower_case=do_lower_case,
        notes=notes,
        **vars(provenance),
    )


def _call_in_keras(name: str, config: dict) -> Call:
    return Call(
        title="As a layer that is trained",
        code=f"""\
import tensorflow as tf
import tensorflow_hub as hub

encoder = hub.KerasLayer("{name}", trainable=True)
{_IDS}print(encoder(inputs)["pooled_output"].numpy())
""",
        inputs=_inputs(config),
        outputs=_outputs(config)
        | {
            "encoder_outputs": f"a list with float32 [B, T, {config['hidden_size']}] "
            f"of each of the {config['num_layers']} layers"
        },
    )


def _call_of_signature(name: str, config: dict) -> Call:
    return Call(
        title="Without training (`serving_default`)",
        code=f"""\
import tensorflow as tf

encoder = tf.saved_model.load("{name}").signatures["serving_default"]
{_IDS}print(encoder(**inputs)["pooled_output"].numpy())
""",
        inputs=_inputs(config),
        outputs=_outputs(config),
    )


def _call_of_heads(name: str, config: dict, heads: Sequence[str]) -> Call:
    logits = {
        "mlm_logits": f"float32 [B, P, {config['vocab_size']}]: which piece stands at "
        "each of the positions"
    }
    if "sop" in heads:
        logits["sop_logits"] = "float32 [B, 2]: of the second, that texts are swapped"
    return Call(
        title="With the heads of pre-training (`mlm`)",
        code=f"""\
import tensorflow as tf

encoder = tf.saved_model.load("{name}")
{_IDS}inputs["masked_lm_positions"] = tf.constant([[1, 4]])
print(encoder.mlm(inputs)["mlm_logits"].numpy())
""",
        inputs=_inputs(config)
        | {"masked_lm_positions": "int32 [B, P]: positions of masked pieces"},
        outputs=logits,
    )


def _inputs(config: dict) -> dict[str, str]:
    shape = f"int32 [B, T], T up to {config['max_sequence_length']}"
    return {
        "input_word_ids": f"{shape}: pieces of the vocabulary",
        "input_mask": f"{shape}: 1 at tokens, 0 at padding",
        "input_type_ids": f"{shape}: 0 in the first text, 1 in the second",
    }


def _outputs(config: dict) -> dict[str, str]:
    width = config["hidden_size"]
    return {
        "pooled_output": f"float32 [B, {width}]: of the whole input",
        "default": "the same",
        "sequence_output": f"float32 [B, T, {width}]: of each token",
    }
