"""What Model Garden has to know of classification: data, model and task."""

import dataclasses

from official.core import config_definitions as cfg
from official.modeling.hyperparams import base_config

from albert_lsh_tf.tasks import encoder_config


@dataclasses.dataclass
class ClassificationDataConfig(cfg.DataConfig):
    """Which part of a task, and how it becomes batches.

    Attributes:
      input_path: the folder that holds MRPC/, MNLI/, ..., or that of own data.
      splits: those to read, one after the other: "train", "dev", "dev_mismatched", ...
      vocabulary_file: SentencePiece model, or WordPiece vocab.txt.
      do_lower_case: lower-case and strip accents.
      max_seq_length: tokens an example is cut and padded to.
      max_qa_length: most tokens of a question with an option, of RACE.
      start_step: batches of training that earlier runs have used up.
      group_by_length: train on batches of examples of like length.
    """

    splits: tuple[str, ...] = ("train",)
    is_training: bool | None = True
    global_batch_size: int = 32
    vocabulary_file: str = ""
    do_lower_case: bool = True
    max_seq_length: int = 128
    max_qa_length: int = 128
    seed: int | None = 0
    start_step: int = 0
    group_by_length: bool = False


@dataclasses.dataclass
class ClassificationModelConfig(base_config.Config):
    """The classifier: an encoder and the dropout before its last layer."""

    encoder: encoder_config.EncoderConfig = dataclasses.field(
        default_factory=encoder_config.EncoderConfig
    )
    classifier_dropout: float = 0.1


@dataclasses.dataclass
class ClassificationConfig(cfg.TaskConfig):
    """One task of GLUE, RACE, or of the user's own.

    Attributes:
      task_name: as GLUE or RACE spell it, whatever the case; or the folder of own data.
      labels: classes of own data, in order; None: those in train.jsonl, which is looked
        for in the training data's `input_path`.
      init_checkpoint: start weights, anything that `find_weights` takes; required.
      model: the classifier; its architecture must be that of the weights.
      enable_xla: compile the forward and backward pass, on any device. The runtime's
        setting of that name does so on GPUs only.
    """

    task_name: str = "MRPC"
    labels: tuple[str, ...] | None = None
    model: ClassificationModelConfig = dataclasses.field(
        default_factory=ClassificationModelConfig
    )
    train_data: ClassificationDataConfig = dataclasses.field(
        default_factory=ClassificationDataConfig
    )
    validation_data: ClassificationDataConfig = dataclasses.field(
        default_factory=lambda: ClassificationDataConfig(
            splits=("dev",), is_training=False, drop_remainder=False
        )
    )
    enable_xla: bool = False
