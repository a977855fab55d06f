"""Targeters that look titles up: popular, fresh, the editors' pick, what was begun."""

from __future__ import annotations

from dataclasses import dataclass

from bandi.model.records import Array
from bandi.targeters.protocol import Asked, View
from bandi.targeters.sieve import allowed, first_of, sift


@dataclass(frozen=True, slots=True)
class Popular:
    """What is read most just now. O(leaders)."""

    n: int

    def find(self, asked: Asked, view: View) -> Array:
        """See `Targeter.find`."""
        return sift(view.popularity.leaders, asked, view)[: self.n]


@dataclass(frozen=True, slots=True)
class Fresh:
    """What was launched lately. O(log items), O(items) after a change of the catalogue."""

    n: int
    window_ms: int

    def find(self, asked: Asked, view: View) -> Array:
        """See `Targeter.find`."""
        since = asked.now_ms - self.window_ms
        return first_of(lambda limit: view.items.launched_since(since, asked.now_ms, limit), self.n, asked, view)


@dataclass(frozen=True, slots=True)
class EditorsPick:
    """What the editors ranked. O(n), O(items) after a change of the catalogue."""

    n: int

    def find(self, asked: Asked, view: View) -> Array:
        """See `Targeter.find`."""
        return first_of(lambda limit: view.items.editors_pick(asked.now_ms, limit), self.n, asked, view)


@dataclass(frozen=True, slots=True)
class ContinueReading:
    """What the reader read last, although what was read is left out elsewhere. O(n)."""

    n: int

    def find(self, asked: Asked, view: View) -> Array:
        """See `Targeter.find`."""
        return allowed(asked.going_on, view)[: self.n]
