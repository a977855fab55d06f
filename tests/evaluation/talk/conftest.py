"""The frozen plan in sizes that take seconds, and runs made up by hand."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from bandi.evaluation.talk.frozen import Frozen, Quick, read_frozen
from bandi.evaluation.talk.program import with_quick_sizes
from bandi.evaluation.talk.record import Run
from bandi.evaluation.talk.watched import Mechanism
from bandi.evaluation.worlds.funnel.result import Days, FunnelResult


@pytest.fixture(scope="session")
def tiny() -> Frozen:
    frozen = read_frozen()
    change = msgspec.structs.replace
    missing = change(frozen.arms[-1], name="missing", title="missing", not_available="nobody has written it")
    return with_quick_sizes(
        change(
            frozen,
            arms=(*frozen.arms, missing),
            dial=change(frozen.dial, give_up=(0.05, 0.35)),
            oracle=change(frozen.oracle, multipliers=(0.0, 0.2, 20.0)),
            told=change(frozen.told, give_up=(0.05,)),
            presets=change(
                frozen.presets, give_up=(0.05,), oracle=change(frozen.presets.oracle, multipliers=(0.0, 0.2))
            ),
            quick=Quick(seeds=2, readers=150, days=3, visits=400, horizon=60),
            worlds=("calibrated", "thin"),
        )
    )


@pytest.fixture
def made_up() -> Callable[..., Run]:
    """A run of one day with 1,000 impressions."""

    def make(clicks: float, coins: float, fell: float = 0.0, payers: float = 0.0, seed: int = 1) -> Run:
        days = Days.none(1)
        days.impressions[0], days.expected_clicks[0], days.clicks[0] = 1_000.0, clicks, clicks
        days.expected_coins[0], days.coins[0], days.payers[0] = coins, fell, payers
        titles = np.array([600, 400], np.int64)
        result = FunnelResult("made up", seed, 10, days, titles, titles, np.array([0, int(payers)]), 0, 0, 0)
        return Run(result, Mechanism(np.ones(33, np.int64), 0.5, 2.0), 5.0, 1.0)

    return make
