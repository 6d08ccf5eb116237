"""ALBERT's AdamW, LAMB and learning-rate schedule, for Model Garden's factory.

Importing this module registers them: `albert_adamw`, `albert_lamb` and
`albert_linear`. They differ from Model Garden's `adamw` and `lamb`, which correct the
bias of the moments and clip before gradients are summed over replicas.
"""

import dataclasses
import re
from typing import Any

import tensorflow as tf
import tf_keras
from official.modeling import optimization
from official.modeling.hyperparams import base_config
from official.modeling.optimization import optimizer_factory

# Layer normalisation and biases neither decay nor, in LAMB, get a trust ratio.
NOT_DECAYED = ("LayerNorm", "layer_norm", "bias")


class _AlbertOptimizer(tf_keras.optimizers.Optimizer):
    """What AdamW and LAMB share: the moments, their quotient and decoupled decay."""

    def __init__(
        self,
        learning_rate: float | tf_keras.optimizers.schedules.LearningRateSchedule,
        weight_decay_rate: float = 0.01,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
        exclude_from_weight_decay: tuple[str, ...] = NOT_DECAYED,
        global_clipnorm: float | None = 1.0,
        jit_compile: bool = False,
        **kwargs: Any,
    ):
        kwargs.setdefault("name", type(self).__name__)
        # The decay is part of the update below; Keras's own would decay twice.
        kwargs["weight_decay"] = None
        super().__init__(
            global_clipnorm=global_clipnorm, jit_compile=jit_compile, **kwargs
        )
        self._learning_rate = self._build_learning_rate(learning_rate)
        self.weight_decay_rate = weight_decay_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.excluded_names = tuple(exclude_from_weight_decay)

    def build(self, var_list: list[tf.Variable]) -> None:
        super().build(var_list)
        if getattr(self, "_built", False):
            return
        self._momentums = [
            self.add_variable_from_reference(variable, "m") for variable in var_list
        ]
        self._velocities = [
            self.add_variable_from_reference(variable, "v") for variable in var_list
        ]
        self._built = True

    def is_decayed(self, variable: tf.Variable) -> bool:
        """Whether weight decay (and LAMB's trust ratio) applies to a variable."""
        return not any(re.search(name, variable.name) for name in self.excluded_names)

    def update_direction(self, gradient: tf.Tensor, variable: tf.Variable) -> tf.Tensor:
        """Moves the moments on, and returns the step before the learning rate."""
        index = self._index_dict[self._var_key(variable)]
        gradient = tf.convert_to_tensor(gradient)  # Embeddings give IndexedSlices.
        momentum, velocity = self._momentums[index], self._velocities[index]
        momentum.assign(self.beta_1 * momentum + (1 - self.beta_1) * gradient)
        velocity.assign(
            self.beta_2 * velocity + (1 - self.beta_2) * tf.square(gradient)
        )
        direction = momentum / (tf.sqrt(velocity) + self.epsilon)
        if self.weight_decay_rate and self.is_decayed(variable):
            direction += self.weight_decay_rate * variable
        return direction

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["weight_decay"]
        return {
            **config,
            "learning_rate": self._serialize_hyperparameter(self._learning_rate),
            "weight_decay_rate": self.weight_decay_rate,
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "exclude_from_weight_decay": self.excluded_names,
        }


@tf_keras.utils.register_keras_serializable("albert_lsh_tf")
class AlbertAdamW(_AlbertOptimizer):
    """Adam with decoupled weight decay and without bias correction.

    The update is `learning_rate * (m / (sqrt(v) + epsilon) + decay * variable)`.
    Gradients are clipped to a global norm of `global_clipnorm` after they were summed
    over replicas, so one device and several take the same step.

    Args:
      learning_rate: a number or a schedule.
      weight_decay_rate: decay, decoupled from the moments.
      beta_1: decay of the first moment.
      beta_2: decay of the second moment.
      epsilon: added to the root of the second moment.
      exclude_from_weight_decay: patterns; a variable whose name has one is not decayed.
      global_clipnorm: largest norm of all gradients together; None: no clipping.
      jit_compile: compile each variable's update with XLA (on GPU only).
      **kwargs: those of `tf_keras.optimizers.Optimizer`.

    Source: Loshchilov and Hutter 2019 (arXiv:1711.05101), without the division of the
    moments by `1 - beta ** t`, as ALBERT was trained.
    """

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        learning_rate = tf.cast(self.learning_rate, variable.dtype)
        direction = self.update_direction(gradient, variable)
        variable.assign_sub(learning_rate * direction)


@tf_keras.utils.register_keras_serializable("albert_lsh_tf")
class AlbertLAMB(_AlbertOptimizer):
    """LAMB without bias correction.

    AdamW's update, scaled for each variable by the trust ratio `|variable| / |update|`.
    The ratio is 1 for variables that are not decayed, and where a norm is 0.

    Args: those of `AlbertAdamW`.

    Source: You et al. 2020 (arXiv:1904.00962), algorithm 2 with the identity for phi,
    without bias correction, as ALBERT was pre-trained.
    """

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        learning_rate = tf.cast(self.learning_rate, variable.dtype)
        direction = self.update_direction(gradient, variable)
        if self.is_decayed(variable):
            variable_norm, direction_norm = tf.norm(variable), tf.norm(direction)
            ratio = tf.math.divide_no_nan(variable_norm, direction_norm)
            learning_rate = learning_rate * tf.where(ratio > 0, ratio, 1.0)
        variable.assign_sub(learning_rate * direction)


