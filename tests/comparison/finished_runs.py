"""Runs of a comparison that nobody made."""

import json

from albert_lsh_tf.comparison.run import RESULT_FILE

MACHINE = {"cpu": "A Core", "instructions": "avx9", "cores": 1, "gpu": None}


def finish(run, output_dir, accuracy, peaks, machine=MACHINE, weights="a1b2"):
    """Writes what is left of a run that is finished."""
    folder = output_dir / run.folder
    folder.mkdir(parents=True, exist_ok=True)
    result = {
        "best": {"step": 7, "eval_accuracy": accuracy, "loss": accuracy / 2},
        "seconds_per_step": 10 * accuracy,
        "peak_memory_mib": peaks,
        "history": [],
    }
    content = {
        "config": run.config.to_dict(),
        "weights_sha256": weights,
        "machine": machine,
        "result": result,
    }
    (folder / RESULT_FILE).write_text(json.dumps(content))
