"""What titles start from in the funnel world: priors by content, learned once a simulated day from what the policy has counted.

As `bandi train` does it (jobs/priors.py): genre, author, tags and age, which are visible, and the policy's own counts. A
title that launches today was put in the catalogue before, so it has its priors on its first day.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from bandi.evaluation.worlds.funnel.catalogue import Catalogue
from bandi.evaluation.worlds.webtoon import DAY_MS
from bandi.learning.content_features import Content, content_of
from bandi.learning.content_priors import learn_content_priors
from bandi.learning.step_priors import learn_step_priors
from bandi.model.policy_config import Prior
from bandi.model.records import Array
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.chain_policy import ChainPolicy
from bandi.policies.protocol import ContentPriors, StepPriors
from bandi.segments.profiles import Labels

ByContent = Literal["clicks", "steps", "clicks and steps"]
"""What starts from content: click rates, what follows a start, or both."""


class Beliefs(NamedTuple):
    """Of all titles, before their own evidence; None: as the policy has it."""

    clicks: ContentPriors | None = None
    steps: StepPriors | None = None


NO_BELIEFS = Beliefs()
Believe = Callable[[int], Beliefs]
"""From the time, ms."""


def believe_by_content(
    policy: BernoulliPolicy | ChainPolicy, configured: Prior, which: ByContent, catalogue: Catalogue
) -> Believe:
    """Priors from the policy's counts at a time; it is not changed. Raises ValueError for steps of a policy that has none."""
    chain = policy.chain if isinstance(policy, ChainPolicy) else None
    if "steps" in which and chain is None:
        raise ValueError(f"{which}: expected a policy that learns what follows a start, found {type(policy).__name__}")

    def believe(now_ms: int) -> Beliefs:
        content, clicks = visible_content(catalogue, now_ms), None
        if "clicks" in which:
            clicks = learn_content_priors(policy.arms.counted(now_ms), content, configured).priors
        return Beliefs(clicks, learn_step_priors(chain, content, now_ms) if chain and "steps" in which else None)

    return believe


def visible_content(catalogue: Catalogue, now_ms: int) -> Content:
    """Titles by genre, author, tags and ln(1 + days since their launch)."""
    ages = np.log1p(np.maximum(now_ms - catalogue.launched_ms, 0) / DAY_MS)
    labels = {
        name: _labels(codes)
        for name, codes in (("genre", catalogue.genres), ("author", catalogue.authors), ("tags", catalogue.tags))
    }
    return content_of(len(catalogue.genres), labels, {"age": ages})


def _labels(codes: Array) -> Labels:
    """codes: int32[titles] or int32[titles, m]."""
    a_title = 1 if codes.ndim == 1 else codes.shape[1]
    names = [str(code) for code in range(int(codes.max()) + 1)]
    return Labels(names, np.arange(len(codes) + 1) * a_title, codes.ravel())
