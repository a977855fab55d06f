"""What a segment is like: how large, what its readers read more than others, who they are where that is known.

Lift is a label's share of a segment's reads over its share of all reads. A label that was read three times, all in one
segment, has a high lift and says nothing, so lifts are shrunk and ranked by a lower bound: with n reads in the segment where
E would be expected from the population,

    lift = (n + SHRINKAGE) / (E + SHRINKAGE)        lift_low = lift * exp(-1.96 / sqrt(n + SHRINKAGE))

the mean of a Gamma(SHRINKAGE, SHRINKAGE) prior about lift 1 and a Poisson count (DuMouchel 1999, "Bayesian data mining in large
frequency tables", section 2.2, with one component), and the 2.5 % point on the logarithmic scale. Reads are a
reader's latest titles, each counted by the reader's weight in the segment.

Age, gender and the like describe segments here and are used nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array
from bandi.segments._read_kernels import add_reads

SHRINKAGE = 5.0
SUPPORT = 5.0
"""Weighted reads in a segment below which a label is not named."""
TOP = 5
MAX_VALUES = 50
"""Values of one attribute that are told apart."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Genres or tags of titles. Title i has the labels codes[starts[i]:starts[i + 1]].

    names: of the codes; starts: int64[items + 1]; codes: int32[starts[items]]. Titles behind `items` have none.
    """

    names: Sequence[str]
    starts: Array
    codes: Array


class Lifted(msgspec.Struct, frozen=True):
    """A label or title that a segment reads more than others: shares of reads, 0 to 1; support: weighted reads."""

    name: str
    support: float
    share: float
    population_share: float
    lift: float
    lift_low: float


class ValueShare(msgspec.Struct, frozen=True):
    """How common a value (`f` of gender) is among a segment's readers of whom the attribute is known, and among all."""

    value: str
    share: float
    population_share: float


class Attribute(msgspec.Struct, frozen=True):
    """What is known of readers under one name. known: weighted readers with a value; values: of words, most common first.

    mean, population_mean: of numbers, else None; also None where nobody of the segment is known.
    """

    name: str
    known: float
    values: list[ValueShare]
    mean: float | None
    population_mean: float | None


class SegmentProfile(msgspec.Struct, frozen=True):
    """One segment. readers: sum of weights; share: of all readers; genres, tags, titles: highest lift_low first."""

    number: int
    readers: float
    share: float
    genres: list[Lifted]
    tags: list[Lifted]
    titles: list[Lifted]
    attributes: list[Attribute]


class Profiles(msgspec.Struct, frozen=True):
    """All segments. overlap[s][t]: cosine of the weights of s and t over readers, 1 for s = t, 0 where none has both."""

    readers: int
    segments: list[SegmentProfile]
    overlap: list[list[float]]


AttributeValues = Sequence[str | int | float | None]


def profile_segments(
    memberships: Array,
    recent: Array,
    *,
    genres: Labels | None = None,
    tags: Labels | None = None,
    titles: Sequence[str] = (),
    attributes: Mapping[str, AttributeValues] | None = None,
    top: int = TOP,
) -> Profiles:
    """Describe segments by their readers. O(n m k + items k + labels k).

    memberships: float32[n, k]; recent: int32[n, m], the same readers; titles: their names by dense id; attributes: for each
    name a value for each reader: words, or numbers where all are numbers; None or NaN is unknown. `top`: how many of each
    list. Raises InvalidInputError where lengths differ.
    """
    _check(memberships, recent, attributes or {})
    items = max(len(titles), *(len(labels.starts) - 1 for labels in (genres, tags) if labels is not None), 0, 0)
    counts = np.zeros((items, memberships.shape[1]))
    add_reads(np.ascontiguousarray(recent, np.int32), np.ascontiguousarray(memberships, np.float32), counts)
    by_genre, by_tag = (_by_label(counts, labels, top) for labels in (genres, tags))
    by_title = _most_lifted(counts[: len(titles)], titles, counts.sum(axis=0), top)
    sizes = memberships.sum(axis=0, dtype=np.float64)
    about = [_describe(name, values, memberships) for name, values in (attributes or {}).items()]
    segments = [
        SegmentProfile(
            s,
            float(sizes[s]),
            float(sizes[s] / max(len(memberships), 1)),
            by_genre[s],
            by_tag[s],
            by_title[s],
            [each[s] for each in about],
        )
        for s in range(memberships.shape[1])
    ]
    return Profiles(len(memberships), segments, _overlap(memberships).tolist())


