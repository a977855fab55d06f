"""Bandi's conformance suite on the wrapper, and that it learns."""

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("vowpalwabbit")

from bandi_vowpal_wabbit import make

from bandi.policies.conformance import CHECKS, Make
from bandi.policies.protocol import Candidates, Outcomes, Request


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_conforms(check: Callable[[Make], None]) -> None:
    """All that every policy must do."""
    check(lambda segments: make({}, segments))


def test_it_learns_what_is_clicked() -> None:
    """500 impressions of five titles, title 3 clicked half the time: with epsilon 0.1 it comes first in 92 of 100 lists."""
    policy, random = make({"arguments": "--epsilon 0.1"}, 1), np.random.default_rng(1)
    for t in range(500):
        item = np.array([t % 5], np.int32)
        click = np.array([item[0] == 3 and random.random() < 0.5], np.float32)
        one, zero = np.ones(1, np.float32), np.zeros(1, np.int32)
        policy.update(Outcomes(item, zero, one, click, np.zeros(1, np.int64)))
    five, reader = Candidates(np.arange(5, dtype=np.int32)), Request(np.ones(1, np.float32), 0)
    first = [int(policy.rank(reader, five, 1, seed).items[0]) for seed in range(100)]
    assert first.count(3) >= 80  # fewer of 100 at 0.92: below 1 in 10,000


def test_settings_that_it_does_not_know_are_refused() -> None:
    """They are named."""
    with pytest.raises(ValueError, match="expected arguments"):
        make({"depth": 3}, 1)
