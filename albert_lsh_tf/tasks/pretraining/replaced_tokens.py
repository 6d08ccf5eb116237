"""Replaced-token detection: some masks are filled in, and are to be found out.

The model fills them in itself, from what its head for masked words predicts, and then
sees the result: at the masks that are left it predicts pieces, everywhere else it tells
whether a token is the text's own. One pass with gradients serves both, so it learns
from every token; the pass before it, which guesses, has none.

Source: Clark et al. 2020 (ELECTRA, arXiv:2003.10555), section 3.2, generator and
discriminator with all weights tied. Differences: there, every mask is filled in, and
the generator is trained in a pass of its own.
"""

import math

import tensorflow as tf

from albert_lsh_tf.networks.pretrainer import AlbertPretrainer
from albert_lsh_tf.tasks.pretraining import losses


def draw_guesses(
    inputs: dict[str, tf.Tensor], share: float, seed: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Chooses the masks to fill in, and draws what their guesses are taken with.

    Args:
      inputs: of one replica, by the names of Google's records.
      share: of the masked tokens that is filled in.
      seed: int64 [2]; the same one on all replicas.

    Returns:
      The inputs. masked_lm_weights are 0 where a mask is filled in, and there are
      is_filled, bool [B, P], and guess_draws, float32 [B, P], in [0, 1).
    """
    weights = inputs["masked_lm_weights"]
    context = tf.distribute.get_replica_context()
    num_replicas, size = context.num_replicas_in_sync, weights.shape[0]
    # Drawn for the whole batch, so that it does not matter how it is shared out.
    draws = tf.random.stateless_uniform(
        [2, num_replicas * size, weights.shape[1]], seed, alg="philox"
    )
    number = context.replica_id_in_sync_group
    draws = draws[:, number * size : (number + 1) * size]
    is_filled = (draws[0] < share) & (weights > 0)
    return {
        **inputs,
        "masked_lm_weights": tf.where(is_filled, 0.0, weights),
        "is_filled": is_filled,
        "guess_draws": draws[1],
    }


def fill_in(
    model: AlbertPretrainer, inputs: dict[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    """Puts the model's guesses where masks are to be filled in.

    Args:
      model: with the head "mlm".
      inputs: of `draw_guesses`, or a part of them.

    Returns:
      The inputs with other input_ids, and is_replaced, int32 [B, T], 1 where a guess is
      not what the text has; and replaced_weights, float32 [B, T], 0 in the padding and
      at masks.
    """
    logits = losses.outputs_of(model, inputs, training=False)["mlm_logits"]
    guesses = sample(logits, inputs["guess_draws"])
    positions, is_filled = inputs["masked_lm_positions"], inputs["is_filled"]
    shown = tf.gather(inputs["input_ids"], positions, batch_dims=1)
    is_wrong = is_filled & (guesses != inputs["masked_lm_ids"])
    is_token = tf.cast(inputs["input_mask"], tf.float32)
    return {
        **inputs,
        "input_ids": _put(
            inputs["input_ids"], positions, tf.where(is_filled, guesses, shown)
        ),
        "is_replaced": _put(
            tf.zeros_like(inputs["input_ids"]), positions, tf.cast(is_wrong, tf.int32)
        ),
        # Places without a masked token are all at position 0, which is none.
        "replaced_weights": is_token
        * _put(tf.ones_like(is_token), positions, 1 - inputs["masked_lm_weights"]),
    }


def sample(logits: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Draws of the distributions that logits stand for.

    Args:
      logits: [..., V], float32.
      draws: [...], float32, uniform in [0, 1).

    Returns:
      int32 [...], below V.
    """
    vocab_size = logits.shape[-1]
    # Which block, then which piece of it: a running sum over all pieces is slow.
    width = math.isqrt(vocab_size - 1) + 1
    num_blocks = -(-vocab_size // width)
    padding = [[0, 0]] * (len(logits.shape) - 1) + [
        [0, num_blocks * width - vocab_size]
    ]
    blocks = tf.reshape(
        tf.pad(tf.nn.softmax(logits), padding), [*draws.shape, num_blocks, width]
    )
    block_masses = tf.reduce_sum(blocks, axis=-1)
    block, rest = _reached(block_masses, draws * tf.reduce_sum(block_masses, axis=-1))
    num_dims = len(draws.shape)
    piece, _ = _reached(tf.gather(blocks, block, batch_dims=num_dims), rest)
    return tf.minimum(block * width + piece, vocab_size - 1)


def _reached(masses: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Which of some masses [..., N] a running sum reaches targets [...] in.

    Returns:
      Its index, int32 [...], and what of the target the masses before it leave.
    """
    sums = tf.cumsum(masses, axis=-1)
    index = tf.reduce_sum(tf.cast(sums <= targets[..., tf.newaxis], tf.int32), axis=-1)
    # The last sum may be a little less than the target.
    index = tf.minimum(index, masses.shape[-1] - 1)
    before = tf.gather(sums - masses, index, batch_dims=len(targets.shape))
    return index, targets - before


def _put(rows: tf.Tensor, positions: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Rows [B, T] with values [B, P] at positions [B, P]."""
    numbers = tf.broadcast_to(
        tf.range(tf.shape(rows)[0])[:, tf.newaxis], positions.shape
    )
    return tf.tensor_scatter_nd_update(rows, tf.stack([numbers, positions], -1), values)
