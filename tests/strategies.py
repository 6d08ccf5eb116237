"""Hypothesis strategies for attention inputs."""

import dataclasses

import hypothesis.strategies as st
import numpy as np

from albert_lsh_tf.config import LSHConfig


@dataclasses.dataclass(frozen=True)
class AttentionInputs:
    """Heads ([B, H, T, D], float32) with their padding mask ([B, T])."""

    query: np.ndarray
    key: np.ndarray
    value: np.ndarray
    is_token: np.ndarray


@st.composite
def attention_inputs(draw, max_length=23) -> AttentionInputs:
    """Small inputs with any padding, also inside a row or over all of it."""
    batch_size, num_heads, head_width = 2, draw(st.sampled_from([1, 3])), 5
    length = draw(st.integers(1, max_length))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (batch_size, num_heads, length, head_width)
    heads = [rng.normal(size=shape).astype(np.float32) for _ in range(3)]
    share_of_padding = draw(st.sampled_from([0.0, 0.3, 1.0]))
    return AttentionInputs(*heads, rng.random((batch_size, length)) >= share_of_padding)


def lsh_configs() -> st.SearchStrategy[LSHConfig]:
    """All schemes, with chunks short enough that small inputs need several."""
    return st.builds(
        LSHConfig,
        num_hashes=st.integers(1, 3),
        chunk_length=st.sampled_from([1, 2, 3, 5]),
        chunks_before=st.integers(0, 2),
        chunks_after=st.integers(0, 2),
        num_buckets=st.sampled_from([None, 2, 6, 150]),
        share_query_key=st.booleans(),
        hash=st.sampled_from(["angular", "random"]),
        seed=st.integers(0, 1000),
    )


@st.composite
def key_list_configs(draw, max_hashes=2) -> LSHConfig:
    """All kinds of lists, alone and with hash rounds, as short as the chunks above."""
    block_length = draw(st.sampled_from([1, 2, 3, 5]))
    window = draw(st.sampled_from([None, 0, 1, block_length]))
    heavy_keys, global_tokens = draw(st.integers(0, 4)), draw(st.integers(0, 2))
    landmarks = draw(st.sampled_from([0, 1, 3, 4, 30]))
    if window is None and heavy_keys + global_tokens + landmarks == 0:
        window = 0
    more_candidates = draw(st.sampled_from([0, 1, 4, 2048]))
    return LSHConfig(
        block_length=block_length,
        window=window,
        heavy_keys=heavy_keys,
        global_tokens=global_tokens,
        landmarks=landmarks,
        heavy_candidates=max(1, heavy_keys + global_tokens + more_candidates),
        num_hashes=draw(st.integers(0, max_hashes)),
        chunk_length=draw(st.sampled_from([1, 2, 3, 5])),
        chunks_before=draw(st.integers(0, 1)),
        chunks_after=draw(st.integers(0, 1)),
        hash=draw(st.sampled_from(["angular", "random"])),
    )
