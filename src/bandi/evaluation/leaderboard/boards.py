"""The three protocols, each a table: readers' next titles, logged decisions, worlds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from bandi.evaluation.comparison import compare
from bandi.evaluation.decision_log import DecisionLog, read_decision_log
from bandi.evaluation.intervals import Interval, t_interval, wilson_interval
from bandi.evaluation.leaderboard.entries import Entry, PolicyEntry
from bandi.evaluation.leaderboard.ranks import rank_ranges, shown
from bandi.evaluation.leaderboard.recommenders import K, NotInstalledError, learn
from bandi.evaluation.leaderboard.splits import Split, read_clicks, split_by_time
from bandi.evaluation.off_policy.estimation import Estimate, Settings
from bandi.evaluation.off_policy.estimators import dr
from bandi.evaluation.off_policy.evaluation import Evaluation, RewardModel, evaluate, sample_of
from bandi.evaluation.off_policy.verdict import Level
from bandi.evaluation.ranking import quality_of
from bandi.evaluation.replay import Matching, learned_probabilities, match
from bandi.evaluation.worlds.parameters import WorldParameters
from bandi.loading.public.files import locate
from bandi.loading.public.registry import Format
from bandi.model.policy_config import Editor
from bandi.model.records import Array
from bandi.policies.registry import make_policy

_Row = TypeVar("_Row")
UPDATE_EVERY = 20
DRAWS, RESAMPLES = 500, 1_000
LEVELS: tuple[Level, ...] = ("says", "says with care", "cannot say")
OnEntry = Callable[[str], None]
"""Called with the name of an entry when it has been judged."""


@dataclass(frozen=True, slots=True)
class Board:
    """One table. protocol: how it was made, a sentence each; rows: cells as text, the best first."""

    title: str
    protocol: tuple[str, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def ranking_board(
    name: str, layout: Format, path: Path, entries: Sequence[Entry], seed: int, on_entry: OnEntry
) -> Board:
    """Recommenders by how well they foretell readers' last titles. Raises InvalidInputError."""
    taken = read_clicks(layout, path)
    data = split_by_time(taken)
    judged: list[tuple[Entry, str, Array, Array]] = []
    absent: list[tuple[str, ...]] = []
    for entry in entries:
        if isinstance(entry, PolicyEntry):
            continue
        try:
            learned = learn(entry, data, seed)
        except NotInstalledError as error:
            absent.append(("", entry.name, f"not run: {error}", "", "", entry.by))
            continue
        found = quality_of(learned.scores_of, data.both.items, data.both.by_user, data.test.by_user, K)
        judged.append((entry, learned.settings, found.ndcg, found.recall))
        on_entry(entry.name)
    places = rank_ranges(np.array([ndcg for _, _, ndcg, _ in judged])) if judged else []
    rows = [
        (shown(place), entry.name, _mean(ndcg), _mean(recall), settings, entry.by)
        for place, (entry, settings, ndcg, recall) in _best_first(places, judged, [row[2].mean() for row in judged])
    ]
    header = ("place", "entry", f"NDCG@{K}", f"recall@{K}", "settings", "by")
    return Board(
        f"{name}: readers' next titles", _ranking_protocol(layout, data, taken.refused, seed), header, (*rows, *absent)
    )


def _ranking_protocol(layout: Format, data: Split, refused: int, seed: int) -> tuple[str, ...]:
    readers = int((np.diff(data.test.by_user.starts) > 0).sum())
    return (
        f"Read as: {layout.about}. Clicks count, a title of a reader once, from its first; {refused:,} rows refused.",
        f"{data.both.entries + data.test.entries:,} pairs of {data.both.users:,} readers and {data.both.items:,} titles. Split by time "
        f"within each reader: the last fifth, at least one, to test ({data.test.entries:,} pairs of {readers:,} readers); as many before "
        "them to choose settings by.",
        f"All titles that a reader had not taken before are ranked; recall@{K} and NDCG@{K}, means over readers with 95 % intervals of "
        f"Student. Seed {seed}, one thread.",
    )


def replay_board(
    name: str, layout: Format, path: Path, entries: Sequence[Entry], seed: int, on_entry: OnEntry
) -> Board:
    """Policies by what they would have got on logged decisions. Raises InvalidInputError."""
    log = read_decision_log(next(file for step, file in locate(layout, path) if step.kind == "events"))
    policies = [entry for entry in entries if isinstance(entry, PolicyEntry)]
    judged: list[tuple[PolicyEntry, Matching, Evaluation, Array]] = []
    for entry in policies:
        if isinstance(entry.policy, Editor):
            continue
        judged.append((entry, *_replayed(entry, log, seed)))
        on_entry(entry.name)
    rows: list[tuple[str, ...]] = []
    for level in LEVELS:
        alike = [one for one in judged if one[2].verdict.level == level]
        places = rank_ranges(np.array([terms for *_, terms in alike])) if alike else []
        for place, one in _best_first(places, alike, [one[3].mean() for one in alike]):
            rows.append((shown(place) if level == "says" else "", *_replay_cells(one)))
    rows += [("", entry.name, *[""] * 4, "the log has no editors' order", entry.by)
             for entry in policies if isinstance(entry.policy, Editor)]  # fmt: skip
    header = ("place", "entry", "DR", "SNIPS", "by matching", "rows matched", "verdict", "by")
    protocol = (
        f"{len(log):,} logged slots of {len(log.item_names)} titles in {log.slots} slots, in order of time; {log.refused:,} rows "
        f"refused. The log itself got {_percent(wilson_interval(log.clicks))} clicks a slot (Wilson).",
        f"A policy learns from each row after it was asked what it would have shown ({DRAWS} rankings every 500 rows). DR: doubly robust, "
        f"cross-fitted by 5 folds; SNIPS: self-normalised; 95 % intervals of the studentised bootstrap ({RESAMPLES:,} resamples), of "
        f"Student where it has none; by matching: replay (Wilson). Seed {seed}.",
        "Only policies of which the log surely says something have a place; the others' figures are shown for completeness "
        "(verdicts: docs/reference/off-policy.md). Readers' vectors are not part of the protocol.",
    )
    return Board(f"{name}: logged decisions", protocol, header, tuple(rows))


