"""When what follows a start comes, for each later objective of each placement, beside the curve that its policy uses.

The log is folded once more with all later objectives at all placements, so that a policy that does not look for one is no
obstacle to seeing it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from bandi.engine.cohorts import WEEK_MS, Cohorts
from bandi.engine.recovery import recover
from bandi.engine.state import PlacementState, State, later_objectives
from bandi.learning.calibration import Group
from bandi.learning.delays import KaplanMeier, kaplan_meier
from bandi.learning.journeys import Journeys, LaterObjective, PlacementSteps
from bandi.log.folder import LogFolder
from bandi.log.sqlite import open_log_read_only
from bandi.model.config_values import duration_ms
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.policy_config import Earning, PolicyConfig, Surrogate, Value
from bandi.model.records import Array
from bandi.policies.chain import ChainStatistics
from bandi.policies.chain_policy import ChainPolicy
from bandi.policies.protocol import Outcomes, Policy
from bandi.policies.registry import make_policy
from bandi.policies.seen import within
from bandi.policies.traits import steps_of

AGES = ("1h", "6h", "1d", "3d", "7d", "14d")
_DAY_MS = 86_400_000
OnRecords = Callable[[int, int], None]
"""Called with the records read so far, and how many there are."""


class DelayPoint(msgspec.Struct, frozen=True):
    """converted: share of all starts that reached the objective by that age, with its standard error; share: of those that do
    in the end; policy: the share that the policy goes by, None where it does not look for this objective.
    """

    age: str
    converted: float
    error: float
    share: float
    policy: float | None


class ObjectiveDelays(msgspec.Struct, frozen=True):
    """One later objective of one placement. rate: share of starts that convert in the end (Kaplan and Meier), with its error;
    censored: share of starts that are open and younger than the window. Days are of those that convert.
    """

    placement: str
    objective: str
    starts: int
    rewards: int
    rate: float
    error: float
    mean_days: float
    median_days: float
    censored: float
    points: list[DelayPoint]


class CalibrationGroup(msgspec.Struct, frozen=True):
    """Starts, those that are mature by now, rewards expected of them by now and observed, with 95 % bounds of the observed."""

    starts: float
    mature: float
    expected: float
    observed: float
    low: float
    high: float


class Week(msgspec.Struct, frozen=True):
    """The starts of one week from `begin_ms` on."""

    begin_ms: int
    sums: CalibrationGroup


class PlacementCalibration(msgspec.Struct, frozen=True):
    """titles: groups by forecast rewards of the last step, lowest first; readers: by their factor; weeks: oldest first."""

    placement: str
    titles: list[CalibrationGroup]
    readers: list[CalibrationGroup]
    weeks: list[Week]


class DelayReport(msgspec.Struct, frozen=True):
    """now_ms: the latest event's time, which ages count to."""

    now_ms: int
    delays: list[ObjectiveDelays]
    calibration: list[PlacementCalibration]


def delay_report(folder: Path, on_records: OnRecords = lambda _done, _total: None) -> DelayReport:
    """The report on the log of `folder`, which may be in use. Raises InvalidInputError where there is none.

    Memory: 40 bytes a start and objective, 20 a start of the last twelve weeks.
    """
    if not LogFolder(folder).root.exists():
        raise InvalidInputError(
            Problem("log", "none", "a folder with a log", "load events: bandi load FOLDER events FILE")
        )
    log = open_log_read_only(folder)
    try:
        end = log.next_position
        reading = _Reading(recover(folder, log, end).state)
        for stretch in log.read(0, end):
            reading.fold(stretch.events.rows)
            on_records(stretch.stop, end)
    finally:
        log.close()
    return reading.report()


class _Starts:
    """Starts of one placement with their rewards in one objective, as changes that add up."""

    def __init__(self) -> None:
        self._begun: list[Array] = []
        self._reached: list[Array] = []

    def add(self, rows: Outcomes, own: Array) -> None:
        assert rows.delays_ms is not None
        for parts, amounts, times in (
            (self._begun, rows.trials, (rows.occurred_ms,)),
            (self._reached, rows.rewards, (rows.occurred_ms, rows.delays_ms)),
        ):
            some = own & (amounts != 0.0)
            if some.any():
                parts.append(np.column_stack([*(column[some] for column in times), amounts[some].astype(np.int64)]))

    def observed(self) -> tuple[Array, Array]:
        """(starts_ms, delays_ms, -1 where none came): int64[n] each, one a start."""
        begun, times = _net(self._begun, 1)
        reached, delays = _net(self._reached, 2)
        still_open = np.maximum(
            times - np.bincount(np.searchsorted(begun[:, 0], reached[:, 0]), delays, len(times))[: len(times)], 0
        )
        starts = np.concatenate([np.repeat(reached[:, 0], delays), np.repeat(begun[:, 0], still_open.astype(np.int64))])
        waits = np.full(len(starts), -1, np.int64)
        waits[: int(delays.sum())] = np.repeat(reached[:, 1], delays)
        return starts, waits


def _net(parts: list[Array], columns: int) -> tuple[Array, Array]:
    """(distinct int64[n, columns], how often: int64[n], above 0)."""
    rows = np.concatenate([np.zeros((0, columns + 1), np.int64), *parts])
    values, places = np.unique(rows[:, :columns], axis=0, return_inverse=True)
    counts = np.bincount(places.ravel(), rows[:, columns], len(values)).astype(np.int64)
    return values[counts > 0], counts[counts > 0]


