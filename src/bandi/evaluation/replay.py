"""A policy of ours over a decision log: it learns in the order of time, and is asked what it would have shown.

Each row is one slot. Before a row is learned from, the policy's probability of the logged item in that slot is found by
ranking many times with other seeds (refreshed every few hundred rows: the posteriors hardly move in between).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bandi.evaluation.decision_log import DecisionLog
from bandi.evaluation.intervals import Interval, wilson_interval
from bandi.model.records import Array
from bandi.policies.protocol import Candidates, Outcomes, Policy, Request

Progress = Callable[[int], None]
MAX_TABLES_BYTES = 1 << 30
_WEIGHTS = np.ones(1, np.float32)


@dataclass(frozen=True, slots=True)
class Matching:
    """Replay by matching. rows: those that were kept; click_rate: on them, None where none was kept."""

    rows: int
    click_rate: Interval | None


def action_distribution(policy: Policy, items: int, slots: int, at_ms: int, seed: int, draws: int) -> Array:
    """float64[items, slots]: share of `draws` rankings that put the item in the slot (so resolved to 1 / draws)."""
    counts = np.zeros((items, slots))
    candidates = Candidates(np.arange(items, dtype=np.int32))
    request = Request(_WEIGHTS, at_ms)
    slot = np.arange(min(slots, items))
    for draw in range(draws):
        counts[policy.rank(request, candidates, slots, seed * 1_000_003 + draw).items, slot] += 1
    return counts / draws


def learned_probabilities(
    policy: Policy,
    log: DecisionLog,
    seed: int,
    draws: int = 1_000,
    refresh: int = 500,
    progress: Progress | None = None,
) -> tuple[Array, Array]:
    """What a policy would have shown that learns from each row after it was asked about it.

    float32[contexts, items, slots], its action distribution, found anew every `refresh` rows (or so much less often that all
    fit in MAX_TABLES_BYTES), and int32[n], which of them held at each row. It learns from all rows, whoever chose them: a row
    tells the click rate of its item in any case.
    """
    items, slots = len(log.item_names), log.slots
    most = max(1, MAX_TABLES_BYTES // (4 * items * slots))
    refresh = max(refresh, -(-len(log) // most))
    starts = range(0, len(log), refresh)
    tables = np.empty((len(starts), items, slots), np.float32)
    for context, first in enumerate(starts):
        rows = slice(first, min(first + refresh, len(log)))
        tables[context] = action_distribution(policy, items, slots, int(log.times_ms[first]), seed + first, draws)
        policy.update(_outcomes(log, np.arange(rows.start, rows.stop)))
        if progress is not None:
            progress(rows.stop - rows.start)
    return tables, (np.arange(len(log)) // refresh).astype(np.int32)


def match(policy: Policy, log: DecisionLog, seed: int, progress: Progress | None = None) -> Matching:
    """Replay: keep a row where the policy, asked anew, shows the logged item in that slot; learn from kept rows alone.

    Li, Chu, Langford and Wang (2011), "Unbiased offline evaluation of contextual-bandit-based news article
    recommendation algorithms". Their logs were uniform; for others a match is kept with probability min(p) / p, which
    makes the kept rows as good as uniform.
    """
    coins = np.random.default_rng([seed, 5])
    keep = coins.random(len(log)) < log.propensities.min() / log.propensities
    candidates = Candidates(np.arange(len(log.item_names), dtype=np.int32))
    kept = []
    for row in range(len(log)):
        if keep[row]:
            shown = policy.rank(
                Request(_WEIGHTS, int(log.times_ms[row])), candidates, log.slots, (seed << 40) + row
            ).items
            position = int(log.positions[row])
            if position < len(shown) and shown[position] == log.items[row]:
                kept.append(row)
                policy.update(_outcomes(log, np.array([row])))
        if progress is not None and row % 100 == 99:
            progress(100)
    rewards = log.clicks[kept]
    return Matching(len(kept), wilson_interval(rewards) if kept else None)


def _outcomes(log: DecisionLog, rows: Array) -> Outcomes:
    return Outcomes(
        items=log.items[rows],
        segments=np.zeros(len(rows), np.int32),
        trials=np.ones(len(rows), np.float32),
        rewards=log.clicks[rows].astype(np.float32),
        occurred_ms=log.times_ms[rows],
    )


def shares(log: DecisionLog, item_names: tuple[str, ...], slots: int) -> Array:
    """The action distribution that a log shows: float64[items, slots], share of each item in each slot."""
    place = {name: i for i, name in enumerate(item_names)}
    counts = np.zeros((len(item_names), slots))
    items = np.array([place.get(name, -1) for name in log.item_names])[log.items]
    known = items >= 0
    np.add.at(counts, (items[known], log.positions[known]), 1.0)
    return np.asarray(counts / np.maximum(counts.sum(axis=0), 1.0))
