"""Reading one file that a catalogue names: it stays under the given folder, and is as long as is allowed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from bandi.model.errors import InvalidInputError, Problem


def read_under(root: Path, path: str, most: int) -> bytes:
    """The bytes of the file `path`, relative to `root`.

    Links are followed as long as they end under `root`. Raises InvalidInputError for a path that leads out of `root`, for
    what is missing, unreadable, not a plain file, empty, or longer than `most` bytes.
    """
    real = _inside(root, path)
    try:
        # O_NONBLOCK: a named pipe would wait for a writer. O_NOFOLLOW: a link put there since the check is refused.
        file = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise InvalidInputError(Problem(path, error.strerror or str(error), "a readable file")) from None
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device or pipe"
            raise InvalidInputError(Problem(path, kind, "a file"))
        with os.fdopen(os.dup(file), "rb") as stream:
            data = stream.read(most + 1)
    except OSError as error:
        raise InvalidInputError(Problem(path, error.strerror or str(error), "a readable file")) from None
    finally:
        os.close(file)
    if not data:
        raise InvalidInputError(Problem(path, "an empty file", "an image"))
    if len(data) > most:
        raise InvalidInputError(Problem(path, f"more than {most:,} bytes", f"at most {most:,} bytes"))
    return data


def _inside(root: Path, path: str) -> str:
    expected = "a path relative to the folder of images, and under it"
    if not path or path.startswith("/"):
        raise InvalidInputError(Problem(repr(path), "an absolute path" if path else "no path", expected))
    top = os.path.realpath(root)
    try:
        real = os.path.realpath(os.path.join(top, path))  # noqa: PTH118  Path would drop what realpath must see
    except ValueError:  # a zero byte, or half a character
        raise InvalidInputError(Problem(repr(path), "what no file can be called", expected)) from None
    if os.path.commonpath([top, real]) != top:
        raise InvalidInputError(Problem(path, "a path that leads out of it", expected))
    return real
