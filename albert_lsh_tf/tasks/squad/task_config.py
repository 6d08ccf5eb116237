"""What Model Garden has to know of a SQuAD run: data, model and task."""

import dataclasses

from official.core import config_definitions as cfg
from official.modeling.hyperparams import base_config

from albert_lsh_tf.tasks import encoder_config


@dataclasses.dataclass
class SquadDataConfig(cfg.DataConfig):
    """Which questions, and how they become batches of windows.

    Attributes:
      input_path: SQuAD's JSON; comma list.
      feature_dir: folder of the windows over them, which are made where they are not
        there; for them alone.
      vocabulary_file: SentencePiece model.
      do_lower_case: lower-case and strip accents.
      max_seq_length, doc_stride, max_query_length, max_answer_length: see
        `AnswerSettings`.
      skip_faulty: leave out questions that cannot be used.
      held_out_share: of the texts, those that training leaves out.
      start_step: batches of training that earlier runs have used up.
      group_by_length: train on batches of examples of like length.
    """

    is_training: bool | None = True
    global_batch_size: int = 32
    feature_dir: str = ""
    vocabulary_file: str = ""
    do_lower_case: bool = True
    max_seq_length: int = 384
    doc_stride: int = 128
    max_query_length: int = 64
    max_answer_length: int = 30
    skip_faulty: bool = False
    held_out_share: float = 0.0
    seed: int | None = 0
    start_step: int = 0
    group_by_length: bool = False


@dataclasses.dataclass
class SquadModelConfig(base_config.Config):
    """The encoder, and the settings of the joint head, where there is one."""

    encoder: encoder_config.EncoderConfig = dataclasses.field(
        default_factory=encoder_config.EncoderConfig
    )
    start_n_top: int = 5
    end_n_top: int = 5
    dropout: float = 0.1


@dataclasses.dataclass
class SquadTaskConfig(cfg.TaskConfig):
    """Questions about texts.

    Attributes:
      version_2: questions may have no answer; the head is the joint one.
      init_checkpoint: start weights, anything that `find_weights` takes; required.
      model: its architecture must be that of the weights.
      n_best_size: answers listed for a question.
      null_score_diff_threshold: no answer above it; None: what is best for the
        questions that training leaves out.
      enable_xla: compile the forward and backward pass, on any device. The runtime's
        setting of that name does so on GPUs only.
    """

    version_2: bool = False
    model: SquadModelConfig = dataclasses.field(default_factory=SquadModelConfig)
    train_data: SquadDataConfig = dataclasses.field(default_factory=SquadDataConfig)
    validation_data: SquadDataConfig = dataclasses.field(
        default_factory=lambda: SquadDataConfig(
            is_training=False, global_batch_size=8, drop_remainder=False
        )
    )
    n_best_size: int = 20
    null_score_diff_threshold: float | None = None
    enable_xla: bool = False
