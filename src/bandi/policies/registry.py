"""From a policy's configuration to the policy, and to the version text that decisions carry."""

from __future__ import annotations

import dataclasses
import hashlib

import msgspec
import numpy as np

from bandi.model.config import (
    ChainConfig,
    Conditional,
    ContextualConfig,
    Earning,
    Editor,
    EpsilonGreedy,
    LinTs,
    LinUcb,
    Logistic,
    PolicyConfig,
    Prior,
    Retention,
    Surrogate,
    Thompson,
    Ucb1,
    Value,
    duration_ms,
)
from bandi.policies.arms import BetaArms
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.chain import CONTINUED, PAID, ChainStatistics
from bandi.policies.chain_policy import ChainPolicy, ChainRule
from bandi.policies.conditional import ConditionalRule
from bandi.policies.earning import EarningRule
from bandi.policies.editor import EditorRule
from bandi.policies.epsilon_greedy import EpsilonGreedyRule
from bandi.policies.hybrid import HybridPolicy
from bandi.policies.lin_ts import LinTsRule
from bandi.policies.lin_ucb import LinUcbRule
from bandi.policies.linear import LinearPolicy, LinearRule
from bandi.policies.linear_titles import LinearTitles
from bandi.policies.logistic import LogisticPolicy
from bandi.policies.protocol import Candidates, ContentPriors, Outcomes, Policy, Request
from bandi.policies.retention import RetentionRule
from bandi.policies.thompson import ThompsonRule
from bandi.policies.ucb1 import Ucb1Rule
from bandi.policies.value import ValueRule


def make_policy(config: PolicyConfig, segments: int) -> Policy:
    """A policy without experience. segments: at least 1."""
    match config:
        case Thompson():
            return BernoulliPolicy(_arms(config, segments), ThompsonRule())
        case Ucb1():
            return BernoulliPolicy(_arms(config, segments), Ucb1Rule(config.exploration))
        case EpsilonGreedy():
            return BernoulliPolicy(_arms(config, segments), EpsilonGreedyRule(config.epsilon))
        case Earning() | Value() | Surrogate() | Conditional() | Retention():
            return ChainPolicy(_arms(config, segments), _chain(config), _chain_rule(config))
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


def _chain_rule(config: ChainConfig) -> ChainRule:
    match config:
        case Earning():
            return EarningRule(config)
        case Value() | Surrogate():
            return ValueRule()
        case Conditional():
            return ConditionalRule()
        case Retention():
            return RetentionRule(config)


def _chain(config: ChainConfig) -> ChainStatistics:
    if isinstance(config, Retention):
        return ChainStatistics((CONTINUED,), _reader_spread(config))
    steps = (CONTINUED, PAID)[-len(config.then) :]
    if isinstance(config, Earning) and config.delay == "ignored":
        steps = tuple(dataclasses.replace(step, delay_ms=0.0) for step in steps)
    if isinstance(config, Surrogate):
        steps = (*steps[:-1], dataclasses.replace(steps[-1], most_spread=0.0))
    return ChainStatistics(steps, _reader_spread(config))


def _reader_spread(config: ChainConfig) -> float:
    """Largest variance of readers' factors; 0: readers are alike."""
    alike = isinstance(config, Conditional | Retention) or (isinstance(config, Earning) and config.readers == "ignored")
    return 0.0 if alike else 20.0


def _arms(config: Thompson | Ucb1 | EpsilonGreedy | ChainConfig, segments: int) -> BetaArms:
    return BetaArms(config.prior, config.half_life, segments, config.borrow)


def learned_prior(config: PolicyConfig) -> Prior | None:
    """The prior of a policy whose arms start from what content predicts; None: of one whose arms do not."""
    match config:
        case Thompson() | Ucb1() | EpsilonGreedy() | Earning() | Value() | Surrogate() | Conditional() | Retention():
            return config.prior if config.prior.source == "content" else None
        case _:
            return None


def _linear(config: LinTs | LinUcb, segments: int, rule: LinearRule) -> LinearPolicy:
    half_life_ms = 0.0 if config.half_life is None else float(duration_ms(config.half_life))
    titles = LinearTitles(config.dimensions, config.most_titles, config.prior.mean, config.prior.strength, half_life_ms)
    return LinearPolicy(BetaArms(config.prior, config.half_life, segments), titles, rule)


def dimensions_of(config: PolicyConfig) -> int:
    """Numbers in the vectors that the policy looks at; 0: it looks at none."""
    return config.dimensions if isinstance(config, ContextualConfig) else 0


def learned_as(config: PolicyConfig) -> tuple[object, ...]:
    """What else than counts the policy's state depends on: where this changes, it starts anew. Empty: counts alone."""
    if isinstance(config, ChainConfig):
        return (config.then, isinstance(config, Surrogate), _reader_spread(config), getattr(config, "delay", ""))
    if not isinstance(config, ContextualConfig):
        return ()
    free = ("objective", "exploration")  # the objective is compared by what it counts
    return tuple(getattr(config, name) for name in config.__struct_fields__ if name not in free)


def steps_of(config: PolicyConfig) -> tuple[str, ...]:
    """The objectives that a policy looks for after a start, step 1 first: its field `then`; empty where it has none."""
    return tuple(getattr(config, "then", ()))


def policy_version(config: PolicyConfig) -> str:
    """Name and digest of the configuration, such as `thompson@3f2a91c0`: equal text, equal behaviour."""
    canonical = msgspec.json.encode(config, order="sorted")
    return f"{config.__struct_config__.tag}@{hashlib.sha256(canonical).hexdigest()[:8]}"


def warm() -> None:
    """Compile all kernels of this room (or load them from the cache). Seconds the first time, then milliseconds."""
    request, candidates = Request(np.ones(1, np.float32), 0), Candidates(np.arange(3, dtype=np.int32))
    priors = ContentPriors(np.ones((1, 3), np.float32), np.ones((1, 3), np.float32))
    one = np.zeros(1, np.int32)
    outcomes = Outcomes(one, one, np.ones(1, np.float32), np.zeros(1, np.float32), np.zeros(1, np.int64))
    for config in (
        Thompson(),
        Ucb1(),
        EpsilonGreedy(epsilon=0.5),
        Editor(),
        Earning(),
        Value(),
        Conditional(),
        Retention(),
        LinTs(),
        LinUcb(),
        LinTs(model="hybrid"),
        Logistic(),
    ):
        policy = make_policy(config, 1)
        policy.update(outcomes)
        for step in range(1, 1 + len(getattr(config, "then", ()))):
            policy.update(dataclasses.replace(outcomes, step=step, rewards=np.ones(1, np.float32)))
        policy.rank(request, candidates, 2, 1)
        policy.rank(request, candidates._replace(priors=priors), 2, 1)
        policy.posterior(one, 0, 0)
