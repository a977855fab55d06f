"""Compile the kernels that requests need of this room (or load them from the cache) before the first one comes."""

from __future__ import annotations

import numpy as np

from bandi.features.audience import reader_vectors
from bandi.segments.model import SegmentModel


def warm() -> None:
    """Run each kernel once on a reader. Takes seconds the first time after an installation, then milliseconds."""
    titles = np.eye(2, dtype=np.float32)
    model = SegmentModel(titles, np.full(2, 0.5, np.float32), 1.0)
    model.membership_of(np.zeros(1, np.int32), titles)
    model.memberships(reader_vectors(np.zeros((1, 2), np.int32), titles, threads=1), threads=1)