def _by_label(counts: Array, labels: Labels | None, top: int) -> list[list[Lifted]]:
    """By genre or tag: reads of a title count for each of its labels, once as a read in the total."""
    if labels is None:
        return [[] for _ in range(counts.shape[1])]
    items = len(labels.starts) - 1
    summed = np.zeros((len(labels.names), counts.shape[1]))
    np.add.at(summed, labels.codes, np.repeat(counts[:items], np.diff(labels.starts), axis=0))
    return _most_lifted(summed, labels.names, counts.sum(axis=0), top)


def _most_lifted(counts: Array, names: Sequence[str], reads: Array, top: int) -> list[list[Lifted]]:
    """counts: float64[labels, k]; reads: float64[k], of all titles. For each segment at most `top`, lifted above 1."""
    population = counts.sum(axis=1) / max(float(reads.sum()), 1e-12)
    found: list[list[Lifted]] = []
    for s in range(counts.shape[1]):
        n, expected = counts[:, s], population * reads[s]
        lift = (n + SHRINKAGE) / (expected + SHRINKAGE)
        low = lift * np.exp(-1.96 / np.sqrt(n + SHRINKAGE))
        low[(n < SUPPORT) | (lift <= 1.0)] = -1.0
        best = np.argsort(-low, kind="stable")[:top]
        found.append(
            [
                Lifted(
                    names[label],
                    float(n[label]),
                    float(n[label] / reads[s]),
                    float(population[label]),
                    float(lift[label]),
                    float(low[label]),
                )
                for label in best[low[best] >= 0].tolist()
            ]
        )
    return found


def _describe(name: str, values: AttributeValues, memberships: Array) -> list[Attribute]:
    """One attribute, for each segment."""
    known = np.array([_is_known(value) for value in values], np.bool_)
    present = [value for value, there in zip(values, known.tolist(), strict=True) if there]
    weights = memberships[known].astype(np.float64)
    mass = weights.sum(axis=0)
    each = np.maximum(mass, 1e-12)
    if present and all(isinstance(value, int | float) for value in present):
        numbers = np.array(present, np.float64)
        means, overall = weights.T @ numbers / each, float(numbers.mean())
        return [
            Attribute(name, float(m), [], float(mean) if m > 0 else None, overall)
            for m, mean in zip(mass, means, strict=True)
        ]
    words, codes = np.unique([str(value) for value in present], return_inverse=True)
    totals = np.bincount(codes, minlength=len(words))
    order = np.argsort(-totals, kind="stable")[:MAX_VALUES]
    sums = np.stack([np.bincount(codes, column, len(words)) for column in weights.T]) / each[:, None]
    return [
        Attribute(
            name,
            float(mass[s]),
            [ValueShare(str(words[v]), float(sums[s, v]), float(totals[v] / len(present))) for v in order.tolist()],
            None,
            None,
        )
        for s in range(len(mass))
    ]


def _is_known(value: str | float | None) -> bool:
    return value is not None and value != "" and not (isinstance(value, float) and not math.isfinite(value))


def _overlap(memberships: Array) -> Array:
    products = memberships.T.astype(np.float64) @ memberships.astype(np.float64)
    sizes = np.sqrt(np.diag(products))
    overlap: Array = products / np.maximum(np.outer(sizes, sizes), 1e-12)
    return overlap


def _check(memberships: Array, recent: Array, attributes: Mapping[str, AttributeValues]) -> None:
    if memberships.ndim != 2 or recent.ndim != 2 or len(recent) != len(memberships):
        found = f"{list(memberships.shape)} and {list(recent.shape)}"
        raise InvalidInputError(
            Problem("memberships and recent", found, "matrices with a row for each of the same readers")
        )
    for name, values in attributes.items():
        if len(values) != len(memberships):
            found, expected = f"{len(values)} values", f"{len(memberships)}, one for each reader"
            raise InvalidInputError(Problem(f"attributes.{name}", found, expected))
