"""Installs a built wheel beside the environment's packages and uses it from elsewhere.

Usage: python tests/check_wheel.py FOLDER_WITH_WHEEL
"""

import os
import pathlib
import subprocess
import sys
import tempfile

PROGRAM = """
import pathlib, sys
import albert_lsh_tf
from albert_lsh_tf.cli import recipes
here = pathlib.Path(albert_lsh_tf.__file__).parent
assert here.is_relative_to(sys.argv[1]), here
encoder = albert_lsh_tf.load_encoder(attention="lsh")
assert len(encoder.variables) == 25
for name in ("glue/mrpc.yaml", "race/race.yaml"):
    assert (here / "configs" / name).exists(), name
print("wheel: imported from", here.name, "with its model and recipes")
"""


def main() -> None:
    wheels = sorted(pathlib.Path(sys.argv[1]).glob("*.whl"), key=os.path.getmtime)
    with tempfile.TemporaryDirectory() as folder:
        site = pathlib.Path(folder, "site").resolve()
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run([*install, "--target", site, wheels[-1]], check=True)
        environment = {
            **os.environ,
            "PYTHONPATH": str(site),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        subprocess.run(
            [sys.executable, "-c", PROGRAM, site],
            cwd=folder,
            env=environment,
            check=True,
        )


if __name__ == "__main__":
    main()
