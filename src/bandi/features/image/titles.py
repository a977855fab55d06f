"""Vectors of a catalogue's thumbnails: read, measured and learned from in one pass, with bounded memory."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bandi.features.image.decoding import MAX_BYTES, MAX_PIXELS, decode_image, quietly, require_pillow
from bandi.features.image.files import read_under
from bandi.features.image.space import ImageSpace, learn_space
from bandi.features.image.style import BLOCKS, SIDE, describe_style
from bandi.features.image.style_model import ModelSettings, StyleModel
from bandi.model.catalog import Item
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

SAMPLE = 8_192
"""Images that the space is learned from: their measurements are held until then, later ones are projected at once."""
MAX_PROBLEMS = 10_000
"""Problems named at most; the report counts all."""
_CHUNK = 16
"""Images that a thread takes at a time."""

OnStep = Callable[[str, int, int], None]
"""Called with what is being done, steps done and steps in all."""
_Found = list[tuple[str, Array | Problem]]


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """What to learn from. root: the folder that the items' paths are relative to, and may not leave.

    dimensions: of the vectors, 2 to 1,024; model: an ONNX model that adds style and objects; weights: how much each part
    counts ("colour", "texture", "composition", "gram", "objects"), 0 or more, 1 unless told; threads: 0 for one a core.
    """

    root: Path
    dimensions: int = 64
    model: Path | None = None
    seed: int = 1
    model_settings: ModelSettings = field(default_factory=ModelSettings)
    weights: dict[str, float] = field(default_factory=dict)
    most_bytes: int = MAX_BYTES
    most_pixels: int = MAX_PIXELS
    threads: int = 0

    def check(self) -> None:
        """Raises InvalidInputError for a value out of its range."""
        if not self.root.is_dir():
            raise InvalidInputError(Problem("image.root", str(self.root), "a folder"))
        if not 2 <= self.dimensions <= 1_024:
            raise InvalidInputError(Problem("image.dimensions", str(self.dimensions), "2 to 1,024"))
        for name, weight in self.weights.items():
            if name not in _KINDS or not 0 <= weight < float("inf"):
                expected = f"0 or more, for one of {', '.join(_KINDS)}"
                raise InvalidInputError(Problem(f"image.weights.{name}", str(weight), expected))


@dataclass(frozen=True, slots=True)
class ImageVectors:
    """What was learned. vectors: float32[items, d], rows of length 1, or 0 where an item has no usable image.

    problems: index of the item and what is wrong with its image, by index, `MAX_PROBLEMS` at most; report: counts, seconds.
    """

    vectors: Array
    problems: tuple[tuple[int, Problem], ...]
    report: dict[str, float | str]


_KINDS = {
    "colour": ("histogram", "moments"),
    "texture": ("directions", "strengths", "patterns"),
    "composition": ("grid", "balance"),
    "gram": (),
    "objects": (),
}
"""What a weight is for, and the parts of a style that share it."""


def learn_images(items: Sequence[Item | None], settings: ImageSettings, on_step: OnStep | None = None) -> ImageVectors:
    """The vectors of the items' thumbnails (`Item.image`, a path relative to the root); None: an item that is gone.

    Each file is read once, however many items name it. Decoding takes all cores; held in memory are `SAMPLE` measurements,
    a few pictures for each thread and the result. The same files, settings and seed give the same vectors, whatever the number of
    threads. An unusable image is a problem, never an error. Raises InvalidInputError for settings, a model or an extra.
    """
    settings.check()
    require_pillow()
    model = None if settings.model is None else StyleModel(settings.model, settings.model_settings, settings.seed)
    started = time.perf_counter()
    rows_of: dict[str, list[int]] = {}
    for row, item in enumerate(items):
        if item is not None and item.image:
            rows_of.setdefault(item.image, []).append(row)
    gathering = _Gathering(len(items), rows_of, settings, model)
    names = list(rows_of)
    order = [names[i] for i in np.random.default_rng(settings.seed).permutation(len(names))]
    with quietly():
        for done, found in _measured(order, settings, model):
            gathering.add(found)
            if on_step is not None:
                on_step("looking at images", done, len(order))
    gathering.finish()
    return gathering.result(time.perf_counter() - started, len(order))


class _Gathering:
    """Takes measurements as they come: held until the space can be learned, projected from then on."""

    def __init__(
        self, items: int, rows_of: dict[str, list[int]], settings: ImageSettings, model: StyleModel | None
    ) -> None:
        self._rows_of = rows_of
        self._vectors = np.zeros((items, settings.dimensions), np.float32)
        self._parts = {**BLOCKS, **(model.parts if model is not None else {})}
        self._weights = _weights(self._parts, settings.weights)
        self._held: list[tuple[str, Array]] = []
        self._space: ImageSpace | None = None
        self._problems: list[tuple[int, Problem]] = []
        self._unusable = 0
        self._model = "none" if settings.model is None else settings.model.name

    def add(self, found: _Found) -> None:
        for name, value in found:
            if isinstance(value, Problem):
                rows = self._rows_of[name]
                self._unusable += len(rows)
                self._problems.extend((row, value) for row in rows[: MAX_PROBLEMS - len(self._problems)])
            else:
                self._held.append((name, value))
        if self._held and (self._space is not None or len(self._held) >= SAMPLE):
            self.finish()

    def finish(self) -> None:
        """Learn the space if that was not done, and project what is held."""
        if not self._held:
            return
        measured = np.stack([value for _, value in self._held])
        if self._space is None:
            self._space = learn_space(measured, self._parts, self._weights, self._vectors.shape[1])
        for (name, _), vector in zip(self._held, self._space.project(measured), strict=True):
            self._vectors[self._rows_of[name]] = vector
        self._held = []

    def result(self, seconds: float, images: int) -> ImageVectors:
        with_image = sum(len(rows) for rows in self._rows_of.values())
        report: dict[str, float | str] = {
            "items": len(self._vectors),
            "items_with_image": with_image,
            "items_with_vector": with_image - self._unusable,
            "images": images,
            "problems": self._unusable,
            "measurements": sum(self._parts.values()),
            "variance_kept": round(self._space.kept, 4) if self._space is not None else 0.0,
            "model": self._model,
            "seconds": round(seconds, 3),
        }
        return ImageVectors(self._vectors, tuple(sorted(self._problems, key=lambda pair: pair[0])), report)


def _weights(parts: dict[str, int], wanted: dict[str, float]) -> dict[str, float]:
    """The total variance of each part: its kind's weight, shared equally by the kind's parts."""
    weights = {}
    for kind, own in _KINDS.items():
        members = [part for part in parts if part in own or part.partition(" ")[0] == kind]
        weights.update({part: wanted.get(kind, 1.0) / len(members) for part in members})
    return weights


def _measured(names: Sequence[str], settings: ImageSettings, model: StyleModel | None) -> Iterator[tuple[int, _Found]]:
    """Measurements of the files, in order, and how many are done: a few chunks are under way at any time."""
    threads = settings.threads or os.cpu_count() or 1
    with ThreadPoolExecutor(threads, thread_name_prefix="images") as pool:
        under_way: deque[Future[_Found]] = deque()
        done = 0
        for first in range(0, len(names), _CHUNK):
            chunk = names[first : first + _CHUNK]
            under_way.append(pool.submit(_measure, chunk, settings, model))
            if len(under_way) > 2 * threads:
                found = under_way.popleft().result()
                done += len(found)
                yield done, found
        while under_way:
            found = under_way.popleft().result()
            done += len(found)
            yield done, found


def _measure(names: Sequence[str], settings: ImageSettings, model: StyleModel | None) -> _Found:
    found: _Found = []
    for name in names:
        try:
            data = read_under(settings.root, name, settings.most_bytes)
            measured = describe_style(decode_image(data, SIDE, name, settings.most_pixels))
            if model is not None:
                picture = decode_image(data, model.side, name, settings.most_pixels)
                measured = np.concatenate([measured, model.describe(picture, name)])
            found.append((name, measured))
        except InvalidInputError as error:
            found.append((name, error.problems[0]))
    return found
