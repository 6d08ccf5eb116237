"""Settings of a pre-training run. Does not import TensorFlow."""

import dataclasses
import re

from albert_lsh_tf.config import OPTIMIZERS, RunConfig
from albert_lsh_tf.config_io import setting
from albert_lsh_tf.data.pretraining.settings import ExampleConfig
from albert_lsh_tf.errors import InputError

_POSITIVE = r"0*([1-9]\d*)"
_STAGE = re.compile(rf"{_POSITIVE}:{_POSITIVE}(?::{_POSITIVE})?")


@dataclasses.dataclass(frozen=True)
class Stage:
    """A stretch of training with examples of one length.

    Attributes:
      max_seq_length: tokens an example.
      train_batch_size: examples a step, over all devices.
      first_step: steps of the run before this stage.
      last_step: steps of the run up to its end.
    """

    max_seq_length: int
    train_batch_size: int
    first_step: int
    last_step: int


@dataclasses.dataclass(frozen=True)
class PretrainingConfig(RunConfig):
    """One run of pre-training: the examples, the schedule, and what every run has.

    Names and defaults are those of google-research/albert's run_pretraining.py where it
    has them. Lengths are in tokens, `*_steps` in optimiser steps, batch sizes in
    examples over all devices.
    """

    input_file: tuple[str, ...] = setting(
        (), "examples: TFRecord files and patterns, or a folder of token ids"
    )
    eval_input_file: tuple[str, ...] = setting(
        (), "examples to evaluate, as input_file; unset: those of input_file"
    )
    max_predictions_per_seq: int | None = setting(
        None, "masked tokens at most; unset: masked_lm_prob of max_seq_length"
    )
    masked_lm_prob: float = setting(0.15, "share of the tokens that is masked")
    ngram: int = setting(3, "words in the longest n-gram")
    favor_shorter_ngram: bool = setting(
        True, "n-grams of n words come 1/n as often as words; off: the reverse"
    )
    do_whole_word_mask: bool = setting(
        True, "mask words; off: n-grams are of pieces of words"
    )
    short_seq_prob: float = setting(0.1, "share of documents cut to shorter examples")
    copied_segment_prob: float = setting(
        0.0, "share of examples whose segments have a stretch of pieces in common"
    )
    curriculum: tuple[str, ...] = setting(
        (), "stages before max_seq_length: LENGTH:STEPS or LENGTH:STEPS:BATCH"
    )
    train_batch_size: int = setting(4096, "examples a training step")
    eval_batch_size: int = setting(64, "examples an evaluation step")
    max_eval_steps: int = setting(100, "evaluation steps at most")
    gradient_accumulation_steps: int = setting(
        1, "parts that a training step is computed in, where it does not fit"
    )
    replaced_token_weight: float = setting(
        0.0, "weight of the loss of replaced-token detection; 0: none"
    )
    replaced_token_share: float = setting(
        0.5, "share of the masked tokens that the model fills in for it"
    )
    optimizer: str = setting("lamb", "lamb or adamw", choices=OPTIMIZERS)
    learning_rate: float = setting(0.00176, "peak learning rate")
    poly_power: float = setting(1.0, "power of the decay; 1 is linear")
    num_train_steps: int = setting(125000, "training steps, of all stages")
    num_warmup_steps: int = setting(3125, "steps of linear warm-up")
    start_warmup_step: int = setting(0, "step at which warm-up begins")
    save_checkpoints_steps: int = setting(5000, "steps between checkpoints")

    def validate(self) -> None:
        super().validate()
        for name in (
            "max_eval_steps",
            "gradient_accumulation_steps",
            "num_train_steps",
        ):
            self.require_at_least(name, 1)
        for name in ("num_warmup_steps", "start_warmup_step"):
            self.require_at_least(name, 0)
        self.require_positive("poly_power")
        self.require_at_least("replaced_token_weight", 0)
        if not 0 < self.replaced_token_share < 1:
            raise InputError(
                f"replaced_token_share={self.replaced_token_share} must be above 0 and "
                "below 1; the rest of the masked tokens is predicted."
            )
        if self.num_warmup_steps + self.start_warmup_step > self.num_train_steps:
            raise InputError(
                f"num_warmup_steps={self.num_warmup_steps} ends after "
                f"num_train_steps={self.num_train_steps}; warm up for about a "
                "fortieth of it."
            )
        stages = self.stages()
        if stages[-1].first_step >= self.num_train_steps:
            raise InputError(
                f"curriculum={','.join(self.curriculum)} takes "
                f"{stages[-1].first_step} steps, which leaves none of "
                f"num_train_steps={self.num_train_steps} for max_seq_length="
                f"{self.max_seq_length}."
            )
        for stage in stages:
            self.example_config(stage.max_seq_length)  # Refuses what is none.

    def stages(self) -> list[Stage]:
        """The stages of training, one or more; the last has `max_seq_length`.

        Raises:
          InputError: `curriculum` is not to be understood.
        """
        stages, step = [], 0
        for text in self.curriculum:
            match = _STAGE.fullmatch(text)
            if match is None:
                raise InputError(
                    f"curriculum names {text!r}; write every stage as LENGTH:STEPS or "
                    "LENGTH:STEPS:BATCH, such as 128:90000:1024."
                )
            batch_size = int(match[3] or self.train_batch_size)
            end = step + int(match[2])
            stages.append(Stage(int(match[1]), batch_size, step, end))
            step = end
        final = Stage(
            self.max_seq_length, self.train_batch_size, step, self.num_train_steps
        )
        return [*stages, final]

    def stage_after(self, step: int) -> Stage:
        """The stage that the step after `step` belongs to; at the end, the last."""
        stages = self.stages()
        return next((stage for stage in stages if step < stage.last_step), stages[-1])

    def stage_of(self, step: int) -> Stage:
        """The stage that `step` itself belongs to, as its last one at most."""
        stages = self.stages()
        return next((stage for stage in stages if step <= stage.last_step), stages[-1])

    def batches_before(self, stage: Stage) -> int:
        """Batches of a stage's size that earlier ones of the same length have used up.

        Their examples are one sequence, of which a stage takes whole batches: where
        sizes differ, less than a batch is left out between two stages.
        """
        used = 0
        for each in self.stages():
            if each.max_seq_length != stage.max_seq_length:
                continue
            begin = -(-used // each.train_batch_size)
            if each.first_step >= stage.first_step:
                return begin
            steps = each.last_step - each.first_step
            used = (begin + steps) * each.train_batch_size
        raise ValueError(f"{stage} is not of this run.")

    def longest_before(self, stage: Stage) -> int:
        """Tokens of the longest examples of the stages before one; 0 for the first."""
        return max(
            (
                each.max_seq_length
                for each in self.stages()
                if each.first_step < stage.first_step
            ),
            default=0,
        )

    def example_config(self, max_seq_length: int) -> ExampleConfig:
        """What the examples of a length are like, where they are made in training."""
        return ExampleConfig(
            max_seq_length=max_seq_length,
            max_predictions_per_seq=self.max_predictions_per_seq,
            masked_lm_prob=self.masked_lm_prob,
            ngram=self.ngram,
            favor_shorter_ngram=self.favor_shorter_ngram,
            do_whole_word_mask=self.do_whole_word_mask,
            short_seq_prob=self.short_seq_prob,
            copied_segment_prob=self.copied_segment_prob,
            random_seed=self.seed,
        )
