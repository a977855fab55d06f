"""Running whole service configurations in a world: the real engine on simulated time, with targeters, training and reloading.

Each run is a folder of its own with the service's `bandi.toml`. The world's catalogue and readers are put into the engine;
then readers visit `home`, and where it is configured `viewer_end` beside what they have just read. Their events are logged
in batches, so that feedback comes a little late; the job of training runs every few simulated days.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bandi.engine.artifacts import Shelf
from bandi.engine.engine import Engine
from bandi.engine.folder import CONFIG_FILE
from bandi.engine.opening import open_folder
from bandi.evaluation.sittings import Coins, Looked, Sittings
from bandi.evaluation.worlds.webtoon import DAY_MS, START_MS, World
from bandi.model.answers import Ranking
from bandi.model.config_text import parse_config
from bandi.model.errors import BandiError, InvalidInputError, Problem
from bandi.model.events import Click, Event, Impression, Read
from bandi.model.records import Array

BUCKETS = 20
HOME, VIEWER_END = "home", "viewer_end"

Train = Callable[[Path], object]
"""What learns from a folder's log and publishes an artifact, such as `bandi.jobs.training.train`."""


@dataclass(frozen=True, slots=True)
class Service:
    """A configuration under test: the text of its `bandi.toml`."""

    name: str
    config: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run goes. batch: visits whose events are logged together; train_every_days: simulated days between trainings."""

    visits: int
    batch: int = 50
    train_every_days: float = 2.0


@dataclass(slots=True)
class PlacementRun:
    """One placement's figures. By time bucket, float64[buckets]: lists, impressions, clicks;
    expected and best, the clicks expected of the lists shown and of the best list for each reader. shown: int64[titles].
    """

    lists: Array
    impressions: Array
    clicks: Array
    expected: Array
    best: Array
    shown: Array

    @property
    def ctr(self) -> float:
        """Clicks per impression."""
        return float(self.clicks.sum() / max(1.0, self.impressions.sum()))


@dataclass(slots=True)
class ServiceRun:
    """One service in one world. seconds: wall time of the run; training_seconds: of it in training and taking up."""

    service: str
    seed: int
    visits: int
    placements: dict[str, PlacementRun] = field(default_factory=dict)
    trainings: int = 0
    seconds: float = 0.0
    training_seconds: float = 0.0

    @property
    def clicks_per_visit(self) -> float:
        """Clicks in all lists of a visit."""
        return float(sum(run.clicks.sum() for run in self.placements.values()) / self.visits)


def checked_service(name: str, text: str) -> Service:
    """A service whose configuration can run in a world. Raises ConfigError, InvalidInputError where it has no home."""
    placements = parse_config(text, name).placements
    if HOME not in placements:
        raise InvalidInputError(
            Problem(f"{name}: placements", ", ".join(placements), f"a placement {HOME}", "readers come there first")
        )
    return Service(name, text)


def run_service(service: Service, world: World, seed: int, plan: Plan, train: Train | None) -> ServiceRun:
    """One run, in a temporary folder. Raises what the engine and training raise."""
    with tempfile.TemporaryDirectory(prefix="bandi-service-") as name:
        return run_service_in(Path(name), service, world, seed, plan, train)


def run_service_in(
    folder: Path, service: Service, world: World, seed: int, plan: Plan, train: Train | None
) -> ServiceRun:
    """One run in an empty folder of the caller's, which keeps the log. Raises what the engine and training raise."""
    (folder / CONFIG_FILE).write_text(service.config, encoding="utf-8")
    clock = _Clock()
    with Engine(open_folder(folder, clock.now), clock.now) as engine:
        return _Running(service, engine, clock, world, seed, plan).run(train)


def _nothing_yet(titles: int) -> PlacementRun:
    lists, impressions, clicks, expected, best = np.zeros((5, BUCKETS))
    return PlacementRun(lists, impressions, clicks, expected, best, np.zeros(titles, np.int64))


class _Clock:
    """Simulated time."""

    def __init__(self) -> None:
        self.ms = START_MS

    def now(self) -> int:
        return self.ms


