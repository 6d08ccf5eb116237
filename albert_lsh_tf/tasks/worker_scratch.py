"""Where workers put what only the chief may write into a run's folder."""

import json
import os
import pathlib
import shutil
import tempfile


def make_scratch(folder: pathlib.Path) -> pathlib.Path:
    """Makes an empty folder for this worker: beside a run's, where there is room.

    Args:
      folder: of the run; need not be there.

    Returns:
      Its path, which this worker's next start will find, and clear after a kill. Where
      nothing can be made beside the run, a new one among the temporary files.
    """
    own = pathlib.Path(os.path.abspath(folder))
    # It is set by whoever starts workers, or by `workers.configure_workers`.
    task = json.loads(os.environ.get("TF_CONFIG") or "{}").get("task", {})
    scratch = own.with_name(f".{own.name}.worker-{task.get('index', 0)}")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        scratch.mkdir(parents=True)
    except OSError:  # Only the chief may need to write there.
        return pathlib.Path(tempfile.mkdtemp(prefix="albert_lsh_worker_"))
    return scratch
