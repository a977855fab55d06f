"""Simulated readers over real HTTP: they ask a running service for lists and send back what they saw and clicked."""

from __future__ import annotations

import http.client
import time
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from bandi.evaluation.sittings import Coins, Looked, Sittings
from bandi.evaluation.worlds.webtoon import DAY_MS, START_MS, World
from bandi.model.errors import BandiError

_READERS_A_BATCH = 5_000


class ServiceError(BandiError):
    """The service did not answer as it should; the message says what it said."""


@dataclass(slots=True)
class Tally:
    """What one placement has got."""

    requests: int = 0
    impressions: int = 0
    clicks: int = 0
    wasted: int = 0


class HttpReaders:
    """Readers of a world, one at a time, on one kept connection. tallies: by placement.

    beside: a placement that is asked beside the title just read; then readers also send what they read, and may go on there.
    """

    def __init__(self, url: str, world: World, seed: int, k: int = 10, beside: str | None = None) -> None:
        self.url = url
        self.tallies: dict[str, Tally] = {}
        self._world = world
        self._seed = seed
        self._k = k
        self._beside = beside
        self._sittings = Sittings(world, seed)
        self._random = np.random.default_rng([seed, 4])
        self._ids = [item.id for item in world.items()]
        self._index = {text: i for i, text in enumerate(self._ids)}
        self._everything = np.arange(len(self._ids))
        self._cannot_win = world.cannot_win(1 << 60)
        self._connection: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Close the connection; the next visit opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> HttpReaders:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load_catalogue(self) -> None:
        """Put the world's titles into the service, launched as if the world's run ended now: all are on sale at once."""
        behind_s = time.time() - (START_MS + self._world.parameters.run.days * DAY_MS) / 1_000
        items = [
            msgspec.structs.replace(item, launched_at=launched_ms / 1_000 + behind_s)
            for item, launched_ms in zip(self._world.items(), self._world.launched_ms.tolist(), strict=True)
        ]
        self._post("/v1/items:batch", {"items": [msgspec.to_builtins(item) for item in items]}, (200,))

    def load_readers(self) -> None:
        """Put the readers' accounts into the service; it works without, and then knows no ages or genders."""
        users = [msgspec.to_builtins(user) for user in self._world.users() if user.fields]
        for first in range(0, len(users), _READERS_A_BATCH):
            self._post("/v1/users:batch", {"users": users[first : first + _READERS_A_BATCH]}, (200,))

    def visit(self, placement: str) -> int:
        """One reader comes, looks at a list, clicks, and may go on beside what they read; the number of clicks."""
        reader = int(self._world.visits(1, self._random).readers[0])
        coins = self._sittings.toss(1)
        clicks, about = 0, -1
        for step in range(1 + self._world.parameters.reading.most_lists):
            looked = self._look(reader, placement, about, coins, step)
            clicks += int(looked.clicked.sum())
            if self._beside is None or not looked.goes_on[0]:
                break
            placement, about = self._beside, int(looked.last[0])
        return clicks

    def _look(self, reader: int, placement: str, about: int, coins: Coins, step: int) -> Looked:
        """One list, and what came of it sent back."""
        user = f"r{reader}"
        body = {"user": user, "placement": placement, "k": self._k}
        if about >= 0:
            body["item"] = self._ids[about]
        ranking = self._post("/v1/recommendations", body, (200,))
        shown = [slot["item"] for slot in ranking["items"]]
        titles = np.array([self._index[item] for item in shown], np.int64)
        looked = self._sittings.look(
            np.array([reader]), titles[None, : len(self._world.examination)], np.array([about]),
            self._everything, coins, np.array([0]), step,
        )  # fmt: skip
        clicked = np.flatnonzero(looked.clicked[0]).tolist()
        events = [self._event("impression", user, item, slot, ranking) for slot, item in enumerate(shown)]
        events += [self._event("click", user, shown[slot], slot, ranking) for slot in clicked]
        if self._beside is not None:
            events += [
                self._event("read", user, shown[slot], slot, ranking, episode)
                for slot in clicked
                for episode in range(1, int(looked.episodes[0, slot]) + 1)
            ]
        if events:
            receipt = self._post("/v1/events", {"events": events}, (202,))
            if receipt["accepted"] != len(events):
                raise ServiceError(
                    f"{self.url}: of {len(events)} events {receipt['accepted']} were accepted: {receipt}"
                )
        tally = self.tallies.setdefault(placement, Tally())
        tally.requests += 1
        tally.impressions += len(shown)
        tally.clicks += len(clicked)
        tally.wasted += int(self._cannot_win[titles].sum())
        return looked

    def waste(self, placement: str) -> float | None:
        """Share of a placement's impressions on titles that cannot win."""
        tally = self.tallies.get(placement)
        return tally.wasted / tally.impressions if tally is not None and tally.impressions else None

    def _event(
        self, kind: str, user: str, item: str, slot: int, ranking: Any, episode: int | None = None
    ) -> dict[str, Any]:
        event = {
            "type": kind, "user": user, "item": item, "position": slot, "request": ranking["request_id"],
            "event_id": f"{self._seed}-{ranking['request_id']}-{kind[0]}{slot}", "occurred_at": time.time(),
        }  # fmt: skip
        if episode is not None:
            event |= {"episode": episode, "event_id": f"{event['event_id']}-{episode}"}
        return event

    def _post(self, path: str, body: Any, good: Sequence[int]) -> Any:
        parts = urllib.parse.urlsplit(self.url)
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(
                    parts.hostname or "127.0.0.1", parts.port or 80, timeout=30
                )
            self._connection.request("POST", path, msgspec.json.encode(body), {"content-type": "application/json"})
            response = self._connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise ServiceError(f"{self.url}: {error!r}; is the service running?") from None
        if response.status not in good:
            raise ServiceError(f"POST {self.url}{path}: {response.status} {answer[:300].decode('utf-8', 'replace')}")
        return msgspec.json.decode(answer)
