"""From a policy's configuration to the policy, and to the version text that decisions carry."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np

from bandi.model.config import (
    ContextualConfig,
    Editor,
    EpsilonGreedy,
    LinTs,
    LinUcb,
    Logistic,
    PolicyConfig,
    Prior,
    Thompson,
    Ucb1,
    duration_ms,
)
from bandi.policies.arms import BetaArms
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.editor import EditorRule
from bandi.policies.epsilon_greedy import EpsilonGreedyRule
from bandi.policies.hybrid import HybridPolicy
from bandi.policies.lin_ts import LinTsRule
from bandi.policies.lin_ucb import LinUcbRule
from bandi.policies.linear import LinearPolicy, LinearRule
from bandi.policies.linear_titles import LinearTitles
from bandi.policies.logistic import LogisticPolicy
from bandi.policies.protocol import Candidates, Outcomes, Policy, Request
from bandi.policies.thompson import ThompsonRule
from bandi.policies.ucb1 import Ucb1Rule


def make_policy(config: PolicyConfig, segments: int) -> Policy:
    """A policy without experience. segments: at least 1."""
    match config:
        case Thompson():
            return BernoulliPolicy(_arms(config, segments), ThompsonRule())
        case Ucb1():
            return BernoulliPolicy(_arms(config, segments), Ucb1Rule(config.exploration))
        case EpsilonGreedy():
            return BernoulliPolicy(_arms(config, segments), EpsilonGreedyRule(config.epsilon))
        case Editor():
            return BernoulliPolicy(BetaArms(Prior(), None, segments), EditorRule())
        case LinTs(model="hybrid") | LinUcb(model="hybrid"):
            return HybridPolicy(config, segments)
        case LinTs():
            return _linear(config, segments, LinTsRule(config.exploration))
        case LinUcb():
            return _linear(config, segments, LinUcbRule(config.exploration))
        case Logistic():
            return LogisticPolicy(config, segments)


def _arms(config: Thompson | Ucb1 | EpsilonGreedy, segments: int) -> BetaArms:
    return BetaArms(config.prior, config.half_life, segments, config.borrow)


def _linear(config: LinTs | LinUcb, segments: int, rule: LinearRule) -> LinearPolicy:
    half_life_ms = 0.0 if config.half_life is None else float(duration_ms(config.half_life))
    titles = LinearTitles(config.dimensions, config.most_titles, config.prior.mean, config.prior.strength, half_life_ms)
    return LinearPolicy(BetaArms(config.prior, config.half_life, segments), titles, rule)


def dimensions_of(config: PolicyConfig) -> int:
    """Numbers in the vectors that the policy looks at; 0: it looks at none."""
    return config.dimensions if isinstance(config, ContextualConfig) else 0


def learned_as(config: PolicyConfig) -> tuple[object, ...]:
    """What else than counts the policy's state depends on: where this changes, it starts anew. Empty: counts alone."""
    if not isinstance(config, ContextualConfig):
        return ()
    free = ("objective", "exploration")  # the objective is compared by what it counts
    return tuple(getattr(config, name) for name in config.__struct_fields__ if name not in free)


def policy_version(config: PolicyConfig) -> str:
    """Name and digest of the configuration, such as `thompson@3f2a91c0`: equal text, equal behaviour."""
    canonical = msgspec.json.encode(config, order="sorted")
    return f"{config.__struct_config__.tag}@{hashlib.sha256(canonical).hexdigest()[:8]}"


def warm() -> None:
    """Compile all kernels of this room (or load them from the cache). Seconds the first time, then milliseconds."""
    request, candidates = Request(np.ones(1, np.float32), 0), Candidates(np.arange(3, dtype=np.int32))
    one = np.zeros(1, np.int32)
    outcomes = Outcomes(one, one, np.ones(1, np.float32), np.zeros(1, np.float32), np.zeros(1, np.int64))
    for config in (
        Thompson(),
        Ucb1(),
        EpsilonGreedy(epsilon=0.5),
        Editor(),
        LinTs(),
        LinUcb(),
        LinTs(model="hybrid"),
        Logistic(),
    ):
        policy = make_policy(config, 1)
        policy.update(outcomes)
        policy.rank(request, candidates, 2, 1)
        policy.posterior(one, 0, 0)