class _Running:
    """One run under way."""

    def __init__(self, service: Service, engine: Engine, clock: _Clock, world: World, seed: int, plan: Plan) -> None:
        self._engine, self._clock, self._world, self._plan = engine, clock, world, plan
        self._seed = seed
        self._sittings = Sittings(world, seed)
        self._items = world.items()
        self._index = {item.id: i for i, item in enumerate(self._items)}
        self._launches = np.sort(world.launched_ms)
        self._available = (-1, np.zeros(0, np.int32))
        self._bucket = np.arange(plan.visits) * BUCKETS // plan.visits
        places = [name for name in (HOME, VIEWER_END) if name in engine.config.placements]
        self._result = ServiceRun(
            service.name,
            seed,
            plan.visits,
            {name: _nothing_yet(len(self._items)) for name in places},
        )

    def run(self, train: Train | None) -> ServiceRun:
        started = time.perf_counter()
        self._engine.put_items(self._items)
        self._engine.put_users(self._world.users())
        coming = self._world.visits(self._plan.visits, np.random.default_rng([self._seed, 2]))
        every_ms = int(self._plan.train_every_days * DAY_MS)
        next_training = START_MS + every_ms
        for first in range(0, self._plan.visits, self._plan.batch):
            stop = min(first + self._plan.batch, self._plan.visits)
            if train is not None and coming.times_ms[first] >= next_training:
                self._train(train)
                next_training += every_ms
            self._batch(first, coming.readers[first:stop], coming.times_ms[first:stop])
        self._result.seconds = time.perf_counter() - started
        return self._result

    def _train(self, train: Train) -> None:
        """Train, and go on when the engine uses what came of it: the same lists however long that takes."""
        started = time.perf_counter()
        train(self._engine.path)
        current = Shelf(self._engine.path).current()
        if self._engine.take_up() != current:
            raise BandiError(f"the engine did not take artifact {current} up")
        self._result.trainings += 1
        self._result.training_seconds += time.perf_counter() - started

    def _batch(self, first: int, readers: Array, times_ms: Array) -> None:
        """Some visits side by side: all first lists and their events, then all second ones, and so on."""
        coins = self._sittings.toss(len(readers))
        visits, times = np.arange(len(readers)), times_ms.astype(np.int64)
        about = np.full(len(readers), -1)
        for step in range(1 + self._world.parameters.reading.most_lists):
            place = HOME if step == 0 else VIEWER_END
            if place not in self._result.placements or not len(visits):
                break
            looked, times = self._lists(place, step, first, visits, readers[visits], times, about, coins)
            goes_on = looked.goes_on
            visits, times, about = visits[goes_on], times[goes_on], looked.last[goes_on]

    def _lists(
        self, place: str, step: int, first: int, visits: Array, readers: Array, times: Array, about: Array, coins: Coins
    ) -> tuple[Looked, Array]:
        """One list for each of the visits; what became of them, and when their readers have finished reading."""
        rankings = []
        for visit, reader, at_ms, beside in zip(
            visits.tolist(), readers.tolist(), times.tolist(), about.tolist(), strict=True
        ):
            self._clock.ms = at_ms
            number = ((self._seed << 40) + first + visit) * 32 + step
            beside_id = None if beside < 0 else self._items[beside].id
            rankings.append(self._engine.recommend(f"r{reader}", place, seed=number % (1 << 64), item=beside_id))
        shown = self._shown(rankings)
        available = self._on_sale(int(times[0]))
        looked = self._sittings.look(readers, shown, about, available, coins, visits, step)
        ends = self._record(rankings, readers, times, looked)
        self._count(place, self._bucket[first + visits], shown, looked)
        return looked, ends

    def _shown(self, rankings: list[Ranking]) -> Array:
        """Dense ids of the titles shown: int64[lists, k], -1 in empty slots; slots beyond the world's k are not looked at."""
        shown = np.full((len(rankings), len(self._world.examination)), -1)
        for row, ranking in zip(shown, rankings, strict=True):
            found = [self._index[slot.item] for slot in ranking.items[: len(row)]]
            row[: len(found)] = found
        return shown

    def _on_sale(self, at_ms: int) -> Array:
        """Titles launched by then, kept until the next launch."""
        launched = int(np.searchsorted(self._launches, at_ms, "right"))
        if launched != self._available[0]:
            self._available = (launched, self._world.available(at_ms))
        return self._available[1]

    def _record(self, rankings: list[Ranking], readers: Array, times: Array, looked: Looked) -> Array:
        """Log what was seen, clicked, and then read one after another; when each reader is done: int64[n], milliseconds."""
        reading, run = self._world.parameters.reading, self._world.parameters.run
        click_ms, episode_ms = int(run.click_delay_mean_s * 1_000), int(reading.episode_minutes * 60_000)
        events: list[Event] = []
        ends = times + click_ms
        for row, (ranking, reader, at_ms) in enumerate(zip(rankings, readers.tolist(), times.tolist(), strict=True)):
            user, request, at = f"r{reader}", ranking.request_id, at_ms / 1_000
            slots = ranking.items[: looked.clicked.shape[1]]
            events += [
                Impression(user=user, item=slot.item, request=request, position=slot.position, occurred_at=at)
                for slot in slots
            ]
            clicked_at, now_ms = (at_ms + click_ms) / 1_000, int(ends[row])
            for slot in np.flatnonzero(looked.clicked[row]).tolist():
                item, episodes = slots[slot].item, int(looked.episodes[row, slot])
                events.append(Click(user=user, item=item, request=request, position=slot, occurred_at=clicked_at))
                events += [
                    Read(user=user, item=item, request=request, episode=episode,
                         occurred_at=(now_ms + episode * episode_ms) / 1_000)
                    for episode in range(1, episodes + 1)
                ]  # fmt: skip
                now_ms += episodes * episode_ms
            ends[row] = now_ms
        self._clock.ms = int(ends.max())
        receipt = self._engine.record_many(events)
        if receipt.refused:
            raise InvalidInputError(receipt.refused[0].problem)
        return ends

    def _count(self, place: str, bucket: Array, shown: Array, looked: Looked) -> None:
        run, there = self._result.placements[place], shown >= 0
        for sums, values in (
            (run.lists, np.ones(len(shown))),
            (run.impressions, there.sum(axis=1)),
            (run.clicks, looked.clicked.sum(axis=1)),
            (run.expected, looked.expected),
            (run.best, looked.best),
        ):
            sums += np.bincount(bucket, values, BUCKETS)
        run.shown += np.bincount(shown[there], minlength=len(run.shown))
