"""Made-up figures, for tables and pictures."""

import numpy as np

from albert_lsh_tf.config import LSHConfig
from albert_lsh_tf.diagnostics import BucketLoad, Diagnosis, SettingDiagnosis


def setting(name, budget=None, logits=64, error=0.1, layers=3, heads=5, load=None):
    """A setting whose last head of the first layer is twice as wrong as the others."""
    errors = np.full((layers, heads), float(error))
    errors[0, -1] *= 2
    loads = [
        None
        if load is None
        else BucketLoad(times * load + 0 * errors, 0.5 + 0 * errors)
        for times in (1, 2)
    ]
    return SettingDiagnosis(
        name,
        LSHConfig(),
        budget,
        logits,
        mass=1 - errors,
        recall=1 - errors / 2,
        error=errors,
        cosine=1 - error**2 * np.arange(1.0, layers + 1),
        query_load=loads[0],
        key_load=loads[1],
    )


def diagnosis(*settings, encoder="some model", text="some.txt"):
    return Diagnosis(512, 4, 1999, 16, tuple(settings), encoder, text)
