"""Where compiled kernels are kept: beside the code where that can be written, else in the user's cache folder.

Numba reads NUMBA_CACHE_DIR when it is imported, so this runs first (from `bandi/__init__.py`); it imports nothing heavy.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def choose_kernel_cache() -> None:
    """Set NUMBA_CACHE_DIR when the installation is read-only and nobody has set it."""
    if "NUMBA_CACHE_DIR" in os.environ or os.access(Path(__file__).parent, os.W_OK):
        return
    for folder in (_user_cache(), Path(tempfile.gettempdir()) / f"bandi-kernels-{os.getuid()}"):
        if folder is not None and _own(folder):
            os.environ["NUMBA_CACHE_DIR"] = str(folder)
            return
    os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="bandi-kernels-")  # compiled again at the next start


def _user_cache() -> Path | None:
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "bandi" / "kernels"
    except RuntimeError:  # no home
        return None


def _own(folder: Path) -> bool:
    """Make the folder, private: cached kernels are code, so nobody else may write them."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = folder.stat()
    except OSError:
        return False
    return status.st_uid == os.getuid() and not status.st_mode & 0o022 and os.access(folder, os.W_OK)
