"""Thumbnails to vectors: retrieval in the world beside plain colour, and speed; run: python -m bench.image [largest size].

Retrieval: precision at 10 of the same genre by cosine, 400 titles of 8 genres, five catalogues. Peers: an RGB histogram of
8 x 8 x 8, the mean colour, and chance. Speed: files of the world (JPEG, 160 pixels) read from disk, per second of processor
time on one core; the lower bound is Pillow reading, decoding and shrinking them, the peer the same with an RGB histogram.
Then other formats and sizes, by processor time too.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a core is a core

from bandi.evaluation.worlds.thumbnails import write_thumbnails
from bandi.features.image.decoding import decode_image
from bandi.features.image.style import SIDE, describe_style
from bandi.features.image.titles import ImageSettings, learn_images
from bandi.model.catalog import Item
from bandi.model.records import Array
from bench.measure import machine, table

GENRES, TITLES, SEEDS, SIZES, RUNS = 8, 400, 5, (200, 1_000, 5_000), 3


def main() -> None:
    print(machine(), "\n")
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else SIZES[-1]
    describe_style(np.zeros((SIDE, SIDE, 3), np.uint8))  # compile or load the kernels
    print(table(["vectors", "mean", "lowest", "highest"], retrieval()), "\n")
    header = [
        "images",
        "learn_images",
        "Pillow alone",
        "Pillow and histogram",
        "all cores, by the clock",
        "peak memory (MB)",
    ]
    print(table(header, [speed(size) for size in SIZES if size <= largest]), "\n")
    print(table(["file", "size (kB)", "to pixels (ms)", "to measurements (ms)", "images/s"], formats()))


def retrieval() -> list[list[str]]:
    scores: list[dict[str, float]] = []
    for seed in range(SEEDS):
        with tempfile.TemporaryDirectory() as name:
            genre_of = np.random.default_rng(seed).integers(0, GENRES, TITLES)
            names = write_thumbnails(Path(name), genre_of, GENRES, seed)
            scores.append(retrieve(Path(name), names, genre_of))
    by_method = {method: [score[method] for score in scores] for method in scores[0]}
    return [
        [method, f"{statistics.mean(found):.3f}", f"{min(found):.3f}", f"{max(found):.3f}"]
        for method, found in by_method.items()
    ]


def retrieve(folder: Path, names: list[str], genre_of: Array) -> dict[str, float]:
    """Precision at 10 of each method."""
    items = [Item(id=name, image=name) for name in names]
    vectors = learn_images(items, ImageSettings(folder)).vectors
    found = {"style": precision_at_10(vectors, genre_of)}
    for kind in ("colour", "texture", "composition"):
        without = learn_images(items, ImageSettings(folder, weights={kind: 0.0})).vectors
        found[f"without {kind}"] = precision_at_10(without, genre_of)
    inside = vectors[:, :-1]
    found["whitened"] = precision_at_10(inside / np.maximum(inside.std(axis=0), 1e-6), genre_of)
    pictures = [shrunk(folder / name) for name in names]
    found["histogram"] = precision_at_10(np.array([rgb_histogram(p) for p in pictures], np.float32), genre_of)
    means = np.array([p.reshape(-1, 3).mean(axis=0) for p in pictures])
    found["mean colour"] = precision_at_10(means - means.mean(axis=0), genre_of)
    counts = np.bincount(genre_of, minlength=GENRES)
    found["chance"] = float((counts * (counts - 1)).sum() / len(names) / (len(names) - 1))
    return found


def precision_at_10(vectors: Array, genre_of: Array) -> float:
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    right = 0
    for first in range(0, len(unit), 1_000):
        likeness = unit[first : first + 1_000] @ unit.T
        rows = np.arange(len(likeness))
        likeness[rows, first + rows] = -2
        nearest = np.argpartition(-likeness, 10, axis=1)[:, :10]
        right += int((genre_of[nearest] == genre_of[first + rows][:, None]).sum())
    return right / (10 * len(unit))


def shrunk(path: Path) -> Array:
    with Image.open(path) as image:
        image.draft("RGB", (SIDE, SIDE))
        return np.array(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=2.0))


def rgb_histogram(picture: Array) -> Array:
    return np.bincount((picture.reshape(-1, 3) >> 5) @ np.array([64, 8, 1]), minlength=512)


def speed(size: int) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = write_thumbnails(folder, np.arange(size) % GENRES, GENRES, 1)
        items = [Item(id=name, image=name) for name in names]
        own = rate(size, time.process_time, lambda: learn_images(items, ImageSettings(folder, threads=1)))
        every = rate(size, time.perf_counter, lambda: learn_images(items, ImageSettings(folder)))
        peak = (
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        )  # before the peers, which hold no pictures either
        bound = rate(size, time.process_time, lambda: each(shrunk, folder, names))
        peer = rate(size, time.process_time, lambda: each(lambda path: rgb_histogram(shrunk(path)), folder, names))
    return [f"{size:,}", own, bound, peer, every, f"{peak:.0f}"]


def each(call: Callable[[Path], Array], folder: Path, names: list[str]) -> None:
    for name in names:
        call(folder / name)


def rate(images: int, clock: Callable[[], float], call: Callable[[], object]) -> str:
    """Images a second: median (lowest to highest) of RUNS runs."""
    rates = []
    for _ in range(RUNS):
        start = clock()
        call()
        rates.append(images / (clock() - start))
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"


def formats() -> list[list[str]]:
    """Photographs are not at hand: soft noise with grain, which is harder to decode than most covers."""
    random = np.random.default_rng(1)
    rows = []
    for width, height in ((200, 200), (600, 800), (2_000, 3_000)):
        coarse = Image.fromarray(random.integers(0, 256, (12, 9, 3)).astype(np.uint8)).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        grain = random.normal(0, 6, (height, width, 1))
        image = Image.fromarray((np.asarray(coarse) + grain).clip(0, 255).astype(np.uint8))
        for file_format in ("JPEG", "PNG", "WEBP"):
            file = BytesIO()
            image.save(file, file_format)
            data = file.getvalue()
            picture = decode_image(data, SIDE, "")
            decoding = processor_ms(lambda data=data: decode_image(data, SIDE, ""))  # type: ignore[misc]
            measuring = processor_ms(lambda picture=picture: describe_style(picture))  # type: ignore[misc]
            name = f"{file_format} {width} x {height}"
            both = f"{1e3 / (decoding + measuring):,.0f}"
            rows.append([name, f"{len(data) / 1e3:,.0f}", f"{decoding:.2f}", f"{measuring:.2f}", both])
    return rows


def processor_ms(call: Callable[[], object], runs: int = 15) -> float:
    """Milliseconds of processor time a call: the median of `runs`."""
    found = []
    for _ in range(runs):
        start = time.process_time()
        call()
        found.append(1e3 * (time.process_time() - start))
    return statistics.median(found)


if __name__ == "__main__":
    main()
