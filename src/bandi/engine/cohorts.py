"""Forecasts kept aside before their starts came: for each week what the chain said at its beginning, and what came of it.

A chain that is judged by the counts it was fitted to always looks well. So a second chain is fed from the log in its order, and
its forecasts are put down when a week begins; the week's starts are judged by those, however late they convert.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bandi.learning.calibration import Group, even_groups, grouped
from bandi.learning.delays import KaplanMeier
from bandi.model.records import Array
from bandi.policies.chain import ChainStatistics
from bandi.policies.protocol import Outcomes

WEEK_MS = 7 * 86_400_000
GROUPS = 5
_ROW = np.dtype([("user", "<i4"), ("item", "<i4"), ("start_ms", "<i8"), ("trial", "<f4"), ("reward", "<f4")])


@dataclass(slots=True)
class _Week:
    """titles: float64[items + 1], payments per start, the last for titles then unknown; readers: float32[readers], factors."""

    titles: Array
    readers: Array
    parts: list[Array] = field(default_factory=lambda: [np.zeros(0, _ROW)])


@dataclass(frozen=True, slots=True)
class Judged:
    """titles: groups by forecast payments per start; readers: groups by factor, lowest first; weeks: (begin, sums), oldest first."""

    titles: list[Group]
    readers: list[Group]
    weeks: list[tuple[int, Group]]


class Cohorts:
    """One placement's chain and the last `kept` weeks of its starts; older ones are forgotten."""

    def __init__(self, chain: ChainStatistics, kept: int = 12) -> None:
        self._chain, self._kept = chain, kept
        self._weeks: dict[int, _Week] = {}

    def begin(self, week: int) -> None:
        """A week (milliseconds / WEEK_MS) begins: put down what is foretold now, if any reward was seen. O(titles + readers)."""
        chain, begin_ms = self._chain, week * WEEK_MS
        if not chain.payers_of(np.arange(chain.items)).any():
            return
        titles = chain.payments_of(np.arange(chain.items + 1), begin_ms)
        factors = chain.reader_factors(np.arange(len(chain.readers))).astype(np.float32)
        self._weeks[week] = _Week(titles, factors)
        for old in [each for each in self._weeks if each <= week - self._kept]:
            del self._weeks[old]

    def learn(self, outcomes: Outcomes) -> None:
        """Rows of the policy's steps in log order, numbered from 1: they count for their weeks, then the chain learns them."""
        assert outcomes.steps is not None and outcomes.users is not None
        first, last = outcomes.steps == 1, outcomes.steps == self._chain.steps
        trials, rewards = np.where(first, outcomes.trials, 0.0), np.where(last, outcomes.rewards, 0.0)
        kept = (trials != 0.0) | (rewards != 0.0)
        rows = np.zeros(int(kept.sum()), _ROW)
        columns = (outcomes.users, outcomes.items, outcomes.occurred_ms, trials, rewards)
        for name, column in zip(_ROW.names or (), columns, strict=True):
            rows[name] = column[kept]
        weeks = rows["start_ms"] // WEEK_MS
        for week in np.unique(weeks).tolist():
            if week in self._weeks:
                self._weeks[week].parts.append(rows[weeks == week])
        self._chain.update(outcomes)

    def judged(self, now_ms: int, curve: KaplanMeier) -> Judged:
        """Forecasts against what came by `now_ms`; curve: when rewards come.

        Left out are weeks that began before the first reward of the last step: nothing was known then.
        """
        parts, weeks = [np.zeros((0, 6))], []
        for week, kept in sorted(self._weeks.items()):
            rows = np.concatenate(kept.parts)
            if not len(rows):
                continue
            judged = _judge(rows, kept, now_ms, curve)
            parts.append(judged)
            weeks.append((week * WEEK_MS, _together(judged)))
        every = np.concatenate(parts)
        return Judged(_by(every, 0), _by(every, 1), weeks)


def _judge(rows: Array, week: _Week, now_ms: int, curve: KaplanMeier) -> Array:
    """float64[n, 6]: forecast of the title, factor of the reader, trial, mature trial, expected by now, reward."""
    titles = week.titles[np.minimum(rows["item"], len(week.titles) - 1)]
    known = (rows["user"] >= 0) & (rows["user"] < len(week.readers))
    factors = np.ones(len(rows))
    factors[known] = week.readers[rows["user"][known]]
    mature = rows["trial"] * curve.share(np.maximum(now_ms - rows["start_ms"], 0))
    return np.column_stack([titles, factors, rows["trial"], mature, mature * titles * factors, rows["reward"]])


def _by(judged: Array, column: int) -> list[Group]:
    """Groups by forecast or factor, each with about as many starts; empty ones are left out."""
    groups = even_groups(judged[:, column], judged[:, 2], GROUPS)
    made = grouped(groups, GROUPS, judged[:, 2], judged[:, 3], judged[:, 4], judged[:, 5])
    return [group for group in made if group.starts > 0.0]


def _together(judged: Array) -> Group:
    return grouped(np.zeros(len(judged), np.int64), 1, *judged[:, 2:].T)[0]
