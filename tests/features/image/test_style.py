"""The measurements say what they claim to, against plain NumPy; nothing makes them NaN."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bandi.features.image import _style_kernels as kernels
from bandi.features.image import style
from bandi.features.image.style import BLOCKS, SIDE, STYLE_SIZE, describe_style


def part(found: np.ndarray, name: str) -> np.ndarray:
    names = list(BLOCKS)
    start = sum(BLOCKS[earlier] for earlier in names[: names.index(name)])
    return found[start : start + BLOCKS[name]]


def plain(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), colour, np.uint8)


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ((255, 255, 255), (1.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 255, 0), (0.86644, -0.23389, 0.17950)),
        ((0, 0, 255), (0.45201, -0.03246, -0.31153)),
    ],
)
def test_oklab_of_known_colours(colour: tuple[int, int, int], expected: tuple[float, float, float]) -> None:
    """The values that CSS Color 4's conversion gives for the primaries of sRGB."""
    lab = np.empty((3, 1, 1), np.float32)
    kernels.to_oklab(np.array([[colour]], np.uint8), style._LINEAR, lab)
    assert lab[:, 0, 0] == pytest.approx(expected, abs=2e-4)


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.uint8, (SIDE, SIDE, 3), elements=st.integers(0, 255), fill=st.integers(0, 255)))
def test_any_picture_gives_finite_measurements(picture: np.ndarray) -> None:
    found = describe_style(picture)
    assert found.shape == (STYLE_SIZE,)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert (part(found, "histogram") ** 2).sum() == pytest.approx(1, abs=1e-3)
    assert (part(found, "patterns") ** 2).reshape(3, 10).sum(axis=1) == pytest.approx(1, abs=1e-3)
    assert np.abs(part(found, "balance")).max() <= 1.001


def test_one_colour_has_no_texture() -> None:
    found = describe_style(plain((200, 30, 90)))
    assert part(found, "directions") == pytest.approx(0, abs=1e-2)
    assert (part(found, "patterns").reshape(3, 10)[:, 0] == pytest.approx(1, abs=1e-4)) is True
    assert part(found, "moments")[3:6] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("turn", [0, 30, 45, 90, 120, 170])
def test_stripes_are_seen_across_their_direction(turn: int) -> None:
    across, down = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    angle = np.radians(turn)
    wave = np.sin((across * np.cos(angle) + down * np.sin(angle)) * 0.5)
    picture = np.repeat((127 + 100 * wave).astype(np.uint8)[:, :, None], 3, axis=2)
    shares = part(describe_style(picture), "directions")[:8] ** 2
    turns = np.pi * np.arange(8) / 8
    seen = np.angle((shares * np.exp(2j * turns)).sum()) / 2 % np.pi
    off = abs(np.degrees(seen) - turn) % 180
    assert min(off, 180 - off) < 6


def test_local_patterns_are_those_of_the_definition() -> None:
    """Eight neighbours in a ring, one by one in Python."""
    random = np.random.default_rng(1)
    plane = random.random((12, 12)).astype(np.float32)
    expected = np.zeros(10)
    ring = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    for y in range(1, 11):
        for x in range(1, 11):
            bits = [int(plane[y + dy, x + dx] >= plane[y, x] + np.float32(0.01)) for dy, dx in ring]
            changes = sum(bits[i] != bits[i - 1] for i in range(8))
            expected[sum(bits) if changes <= 2 else 9] += 1 / 100
    found = np.empty(10, np.float32)
    kernels.local_patterns(plane, 0.01, found)
    assert found == pytest.approx(expected, abs=1e-5)


def test_halves_and_grids_are_means() -> None:
    plane = np.random.default_rng(1).random((SIDE, SIDE)).astype(np.float32)
    smaller, grid = np.empty((SIDE // 2, SIDE // 2), np.float32), np.empty((4, 4), np.float32)
    kernels.halve(plane, smaller)
    kernels.grid_means(plane, grid)
    assert smaller == pytest.approx(plane.reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3)), abs=1e-6)
    assert grid == pytest.approx(plane.reshape(4, SIDE // 4, 4, SIDE // 4).mean(axis=(1, 3)), abs=1e-5)


def test_symmetry_is_seen() -> None:
    random = np.random.default_rng(1)
    half = random.integers(0, 256, (SIDE, SIDE // 2, 3)).astype(np.uint8)
    mirrored = np.concatenate([half, half[:, ::-1]], axis=1)
    balance = part(describe_style(mirrored), "balance")
    assert balance[0] > 0.98
    assert abs(balance[1]) < 0.1
    assert part(describe_style(mirrored.transpose(1, 0, 2).copy()), "balance")[1] > 0.98


def test_what_is_on_the_right_is_found_there() -> None:
    picture = plain((128, 128, 128))
    picture[40:56, 72:88] = 255, 0, 0
    _, _, *centres = part(describe_style(picture), "balance")
    assert centres[1] > 0.2  # edges
    assert centres[3] > 0.2  # chroma
    assert abs(centres[2]) < 0.05
