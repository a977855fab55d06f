"""A catalogue's images to vectors: bad ones are reported and skipped, the others are not disturbed by them."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bandi.features.image import titles
from bandi.features.image.files import read_under
from bandi.features.image.space import learn_space
from bandi.features.image.style_model import ModelSettings
from bandi.features.image.titles import ImageSettings, learn_images
from bandi.model.catalog import Item
from bandi.model.errors import InvalidInputError


def catalogue(pictures: Any, root: Path, count: int) -> list[Item | None]:
    for i in range(count):
        (root / f"{i}.png").write_bytes(pictures.encoded(pictures.noise(i), "PNG"))
    return [Item(id=f"t{i}", image=f"{i}.png") for i in range(count)]


def test_rows_are_of_length_1_and_follow_the_items(pictures: Any, tmp_path: Path) -> None:
    items = [*catalogue(pictures, tmp_path, 20), None, Item(id="none")]
    found = learn_images(items, ImageSettings(tmp_path, dimensions=12))
    assert found.vectors.shape == (22, 12)
    assert found.vectors.dtype == np.float32
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx([1.0] * 20 + [0.0] * 2, abs=1e-4)
    assert found.problems == ()
    assert found.report["items"] == 22
    assert found.report["items_with_image"] == found.report["items_with_vector"] == 20
    backwards = learn_images(items[::-1], ImageSettings(tmp_path, dimensions=12)).vectors[::-1]
    assert backwards @ backwards.T == pytest.approx(found.vectors @ found.vectors.T, abs=2e-3)


def test_bad_images_are_reported_in_order_and_skipped(pictures: Any, tmp_path: Path) -> None:
    good = catalogue(pictures, tmp_path, 10)
    bad = {
        "cut.jpg": pictures.encoded(pictures.noise(1, 90), "JPEG")[:-300],
        "bomb.png": pictures.png_bomb(60_000, 60_000),
        "moving.webp": pictures.animated("WEBP"),
        "moving.gif": pictures.animated("GIF"),
        "moving.png": pictures.animated("PNG"),
        "text.jpg": b"hello",
        "empty.jpg": b"",
        "dot.png": pictures.encoded(pictures.noise(1, 1), "PNG"),
    }
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "folder.jpg").mkdir()
    names = [*bad, "folder.jpg", "missing.jpg", "../outside.jpg"]
    items = [*(Item(id=name, image=name) for name in names), *good]
    found = learn_images(items, ImageSettings(tmp_path, dimensions=8))
    assert [row for row, _ in found.problems] == list(range(len(names)))
    assert all(problem.where.strip("'") == name for (_, problem), name in zip(found.problems, names, strict=True))
    assert (found.vectors[: len(names)] == 0).all()
    assert found.report["problems"] == len(names)
    alone = learn_images(good, ImageSettings(tmp_path, dimensions=8)).vectors
    rest = found.vectors[len(names) :]
    assert rest @ rest.T == pytest.approx(alone @ alone.T, abs=1e-3)


def test_the_file_s_name_says_nothing(pictures: Any, tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(pictures.encoded(pictures.noise(1), "WEBP"))
    found = learn_images([Item(id="a", image="a.gif")], ImageSettings(tmp_path))
    assert found.problems == ()
    assert np.linalg.norm(found.vectors[0]) == pytest.approx(1)


@pytest.mark.parametrize("items", [[], [None], [Item(id="a")], [Item(id="a", image="missing.png")]])
def test_catalogues_without_a_usable_image(tmp_path: Path, items: list[Item | None]) -> None:
    found = learn_images(items, ImageSettings(tmp_path))
    assert found.vectors.shape == (len(items), 64)
    assert (found.vectors == 0).all()


def test_images_all_alike(pictures: Any, tmp_path: Path) -> None:
    for i in range(5):
        (tmp_path / f"{i}.png").write_bytes(pictures.encoded(pictures.noise(1), "PNG"))
    vectors = learn_images([Item(id=f"t{i}", image=f"{i}.png") for i in range(5)], ImageSettings(tmp_path)).vectors
    assert vectors @ vectors.T == pytest.approx(np.ones((5, 5)), abs=1e-5)


def test_a_file_that_many_items_name_is_read_once(
    pictures: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue(pictures, tmp_path, 2)
    read: list[str] = []
    original = read_under

    def counting(root: Path, path: str, most: int) -> bytes:
        read.append(path)
        return original(root, path, most)

    monkeypatch.setattr(titles, "read_under", counting)
    items = [Item(id=f"t{i}", image=f"{i % 2}.png") for i in range(10)]
    found = learn_images(items, ImageSettings(tmp_path)).vectors
    assert sorted(read) == ["0.png", "1.png"]
    assert (found[::2] == found[0]).all()
    assert (found[1::2] == found[1]).all()


def test_later_images_are_projected_into_the_space_of_the_first(
    pictures: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a sample of 40 of 120 the picture stays: neighbours agree with those of the whole sample."""
    items = catalogue(pictures, tmp_path, 120)
    whole = learn_images(items, ImageSettings(tmp_path, dimensions=32)).vectors
    monkeypatch.setattr(titles, "SAMPLE", 40)
    held: list[int] = []
    original = learn_space

    def noting(measured: np.ndarray, *rest: Any) -> Any:
        held.append(len(measured))
        return original(measured, *rest)

    monkeypatch.setattr(titles, "learn_space", noting)
    part = learn_images(items, ImageSettings(tmp_path, dimensions=32)).vectors
    assert held == [48]  # once, at the first chunk that fills the sample
    assert np.linalg.norm(part, axis=1) == pytest.approx(1, abs=1e-4)
    upper = np.triu_indices(120, 1)
    assert np.corrcoef((whole @ whole.T)[upper], (part @ part.T)[upper])[0, 1] > 0.8