def _replayed(entry: PolicyEntry, log: DecisionLog, seed: int) -> tuple[Matching, Evaluation, Array]:
    """How it did, and its doubly robust terms: float64[rows]."""
    matching = match(make_policy(entry.policy, 1), log, seed)
    tables, contexts = learned_probabilities(make_policy(entry.policy, 1), log, seed, DRAWS)
    settings = Settings(("SNIPS", "DR"), resamples=RESAMPLES, seed=seed)
    evaluation = evaluate(log, tables, contexts, RewardModel(), settings)
    sample = sample_of(log, tables, contexts, RewardModel(), seed)
    return matching, evaluation, dr(sample.weights, sample.rewards, sample.prediction).added


def _replay_cells(one: tuple[PolicyEntry, Matching, Evaluation, Array]) -> tuple[str, ...]:
    entry, matching, evaluation, _ = one
    estimates = {estimate.name: estimate for estimate in evaluation.estimates}
    rate = "" if matching.click_rate is None else _percent(matching.click_rate)
    return (
        entry.name, _estimate(estimates["DR"]), _estimate(estimates["SNIPS"]), rate, f"{matching.rows:,}",
        _verdict(evaluation), entry.by,
    )  # fmt: skip


def _verdict(evaluation: Evaluation) -> str:
    """The level and the reasons; the estimate that it quotes has a column of its own."""
    verdict = evaluation.verdict
    reasons = verdict.sentences if verdict.level == "cannot say" else verdict.sentences[1:]
    return ": ".join(filter(None, (verdict.level, "; ".join(reasons))))


def world_board(
    name: str,
    parameters: WorldParameters,
    entries: Sequence[Entry],
    seeds: Sequence[int],
    visits: int,
    on_entry: OnEntry,
) -> Board:
    """Policies by their clicks in a world with known truth."""
    policies = {entry.name: entry for entry in entries if isinstance(entry, PolicyEntry)}
    judged = []
    for entry in policies.values():
        runs = compare({entry.name: entry.policy}, parameters, seeds, visits, UPDATE_EVERY)[entry.name]
        rate, regret, late = (np.array(column) for column in zip(
            *((run.ctr, run.regret / run.best.sum(), run.clicks[-1] / run.impressions[-1]) for run in runs), strict=True,
        ))  # fmt: skip
        judged.append((entry, rate, regret, late))
        on_entry(entry.name)
    places = rank_ranges(np.array([rate for _, rate, _, _ in judged])) if judged else []
    rows = [
        (shown(place), entry.name, *(_percent(t_interval(column)) for column in (rate, regret, late)), entry.by)
        for place, (entry, rate, regret, late) in _best_first(places, judged, [one[1].mean() for one in judged])
    ]
    header = ("place", "entry", "CTR", "regret", "CTR at the end", "by")
    protocol = (
        f"{visits:,} visits of lists of {parameters.run.k} in each of {len(seeds)} worlds, seeds {seeds[0]} to {seeds[-1]}: the same "
        f"readers at the same times for every policy, which learns every {UPDATE_EVERY} visits.",
        "Regret: share of the clicks lost against the best list for the population; CTR at the end: in the last twentieth. Means over "
        "worlds with 95 % intervals of Student. Readers' vectors are not part of the protocol.",
    )
    return Board(f"World {name}: clicks", protocol, header, tuple(rows))


def _best_first(
    places: Sequence[tuple[int, int]], rows: Sequence[_Row], values: Sequence[float]
) -> list[tuple[tuple[int, int], _Row]]:
    order = sorted(range(len(rows)), key=lambda i: -values[i])
    return [(places[i], rows[i]) for i in order]


def _mean(values: Array) -> str:
    found = t_interval(values)
    return f"{found.estimate:.4f} ± {found.high - found.estimate:.4f}"


def _percent(found: Interval) -> str:
    low, high = max(found.low, 0.0), found.high
    return (
        f"{found.estimate:.2%} ({low:.2%} to {high:.2%})" if np.isfinite(high) else f"{found.estimate:.2%} (one world)"
    )


def _estimate(found: Estimate) -> str:
    interval = found.studentised or found.student
    if interval is not None:
        return _percent(interval)
    return "" if found.value is None else f"{found.value:.2%}"