@tf_keras.utils.register_keras_serializable("albert_lsh_tf")
class LinearWarmupAndDecay(tf_keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up, then linear (or polynomial) decay to 0.

    The decay runs from step 0, so the rate drops from `initial_learning_rate` to the
    decayed value where warm-up ends.

    Args:
      initial_learning_rate: the rate that warm-up aims at and decay starts from.
      train_steps: the step at which the rate reaches 0.
      warmup_steps: at step s below this the rate is `initial * s / warmup_steps`.
      power: of what is left of training; 1 for linear decay.
      start_step: the step at which warm-up begins; before it, the rate is 0.

    Source: Devlin et al. 2019 (arXiv:1810.04805), appendix A.2, as ALBERT uses it.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        train_steps: int,
        warmup_steps: int = 0,
        power: float = 1.0,
        start_step: int = 0,
    ):
        super().__init__()
        self.initial_learning_rate = initial_learning_rate
        self.train_steps = train_steps
        self.warmup_steps = warmup_steps
        self.power = power
        self.start_step = start_step

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        left = 1.0 - tf.minimum(step / self.train_steps, 1.0)
        if self.power != 1.0:
            left = tf.pow(left, self.power)
        warmed_up = tf.maximum(step - self.start_step, 0.0)
        done = warmed_up / max(self.warmup_steps, 1)
        share = tf.where(step < self.start_step + self.warmup_steps, done, left)
        return self.initial_learning_rate * share

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "train_steps": self.train_steps,
            "warmup_steps": self.warmup_steps,
            "power": self.power,
            "start_step": self.start_step,
        }


@dataclasses.dataclass
class AlbertAdamWConfig(base_config.Config):
    """Arguments of `AlbertAdamW`, for Model Garden's optimizer factory."""

    name: str = "AlbertAdamW"
    weight_decay_rate: float = 0.01
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-6
    exclude_from_weight_decay: tuple[str, ...] = NOT_DECAYED
    clipnorm: float | None = None
    clipvalue: float | None = None
    global_clipnorm: float | None = 1.0


@dataclasses.dataclass
class AlbertLAMBConfig(AlbertAdamWConfig):
    """Arguments of `AlbertLAMB`, for Model Garden's optimizer factory."""

    name: str = "AlbertLAMB"


@dataclasses.dataclass
class LinearWarmupAndDecayConfig(base_config.Config):
    """Arguments of `LinearWarmupAndDecay`, for Model Garden's optimizer factory."""

    initial_learning_rate: float = 5e-5
    train_steps: int = 1000
    warmup_steps: int = 0
    power: float = 1.0
    start_step: int = 0


@dataclasses.dataclass
class OptimizerConfig(optimization.OptimizerConfig):
    """Model Garden's optimizers, and ALBERT's two."""

    type: str | None = "albert_adamw"
    albert_adamw: AlbertAdamWConfig = dataclasses.field(
        default_factory=AlbertAdamWConfig
    )
    albert_lamb: AlbertLAMBConfig = dataclasses.field(default_factory=AlbertLAMBConfig)


@dataclasses.dataclass
class LrConfig(optimization.LrConfig):
    """Model Garden's schedules, and ALBERT's."""

    type: str | None = "albert_linear"
    albert_linear: LinearWarmupAndDecayConfig = dataclasses.field(
        default_factory=LinearWarmupAndDecayConfig
    )


@dataclasses.dataclass
class OptimizationConfig(optimization.OptimizationConfig):
    """Optimizer and schedule, ALBERT's unless said otherwise."""

    optimizer: OptimizerConfig = dataclasses.field(default_factory=OptimizerConfig)
    learning_rate: LrConfig = dataclasses.field(default_factory=LrConfig)


def optimization_config(optimizer: str, **schedule: float) -> OptimizationConfig:
    """An optimizer of ALBERT's, and its schedule.

    Args:
      optimizer: "adamw" or "lamb".
      **schedule: arguments of `LinearWarmupAndDecay`.

    Returns:
      A config that Model Garden's `OptimizerFactory` builds from.
    """
    return OptimizationConfig(
        {
            "optimizer": {"type": f"albert_{optimizer}"},
            "learning_rate": {"type": "albert_linear", "albert_linear": schedule},
        }
    )


def _register() -> None:
    """Makes the factory know the names; a second import of the module changes nothing.

    Model Garden's `Task.create_optimizer` looks among the "legacy" names, whatever the
    class is, so each optimizer is entered under both.
    """
    for name, optimizer in (("albert_adamw", AlbertAdamW), ("albert_lamb", AlbertLAMB)):
        optimizer_factory.LEGACY_OPTIMIZERS_CLS[name] = optimizer
        optimizer_factory.NEW_OPTIMIZERS_CLS[name] = optimizer
    optimizer_factory.LR_CLS["albert_linear"] = LinearWarmupAndDecay


_register()
