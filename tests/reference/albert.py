"""ALBERT in plain NumPy, float64, from Google's variables by their original names.

Shares no code with the package. Dense attention, no dropout, one shared layer.
"""

import numpy as np

LAYER = "bert/encoder/transformer/group_0/inner_group_0/"


def albert(variables, num_layers, num_heads, word_ids, mask, type_ids):
    """The forward pass.

    Args:
      variables: Google's variable name to array.
      num_layers, num_heads: what the variables do not tell.
      word_ids, mask, type_ids: [B, T] integers; mask is 1 for real tokens.

    Returns:
      A dict with sequence_output [B, T, M], pooled_output [B, M], and encoder_outputs,
      one [B, T, M] for each layer.
    """

    def variable(name):
        return np.asarray(variables[name], np.float64)

    def dense(x, name):
        return x @ variable(f"{name}/kernel") + variable(f"{name}/bias")

    def layer_norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        variance = (centred**2).mean(-1, keepdims=True)
        unit = centred / np.sqrt(variance + 1e-12)
        return unit * variable(f"{name}/gamma") + variable(f"{name}/beta")

    word_ids, mask, type_ids = (np.asarray(x) for x in (word_ids, mask, type_ids))
    x = (
        variable("bert/embeddings/word_embeddings")[word_ids]
        + variable("bert/embeddings/position_embeddings")[: word_ids.shape[1]]
        + variable("bert/embeddings/token_type_embeddings")[type_ids]
    )
    x = layer_norm(x, "bert/embeddings/LayerNorm")
    x = dense(x, "bert/encoder/embedding_hidden_mapping_in")
    encoder_outputs = []
    for _ in range(num_layers):
        query, key, value = (
            dense(x, f"{LAYER}attention_1/self/{name}")
            for name in ("query", "key", "value")
        )
        attended = np.zeros_like(x)
        width = x.shape[-1] // num_heads
        for row in range(len(x)):
            for head in range(num_heads):
                part = slice(head * width, (head + 1) * width)
                logits = query[row, :, part] @ key[row, :, part].T / np.sqrt(width)
                logits = np.where(mask[row] > 0, logits, -np.inf)
                weights = np.exp(logits - logits.max(-1, keepdims=True))
                weights /= weights.sum(-1, keepdims=True)
                attended[row, :, part] = weights @ value[row, :, part]
        attended = dense(attended, f"{LAYER}attention_1/output/dense")
        x = layer_norm(x + attended, f"{LAYER}LayerNorm")
        inner = gelu(dense(x, f"{LAYER}ffn_1/intermediate/dense"))
        inner = dense(inner, f"{LAYER}ffn_1/intermediate/output/dense")
        x = layer_norm(x + inner, f"{LAYER}LayerNorm_1")
        encoder_outputs.append(x)
    return {
        "sequence_output": x,
        "pooled_output": np.tanh(dense(x[:, 0], "bert/pooler/dense")),
        "encoder_outputs": encoder_outputs,
    }


def gelu(x):
    """The tanh approximation, which Google's ALBERT was trained with."""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def pretraining_heads(variables, outputs, positions):
    """The two heads of pre-training, on what `albert` returned.

    Args:
      variables: Google's variable name to array, with those under cls/.
      outputs: of `albert`.
      positions: [B, P] integers.

    Returns:
      A dict with mlm_logits [B, P, V] and sop_logits [B, 2].
    """

    def variable(name):
        return np.asarray(variables[f"cls/{name}"], np.float64)

    rows = np.arange(len(positions))[:, None]
    x = outputs["sequence_output"][rows, np.asarray(positions)]
    x = x @ variable("predictions/transform/dense/kernel")
    x = gelu(x + variable("predictions/transform/dense/bias"))
    x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-12)
    x = x * variable("predictions/transform/LayerNorm/gamma")
    x = x + variable("predictions/transform/LayerNorm/beta")
    table = np.asarray(variables["bert/embeddings/word_embeddings"], np.float64)
    kernel = variable("seq_relationship/output_weights")
    return {
        "mlm_logits": x @ table.T + variable("predictions/output_bias"),
        "sop_logits": outputs["pooled_output"] @ kernel.T
        + variable("seq_relationship/output_bias"),
    }
