"""Targeters that look titles up: popular, fresh, the editors' pick, what was begun."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.model.records import Array
from bandi.targeters.protocol import Asked, View


@dataclass(frozen=True, slots=True)
class Popular:
    """What is read most just now. O(leaders)."""

    n: int

    def find(self, asked: Asked, view: View) -> Array:
        """See `Targeter.find`."""
        return _allowed(_shown(view.popularity.leaders, asked, view), asked)[: self.n]


@dataclass(frozen=True, slots=True)
class Fresh:
    """What was launched lately. O(log items), O(items) after a change of the catalogue."""

    n: int
    window_ms: int

    def find(self, asked: Asked, view: View) -> Array:
        """See `Targeter.find`."""
        most = self.n + len(asked.without)
        return _allowed(view.items.launched_since(asked.now_ms - self.window_ms, asked.now_ms, most), asked)[: self.n]


@dataclass(frozen=True, slots=True)
class EditorsPick:
    """What the editors ranked. O(n), O(items) after a change of the catalogue."""

    n: int

    def find(self, asked: Asked, view: View) -> Array:
        """See `Targeter.find`."""
        return _allowed(view.items.editors_pick(asked.now_ms, self.n + len(asked.without)), asked)[: self.n]


@dataclass(frozen=True, slots=True)
class ContinueReading:
    """What the reader read last, whatever is left out elsewhere. O(n)."""

    n: int

    def find(self, asked: Asked, view: View) -> Array:
        """See `Targeter.find`."""
        return _shown(asked.recent, asked, view)[: self.n]


def _shown(items: Array, asked: Asked, view: View) -> Array:
    shown = view.items.shown(asked.now_ms)
    items = items[items < len(shown)]
    kept: Array = items[shown[items]]
    return kept


def _allowed(items: Array, asked: Asked) -> Array:
    if not len(asked.without):
        return items
    kept: Array = items[~np.isin(items, asked.without)]
    return kept
