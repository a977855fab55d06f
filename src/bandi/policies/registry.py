"""From a policy's configuration to the policy, and to the version text that decisions carry."""

from __future__ import annotations

import dataclasses
import hashlib

import msgspec
import numpy as np

from bandi.model.config import (
    ChangeDetection,
    Conditional,
    Earning,
    Editor,
    EpsilonGreedy,
    Plugin,
    PolicyConfig,
    Prior,
    Retention,
    Surrogate,
    Thompson,
    Ucb1,
    Value,
)
from bandi.policies.arms import BetaArms, Memory
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.chain import CONTINUED, PAID, ChainStatistics
from bandi.policies.chain_policy import ChainPolicy, ChainRule
from bandi.policies.change_detection import Changes
from bandi.policies.conditional import ConditionalRule
from bandi.policies.earning import EarningRule
from bandi.policies.editor import EditorRule
from bandi.policies.epsilon_greedy import EpsilonGreedyRule
from bandi.policies.guarded import GuardedPolicy
from bandi.policies.protocol import Candidates, Outcomes, Policy, Request
from bandi.policies.retention import RetentionRule
from bandi.policies.thompson import ThompsonRule
from bandi.policies.ucb1 import Ucb1Rule
from bandi.policies.value import ValueRule
from bandi.policies.window import Window


def make_policy(config: PolicyConfig, segments: int) -> Policy:
    """A policy without experience. segments: at least 1."""
    match config:
        case Thompson():
            return BernoulliPolicy(_arms(config, segments), ThompsonRule())
        case Ucb1():
            return BernoulliPolicy(_arms(config, segments), Ucb1Rule(config.exploration))
        case EpsilonGreedy():
            return BernoulliPolicy(_arms(config, segments), EpsilonGreedyRule(config.epsilon))
        case Plugin():
            return GuardedPolicy(config, segments, BernoulliPolicy(_arms(config, segments), ThompsonRule()))
        case Earning() | Value() | Surrogate() | Conditional() | Retention():
            return ChainPolicy(_arms(config, segments), _chain(config), _chain_rule(config))
        case Editor():
            return BernoulliPolicy(BetaArms(Prior(), None, segments), EditorRule())


ChainConfig = Earning | Value | Surrogate | Conditional | Retention


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
        return ChainStatistics((CONTINUED,), most_reader_spread=0.0)
    steps = (CONTINUED, PAID)[-len(config.then) :]
    if isinstance(config, Earning) and config.delay == "ignored":
        steps = tuple(dataclasses.replace(step, delay_ms=0.0) for step in steps)
    if isinstance(config, Surrogate):
        steps = (*steps[:-1], dataclasses.replace(steps[-1], most_spread=0.0))
    alike = isinstance(config, Conditional) or (isinstance(config, Earning) and config.readers == "ignored")
    return ChainStatistics(steps, most_reader_spread=0.0 if alike else 20.0)


def _arms(config: Thompson | Ucb1 | EpsilonGreedy | Plugin | ChainConfig, segments: int) -> BetaArms:
    memory: Memory | None = None
    if isinstance(config, Thompson | Ucb1 | EpsilonGreedy):
        if config.window is not None:
            memory = Window(config.window, segments)
        elif config.change_detection is not None:
            memory = Changes(config.change_detection)
    return BetaArms(config.prior, config.half_life, segments, config.borrow, memory)


def policy_version(config: PolicyConfig) -> str:
    """Name and digest of the configuration, such as `thompson@3f2a91c0`: equal text, equal behaviour."""
    canonical = msgspec.json.encode(config, order="sorted")
    return f"{config.__struct_config__.tag}@{hashlib.sha256(canonical).hexdigest()[:8]}"


def warm() -> None:
    """Compile all kernels of this room (or load them from the cache). Seconds the first time, then milliseconds."""
    request, candidates = Request(np.ones(1, np.float32), 0), Candidates(np.arange(3, dtype=np.int32))
    one = np.zeros(1, np.int32)
    outcomes = Outcomes(one, one, np.ones(1, np.float32), np.zeros(1, np.float32), np.zeros(1, np.int64))
    forgetting = (Thompson(window="1d"), Thompson(change_detection=ChangeDetection()))
    for config in (
        Thompson(),
        Ucb1(),
        EpsilonGreedy(epsilon=0.5),
        Editor(),
        Earning(),
        Value(),
        Conditional(),
        Retention(),
        *forgetting,
    ):
        policy = make_policy(config, 1)
        policy.update(outcomes)
        for step in range(1, 1 + len(getattr(config, "then", ()))):
            policy.update(dataclasses.replace(outcomes, step=step, rewards=np.ones(1, np.float32)))
        policy.rank(request, candidates, 2, 1)
        policy.posterior(one, 0, 0)
