"""From a policy's configuration to the policy, and to the version text that decisions carry."""

from __future__ import annotations

import dataclasses
import hashlib

import msgspec
import numpy as np

from bandi.model.config import Earning, Editor, EpsilonGreedy, PolicyConfig, Prior, Seen, Thompson, Ucb1
from bandi.policies.arms import BetaArms
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.chain import CONTINUED, PAID, ChainStatistics
from bandi.policies.earning import EarningPolicy
from bandi.policies.editor import EditorRule
from bandi.policies.epsilon_greedy import EpsilonGreedyRule
from bandi.policies.examination import Examination
from bandi.policies.protocol import Candidates, Outcomes, Policy, Request
from bandi.policies.seen import SeenPolicy
from bandi.policies.thompson import ThompsonRule
from bandi.policies.ucb1 import Ucb1Rule


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
        case Earning():
            steps = (CONTINUED, PAID)[-len(config.then) :]
            return EarningPolicy(_arms(config, segments), ChainStatistics(steps), config, _examination(config))
        case Editor():
            return BernoulliPolicy(BetaArms(Prior(), None, segments), EditorRule())


def _arms(config: Thompson | Ucb1 | EpsilonGreedy | Earning, segments: int) -> BetaArms:
    return BetaArms(config.prior, config.half_life, segments, config.borrow)


def _examination(config: Thompson | Ucb1 | EpsilonGreedy | Earning) -> Examination | None:
    return Examination() if config.position == "learned" else None


def policy_version(config: PolicyConfig, seen: Seen | None = None) -> str:
    """Name and digest of the configuration, such as `thompson@3f2a91c0`: equal text, equal behaviour."""
    canonical = msgspec.json.encode(config if seen is None else (config, seen), order="sorted")
    return f"{config.__struct_config__.tag}@{hashlib.sha256(canonical).hexdigest()[:8]}"


def warm() -> None:
    """Compile all kernels of this room (or load them from the cache). Seconds the first time, then milliseconds."""
    request, candidates = Request(np.ones(1, np.float32), 0, 0), Candidates(np.arange(3, dtype=np.int32))
    one = np.zeros(1, np.int32)
    outcomes = Outcomes(
        one, one, np.ones(1, np.float32), np.zeros(1, np.float32), np.zeros(1, np.int64), users=one, slots=one
    )
    weighed = Thompson(position="learned")
    for config in (Thompson(), weighed, Ucb1(), EpsilonGreedy(epsilon=0.5), Editor(), Earning()):
        policy = make_policy(config, 1, Seen() if config is weighed else None)
        policy.update(outcomes)
        for step in range(1, 1 + len(getattr(config, "then", ()))):
            policy.update(dataclasses.replace(outcomes, step=step, rewards=np.ones(1, np.float32)))
        policy.rank(request, candidates, 2, 1)
        policy.posterior(one, 0, 0)
