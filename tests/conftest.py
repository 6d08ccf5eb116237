"""What every test needs before TensorFlow starts."""

import ctypes
import gc
import os
import sys

# Read once, when TensorFlow is first imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest
import tensorflow as tf
import tf_keras

# Two logical devices, so that tests of tf.distribute need no second GPU.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)


@pytest.fixture(autouse=True)
def fresh_keras():
    """The same names, seeds and precision for every test, whatever ran before."""
    tf_keras.backend.clear_session()
    tf_keras.mixed_precision.set_global_policy("float32")
    tf_keras.utils.set_random_seed(20)
    yield
    # Fixtures of the next module are made before its first test comes here.
    tf_keras.mixed_precision.set_global_policy("float32")


@pytest.fixture(scope="module", autouse=True)
def _memory_given_back():
    """Frees the graphs of a file of tests; together they would fill a machine."""
    yield
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
