"""Runs a diagnosis: dense attention first, then each setting beside it."""

import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from albert_lsh_tf.checkpoints.loading import load_encoder
from albert_lsh_tf.checkpoints.weight_source import WeightSource
from albert_lsh_tf.diagnostics.diagnosis import BucketLoad, Diagnosis, SettingDiagnosis
from albert_lsh_tf.diagnostics.encoders import (
    INPUT_NAMES,
    Inputs,
    block_of,
    project_heads,
    states_of,
    with_attention,
)
from albert_lsh_tf.diagnostics.measures import (
    LayerSums,
    attend_densely,
    bucket_loads,
    compare,
)
from albert_lsh_tf.diagnostics.plan import BUDGETS, TOP_K
from albert_lsh_tf.errors import InputError
from albert_lsh_tf.lsh_config import LSHConfig
from albert_lsh_tf.machine import kind_for_attention
from albert_lsh_tf.networks.albert_encoder import AlbertLSHEncoder

Say = Callable[[str], None]


def diagnose(
    encoder: AlbertLSHEncoder | WeightSource | str | pathlib.Path | None,
    batches: Iterable[Inputs],
    budgets: Sequence[float] = BUDGETS,
    lsh_configs: Mapping[str, LSHConfig] | None = None,
    *,
    top_k: int = TOP_K,
    say: Say | None = None,
) -> Diagnosis:
    """Compares settings of LSH attention with an encoder's own dense attention.

        diagnosis = diagnose("albert_base_v2/", batches, budgets=(0.125, 0.25))
        print(diagnosis.table())

    Attention is compared layer by layer on the queries, keys and values of the run with
    dense attention, so a layer's figures do not suffer from the layers before; the
    cosine of states does. A layer's weights of one sequence exist as a whole, so memory
    grows with heads * T * T, though not with the number of sequences.

    Args:
      encoder: an encoder, however it attends, or what `load_encoder` takes.
      batches: inputs of the encoder by name, [B, T] each, with one T for all. They are
        gone through twice, and kept.
      budgets: settings to look at, as `LSHConfig.for_length(T, budget)` makes them.
      lsh_configs: more settings, by the name that tables and pictures call them.
      top_k: heaviest keys that recall looks for.
      say: gets a line for each batch.

    Returns:
      The figures, budgets first.

    Raises:
      InputError: nothing to look at, lengths that differ or that the encoder has no
        positions for, a sequence without tokens, or a setting that cannot be compared.
    """
    if not isinstance(encoder, AlbertLSHEncoder):
        encoder = load_encoder(encoder, attention="dense")
    batches = [_checked(batch) for batch in batches]
    length = _common_length(batches, encoder)
    settings = _settings(length, budgets, lsh_configs or {})
    dense = _Dense(encoder)
    mean_states = _mean_states(dense, batches)
    totals = [
        _Totals(dense, with_attention(encoder, "lsh", config), config)
        for config in settings.values()
    ]
    num_sequences = sum(len(batch["input_mask"]) for batch in batches)
    done = 0
    for batch in batches:
        dense_states = dense.states(batch)
        is_token_BT = tf.constant(batch["input_mask"], tf.bool)
        for total in totals:
            total.add_states(batch, dense_states, mean_states, is_token_BT)
        for depth in range(dense.num_layers):
            for row in range(len(is_token_BT)):
                one = slice(row, row + 1)
                heads = project_heads(dense.layer, dense_states[depth][one])
                dense_layer = attend_densely(heads, is_token_BT[one], top_k)
                for total in totals:
                    total.add_layer(
                        depth,
                        compare(dense_layer, total.config, depth),
                        bucket_loads(heads, is_token_BT[one], total.config, depth),
                    )
        done += len(is_token_BT)
        if say:
            say(f"{done} of {num_sequences} sequences")
    num_tokens = sum(int(np.count_nonzero(batch["input_mask"])) for batch in batches)
    names = {name: budget for budget, name in zip(budgets, settings, strict=False)}
    return Diagnosis(
        length=length,
        num_sequences=num_sequences,
        num_tokens=num_tokens,
        top_k=top_k,
        settings=tuple(
            total.result(name, names.get(name), length, num_tokens, num_sequences)
            for name, total in zip(settings, totals, strict=True)
        ),
    )


class _Dense:
    """An encoder with dense attention, and what is needed to look into it."""

    def __init__(self, encoder: AlbertLSHEncoder) -> None:
        config = encoder.get_config()
        self.num_layers = config["num_layers"]
        self.num_heads = config["num_attention_heads"]
        dense_encoder = with_attention(encoder, "dense")
        self.states = states_of(dense_encoder)
        self.layer = block_of(dense_encoder).attention_layers[0]


