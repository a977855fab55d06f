"""What new titles start from: priors of the arms of each placement that asks for them, from the state at the log's end."""

from __future__ import annotations

import msgspec
import numpy as np

from bandi.catalog.items import Items
from bandi.features.mixing import reduced
from bandi.jobs.reading import Material
from bandi.jobs.vectors import OnStep, Vectors
from bandi.learning.content_features import Content, content_of
from bandi.learning.content_priors import learn_content_priors
from bandi.learning.step_priors import learn_step_priors
from bandi.model.catalog import Item
from bandi.model.config import Config
from bandi.model.events import milliseconds
from bandi.model.records import Array
from bandi.model.variants import counting_placements
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.chain_policy import ChainPolicy
from bandi.policies.protocol import ContentPriors, StepPriors
from bandi.policies.seen import within
from bandi.policies.traits import learned_prior
from bandi.segments.profiles import Labels

VECTOR_DIMENSIONS = 16
"""Of the vectors of texts and images that a prior is learned from: more say little more of a rate."""
_DAY_MS = 86_400_000.0


class Priors(msgspec.Struct, frozen=True):
    """By placement. by_placement: what arms start from; steps: what factors of later steps do, where the policy learns any.

    reports: what speaks for it (see learning.content_priors.LearnedPriors); step_1_shape and on: the median Gamma shape that
    content is worth in that step after a start.
    """

    by_placement: dict[str, ContentPriors]
    reports: dict[str, dict[str, float]]
    steps: dict[str, StepPriors]


def learn_priors(
    config: Config, material: Material, titles: list[Item | None], vectors: Vectors, on_step: OnStep
) -> Priors:
    """Priors of the placements of `config`, and variants with arms of their own, that ask and whose arms the log knows."""
    made = Priors({}, {}, {})
    asking = {
        name: prior
        for name, place in counting_placements(config).items()
        if (prior := learned_prior(place.policy)) is not None
    }
    content: Content | None = None
    for done, (name, prior) in enumerate(asking.items()):
        on_step("learning what new titles start from", done, len(asking))
        state = material.state.placements.get(name)
        policy = None if state is None else within(state.policy)
        if not isinstance(policy, BernoulliPolicy | ChainPolicy):
            continue
        content = content or described(material.state.items, titles, vectors, material.last_ms)
        learned = learn_content_priors(policy.arms.counted(material.last_ms), content, prior)
        made.by_placement[name], metrics = learned.priors, learned.metrics
        if isinstance(policy, ChainPolicy):
            made.steps[name] = learn_step_priors(policy.chain, content, material.last_ms)
            for number, shapes in enumerate(made.steps[name].shapes, start=1):
                metrics[f"step_{number}_shape"] = float(np.median(shapes))
        made.reports[name] = {metric: round(value, 5) for metric, value in metrics.items()}
    return made


def described(items: Items, titles: list[Item | None], vectors: Vectors, now_ms: int) -> Content:
    """Titles by genre, author, tags, age since their launch, and by the vectors that were made of what is written and shown."""
    labels = {name: _single(items, name, len(titles)) for name in ("genre", "author")}
    numbers = {"age": np.array([_age(title, now_ms) for title in titles], np.float64)}
    numbers |= {name: reduced(rows, VECTOR_DIMENSIONS) for name, rows in vectors.by_feature.items()}
    return content_of(len(titles), {**labels, "tags": _several(items, len(titles))}, numbers)


def _age(title: Item | None, now_ms: int) -> float:
    """ln(1 + days since the launch), of a title before its launch 0; NaN where no launch is known."""
    if title is None or title.launched_at is None:
        return float("nan")
    return float(np.log1p(max(0.0, now_ms - milliseconds(title.launched_at)) / _DAY_MS))


def _single(items: Items, name: str, titles: int) -> Labels:
    """One label a title, or none."""
    codes = items.codes(name)
    known: Array = codes.codes[:titles]
    return Labels(codes.names, np.arange(len(known) + 1), known)


def _several(items: Items, titles: int) -> Labels:
    lists = items.lists("tags")
    taken = lists.take(np.arange(min(titles, len(lists.starts))))
    return Labels(lists.names, np.append(0, np.cumsum(taken.counts, dtype=np.int64)), taken.ids)
