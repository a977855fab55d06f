"""What the policies' tests share."""

from collections.abc import Callable

import numpy as np
import pytest

from bandi.model.policy_config import (
    WAYS_TO_FORGET,
    ChangeDetection,
    Conditional,
    Earning,
    Editor,
    EpsilonGreedy,
    Fitted,
    LinTs,
    LinUcb,
    Logistic,
    Plugin,
    PolicyConfig,
    Retention,
    Surrogate,
    Thompson,
    Ucb1,
    Value,
)
from bandi.policies.plugins import register_policy
from bandi.policies.protocol import Outcomes
from bandi.policies.registry import make_policy

register_policy("own_thompson", lambda settings, segments: make_policy(Thompson(), segments))

CONFIGS: list[PolicyConfig] = [
    Thompson(),
    Thompson(half_life="7d"),
    Thompson(window="400d"),
    Thompson(change_detection=ChangeDetection()),
    Thompson(position="cascade"),
    Ucb1(),
    Ucb1(half_life="1h"),
    EpsilonGreedy(),
    EpsilonGreedy(epsilon=1.0, half_life="1d"),
    Editor(),
    Fitted(),
    Fitted(titles=(2, 0), scores=((0.5, -1.0), (3.0, 0.0)), others=-0.5, half_life="1d"),
    Earning(),
    Earning(half_life="7d", then=("coins",), explore=1.0),
    Plugin(name="own_thompson"),
    Value(),
    Surrogate(),
    Conditional(),
    Retention(),
    LinTs(),
    LinTs(half_life="7d"),
    LinUcb(),
    LinUcb(half_life="1h", dimensions=3),
    LinTs(model="hybrid"),
    LinUcb(model="hybrid", dimensions=4),
    Logistic(),
    Logistic(half_life="1d", dimensions=3),
]


def _forgetting(config: PolicyConfig) -> str:
    return next((way for way in WAYS_TO_FORGET if getattr(config, way, None) is not None), "forever")


@pytest.fixture(
    params=CONFIGS,
    ids=lambda config: f"{config.__struct_config__.tag}-{_forgetting(config)}-{getattr(config, 'position', '')}",
)
def config(request: pytest.FixtureRequest) -> PolicyConfig:
    """Every policy there is, with and without forgetting; a new policy is added above."""
    return request.param


@pytest.fixture
def outcomes() -> Callable[..., Outcomes]:
    def make(
        items: object, trials: object = 1.0, rewards: object = 0.0, segments: object = 0, occurred_ms: object = 0
    ) -> Outcomes:
        rows = np.atleast_1d(np.asarray(items, np.int32))

        def column(value: object, kind: type) -> np.ndarray:
            return np.ascontiguousarray(np.broadcast_to(np.asarray(value, kind), rows.shape))

        return Outcomes(
            rows,
            column(segments, np.int32),
            column(trials, np.float32),
            column(rewards, np.float32),
            column(occurred_ms, np.int64),
        )

    return make