class _Totals:
    """Sums of one setting over sequences."""

    def __init__(
        self, dense: _Dense, encoder: AlbertLSHEncoder, config: LSHConfig
    ) -> None:
        self.config = config
        self._states = states_of(encoder)
        shape = (dense.num_layers, dense.num_heads)
        self._sums = LayerSums(*(np.zeros(shape) for _ in LayerSums._fields))
        self._cosine = np.zeros(dense.num_layers)
        self._loads = np.zeros((2, 2, *shape))  # Queries and keys; largest and median.
        self._has_loads = False

    def add_states(
        self,
        batch: Inputs,
        dense_states: list[tf.Tensor],
        mean_states: list[tf.Tensor],
        is_token_BT: tf.Tensor,
    ) -> None:
        triples = zip(self._states(batch), dense_states, mean_states, strict=True)
        # The first are the embeddings, which are the same.
        for depth, (states, dense, mean) in enumerate(list(triples)[1:]):
            cosine_BT = tf.reduce_sum(
                tf.math.l2_normalize(states - mean, axis=-1)
                * tf.math.l2_normalize(dense - mean, axis=-1),
                axis=-1,
            )
            self._cosine[depth] += tf.boolean_mask(cosine_BT, is_token_BT).numpy().sum()

    def add_layer(self, depth: int, sums: LayerSums, loads: np.ndarray | None) -> None:
        for total, more in zip(self._sums, sums, strict=True):
            total[depth] += more
        if loads is not None:
            self._has_loads = True
            self._loads[:, :, depth] += loads

    def result(
        self,
        name: str,
        budget: float | None,
        length: int,
        num_tokens: int,
        num_sequences: int,
    ) -> SettingDiagnosis:
        sums = self._sums
        loads = [BucketLoad(*pair) for pair in self._loads / num_sequences]
        query_load, key_load = loads if self._has_loads else (None, None)
        return SettingDiagnosis(
            name=name,
            config=self.config,
            budget=budget,
            logits_per_query=self.config.logits_per_query(length, kind_for_attention()),
            mass=sums.mass / num_tokens,
            recall=sums.recall / num_tokens,
            error=np.sqrt(
                sums.squared_difference / np.maximum(sums.squared_dense, 1e-30)
            ),
            cosine=self._cosine / num_tokens,
            query_load=query_load,
            key_load=key_load,
        )


def _mean_states(dense: _Dense, batches: Sequence[Inputs]) -> list[tf.Tensor]:
    """Mean over all tokens of the states with dense attention: [M], at each depth."""
    sums: list[Any] = [0.0] * (1 + dense.num_layers)
    count = 0
    for batch in batches:
        is_token = batch["input_mask"].astype(bool)
        count += np.count_nonzero(is_token)
        for depth, states in enumerate(dense.states(batch)):
            sums[depth] += states.numpy()[is_token].sum(axis=0, dtype=np.float64)
    return [tf.constant(total / count, tf.float32) for total in sums]


def _checked(batch: Inputs) -> dict[str, np.ndarray]:
    if missing := [name for name in INPUT_NAMES if name not in batch]:
        raise InputError(f"a batch has no {', '.join(missing)}.")
    arrays = {name: np.asarray(batch[name], np.int32) for name in INPUT_NAMES}
    shapes = {array.shape for array in arrays.values()}
    if len(shapes) > 1 or len(next(iter(shapes))) != 2:
        told = ", ".join(f"{name} {list(each.shape)}" for name, each in arrays.items())
        raise InputError(f"a batch must have three arrays of one shape [B, T]: {told}.")
    if not arrays["input_mask"].any(axis=1).all():
        raise InputError("a sequence is all padding; leave it out.")
    return arrays


def _common_length(batches: Sequence[Inputs], encoder: AlbertLSHEncoder) -> int:
    lengths = sorted({batch["input_mask"].shape[1] for batch in batches})
    if not lengths:
        raise InputError("there are no batches; give at least one.")
    if len(lengths) > 1:
        told = ", ".join(map(str, lengths))
        raise InputError(
            f"sequences have {told} tokens; pad all to {lengths[-1]}, or diagnose one "
            "length at a time."
        )
    num_positions = encoder.get_config()["max_sequence_length"]
    if lengths[0] > num_positions:
        raise InputError(
            f"sequences have {lengths[0]} tokens, but the encoder only {num_positions} "
            "positions; load it with more max_position_embeddings."
        )
    return lengths[0]


def _settings(
    length: int, budgets: Sequence[float], lsh_configs: Mapping[str, LSHConfig]
) -> dict[str, LSHConfig]:
    settings = {
        f"budget {budget:g}": LSHConfig.for_length(length, budget) for budget in budgets
    }
    for name, config in lsh_configs.items():
        if name in settings:
            raise InputError(f"two settings are called {name!r}; rename one.")
        settings[name] = config
    if not settings:
        raise InputError("there is no setting to look at; give budgets or lsh_configs.")
    for name, config in settings.items():
        if config.whiten:
            raise InputError(
                f"{name}: whiten=True needs an encoder that was calibrated, which a "
                "diagnosis does not do; set whiten to false."
            )
    return settings
