"""What LSH attention leaves out of an encoder's own attention, on real text.

Names are loaded when first used, so `albert-lsh diagnose --help` needs no TensorFlow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "diagnosis": ["BucketLoad", "Diagnosis", "SettingDiagnosis"],
        "passages": ["pack_passages", "read_passages"],
        "plan": ["DiagnosisPlan"],
        "report": ["write_report"],
        "planned": ["run_plan"],
        "run": ["diagnose"],
    },
)