class _Reading:
    """The fold: journeys, starts by (placement, objective), and cohorts of policies whose forecasts can be judged."""

    def __init__(self, state: State) -> None:
        assert state.config is not None
        self._placements = {placement.index: placement for placement in state.placements.values()}
        self._objectives = later_objectives(state.config)
        names = tuple(objective.name for objective in self._objectives)
        steps = [PlacementSteps(index, names) for index in self._placements]
        self._journeys = Journeys(self._objectives, steps, state.config.log.journey_horizon)
        self._starts = {(index, step): _Starts() for index in self._placements for step in range(1, len(names) + 1)}
        self._cohorts = {
            index: Cohorts(_chain_of(make_policy(placement.config.policy, 1)))
            for index, placement in self._placements.items()
            if isinstance(placement.config.policy, Earning | Value | Surrogate)
        }
        self._numbers = {
            index: _renumbered(placement.config.policy, names) for index, placement in self._placements.items()
        }
        self._now_ms, self._week = 0, -1

    def fold(self, rows: Array) -> None:
        for piece in self._by_week(rows):
            for index, outcomes in self._journeys.fold(piece).outcomes.items():
                assert outcomes.steps is not None
                for step in np.unique(outcomes.steps).tolist():
                    self._starts[index, step].add(outcomes, outcomes.steps == step)
                if index in self._cohorts:
                    self._cohorts[index].learn(_with_steps(outcomes, self._numbers[index][outcomes.steps]))

    def _by_week(self, rows: Array) -> Iterator[Array]:
        """Pieces between whose events a week begins; when one does, forecasts are put down."""
        if not len(rows):
            return
        latest = np.maximum(np.maximum.accumulate(rows["occurred_ms"]), self._now_ms)
        weeks = latest // WEEK_MS
        cuts = [0, *(np.flatnonzero(np.diff(weeks)) + 1).tolist(), len(rows)]
        for first, stop in zip(cuts, cuts[1:], strict=False):
            if weeks[first] != self._week:
                self._week = int(weeks[first])
                for cohorts in self._cohorts.values():
                    cohorts.begin(self._week)
            yield rows[first:stop]
        self._now_ms = int(latest[-1])

    def report(self) -> DelayReport:
        delays, calibration = [], []
        for index, placement in self._placements.items():
            curves = {}
            for step, objective in enumerate(self._objectives, 1):
                starts, waits = self._starts[index, step].observed()
                curves[objective.name] = kaplan_meier(starts, waits, self._now_ms, objective.window_ms)
                delays.append(self._delays(placement, objective, starts, waits, curves[objective.name]))
            if index in self._cohorts:
                judged = self._cohorts[index].judged(self._now_ms, curves[steps_of(placement.config.policy)[-1]])
                weeks = [Week(begin_ms, _shown(group)) for begin_ms, group in judged.weeks]
                titles, readers = list(map(_shown, judged.titles)), list(map(_shown, judged.readers))
                calibration.append(PlacementCalibration(placement.name, titles, readers, weeks))
        return DelayReport(self._now_ms, delays, calibration)

    def _delays(
        self, placement: PlacementState, objective: LaterObjective, starts: Array, waits: Array, curve: KaplanMeier
    ) -> ObjectiveDelays:
        ages = np.array([duration_ms(age) for age in AGES])
        converted, errors = curve.converted_at(ages)
        share, policy = curve.share(ages), _policy_curve(placement, objective.name, ages)
        open_ones = (waits < 0) & (self._now_ms - starts < objective.window_ms)
        return ObjectiveDelays(
            placement=placement.name,
            objective=objective.name,
            starts=len(starts),
            rewards=int((waits >= 0).sum()),
            rate=curve.rate,
            error=curve.error,
            mean_days=curve.mean_ms / _DAY_MS,
            median_days=curve.median_ms / _DAY_MS,
            censored=float(open_ones.sum() / max(len(starts), 1)),
            points=[
                DelayPoint(age, float(converted[n]), float(errors[n]), float(share[n]), None if policy is None else float(policy[n]))
                for n, age in enumerate(AGES)
            ],
        )  # fmt: skip


def _renumbered(config: PolicyConfig, names: tuple[str, ...]) -> Array:
    """The policy's number of each step of all objectives, 0 for those it does not look for: int32[1 + objectives]."""
    numbers = np.zeros(1 + len(names), np.int32)
    for number, name in enumerate(steps_of(config), 1):
        numbers[1 + names.index(name)] = number
    return numbers


def _with_steps(outcomes: Outcomes, steps: Array) -> Outcomes:
    """The rows of a policy's steps, numbered as the policy does."""
    return replace(outcomes, steps=steps).only(steps > 0)


def _policy_curve(placement: PlacementState, objective: str, ages_ms: Array) -> Array | None:
    steps = steps_of(placement.config.policy)
    if objective not in steps or not isinstance(within(placement.policy), ChainPolicy):
        return None
    chain = _chain_of(placement.policy)
    step = steps.index(objective)
    return chain.delay_curve(step, ages_ms) if step < chain.steps else None


def _chain_of(policy: Policy) -> ChainStatistics:
    inner = within(policy)
    assert isinstance(inner, ChainPolicy)
    return inner.chain


def _shown(group: Group) -> CalibrationGroup:
    return CalibrationGroup(group.starts, group.mature, group.expected, group.observed, group.low, group.high)
