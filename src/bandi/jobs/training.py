"""Training: from the log to an artifact. The service may go on serving; it takes the artifact up by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import bandi
from bandi.engine.artifacts import Manifest, Shelf, check_trainable
from bandi.engine.folder import read_config
from bandi.engine.recovery import recover
from bandi.evaluation.ranking import RankingQuality, ranking_quality
from bandi.features.factors.als import AlsConfig, fit
from bandi.features.factors.interactions import Interactions, gather_interactions
from bandi.features.factors.search import available, build
from bandi.log.folder import LogFolder
from bandi.log.protocol import Log
from bandi.log.sqlite import open_log_read_only
from bandi.model.events import EventKind
from bandi.model.records import Array
from bandi.targeters.protocol import Learned

K = 20
MAX_JUDGED = 10_000
"""Readers whose last title is held out to judge by."""

OnStep = Callable[[str, int, int], None]
"""Called with what is being done, steps done and steps in all."""


def train(folder: Path, on_step: OnStep | None = None, now_ms: int | None = None) -> Manifest:
    """Learn factors from the log of `folder`, judge them on held-out reads, publish them.

    Interrupted or out of disk, it leaves the artifact before in use. Raises InvalidInputError where there is nothing to
    learn from, StorageFullError, and what reading the log raises.
    """
    step = on_step or (lambda what, done, total: None)
    started = time.perf_counter()
    settings = read_config(folder).factors
    config = AlsConfig(settings.factors, settings.regularisation, settings.alpha, settings.nu, settings.iterations)
    if not LogFolder(folder).root.exists():
        check_trainable(0)
    log = open_log_read_only(folder)
    try:
        end = log.next_position
        state = recover(folder, log, end).state
        shape = (state.interner.size("user"), state.interner.size("item"))
        users, items = reads(log, end, lambda done: step("reading the log", done, end))
    finally:
        log.close()
    check_trainable(len(users))
    metrics = judge(
        users, items, shape, config, lambda done: step("judging on held-out reads", done, config.iterations)
    )
    interactions = weighed(users, items, shape)
    factors = fit(
        interactions, config, on_iteration=lambda done: step("learning from all reads", done, config.iterations)
    )
    learned = Learned(factors)
    if shape[1] >= settings.index_from and available():
        step("indexing titles", 0, 2)
        by_score = build(factors.items)
        step("indexing titles", 1, 2)
        learned = Learned(factors, by_score, build(factors.directions))
        step("indexing titles", 2, 2)
    manifest = Manifest(
        name="",
        position=end,
        made_ms=time.time_ns() // 1_000_000 if now_ms is None else now_ms,
        items=int((np.diff(interactions.by_item.starts) > 0).sum()),
        users=int((np.diff(interactions.by_user.starts) > 0).sum()),
        reads=len(users),
        seconds=round(time.perf_counter() - started, 3),
        factors=config.factors,
        metrics=metrics,
        indexed=learned.by_score is not None,
        bandi=bandi.__version__,
    )
    shelf = Shelf(folder)
    return shelf.manifest(shelf.publish(learned, manifest))


def reads(log: Log, stop: int, on_records: Callable[[int], None]) -> tuple[Array, Array]:
    """Reader and title of every click, read and purchase by a known reader, in log order: int32[n], int32[n]."""
    users, items = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    for stretch in log.read(0, stop):
        rows = stretch.events.rows
        kinds = rows["kind"]
        taken = (kinds >= EventKind.CLICK) & (kinds <= EventKind.PURCHASE) & (rows["user"] >= 0) & (rows["item"] >= 0)
        users.append(rows["user"][taken])
        items.append(rows["item"][taken])
        on_records(stretch.stop)
    return np.concatenate(users), np.concatenate(items)


def weighed(users: Array, items: Array, shape: tuple[int, int]) -> Interactions:
    """Each pair of reader and title weighs 1 + ln(how often): the tenth read of a title says less than the first."""
    width = max(shape[1], 1)
    pairs, times = np.unique(users.astype(np.int64) * width + items, return_counts=True)
    return gather_interactions(pairs // width, pairs % width, 1.0 + np.log(times), shape)


def judge(
    users: Array, items: Array, shape: tuple[int, int], config: AlsConfig, on_iteration: Callable[[int], None]
) -> dict[str, float]:
    """Recall and NDCG at 20 of the title that each reader turned to last, beside those of the most read titles.

    Readers of at least three titles, at most MAX_JUDGED of them. The last title is the one whose first event came last.
    """
    width = max(shape[1], 1)
    pairs, first = np.unique(users.astype(np.int64) * width + items, return_index=True)
    order = np.lexsort((first, pairs // width))
    owners = pairs[order] // width
    is_last = np.append(owners[1:] != owners[:-1], True)
    counts = np.bincount(owners, minlength=shape[0])
    judged = np.flatnonzero(is_last & (counts[owners] >= 3))
    judged = (
        judged[np.linspace(0, len(judged) - 1, min(len(judged), MAX_JUDGED)).astype(int)] if len(judged) else judged
    )
    if not len(judged):
        return {}
    held_pairs = pairs[order][judged]
    kept = ~np.isin(users.astype(np.int64) * width + items, held_pairs)
    seen = weighed(users[kept], items[kept], shape)
    held = gather_interactions(held_pairs // width, held_pairs % width, np.ones(len(judged)), shape)
    factors = fit(seen, config, on_iteration=on_iteration)
    found = ranking_quality(factors.users, factors.items, seen.by_user, held.by_user, K)
    popular = np.diff(seen.by_item.starts).astype(np.float32)[:, None]
    baseline = ranking_quality(np.ones((shape[0], 1), np.float32), popular, seen.by_user, held.by_user, K)
    return {**_named(found, ""), **_named(baseline, "popular_"), "judged_readers": float(len(judged))}


def _named(quality: RankingQuality, prefix: str) -> dict[str, float]:
    return {
        f"{prefix}recall_at_{K}": round(float(quality.recall.mean()), 5),
        f"{prefix}ndcg_at_{K}": round(float(quality.ndcg.mean()), 5),
    }
