"""Thumbnails whose style follows genre, so that retrieval by image can be scored against a known truth.

A genre has a palette, a texture and a way to compose; a title draws its own around them, and now and then borrows one of the
three from another genre. No single measure (a mean colour, a histogram) tells genres apart by itself: the palettes of
neighbouring genres overlap, as do their textures.
"""

from __future__ import annotations

import colorsys
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np

from bandi.features.image.decoding import require_pillow
from bandi.model.records import Array

_BORROWED = 0.2
"""How often a title takes each of palette, texture and composition from any genre."""
_GOLDEN = 0.6180339887


def draw_thumbnail(
    genre: int, genres: int, title_seed: int, side: int = 160, file_format: Literal["PNG", "JPEG"] = "JPEG"
) -> bytes:
    """The thumbnail of a title of genre 0 <= genre < genres, as a file of side x side pixels.

    The same arguments give the same pixels. Raises ValueError for a genre out of range, InvalidInputError without Pillow.
    """
    if not 0 <= genre < genres:
        raise ValueError(f"genre {genre} of {genres}")
    image = require_pillow()
    random = np.random.default_rng([title_seed, genre, genres])
    palette_of, texture_of, composition_of = (
        genre if random.random() >= _BORROWED else int(random.integers(genres)) for _ in range(3)
    )
    ground, figure, accent = _palette(palette_of, genres, random)
    across, down = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    masks = _shapes(composition_of, genres, across, down, random)
    light = 1.0 + 0.35 * random.normal() * across + 0.35 * random.normal() * down
    picture = np.clip(light, 0.4, 1.6)[:, :, None] * ground
    for mask, colour in zip(masks, (figure, accent, figure), strict=False):
        picture = np.where(mask[:, :, None], colour, picture)
    contrast = random.uniform(0.15, 0.45)
    picture = picture * (1.0 + contrast * _texture(texture_of, genres, across, down, random)[:, :, None])
    picture = picture * random.uniform(0.7, 1.2) + random.normal(0.0, 0.02, picture.shape)
    file = BytesIO()
    pixels = (picture.clip(0, 1) * 255).astype(np.uint8)
    image.fromarray(pixels).save(file, file_format, **({"quality": 88} if file_format == "JPEG" else {}))
    return file.getvalue()


def write_thumbnails(folder: Path, genre_of: Array, genres: int, seed: int, side: int = 160) -> list[str]:
    """Draw a JPEG for each title (genre_of: int[titles]) into `folder`; their paths relative to it, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for title, genre in enumerate(genre_of.tolist()):
        names.append(f"t{title:06d}.jpg")
        (folder / names[-1]).write_bytes(draw_thumbnail(genre, genres, seed * 1_000_003 + title, side))
    return names


def _palette(genre: int, genres: int, random: np.random.Generator) -> tuple[Array, Array, Array]:
    """Ground, figure and accent: three colours, float64[3] of 0 to 1. Genres differ in hue, in contrast of hues and in saturation."""
    hue = genre / genres + random.normal(0.0, 0.09)
    apart = 0.12 + 0.38 * (genre * _GOLDEN % 1.0) + random.normal(0.0, 0.05)
    saturation = float(np.clip(0.35 + 0.4 * (genre * 2 % 3) / 2 + random.normal(0.0, 0.12), 0.05, 1.0))
    value = float(np.clip(0.45 + 0.3 * (genre % 2) + random.normal(0.0, 0.15), 0.15, 1.0))
    colours = [
        (hue, saturation, value),
        (hue + apart, saturation, 1.1 - value),
        (hue - apart, min(1.0, saturation + 0.2), 0.9),
    ]
    if random.random() < 0.3:  # figure and ground change places
        colours = [colours[1], colours[0], colours[2]]
    ground, figure, accent = (np.array(colorsys.hsv_to_rgb(h % 1.0, s, v)) for h, s, v in colours)
    return ground, figure, accent


def _texture(genre: int, genres: int, across: Array, down: Array, random: np.random.Generator) -> Array:
    """Float64[side, side], about -1 to 1: hatching, dots, rough paint or paper, each of its own scale and direction."""
    kind = genre % 4
    scale = 1.0 + (genre // 4 * _GOLDEN) % 1.0
    angle = np.pi * (genre * _GOLDEN % 1.0) + random.normal(0.0, 0.25)
    turned = across * np.cos(angle) + down * np.sin(angle)
    beside = down * np.cos(angle) - across * np.sin(angle)
    waves = 22.0 / scale * np.exp(random.normal(0.0, 0.2))
    phase = random.uniform(0, 2 * np.pi)
    if kind == 0:
        return np.asarray(np.sin(waves * turned + phase))
    if kind == 1:
        dots = np.cos(waves * turned + phase) * np.cos(waves * beside)
        return np.asarray(np.where(dots > 0.3, 1.0, -0.3))
    cells = round((10 if kind == 2 else 40) / scale * float(np.exp(random.normal(0.0, 0.15))))
    return _rough(cells, across.shape[0], random)


def _rough(cells: int, side: int, random: np.random.Generator) -> Array:
    """Value noise: random heights on a grid, smoothly joined (Perlin 1985's idea in its simplest form)."""
    cells = max(2, cells)
    heights = random.uniform(-1.0, 1.0, (cells + 1, cells + 1))
    at = np.linspace(0, cells, side, endpoint=False)
    low = at.astype(int)
    rest = at - low
    smooth = rest * rest * (3 - 2 * rest)
    rows = heights[low] * (1 - smooth[:, None]) + heights[low + 1] * smooth[:, None]
    return np.asarray(rows[:, low] * (1 - smooth) + rows[:, low + 1] * smooth)


def _shapes(genre: int, genres: int, across: Array, down: Array, random: np.random.Generator) -> list[Array]:
    """bool[side, side] for each shape, those in front last: a portrait, a horizon, two in talk, or a frame."""
    kind = (genre * 3 + genre // 4) % 4
    x, y = random.normal(0.0, 0.15, 2)
    size = np.exp(random.normal(0.0, 0.15))
    if kind == 0:
        head = np.hypot(across - x, (down - y + 0.2) * 0.85) < 0.38 * size
        body = np.hypot((across - x) * 0.9, down - y - 1.0) < 0.75 * size
        return [body, head]
    if kind == 1:
        level = 0.25 + y
        ridge = level + 0.15 * np.sin(3 * size * across + random.uniform(0, 6))
        return [down > ridge, np.hypot(across - 0.5 + x, down + 0.55) < 0.2 * size]
    if kind == 2:
        left = np.hypot((across + 0.5 + x) * 1.3, down - 0.25 + y) < 0.5 * size
        right = np.hypot((across - 0.5 + x) * 1.3, down - 0.1 - y) < 0.5 * size
        return [left, right]
    rim = np.maximum(np.abs(across), np.abs(down)) > 0.8 - 0.1 * size
    diamond = np.abs(across - x) + np.abs(down - y) < 0.4 * size
    return [rim, diamond]
