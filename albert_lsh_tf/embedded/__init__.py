"""The model that comes with the package: `albert_lsh_tiny`, in Google's file layout.

`albert_config.json`, `spiece.model` and `model.ckpt-best.*` are what a folder of
Google's holds; `fine_tuning.yaml`, `squad_fine_tuning.yaml` and
`race_fine_tuning.yaml` have the settings that suit so small a model.
docs/pretraining.md has the commands that made it.
"""

import pathlib

EMBEDDED_MODEL_NAME = "albert_lsh_tiny"
EMBEDDED_MODEL_DIR = pathlib.Path(__file__).resolve().parent / EMBEDDED_MODEL_NAME
FINE_TUNING_FILE = EMBEDDED_MODEL_DIR / "fine_tuning.yaml"
RACE_FINE_TUNING_FILE = EMBEDDED_MODEL_DIR / "race_fine_tuning.yaml"
SQUAD_FINE_TUNING_FILE = EMBEDDED_MODEL_DIR / "squad_fine_tuning.yaml"
