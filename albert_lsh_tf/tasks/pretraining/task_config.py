"""What Model Garden has to know of a pre-training run: data, model and task."""

import dataclasses

from official.core import config_definitions as cfg
from official.modeling.hyperparams import base_config

from albert_lsh_tf.tasks import encoder_config


@dataclasses.dataclass
class PretrainingDataConfig(cfg.DataConfig):
    """Which examples, and how they become batches.

    Attributes:
      input_path: TFRecord files and patterns, or a folder of token ids; comma list.
      max_seq_length: tokens of an example.
      max_predictions_per_seq, masked_lm_prob, ngram, favor_shorter_ngram,
        do_whole_word_mask, short_seq_prob, copied_segment_prob: how examples are made
        of token ids; see `ExampleConfig`.
      max_eval_steps: batches of an evaluation at most.
      start_step: batches of training that earlier runs have used up.
    """

    is_training: bool | None = True
    global_batch_size: int = 4096
    max_seq_length: int = 512
    max_predictions_per_seq: int | None = None
    masked_lm_prob: float = 0.15
    ngram: int = 3
    favor_shorter_ngram: bool = True
    do_whole_word_mask: bool = True
    short_seq_prob: float = 0.1
    copied_segment_prob: float = 0.0
    max_eval_steps: int = 100
    seed: int | None = 12345
    start_step: int = 0


@dataclasses.dataclass
class PretrainingModelConfig(base_config.Config):
    """The encoder below the two heads."""

    encoder: encoder_config.EncoderConfig = dataclasses.field(
        default_factory=encoder_config.EncoderConfig
    )


@dataclasses.dataclass
class PretrainingTaskConfig(cfg.TaskConfig):
    """Masked language model and sentence order.

    Attributes:
      init_checkpoint: start weights, anything that `find_weights` takes; None for
        random ones.
      model: the encoder; its architecture must be that of the weights.
      gradient_accumulation_steps: parts that a replica's batch is computed in.
      replaced_token_weight: of the loss of replaced-token detection; 0: none.
      replaced_token_share: of the masked tokens, those that are filled in for it.
      enable_xla: compile the forward and backward pass, on any device. The runtime's
        setting of that name does so on GPUs only.
    """

    model: PretrainingModelConfig = dataclasses.field(
        default_factory=PretrainingModelConfig
    )
    train_data: PretrainingDataConfig = dataclasses.field(
        default_factory=PretrainingDataConfig
    )
    validation_data: PretrainingDataConfig = dataclasses.field(
        default_factory=lambda: PretrainingDataConfig(
            is_training=False, global_batch_size=64, drop_remainder=False
        )
    )
    gradient_accumulation_steps: int = 1
    replaced_token_weight: float = 0.0
    replaced_token_share: float = 0.5
    enable_xla: bool = False
