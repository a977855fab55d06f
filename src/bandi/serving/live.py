"""What the page shows: click rates over time, posteriors, impressions per title, what was learned; sampled once a second."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable

import msgspec

import bandi
from bandi.engine import Engine
from bandi.model.answers import Arm
from bandi.model.errors import BandiError
from bandi.serving.learned_view import LearnedView, learned_view

POINTS = 300
ARMS_SHOWN = 12
ITEMS_SHOWN = 60
_Z = 1.959963984540054


class Series(msgspec.Struct, frozen=True):
    """Cumulative counts at moments; lists of one length."""

    at_ms: list[int]
    impressions: list[int]
    clicks: list[int]


class TitleArm(msgspec.Struct, frozen=True):
    """An arm with the title of its item."""

    item: str
    title: str
    trials: float
    successes: float
    mean: float
    low: float
    high: float


class TitleCount(msgspec.Struct, frozen=True):
    """Impressions of one title."""

    item: str
    title: str
    trials: float


class LivePlacement(msgspec.Struct, frozen=True):
    """One placement now.

    targeters: who names its candidates, none for the whole catalogue; low, high: 95 % Wilson interval of ctr; waste: share of
    impressions on titles that cannot win, where that is known.
    """

    name: str
    policy: str
    targeters: list[str]
    impressions: int
    clicks: int
    ctr: float | None
    low: float | None
    high: float | None
    series: Series
    arms: list[TitleArm]
    impressions_by_item: list[TitleCount]
    waste: float | None = None


class LiveService(msgspec.Struct, frozen=True):
    """Counters of the service."""

    decisions: int
    events: int
    orphans: int
    late: int
    uptime_s: float
    version: str


class LiveView(msgspec.Struct, frozen=True):
    """GET /v1/live. learned: of the artifact in use, None before the first training."""

    at_ms: int
    position: int
    placements: list[LivePlacement]
    service: LiveService
    segmented: bool
    learned: LearnedView | None = None


class Live:
    """Samples an engine in a thread of its own.

    waste: gives the share of a placement's impressions that went to titles that cannot win, or None.
    """

    def __init__(self, engine: Engine, waste: Callable[[str], float | None] = lambda placement: None) -> None:
        self._engine = engine
        self._waste = waste
        self._started = time.monotonic()
        self._points: dict[str, deque[tuple[int, int, int]]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bandi-live", daemon=True)
        self._view: tuple[float, bytes] = (-1.0, b"")
        self._looked_at = ""
        self._learned: LearnedView | None = None
        self.sample()

    def start(self) -> None:
        """Begin to sample."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()

    def _run(self) -> None:
        self.look_at_artifact()
        while not self._stop.wait(1.0):
            self.sample()
            self.look_at_artifact()

    def look_at_artifact(self) -> None:
        """Make the view of the artifact in use, once for each; one that cannot be read is reported, the view before stays."""
        name = self._engine.artifact
        if name == self._looked_at:
            return
        self._looked_at = name
        try:
            self._learned = learned_view(self._engine, name) or self._learned
        except (BandiError, OSError, ValueError, KeyError) as error:
            print(f"bandi: artifact {name} cannot be shown: {error}", file=sys.stderr)

    def sample(self) -> None:
        """Take one point of each placement."""
        at_ms = time.time_ns() // 1_000_000
        for name, (trials, successes) in self._engine.placement_totals().items():
            self._points.setdefault(name, deque(maxlen=POINTS)).append((at_ms, round(trials), round(successes)))

    def json(self) -> bytes:
        """The view, made at most twice a second."""
        now = time.monotonic()
        if now - self._view[0] > 0.5:
            self._view = (now, msgspec.json.encode(self.view()))
        return self._view[1]

    def view(self) -> LiveView:
        """What the page shows now."""
        stats = self._engine.stats()
        return LiveView(
            at_ms=time.time_ns() // 1_000_000,
            position=stats.position,
            placements=[self._placement(name) for name in self._engine.placement_totals()],
            service=LiveService(
                decisions=stats.decisions,
                events=sum(stats.events.values()),
                orphans=stats.orphans,
                late=stats.late,
                uptime_s=round(time.monotonic() - self._started, 1),
                version=bandi.__version__,
            ),
            segmented=self._engine.config.segments is not None,
            learned=self._learned,
        )

    def _placement(self, name: str) -> LivePlacement:
        trials, successes = self._engine.placement_totals()[name]
        arms = self._engine.arms(name, limit=ITEMS_SHOWN)
        low, high = wilson(successes, trials)
        at_ms, impressions, clicks = zip(*list(self._points.get(name, ((0, 0, 0),))), strict=True)
        return LivePlacement(
            name=name,
            policy=self._engine.policy_version(name),
            targeters=[str(each.__struct_config__.tag) for each in self._engine.config.placements[name].targeters],
            impressions=round(trials),
            clicks=round(successes),
            ctr=successes / trials if trials else None,
            low=low,
            high=high,
            series=Series(list(at_ms), list(impressions), list(clicks)),
            arms=[self._titled(arm) for arm in arms[:ARMS_SHOWN]],
            impressions_by_item=[TitleCount(arm.item, self._engine.title(arm.item), arm.trials) for arm in arms],
            waste=self._waste(name),
        )

    def _titled(self, arm: Arm) -> TitleArm:
        title = self._engine.title(arm.item)
        return TitleArm(arm.item, title, arm.trials, arm.successes, arm.mean, arm.low, arm.high)


def wilson(successes: float, trials: float) -> tuple[float | None, float | None]:
    """The 95 % score interval of a rate (Wilson 1927), or (None, None) without trials."""
    if trials <= 0:
        return None, None
    rate = successes / trials
    centre = rate + _Z * _Z / (2 * trials)
    half = _Z * math.sqrt(max(rate * (1 - rate), 0.0) / trials + _Z * _Z / (4 * trials * trials))
    scale = 1 + _Z * _Z / trials
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)
