"""Training: from the log to an artifact. The service may go on serving; it takes the artifact up by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

import bandi
from bandi.engine.artifact_files import Manifest, Parts, likenesses
from bandi.engine.artifacts import Shelf
from bandi.engine.folder import read_config
from bandi.features.factors.als import AlsConfig, Factors, fit
from bandi.features.factors.search import available, build
from bandi.jobs.judging import HeldBack, hold_back, judge
from bandi.jobs.priors import learn_priors
from bandi.jobs.reading import Material, nothing_to_learn_from, read_material, weighed
from bandi.jobs.segmenting import Segmented, last_learned, segment
from bandi.jobs.settings import als_config
from bandi.jobs.vectors import OnStep, Vectors, learn_mixes, learn_vectors
from bandi.model.config import Config
from bandi.model.records import Array
from bandi.model.targeter_config import SimilarTargeter
from bandi.model.variants import every_list
from bandi.targeters.protocol import Learned, Likeness

_FEW_FACTORS, _FEW_TITLES, _COLLAPSED = 8, 20, 1.5
_NOBODY = np.zeros(0, np.int32)


Chooser = Callable[[HeldBack, AlsConfig, Callable[[int, int], None]], AlsConfig]
"""From held-out reads and the configured hyperparameters to those that are used."""


def train(
    folder: Path, on_step: OnStep | None = None, now_ms: int | None = None, choose: Chooser | None = None
) -> Manifest:
    """Learn from the log of `folder` what its configuration asks for, judge it on held-out reads, publish it.

    choose: how hyperparameters of factors are chosen, such as `jobs.judging.tune`; absent: as configured. Interrupted or
    out of disk, it leaves the artifact before in use. Raises InvalidInputError where there is nothing to learn from,
    StorageFullError, and what reading the log raises.
    """
    step = on_step or (lambda what, done, total: None)
    started = time.perf_counter()
    config, shelf = read_config(folder), Shelf(folder)
    material = read_material(folder, lambda done, total: step("reading the log", done, total))
    catalogue = material.titles()
    vectors = learn_vectors(config, folder, catalogue, material, step)
    if not len(material.users) and not any(rows.any() for rows in vectors.by_feature.values()):
        raise nothing_to_learn_from()
    previous = last_learned(shelf)
    factors, metrics, mixes = _factors(config, material, vectors, previous, choose, step)
    segmented = None
    if config.segments is not None:
        step("finding segments", 0, 1)
        segmented = segment(config.segments, material, catalogue, vectors, factors, previous)
        step("finding segments", 1, 1)
    parts = Parts(vectors.by_feature, mixes)
    priors = learn_priors(config, material, catalogue, vectors, step)
    learned = replace(
        _indexed(_learned(factors, parts, segmented), config, step),
        priors=priors.by_placement,
        step_priors=priors.steps,
    )
    read = np.unique(material.items), np.unique(material.users)
    manifest = Manifest(
        name="",
        position=material.position,
        made_ms=time.time_ns() // 1_000_000 if now_ms is None else now_ms,
        items=len(read[0]),
        users=len(read[1]),
        reads=len(material.users),
        seconds=round(time.perf_counter() - started, 3),
        factors=factors.config.factors,
        metrics=metrics,
        indexed=learned.by_score is not None,
        bandi=bandi.__version__,
        features={**vectors.reports, "factors": _report(factors)},
        mixes=mixes,
        segments=None if segmented is None else segmented.profiles,
        priors=priors.reports,
        problems=(*vectors.problems, *_collapse(factors, len(read[0]))),
    )
    return shelf.manifest(shelf.publish(learned, parts, manifest))


def _factors(
    config: Config,
    material: Material,
    vectors: Vectors,
    previous: Learned | None,
    choose: Chooser | None,
    step: OnStep,
) -> tuple[Factors, dict[str, float], dict[str, dict[str, float]]]:
    """Factors, what they were found to be worth, and the weights of mixed likeness."""
    als = als_config(config.factors)
    held_back = hold_back(material)
    metrics: dict[str, float] = {}
    if held_back is None:
        mixes = learn_mixes(config, vectors, None, _NOBODY, _NOBODY)
    else:
        if choose is not None:
            als = choose(held_back, als, lambda done, total: step("choosing hyperparameters", done, total))
        rounds = als.iterations
        metrics, held_factors = judge(held_back, als, lambda done: step("judging on held-out reads", done, rounds))
        mixes = learn_mixes(config, vectors, held_factors, held_back.befores, held_back.nexts)
    rounds = als.iterations
    factors = fit(
        weighed(material.users, material.items, material.shape),
        als,
        on_iteration=lambda done: step("learning from all reads", done, rounds),
        start_items=_items_before(previous, als, material),
    )
    return factors, metrics, mixes


def _items_before(previous: Learned | None, als: AlsConfig, material: Material) -> Array | None:
    """The titles' vectors of the last training, where this one can go on from them (a warm start)."""
    if previous is None or previous.factors.items.shape[1] != als.factors or not previous.factors.items.any():
        return None
    items: Array = previous.factors.items[: material.shape[1]]
    return items


def _learned(factors: Factors, parts: Parts, segmented: Segmented | None) -> Learned:
    likeness = likenesses(factors, parts)
    if segmented is None:
        return Learned(factors, likeness=likeness)
    return Learned(factors, None, likeness, segmented.model, segmented.titles, segmented.promise, segmented.leading)


def _indexed(learned: Learned, config: Config, step: OnStep) -> Learned:
    """With search indexes, where the catalogue is large and usearch is installed: for the likenesses that targeters use."""
    used = [name for name in _searched(config) if name in learned.likeness]
    if len(learned.factors.items) < config.factors.index_from or not available():
        return learned
    total = 1 + len(used)
    step("indexing titles", 0, total)
    by_score = build(learned.factors.items)
    likeness = dict(learned.likeness)
    for done, name in enumerate(used, 1):
        step("indexing titles", done, total)
        likeness[name] = Likeness(likeness[name].vectors, build(likeness[name].vectors))
    step("indexing titles", total, total)
    return replace(learned, by_score=by_score, likeness=likeness)


def _searched(config: Config) -> list[str]:
    targeters = (targeter for placement in every_list(config) for targeter in placement.targeters)
    return list(dict.fromkeys("+".join(t.by) for t in targeters if isinstance(t, SimilarTargeter)))


def _collapse(factors: Factors, titles: int) -> list[str]:
    """A word where factors say popularity alone, though so many titles were read that they could say more."""
    spread = factors.effective_dimensions
    if factors.config.factors < _FEW_FACTORS or titles < _FEW_TITLES or not 0 < spread < _COLLAPSED:
        return []
    return [
        f"factors: all titles lie in {spread:.1f} directions, so factors say little but popularity; where `similar` or segments "
        "use them, lower regularisation or raise alpha in [factors]"
    ]


def _report(factors: Factors) -> dict[str, float | str]:
    als = factors.config
    return {
        "factors": als.factors, "regularisation": als.regularisation, "alpha": als.alpha,
        "nu": als.nu, "iterations": als.iterations,
        "effective_dimensions": round(factors.effective_dimensions, 2),
    }  # fmt: skip
