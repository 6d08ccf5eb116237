"""The one exception type for input that the caller has to mend; and full disks."""

import errno


class InputError(ValueError):
    """Something the user gave cannot be used: a file, a flag, a config, a checkpoint.

    The message is one line that says what was wrong, where, and how to mend it. The
    command-line tools print it without a traceback and exit with status 1; Python
    callers can catch it as the `ValueError` it is.
    """


def is_disk_full(error: BaseException) -> bool:
    """Whether a program's or TensorFlow's error says that there is no space left."""
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return True
    # TensorFlow's own errors have other types, which are not imported here.
    is_tensorflows = type(error).__module__.startswith("tensorflow.")
    return is_tensorflows and (
        "No space left on device" in str(error) or "Disk quota exceeded" in str(error)
    )
