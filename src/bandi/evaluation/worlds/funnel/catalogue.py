"""What is visible of the funnel world's titles: a service would know it, and policies may be given it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandi.evaluation.worlds.funnel.parameters import FunnelParameters
from bandi.evaluation.worlds.webtoon import DAY_MS, START_MS
from bandi.model.records import Array


@dataclass(frozen=True, slots=True)
class Catalogue:
    """By dense id. genres, authors: int32[titles]; tags: int32[titles, m]; launched_ms: int64[titles].

    vectors: float32[titles, genres + tags], ones for the genre and the tags, rows of length 1.
    """

    genres: Array
    authors: Array
    tags: Array
    launched_ms: Array
    vectors: Array


def draw_catalogue(parameters: FunnelParameters, seed: int) -> Catalogue:
    """Genre, author, tags and launch of every title; dense ids follow the launch. O(titles * tags)."""
    titles, days, random = parameters.titles, parameters.run.days, np.random.default_rng([seed, 1])
    n = titles.count
    genres = random.integers(0, titles.genres, n).astype(np.int32)
    authors = random.integers(0, max(1, round(n / titles.titles_per_author)), n).astype(np.int32)
    tags = np.argsort(random.random((n, titles.tags)), axis=1)[:, : titles.tags_per_title].astype(np.int32)
    early = max(1, round(n * titles.on_sale_share))
    ages = np.sort(random.random(early) * titles.back_catalogue_days)[::-1]
    launch_days = np.arange(titles.launch_every_days, days, titles.launch_every_days)
    if not len(launch_days):
        launch_days = np.array([0])
    late = launch_days[np.arange(n - early) * len(launch_days) // max(1, n - early)]
    launched_ms = START_MS + (np.concatenate([-np.ceil(ages), late]) * DAY_MS).astype(np.int64)
    return Catalogue(genres, authors, tags, launched_ms, _vectors(genres, tags, titles.genres, titles.tags))


def visible_scores(catalogue: Catalogue, count: int, random: np.random.Generator) -> Array:
    """Independent properties that are told by what is visible: float64[count, titles], variance 1 over worlds.

    Genre, author and tags tell a third of the variance each.
    """
    parts = []
    for numbers in (catalogue.genres, catalogue.authors):
        effects = random.normal(size=(count, int(numbers.max()) + 1))
        parts.append(effects[:, numbers])
    effects = random.normal(size=(count, int(catalogue.tags.max()) + 1))
    parts.append(effects[:, catalogue.tags].sum(axis=2) / np.sqrt(catalogue.tags.shape[1]))
    return np.asarray(sum(parts) / np.sqrt(3.0))


def _vectors(genres: Array, tags: Array, genre_count: int, tag_count: int) -> Array:
    vectors = np.zeros((len(genres), genre_count + tag_count), np.float32)
    rows = np.arange(len(genres))
    vectors[rows, genres] = 1.0
    vectors[rows[:, None], genre_count + tags] = 1.0
    return np.asarray(vectors / np.sqrt(1.0 + tags.shape[1], dtype=np.float32))
