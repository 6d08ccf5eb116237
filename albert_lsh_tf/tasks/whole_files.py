"""Small files that are written as a whole, or not at all."""

import pathlib

from albert_lsh_tf.data.manifest import atomic_file


def write_atomically(path: pathlib.Path, content: str | bytes) -> None:
    """Replaces a file, so that it holds either the old content or all of the new."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)
