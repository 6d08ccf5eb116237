"""The one exception type for input that the caller has to mend."""


class InputError(ValueError):
    """Something the user gave cannot be used: a file, a flag, a config, a checkpoint.

    The message is one line that says what was wrong, where, and how to mend it. The
    command-line tools print it without a traceback and exit with status 1; Python
    callers can catch it as the `ValueError` it is.
    """
