"""How the arrays of arms grow."""

import numpy as np

from bandi.model.config import Prior
from bandi.policies.arms import BetaArms
from bandi.policies.protocol import Outcomes


def impression(item: int, segment: int) -> Outcomes:
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    return Outcomes(np.array([item], np.int32), np.array([segment], np.int32), one, zero, np.zeros(1, np.int64))


def test_growing_leaves_an_array_that_is_being_read_as_it_is() -> None:
    """A ranking in another thread holds the array: growth must copy it, not move it."""
    arms = BetaArms(Prior(), None, 2)
    arms.update(impression(3, 1))
    held, used = arms.readable()
    before = held.copy()
    arms.update(impression(50_000, 0))
    assert used == 4
    assert (held == before).all()


def test_what_was_counted_survives_growth_and_what_is_new_is_zero() -> None:
    arms = BetaArms(Prior(), None, 2)
    for item in (3, 50_000, 2_000_000):
        arms.update(impression(item, 1))
    counts, used = arms.readable()
    assert used == 2_000_001
    assert np.argwhere(counts).tolist() == [[3, 1, 1], [50_000, 1, 1], [2_000_000, 1, 1]]
