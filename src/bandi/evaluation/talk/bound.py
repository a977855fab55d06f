"""How close to the bound: regret on stationary Bernoulli arms beside that of Lai and Robbins.

Lai and Robbins (1985): a policy that is good on every set of arms has in the long run a regret of at least

    sum over arms with delta_i > 0 of (delta_i / kl(mu_i, mu*)) * ln T

with delta_i = mu* - mu_i and kl the divergence of Bernoulli distributions. It is a limit for T to infinity: at a finite T a
policy can lie below the line.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np

from bandi.evaluation.talk.record import Row
from bandi.evaluation.worlds.funnel.running import Progress
from bandi.model.config import PolicyConfig
from bandi.model.records import Array
from bandi.policies.protocol import Candidates, Outcomes, Request
from bandi.policies.registry import make_policy

_POINTS = 41
_PLAYS_A_STEP = 1_000
"""Between two calls of `progress`."""


def lai_robbins(means: Sequence[float]) -> float:
    """The bound's factor before ln T. means: each in (0, 1)."""
    best = max(means)
    return sum((best - mean) / kl_bernoulli(mean, best) for mean in means if mean < best)


def kl_bernoulli(p: float, q: float) -> float:
    """Divergence of Bernoulli(q) from Bernoulli(p), in nats. p, q: in (0, 1)."""
    return p * math.log(p / q) + (1.0 - p) * math.log((1.0 - p) / (1.0 - q))


def checkpoints(horizon: int) -> Array:
    """Plays after which regret is written down: int64[n], ascending, evenly on a logarithmic axis, from 10 to the horizon."""
    return np.unique(np.geomspace(10, horizon, _POINTS).round().astype(np.int64))


def play(
    name: str, config: PolicyConfig, means: Sequence[float], horizon: int, seed: int, progress: Progress | None = None
) -> Row:
    """One run, one arm a play and learning after each: `plays` and `regret` (expected: the sum of delta), at checkpoints.

    A play's luck is the same for every policy. progress: called with the plays done since.
    """
    policy, began = make_policy(config, 1), time.perf_counter()
    luck = np.random.default_rng([seed, 21]).random(horizon)
    chances, best = np.array(means), max(means)
    candidates = Candidates(np.arange(len(means), dtype=np.int32))
    weights, segment, one = np.ones(1, np.float32), np.zeros(1, np.int32), np.ones(1, np.float32)
    plays = np.zeros(len(means))
    points, regret = checkpoints(horizon), []
    stops = set(points.tolist())
    for t in range(horizon):
        items = policy.rank(Request(weights, t), candidates, 1, (seed << 40) + t).items
        arm = int(items[0])
        reward = np.array([luck[t] < chances[arm]], np.float32)
        policy.update(Outcomes(items.copy(), segment, one, reward, np.full(1, t, np.int64)))
        plays[arm] += 1.0
        if t + 1 in stops:
            regret.append(float(plays @ (best - chances)))
        if progress is not None and (t + 1) % _PLAYS_A_STEP == 0:
            progress(_PLAYS_A_STEP)
    return {
        "policy": name,
        "seed": seed,
        "plays": points,
        "regret": np.array(regret),
        "seconds": time.perf_counter() - began,
    }
