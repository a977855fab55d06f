"""Compile the kernels of this room (or load them from the cache) before the first request needs them."""

from __future__ import annotations

from bandi.experiments.assignment import buckets


def warm() -> None:
    """Run each kernel once. Takes a second the first time after an installation, then milliseconds."""
    buckets("salt", ["unit"])
