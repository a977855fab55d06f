"""From a policy's configuration to the policy, and to the version text that decisions carry."""

from __future__ import annotations

import dataclasses
import hashlib

import msgspec
import numpy as np

from bandi.model.config import (
    ChangeDetection,
    Earning,
    Editor,
    EpsilonGreedy,
    Plugin,
    PolicyConfig,
    Prior,
    Thompson,
    Ucb1,
)
from bandi.policies.arms import BetaArms, Memory
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.chain import CONTINUED, PAID, ChainStatistics
from bandi.policies.change_detection import Changes
from bandi.policies.earning import EarningPolicy
from bandi.policies.editor import EditorRule
from bandi.policies.epsilon_greedy import EpsilonGreedyRule
from bandi.policies.guarded import GuardedPolicy
from bandi.policies.protocol import Candidates, Outcomes, Policy, Request
from bandi.policies.thompson import ThompsonRule
from bandi.policies.ucb1 import Ucb1Rule
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
        case Earning():
            steps = (CONTINUED, PAID)[-len(config.then) :]
            return EarningPolicy(_arms(config, segments), ChainStatistics(steps), config)
        case Plugin():
            return GuardedPolicy(config, segments, BernoulliPolicy(_arms(config, segments), ThompsonRule()))
        case Editor():
            return BernoulliPolicy(BetaArms(Prior(), None, segments), EditorRule())


def _arms(config: Thompson | Ucb1 | EpsilonGreedy | Earning | Plugin, segments: int) -> BetaArms:
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
    for config in (Thompson(), Ucb1(), EpsilonGreedy(epsilon=0.5), Editor(), Earning(), *forgetting):
        policy = make_policy(config, 1)
        policy.update(outcomes)
        for step in range(1, 1 + len(getattr(config, "then", ()))):
            policy.update(dataclasses.replace(outcomes, step=step, rewards=np.ones(1, np.float32)))
        policy.rank(request, candidates, 2, 1)
        policy.posterior(one, 0, 0)
