"""What held-out readers are shown: a list that nothing learned of a reader or an arm went into."""

from __future__ import annotations

from typing import Literal

import numpy as np

from bandi.model.records import Array
from bandi.policies.protocol import Candidates, Ranked

NO_LIST = Ranked(np.zeros(0, np.int32), np.zeros(0, np.float32))
_UNRANKED = np.iinfo(np.int32).max


def serve_held(serves: Literal["popular", "editor"], candidates: Candidates, leaders: Array, size: int) -> Ranked:
    """The first `size` of the candidates: by popularity, then as the editors ranked them; or by the editors alone.

    leaders: int32[m], what is read most just now, foremost first. Scores are 1 / (1 + slot): float32[size]. Titles without a
    rank come last, in the order of their dense ids. O(candidates log candidates).
    """
    items = candidates.items
    ranks = np.zeros(len(items), np.int32) if candidates.editor_ranks is None else candidates.editor_ranks
    order = np.argsort(np.where(ranks > 0, ranks, _UNRANKED), kind="stable")
    if serves == "popular" and len(items):
        places = np.searchsorted(items, leaders).clip(max=len(items) - 1)
        leading = places[items[places] == leaders]
        rest = np.ones(len(items), np.bool_)
        rest[leading] = False
        order = np.concatenate([leading, order[rest[order]]])
    chosen: Array = items[order[:size]].astype(np.int32)
    return Ranked(chosen, (1.0 / (1.0 + np.arange(len(chosen)))).astype(np.float32))
