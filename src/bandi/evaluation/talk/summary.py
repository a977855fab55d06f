"""Runs beside the control's, paired by seed: effects, frontiers, ablations, regret; means over worlds with t-intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from bandi.evaluation.intervals import Interval, t_interval
from bandi.evaluation.talk.frontiers import (
    READINGS,
    Path,
    Reading,
    gain_on_path,
    mean_where_all_reach,
    oracle_gain,
    ratio_of_means,
    relative,
)
from bandi.evaluation.talk.frozen import Frozen, Sign
from bandi.evaluation.talk.record import Run, run_from_row
from bandi.evaluation.talk.runs import RunStore
from bandi.evaluation.talk.tasks import Task, dial_name, oracle_name, told_name
from bandi.model.records import Array

Runs = dict[str, list[Run]]
"""Of one world: by policy, in the order of the seeds."""
Measure = Callable[[Run], float]


def expected_ctr(run: Run) -> float:
    """Clicks per impression, expected by the truth."""
    return run.result.expected_ctr


def ctr(run: Run) -> float:
    """Clicks per impression, as they fell."""
    return run.result.ctr


def expected_coins(run: Run) -> float:
    """Coins per reader of lists, expected by the truth."""
    return run.result.expected_coins_per_reader


def all_coins(run: Run) -> float:
    """The same with what was expected of organic starts."""
    return run.result.all_expected_coins_per_reader


def coins(run: Run) -> float:
    """Coins per reader of lists, as they fell."""
    return run.result.list_coins_per_reader


def paid_conversion(run: Run) -> float:
    """Payers per impression, as they fell."""
    return run.result.paid_conversion


def read_runs(tasks: Iterable[Task], store: RunStore) -> Runs:
    """All runs of one world's tasks."""
    found: Runs = {}
    for task in tasks:
        found.setdefault(task.name, []).append(run_from_row(store.read(task)))
    return found


def each(runs: Sequence[Run], measure: Measure) -> Array:
    """float64[worlds]."""
    return np.array([measure(run) for run in runs], np.float64)


def effect(runs: Sequence[Run], control: Sequence[Run], measure: Measure) -> Interval:
    """Mean over worlds of the relative difference to the control; NaN where the control has 0 in a world."""
    base = each(control, measure)
    if not base.all():
        return Interval(np.nan, np.nan, np.nan)
    return t_interval(each(runs, measure) / base - 1.0)


def sign_of(interval: Interval) -> Sign:
    """What an interval says: all above 0, all below, or neither."""
    return "+" if interval.low > 0.0 else "-" if interval.high < 0.0 else "0"


class Point(NamedTuple):
    """A policy beside the control, as shares of the control's. gained: expected coins of lists; gained_all: with organic ones;
    gained_as_fell: coins of lists as they fell.
    """

    name: str
    given_up: Interval
    gained: Interval
    gained_all: Interval
    gained_as_fell: Interval


def point(name: str, runs: Sequence[Run], control: Sequence[Run]) -> Point:
    """One policy."""
    change = effect(runs, control, expected_ctr)
    given_up = Interval(0.0 - change.estimate, 0.0 - change.high, 0.0 - change.low)
    gains = (effect(runs, control, measure) for measure in (expected_coins, all_coins, coins))
    return Point(name, given_up, *gains)


class Part(NamedTuple):
    """The oracle's gain, and the policy's as a part of it; None where a path does not reach in every world."""

    gain: Interval | None
    part: Interval | None


class Reach(NamedTuple):
    """At one share of CTR given up.

    gain: over all worlds, None where the policy's path does not get there in each; reached: worlds where it does;
    where_reached: over those alone, None without any.
    """

    share: float
    gain: Interval | None
    reached: int
    worlds: int
    where_reached: Interval | None
    oracles: dict[tuple[str, Reading], Part]


def reaches(runs: Runs, frozen: Frozen) -> list[Reach]:
    """The dial beside the oracles in one world, at each of the frozen shares."""
    shares = np.array(frozen.shares)
    control = runs[frozen.control.name]
    base_ctr, base_coins = each(control, expected_ctr), each(control, expected_coins)
    ours = _gains_on(_dial_names(frozen), runs, frozen, np.tile(shares, (len(control), 1)))
    theirs: dict[tuple[str, Reading], Array] = {}
    for resolution in frozen.oracle.resolutions:
        paths = _paths(runs, [oracle_name(resolution, multiplier) for multiplier in frozen.oracle.multipliers])
        for reading in READINGS:
            theirs[resolution, reading] = np.array(
                [oracle_gain(path, base_ctr[w], base_coins[w], shares, reading) for w, path in enumerate(paths)]
            )
    found = []
    for n, share in enumerate(frozen.shares):
        mine = ours[:, n]
        parts = {key: _part(mine, gains[:, n]) for key, gains in theirs.items()}
        there = mine[np.isfinite(mine)]
        some = t_interval(there) if len(there) else None
        found.append(Reach(share, mean_where_all_reach(mine), len(there), len(mine), some, parts))
    return found


