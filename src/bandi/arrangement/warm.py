"""Compile the kernels of this room (or load them from the cache) before the first request needs them."""

from __future__ import annotations

import numpy as np

from bandi.arrangement.arranging import arrange
from bandi.arrangement.diversity import Caps, Diversity, diversify
from bandi.arrangement.rules import compile_rules, in_force
from bandi.policies.protocol import Ranked


def warm() -> None:
    """Arrange one title. Takes some 8 s of one core the first time after an installation, then milliseconds."""
    pool = Ranked(np.zeros(1, np.int32), np.zeros(1, np.float32))
    capped = Diversity(Caps(np.ones((1, 1), np.int32), np.ones(1)))
    arrange(pool, 1, in_force(compile_rules((), lambda _: -1, ""), 0), capped)
    diversify(pool, 1, capped)
