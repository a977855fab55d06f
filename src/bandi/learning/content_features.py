"""What titles are, as the columns of a design: their labels (genre, author, tags), their numbers (age) and vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bandi.model.records import Array
from bandi.segments.profiles import Labels

LEVEL = "level"
"""The first group: the one column that all titles have alike."""
FEWEST = 2
"""Titles that must have a label: the effect of one that a single title has cannot be told from that title's own."""


@dataclass(frozen=True, slots=True)
class Content:
    """A sparse design of `items` rows by column: column j has values[starts[j]:starts[j + 1]] in those `rows`.

    starts: int64[columns + 1]; rows: int32[n]; values: float32[n]; group: int64[columns], which kind of content each column
    is of; groups: the kinds' names. Column 0 is the level: 1 in every row.
    """

    items: int
    starts: Array
    rows: Array
    values: Array
    group: Array
    groups: tuple[str, ...]

    @property
    def columns(self) -> int:
        """How many there are, the level included."""
        return len(self.group)


def content_of(
    items: int, labels: Mapping[str, Labels] | None = None, numbers: Mapping[str, Array] | None = None
) -> Content:
    """The design of titles 0 to items - 1.

    labels: of each kind; a label without a name, and one that fewer than two titles have, is left out. numbers: float[n, d]
    or float[n], n up to `items`, of each kind: centred, and scaled so that a row has length 1 on average (of several numbers:
    all by one factor); what is not finite counts as the mean. O(labels + items d).
    """
    everything = np.arange(items, dtype=np.int32)
    counts, rows, values = [np.array([items])], [everything], [np.ones(items, np.float32)]
    group, groups = [0], [LEVEL]
    for name, found in (labels or {}).items():
        codes, owners = _of_titles(found, items)
        order = np.argsort(codes, kind="stable")
        kept, titles = np.unique(codes, return_counts=True)
        counts.append(titles)
        rows.append(owners[order])
        values.append(np.ones(len(order), np.float32))
        group += [len(groups)] * len(kept)
        groups.append(name)
    for name, table in (numbers or {}).items():
        scaled = _scaled(np.asarray(table), items)
        counts.append(np.full(scaled.shape[1], items))
        rows += [everything] * scaled.shape[1]
        values.append(scaled.T.ravel())
        group += [len(groups)] * scaled.shape[1]
        groups.append(name)
    return Content(
        items, np.append(0, np.cumsum(np.concatenate(counts))).astype(np.int64), np.concatenate(rows).astype(np.int32),
        np.concatenate(values).astype(np.float32), np.array(group, np.int64), tuple(groups),
    )  # fmt: skip


def level_alone(items: int) -> Content:
    """A design that knows nothing of titles: what is compared with."""
    return content_of(items)


def _of_titles(labels: Labels, items: int) -> tuple[Array, Array]:
    """Codes and the titles that have them, of labels that may be used: int32[n] each."""
    titles = min(items, len(labels.starts) - 1)
    stop = int(labels.starts[titles]) if titles >= 0 else 0
    codes = np.asarray(labels.codes[:stop])
    owners = np.repeat(np.arange(max(titles, 0), dtype=np.int32), np.diff(labels.starts[: titles + 1]))
    pairs = np.unique(codes.astype(np.int64) * max(items, 1) + owners)
    codes, owners = pairs // max(items, 1), (pairs % max(items, 1)).astype(np.int32)
    named = np.array([bool(name) for name in labels.names], np.bool_)
    common = np.bincount(codes, minlength=len(named)) >= FEWEST
    used = (named & common)[codes] if len(codes) else np.zeros(0, np.bool_)
    return codes[used], owners[used]


def _scaled(table: Array, items: int) -> Array:
    """float64[items, d], centred, of mean squared length 1 where the rows differ at all."""
    wide = (table[:, None] if table.ndim == 1 else table)[:items].astype(np.float64)
    known = np.isfinite(wide)
    means = np.where(known, wide, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    centred = np.zeros((items, wide.shape[1]))
    centred[: len(wide)] = np.where(known, wide - means, 0.0)
    length = np.sqrt((centred**2).sum() / max(items, 1))
    return centred / length if length > 1e-9 else np.zeros_like(centred)
