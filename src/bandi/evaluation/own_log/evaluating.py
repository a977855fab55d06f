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
from bandi.evaluation.own_log.places import list_of, with_policy
from bandi.evaluation.own_log.rewards import Followed, reward_rule, rewards_of
from bandi.evaluation.own_log.sampling import Sample, sample_decisions
from bandi.evaluation.own_log.slot_rows import RowsUnderWay, RunningRates, SlotRows
from bandi.evaluation.own_log.walking import AskedAgain, Left, Walker
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
    """objective: the name of what was counted; found: the placement's decisions in the log, of_variants: how many of them an
    experiment's variants showed, elsewhere: decisions that are not among them, served from its arms and shown at another
    placement; sampled: those that were looked at; young: those of them that were not asked again, as their window had not passed;
    left: why others were left out; nothing: in words, why there is no row, where there is none; milliseconds: wall time of the
    walk for each decision asked again, folding included.
    """

    objective: str
    found: int
    of_variants: int
    elsewhere: int
    sampled: int
    young: int
    left: Left
    rows: SlotRows
    log: Interval
    evaluated: tuple[Evaluated, ...]
    nothing: str
    milliseconds: float


def evaluate_own_log(
    folder: Path, placement: str, policies: Sequence[PolicyConfig], *, most: int = 5_000, draws: int = 200, seed: int = 1,
    objective: str | None = None, progress: Progress | None = None, on_asked: OnAsked | None = None,
) -> OwnLogReport:  # fmt: skip
    """What `policies` would have got at a placement of the folder, which may be in use.

    placement: or a variant of an experiment, such as `bold.treatment`; a placement's decisions are those shown there, its
    variants' too. most: decisions in the sample; draws: lists for each of them and each policy; objective: what is counted, by
    its name in `bandi.toml` (default: the placement's own); on_asked: is shown every decision as it is asked again. The log is
    read three times. Raises InvalidInputError for an unknown placement or objective, or one without decisions; LogDamagedError.
    """
    config = read_config(folder)
    counted = _objective(config, placement, objective)
    rule = reward_rule(config.objectives[counted])
    for policy in policies:
        with_policy(config, placement, policy)
    log = open_log_read_only(folder)
    end = log.next_position
    told = progress or (lambda _what, _done, _total: None)
    drawn = sample_decisions(log.read(0, end), placement, most, seed)
    told("log", 1, 2)
    followed = rewards_of(log.read(0, end), drawn, rule)
    told("log", 2, 2)
    ripe, teaching = _ripe(drawn, followed, rule.window_ms)
    sample, rewards = teaching.sample, teaching.rewards
    walker = Walker(Shelf(folder), placement, policies, draws, seed)
    rows, started = RowsUnderWay(teaching.rates), time.perf_counter()
    for asked in walker.walk(log.read(0, end), sample):
        told("decisions", asked.number + 1, len(sample))
        if on_asked is not None:
            on_asked(asked)
        teaching.until(int(asked.header["occurred_ms"]))
        rows.add(asked, rewards[teaching.slots(asked.number)])
    seconds = time.perf_counter() - started
    told("decisions", len(sample), len(sample))
    finished = rows.finished(len(policies))
    young = len(drawn) - len(ripe)
    nothing = "" if len(finished) else _nothing(len(drawn), young, config.objectives[counted].window, walker.left)
    evaluated = tuple(evaluate(finished, which, nothing) for which in range(len(policies)))
    return OwnLogReport(
        counted, drawn.found, drawn.of_variants, drawn.elsewhere, len(drawn), young, walker.left, finished,
        observed(finished), evaluated, nothing, 1e3 * seconds / max(len(sample), 1),
    )  # fmt: skip


def _objective(config: Config, placement: str, objective: str | None) -> str:
    place = list_of(config, placement)
    if place.push is not None:
        raise InvalidInputError(Problem("placement", f"{placement}, which sends messages", "a placement of lists"))
    name = objective or place.policy.objective
    if name not in config.objectives:
        raise InvalidInputError(Problem("objective", repr(name)[:66], f"one of: {', '.join(config.objectives)}"))
    return name


def _ripe(drawn: Sample, followed: Followed, window_ms: int) -> tuple[Array, _Teaching]:
    """The decisions whose windows had passed when the log ended: their places, and what teaches of them."""
    closed = followed.closed_ms(drawn.decisions.offsets, window_ms)
    ripe = np.flatnonzero(closed <= drawn.last_ms)
    slots = np.repeat(closed <= drawn.last_ms, np.diff(drawn.decisions.offsets))
    return ripe, _Teaching(drawn.only(ripe), followed.rewards[slots], closed[ripe])


def _nothing(sampled: int, young: int, window: str, left: Left) -> str:
    """Why no decision could be looked at, in words."""
    reasons = (
        (young, f"too young (their window of {window} had not passed when the log ended)"),
        (left.held_out, "for readers held out"),
        (left.pinned, "pinned in all slots"),
        (left.differs, "not to be asked again as they were"),
    )
    told = ", ".join(f"{count:,} {reason}" for count, reason in reasons if count)
    return f"of {sampled:,} decisions sampled {told}"


class _Teaching:
    """Teaches the running rates what had become known by a time: sampled lists, in the order in which their windows passed."""

    def __init__(self, sample: Sample, rewards: Array, closed_ms: Array) -> None:
        """rewards: float64[slots of the sample]; closed_ms: int64[n], when each list's windows had passed."""
        lengths = np.diff(sample.decisions.offsets)
        self.rates = RunningRates(int(sample.decisions.items.max(initial=0)) + 1, int(lengths.max(initial=1)))
        self.sample, self.rewards = sample, rewards
        self._order = np.argsort(closed_ms, kind="stable")
        self._times = closed_ms[self._order]
        self._next = 0

    def slots(self, decision: int) -> slice:
        offsets = self.sample.decisions.offsets
        return slice(int(offsets[decision]), int(offsets[decision + 1]))

    def until(self, now_ms: int) -> None:
        while self._next < len(self._order) and self._times[self._next] < now_ms:
            own = self.slots(int(self._order[self._next]))
            items = self.sample.decisions.items[own]
            self.rates.learn(items, np.arange(len(items)), self.rewards[own])
            self._next += 1