def test_threads_change_nothing_and_steps_are_told(pictures: Any, tmp_path: Path) -> None:
    items = catalogue(pictures, tmp_path, 100)
    steps: list[tuple[str, int, int]] = []
    one = learn_images(items, ImageSettings(tmp_path, threads=1))
    many = learn_images(items, ImageSettings(tmp_path, threads=5), lambda *step: steps.append(step))
    assert (one.vectors == many.vectors).all()
    assert [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)
    assert steps[-1] == ("looking at images", 100, 100)


def test_a_model_adds_style_and_objects(pictures: Any, tmp_path: Path) -> None:
    items = catalogue(pictures, tmp_path, 30)
    path = pictures.write_model(tmp_path / "m.onnx")
    settings = ImageSettings(tmp_path, dimensions=20, model=path)
    plain, both = learn_images(items, ImageSettings(tmp_path, dimensions=20)), learn_images(items, settings)
    assert both.report["measurements"] == float(plain.report["measurements"]) + 15
    assert both.report["model"] == "m.onnx"
    assert np.linalg.norm(both.vectors, axis=1) == pytest.approx(1, abs=1e-4)
    assert np.abs(both.vectors @ both.vectors.T - plain.vectors @ plain.vectors.T).max() > 0.01
    unweighted = ImageSettings(tmp_path, dimensions=20, model=path, weights={"gram": 0.0, "objects": 0.0})
    same = learn_images(items, unweighted).vectors
    assert same @ same.T == pytest.approx(plain.vectors @ plain.vectors.T, abs=1e-3)


def test_a_picture_that_the_model_fails_on_is_a_problem(pictures: Any, tmp_path: Path) -> None:
    """0 / 0 in one channel of black: the model is sound on grey, the trial, and not on every picture."""
    items = catalogue(pictures, tmp_path, 5)
    (tmp_path / "black.png").write_bytes(pictures.encoded(np.zeros((40, 40, 3), np.uint8), "PNG"))
    path = pictures.write_model(tmp_path / "m.onnx", logarithm=True)
    settings = ImageSettings(tmp_path, model=path, model_settings=ModelSettings(mean=(0, 0, 0), deviation=(1, 1, 1)))
    found = learn_images([*items, Item(id="black", image="black.png")], settings)
    assert [(row, problem.where) for row, problem in found.problems] == [(5, "black.png")]
    assert "not finite" in found.problems[0][1].found
    assert (found.vectors[5] == 0).all()
    assert (np.linalg.norm(found.vectors[:5], axis=1) > 0.99).all()


def test_problems_are_named_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(titles, "MAX_PROBLEMS", 7)
    items = [Item(id=f"t{i}", image=f"{i % 5}.png") for i in range(50)]
    found = learn_images(items, ImageSettings(tmp_path))
    assert len(found.problems) == 7
    assert found.report["problems"] == 50


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"root": Path("nowhere")}, "image.root"),
        ({"dimensions": 1}, "image.dimensions"),
        ({"dimensions": 5_000}, "image.dimensions"),
        ({"weights": {"color": 1.0}}, "image.weights.color"),
        ({"weights": {"colour": -1.0}}, "image.weights.colour"),
        ({"weights": {"colour": float("nan")}}, "image.weights.colour"),
        ({"model": Path("nowhere.onnx")}, "nowhere.onnx"),
    ],
)
def test_bad_settings_are_named(tmp_path: Path, options: dict[str, Any], found: str) -> None:
    with pytest.raises(InvalidInputError, match=found):
        learn_images([], ImageSettings(**{"root": tmp_path, **options}))


def test_without_pillow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(InvalidInputError, match=r"bandi\[image\]"):
        learn_images([], ImageSettings(tmp_path))
