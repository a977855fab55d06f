"""Slots charged to sources, between a least and a most of each: which further title can still be shown.

Each slot of the list is charged to one of the sources that named its title. A list of `length` slots fits where every
source s has at most most[s] slots, and what all have above their least[s], with the slots of titles that no source named, is
at most length - sum(least): the rest is kept for the leasts. The lists that can be so charged are the independent sets of a
gammoid (Mason 1972; slots are linked to capacities by a flow), a matroid, so that taking titles by descending score, whenever
the list still fits, gives the best list that meets the quotas, if there is one (Edmonds 1971). Whether one more title fits
is asked by an augmenting path (Ford and Fulkerson 1956) over at most 8 sources and one node for what is free.

State: counts: int64[s], slots charged to each source; charged: int64[256, s], by the bits of the titles; links: int64[s, s],
how many of the slots of one source could be another's; free: int64[2], slots that are not kept for a least: used, all.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array


@njit(cache=True, nogil=True)
def charge(bits: int, least: Array, most: Array, counts: Array, charged: Array, links: Array, free: Array) -> bool:
    """Charge one more title, moving others where that makes room; False, and nothing changed, where it does not fit.

    Once a title of some bits does not fit, no later one of the same bits does.
    """
    sources = len(least)
    named = bits & ((1 << sources) - 1)
    parent = np.full(sources + 1, -2, np.int64)  # -2: not reached, -1: the new title itself
    queue = np.empty(sources + 1, np.int64)
    size = 0
    if named == 0:
        parent[sources], queue[0], size = -1, sources, 1
    for source in range(sources):
        if named >> source & 1:
            parent[source], queue[size] = -1, source
            size += 1
    at = 0
    while at < size:
        node = queue[at]
        at += 1
        if node == sources:
            if free[0] < free[1]:
                free[0] += 1
                _apply(node, named, parent, counts, charged, links)
                return True
            for other in range(sources):  # one that has more than its least may give way, if it can go elsewhere
                if parent[other] == -2 and counts[other] > least[other]:
                    parent[other], queue[size] = sources, other
                    size += 1
            continue
        if counts[node] < least[node]:
            _apply(node, named, parent, counts, charged, links)
            return True
        if counts[node] < most[node] and parent[sources] == -2:
            parent[sources], queue[size] = node, sources
            size += 1
        for other in range(sources):
            if parent[other] == -2 and links[node, other] > 0:
                parent[other], queue[size] = node, other
                size += 1
    return False


@njit(cache=True, nogil=True)
def _apply(last: int, named: int, parent: Array, counts: Array, charged: Array, links: Array) -> None:
    """Move one slot along each link of the path that ends in `last`, and charge the new title to its first source."""
    sources = len(counts)
    node = last
    while parent[node] != -1:
        before = parent[node]
        if sources not in (before, node):  # the free node moves nothing
            for bits in range(len(charged)):
                if charged[bits, before] > 0 and bits >> node & 1:
                    _count(bits, before, -1, counts, charged, links)
                    _count(bits, node, 1, counts, charged, links)
                    break
        node = before
    if node != sources:
        _count(named, node, 1, counts, charged, links)


@njit(cache=True, nogil=True)
def _count(bits: int, source: int, step: int, counts: Array, charged: Array, links: Array) -> None:
    counts[source] += step
    charged[bits, source] += step
    for other in range(len(counts)):
        if other != source and bits >> other & 1:
            links[source, other] += step
