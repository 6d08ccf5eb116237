"""Candidates of batches that are cut to different lengths go into one array."""

import numpy as np
import tensorflow as tf

from albert_lsh_tf.tasks.squad.task import SquadTask
from albert_lsh_tf.tasks.squad.task_config import SquadTaskConfig

LENGTH = 16


def task_of(start_n_top):
    config = SquadTaskConfig(version_2=True)
    config.model.start_n_top = start_n_top
    encoder = config.model.encoder.get()
    encoder.attention = "dense"
    encoder.vocab_size = 11
    encoder.embedding_width = encoder.hidden_size = encoder.intermediate_size = 4
    encoder.num_layers = encoder.num_attention_heads = 1
    encoder.max_position_embeddings = LENGTH
    return SquadTask(config)


def batch_of(num_tokens):
    mask = tf.constant([[1] * num_tokens + [0] * (LENGTH - num_tokens)])
    return {
        "input_word_ids": mask,
        "input_mask": mask,
        "input_type_ids": mask,
        "may_start": mask == 1,
        "is_context": mask == 1,
        "has_characters": mask == 1,
        "example_id": tf.constant([num_tokens]),
    }


def test_more_starts_than_short_windows_have_tokens():
    task = task_of(start_n_top=10)
    model = task.build_model()
    assert task.trims_padding
    step = tf.function(lambda inputs: task.validation_step(inputs, model))
    short, long = (step(batch_of(num_tokens)) for num_tokens in (4, LENGTH))
    for name in ("first", "last", "start_score", "end_score"):
        assert np.concatenate([short[name], long[name]]).shape == (2, 10 * 5)
