"""Any past traffic of a folder, evaluated for other policies: sample, join rewards, walk, estimate."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bandi.engine.artifacts import Shelf
from bandi.engine.folder import read_config
from bandi.evaluation.intervals import Interval
from bandi.evaluation.own_log.estimates import Evaluated, evaluate, observed
from bandi.evaluation.own_log.rewards import RewardRule, reward_rule, rewards_of
from bandi.evaluation.own_log.sampling import Sample, sample_decisions
from bandi.evaluation.own_log.slot_rows import RowsUnderWay, RunningRates, SlotRows
from bandi.evaluation.own_log.walking import AskedAgain, Left, Walker, with_policy
from bandi.log.sqlite import open_log_read_only
from bandi.model.config import Config
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.policy_config import PolicyConfig
from bandi.model.records import Array

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total)."""
OnAsked = Callable[[AskedAgain], None]


@dataclass(frozen=True, slots=True)
class OwnLogReport:
    """found: the placement's decisions in the log; sampled: those that were looked at; young: too new for their window to have
    passed; left: why others were left out; milliseconds: wall time of the walk for each sampled decision, folding included.
    """

    found: int
    sampled: int
    young: int
    left: Left
    rows: SlotRows
    log: Interval
    evaluated: tuple[Evaluated, ...]
    milliseconds: float


def evaluate_own_log(
    folder: Path, placement: str, policies: Sequence[PolicyConfig], *, most: int = 5_000, draws: int = 200, seed: int = 1,
    objective: str | None = None, progress: Progress | None = None, on_asked: OnAsked | None = None,
) -> OwnLogReport:  # fmt: skip
    """What `policies` would have got at a placement of the folder, which may be in use.

    most: decisions in the sample; draws: lists for each of them and each policy; objective: what is counted, by its name in
    `bandi.toml` (default: the placement's own); on_asked: is shown every decision as it is asked again. The log is read three
    times. Raises InvalidInputError for an unknown placement or objective, or one without decisions; LogDamagedError.
    """
    config = read_config(folder)
    rule = _rule(config, placement, objective)
    for policy in policies:
        with_policy(config, placement, policy)
    log = open_log_read_only(folder)
    end = log.next_position
    told = progress or (lambda _what, _done, _total: None)
    sample = sample_decisions(log.read(0, end), placement, most, seed)
    told("log", 1, 2)
    rewards = rewards_of(log.read(0, end), sample, rule)
    told("log", 2, 2)
    walker = Walker(Shelf(folder), placement, policies, draws, seed)
    rows = RowsUnderWay(
        RunningRates(int(sample.decisions.items.max(initial=0)) + 1, int(np.diff(sample.decisions.offsets).max()))
    )
    teaching = _Teaching(sample, rewards, rule.window_ms, rows.rates)
    young, started = 0, time.perf_counter()
    for asked in walker.walk(log.read(0, end), sample):
        told("decisions", asked.number + 1, len(sample))
        if on_asked is not None:
            on_asked(asked)
        if int(asked.header["occurred_ms"]) + rule.window_ms > sample.last_ms:
            young += 1
            continue
        teaching.until(int(asked.header["occurred_ms"]))
        rows.add(asked, rewards[teaching.slots(asked.number)])
    seconds = time.perf_counter() - started
    told("decisions", len(sample), len(sample))
    finished = rows.finished(len(policies))
    evaluated = tuple(evaluate(finished, which) for which in range(len(policies)))
    return OwnLogReport(
        sample.found,
        len(sample),
        young,
        walker.left,
        finished,
        observed(finished),
        evaluated,
        1e3 * seconds / len(sample),
    )


def _rule(config: Config, placement: str, objective: str | None) -> RewardRule:
    place = config.placements.get(placement)
    if place is None:
        raise InvalidInputError(
            Problem("placement", repr(placement)[:66], f"one of bandi.toml: {', '.join(config.placements)}")
        )
    if place.push is not None:
        raise InvalidInputError(Problem("placement", f"{placement}, which sends messages", "a placement of lists"))
    name = objective or place.policy.objective
    if name not in config.objectives:
        raise InvalidInputError(Problem("objective", repr(name)[:66], f"one of: {', '.join(config.objectives)}"))
    return reward_rule(config.objectives[name])


class _Teaching:
    """Teaches the running rates what had become known by a time: sampled lists, in the order of time, whose window had passed."""

    def __init__(self, sample: Sample, rewards: Array, window_ms: int, rates: RunningRates) -> None:
        self._sample, self._rewards, self._window_ms, self._rates = sample, rewards, window_ms, rates
        times = sample.decisions.headers["occurred_ms"]
        self._order = np.argsort(times, kind="stable")
        self._times = times[self._order]
        self._next = 0

    def slots(self, decision: int) -> slice:
        offsets = self._sample.decisions.offsets
        return slice(int(offsets[decision]), int(offsets[decision + 1]))

    def until(self, now_ms: int) -> None:
        while self._next < len(self._order) and self._times[self._next] + self._window_ms < now_ms:
            own = self.slots(int(self._order[self._next]))
            items = self._sample.decisions.items[own]
            self._rates.learn(items, np.arange(len(items)), self._rewards[own])
            self._next += 1
