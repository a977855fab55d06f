"""From a policy's configuration to the policy, and to the version text that decisions carry."""

from __future__ import annotations

import dataclasses
import hashlib

import msgspec

from bandi.model.config import Seen
from bandi.model.config_values import duration_ms
from bandi.model.policy_config import (
    ChainConfig,
    Conditional,
    CountingArms,
    Earning,
    Editor,
    EpsilonGreedy,
    Fitted,
    ForgettingArms,
    LinTs,
    LinUcb,
    Logistic,
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
from bandi.policies.cascade import Cascade, SlotModel
from bandi.policies.chain import CONTINUED, PAID, ChainStatistics
from bandi.policies.chain_policy import ChainPolicy, ChainRule
from bandi.policies.change_detection import Changes
from bandi.policies.conditional import ConditionalRule
from bandi.policies.earning import EarningRule
from bandi.policies.editor import EditorRule
from bandi.policies.epsilon_greedy import EpsilonGreedyRule
from bandi.policies.examination import Examination
from bandi.policies.fitted import FittedRule
from bandi.policies.guarded import GuardedPolicy
from bandi.policies.hybrid import HybridPolicy
from bandi.policies.lin_ts import LinTsRule
from bandi.policies.lin_ucb import LinUcbRule
from bandi.policies.linear import LinearPolicy, LinearRule
from bandi.policies.linear_titles import LinearTitles
from bandi.policies.logistic import LogisticPolicy
from bandi.policies.protocol import Policy
from bandi.policies.retention import RetentionRule
from bandi.policies.seen import SeenPolicy
from bandi.policies.thompson import ThompsonRule
from bandi.policies.traits import reader_spread
from bandi.policies.ucb1 import Ucb1Rule
from bandi.policies.value import ValueRule
from bandi.policies.window import Window


def make_policy(config: PolicyConfig, segments: int, seen: Seen | None = None) -> Policy:
    """A policy without experience, wrapped where a placement counts showings. segments: at least 1."""
    policy = _bare(config, segments)
    return policy if seen is None else SeenPolicy(policy, seen)


def _bare(config: PolicyConfig, segments: int) -> Policy:
    match config:
        case Thompson():
            return BernoulliPolicy(_arms(config, segments), ThompsonRule(), _examination(config))
        case Ucb1():
            return BernoulliPolicy(_arms(config, segments), Ucb1Rule(config.exploration), _examination(config))
        case EpsilonGreedy():
            return BernoulliPolicy(_arms(config, segments), EpsilonGreedyRule(config.epsilon), _examination(config))
        case Fitted():
            return BernoulliPolicy(_arms(config, segments), FittedRule(config), _examination(config))
        case Plugin():
            fallback = BernoulliPolicy(_arms(config, segments), ThompsonRule(), _examination(config))
            return GuardedPolicy(config, segments, fallback)
        case Earning() | Value() | Surrogate() | Conditional() | Retention():
            return ChainPolicy(_arms(config, segments), _chain(config), _chain_rule(config), _examination(config))
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


def _arms(config: CountingArms, segments: int) -> BetaArms:
    memory: Memory | None = None
    if isinstance(config, ForgettingArms):
        if config.window is not None:
            memory = Window(config.window, segments)
        elif config.change_detection is not None:
            memory = Changes(config.change_detection)
    return BetaArms(config.prior, config.half_life, segments, config.borrow, memory)


def _examination(config: CountingArms) -> SlotModel | None:
    match config.position:
        case "learned":
            return Examination()
        case "cascade":
            return Cascade()
        case "ignored":
            return None


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
        return ChainStatistics((CONTINUED,), reader_spread(config))
    steps = (CONTINUED, PAID)[-len(config.then) :]
    if isinstance(config, Earning) and config.delay == "ignored":
        steps = tuple(dataclasses.replace(step, delay_ms=0.0) for step in steps)
    if isinstance(config, Surrogate):
        steps = (*steps[:-1], dataclasses.replace(steps[-1], most_spread=0.0))
    return ChainStatistics(steps, reader_spread(config))


def _linear(config: LinTs | LinUcb, segments: int, rule: LinearRule) -> LinearPolicy:
    half_life_ms = 0.0 if config.half_life is None else float(duration_ms(config.half_life))
    titles = LinearTitles(config.dimensions, config.most_titles, config.prior.mean, config.prior.strength, half_life_ms)
    return LinearPolicy(BetaArms(config.prior, config.half_life, segments), titles, rule)


def policy_version(config: PolicyConfig, seen: Seen | None = None) -> str:
    """Name and digest of the configuration, such as `thompson@3f2a91c0`: equal text, equal behaviour."""
    canonical = msgspec.json.encode(config if seen is None else (config, seen), order="sorted")
    return f"{config.__struct_config__.tag}@{hashlib.sha256(canonical).hexdigest()[:8]}"