def _part(mine: Array, oracle: Array) -> Part:
    both = np.isfinite(mine).all() and np.isfinite(oracle).all()
    return Part(mean_where_all_reach(oracle), ratio_of_means(mine, oracle) if both else None)


def _paths(runs: Runs, names: Sequence[str]) -> list[Path]:
    """One path a world."""
    clicks = np.array([each(runs[name], expected_ctr) for name in names])
    earned = np.array([each(runs[name], expected_coins) for name in names])
    return [Path(clicks[:, w], earned[:, w]) for w in range(clicks.shape[1])]


def told_parts(runs: Runs, frozen: Frozen, part: str) -> list[Part]:
    """What the dial told of a part gains, at each frozen share, and that as a part of the gain of the oracle by reader."""
    shares, control = np.array(frozen.shares), runs[frozen.control.name]
    base_ctr, base_coins = each(control, expected_ctr), each(control, expected_coins)
    names = [told_name(part, give_up) for give_up in frozen.told.give_up]
    mine = _gains_on(names, runs, frozen, np.tile(shares, (len(control), 1)))
    paths = _paths(runs, [oracle_name("reader", multiplier) for multiplier in frozen.oracle.multipliers])
    theirs = np.array([oracle_gain(path, base_ctr[w], base_coins[w], shares, "own") for w, path in enumerate(paths)])
    return [Part(mean_where_all_reach(mine[:, n]), _part(mine[:, n], theirs[:, n]).part) for n in range(len(shares))]


def _dial_names(frozen: Frozen) -> list[str]:
    return [dial_name(give_up) for give_up in frozen.dial.give_up]


def _gains_on(names: Sequence[str], runs: Runs, frozen: Frozen, shares: Array) -> Array:
    """Gains of a path of policies in each world at its own shares, float64[worlds, n] both."""
    control = runs[frozen.control.name]
    base_ctr, base_coins = each(control, expected_ctr), each(control, expected_coins)
    paths = _paths(runs, names)
    return np.array(
        [
            gain_on_path(*relative(path, base_ctr[w], base_coins[w]), shares[w])
            for w, path in enumerate(paths)
        ]
    )  # fmt: skip


class Ablation(NamedTuple):
    """The dial's policy with a part taken out.

    at: beside the control; versus_whole: expected coins beside the whole policy's, relative; beside_dial: coins gained less
    what the whole policy gains at the same clicks, as shares of the control's coins; None where its path does not get there.
    """

    title: str
    at: Point
    versus_whole: Interval
    clicks_versus_whole: Interval
    beside_dial: Interval | None


def ablation(name: str, title: str, runs: Runs, frozen: Frozen) -> Ablation:
    """One of them; the whole policy itself too."""
    control, whole = runs[frozen.control.name], runs[frozen.of("whole")[0].name]
    mine = runs[name]
    given_up = 1.0 - each(mine, expected_ctr) / each(control, expected_ctr)
    gained = each(mine, expected_coins) / each(control, expected_coins) - 1.0
    on_dial = _gains_on(_dial_names(frozen), runs, frozen, given_up[:, None])[:, 0]
    return Ablation(
        title,
        point(name, mine, control),
        effect(mine, whole, expected_coins),
        effect(mine, whole, expected_ctr),
        mean_where_all_reach(gained - on_dial),
    )


def regret(runs: Sequence[Run], oracle: Sequence[Run]) -> Interval:
    """Clicks lost beside the oracle's lists for clicks, as a share of the oracle's, both expected by the truth."""
    change = effect(runs, oracle, expected_ctr)
    return Interval(0.0 - change.estimate, 0.0 - change.high, 0.0 - change.low)


def regret_by_day(runs: Sequence[Run], oracle: Sequence[Run]) -> Array:
    """Clicks lost until the end of each day, summed: float64[worlds, days]."""
    return np.array(
        [
            np.cumsum(best.result.days.expected_clicks - run.result.days.expected_clicks)
            for run, best in zip(runs, oracle, strict=True)
        ]
    )


def shown_after(runs: Sequence[Run], edges: Sequence[int]) -> Array:
    """Shares of impressions on titles of which edges[i] to edges[i + 1] - 1 payments were known: float64[len(edges)].

    edges: ascending, from 0; the last is open. Of all worlds together.
    """
    counts = np.sum([run.mechanism.shown_after for run in runs if run.mechanism is not None], axis=0)
    sums = np.add.reduceat(counts, list(edges)).astype(np.float64)
    shares: Array = sums / max(1.0, float(sums.sum()))
    return shares
