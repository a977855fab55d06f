"""Compiles the kernels of this room, or loads them from the cache."""

from __future__ import annotations

import dataclasses

import numpy as np

from bandi.model.config import Seen
from bandi.model.policy_config import (
    ChangeDetection,
    Conditional,
    Earning,
    Editor,
    EpsilonGreedy,
    Fitted,
    LinTs,
    LinUcb,
    Logistic,
    PolicyConfig,
    Retention,
    Thompson,
    Ucb1,
    Value,
)
from bandi.policies.protocol import Candidates, ContentPriors, Outcomes, Request
from bandi.policies.registry import make_policy
from bandi.policies.traits import steps_of

_EVERY_KERNEL: tuple[PolicyConfig, ...] = (
    Thompson(),
    Ucb1(),
    EpsilonGreedy(epsilon=0.5),
    Fitted(),
    Editor(),
    Earning(),
    Value(),
    Conditional(),
    Retention(),
    LinTs(),
    LinUcb(),
    LinTs(model="hybrid"),
    Logistic(),
    Thompson(window="1d"),
    Thompson(change_detection=ChangeDetection()),
    Thompson(position="cascade"),
)


def warm() -> None:
    """Compile all kernels of this room (or load them from the cache). Seconds the first time, then milliseconds."""
    request, candidates = Request(np.ones(1, np.float32), 0, 0), Candidates(np.arange(3, dtype=np.int32))
    priors = ContentPriors(np.ones((1, 3), np.float32), np.ones((1, 3), np.float32))
    one = np.zeros(1, np.int32)
    outcomes = Outcomes(
        one, one, np.ones(1, np.float32), np.zeros(1, np.float32), np.zeros(1, np.int64), users=one, slots=one,
        requests=np.ones(1, np.uint64),
    )  # fmt: skip
    for config in _EVERY_KERNEL:
        policy = make_policy(config, 1, Seen() if isinstance(config, Thompson) else None)
        policy.update(outcomes)
        for step in range(1, 1 + len(steps_of(config))):
            policy.update(
                dataclasses.replace(outcomes, steps=np.full(1, step, np.int32), rewards=np.ones(1, np.float32))
            )
        policy.rank(request, candidates, 2, 1)
        policy.rank(request, candidates._replace(priors=priors), 2, 1)
        policy.posterior(one, 0, 0)
