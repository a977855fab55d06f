"""Models that the tests make: what is measured is what the formulas say, and a model that cannot be used says why."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from bandi.features.image.style_model import ModelSettings, StyleModel
from bandi.model.errors import InvalidInputError


def features(path: Path, picture: np.ndarray) -> np.ndarray:
    """The convolution and its ReLU in NumPy: float[channels, 32, 32]."""
    weights = numpy_helper.to_array(onnx.load(path).graph.initializer[0])
    normal = (picture / 255.0 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    padded = np.pad(normal, ((1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    return np.asarray(np.maximum(np.einsum("yxcij,kcij->kyx", windows, weights), 0))


def test_gram_and_objects_are_those_of_the_formula(pictures: Any, tmp_path: Path) -> None:
    path, picture = pictures.write_model(tmp_path / "m.onnx"), pictures.noise(1, 32)
    model = StyleModel(path, ModelSettings(), 1)
    assert model.side == 32
    assert model.parts == {"gram early": 10, "objects flat": 5}
    found = model.describe(picture, "x")
    layer = features(path, picture).reshape(4, -1)
    gram = layer @ layer.T / layer.shape[1]
    assert (found[:10] ** 2).sum() == pytest.approx((gram**2).sum(), rel=1e-4)  # inner products are kept
    assert found[0] == pytest.approx(gram[0, 0], rel=1e-4)
    assert found[1] == pytest.approx(np.sqrt(2) * gram[0, 1], rel=1e-4)
    product = numpy_helper.to_array(onnx.load(path).graph.initializer[1])
    assert found[10:] == pytest.approx(layer.mean(axis=1) @ product, rel=1e-3, abs=1e-4)


def test_a_sketch_estimates_the_inner_products_of_gram_matrices(pictures: Any, tmp_path: Path) -> None:
    """Kar and Karnick 2012: unbiased. 40 sketches of 256 numbers; a mean off by 4.5 standard errors is a false alarm of 7e-6."""
    path = pictures.write_model(tmp_path / "m.onnx", channels=48, outputs=["early"])
    one, other = pictures.noise(1, 32), pictures.noise(2, 32)
    grams = []
    for picture in (one, other):
        layer = features(path, picture).reshape(48, -1)
        grams.append(layer @ layer.T / layer.shape[1])
    truth = float((grams[0] * grams[1]).sum())
    estimates = []
    for seed in range(40):
        model = StyleModel(path, ModelSettings(), seed)
        assert model.parts["gram early"] == 256
        a, b = (model.describe(picture, "x")[:256] for picture in (one, other))
        estimates.append(float(a @ b))
    error = np.std(estimates, ddof=1) / np.sqrt(40)
    assert abs(np.mean(estimates) - truth) < 4.5 * error
    assert np.std(estimates) < 0.5 * truth


def test_the_same_seed_gives_the_same_numbers(pictures: Any, tmp_path: Path) -> None:
    path, picture = pictures.write_model(tmp_path / "m.onnx", channels=48), pictures.noise(1, 32)
    one, same, other = (StyleModel(path, ModelSettings(), seed).describe(picture, "x") for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_layers_inside_the_model_can_be_named(pictures: Any, tmp_path: Path) -> None:
    """A plain classifier gives classes only; its early layers are reached without the onnx package."""
    whole = pictures.write_model(tmp_path / "whole.onnx")
    classifier = pictures.write_model(tmp_path / "classifier.onnx", outputs=["flat"])
    picture = pictures.noise(1, 32)
    found = StyleModel(classifier, ModelSettings(layers=("early",)), 1)
    assert found.parts == {"gram early": 10, "objects flat": 5}
    assert found.describe(picture, "x") == pytest.approx(StyleModel(whole, ModelSettings(), 1).describe(picture, "x"))
    assert StyleModel(classifier, ModelSettings(), 1).parts == {"objects flat": 5}
    assert StyleModel(classifier, ModelSettings(objects="squeezed"), 1).parts == {"objects squeezed": 4}


def test_a_model_of_layers_only_has_objects_by_their_mean(pictures: Any, tmp_path: Path) -> None:
    path, picture = pictures.write_model(tmp_path / "m.onnx", outputs=["early"]), pictures.noise(1, 32)
    model = StyleModel(path, ModelSettings(), 1)
    assert model.parts == {"gram early": 10, "objects early": 4}
    assert model.describe(picture, "x")[10:] == pytest.approx(features(path, picture).mean(axis=(1, 2)), rel=1e-4)


def test_a_long_object_vector_is_projected(pictures: Any, tmp_path: Path) -> None:
    model = StyleModel(pictures.write_model(tmp_path / "m.onnx", classes=2_000), ModelSettings(), 1)
    assert model.parts["objects flat"] == 512


@pytest.mark.parametrize("shape", [["n", 3, "h", "w"], [1, 3, 32, 32], ["n", "c", 32, 32]])
def test_open_and_fixed_sizes(pictures: Any, tmp_path: Path, shape: list[int | str]) -> None:
    model = StyleModel(pictures.write_model(tmp_path / "m.onnx", input_shape=shape), ModelSettings(side=48), 1)
    assert model.side == (48 if "h" in shape else 32)
    assert np.isfinite(model.describe(pictures.noise(1, model.side), "x")).all()


@pytest.mark.parametrize(
    ("options", "settings", "found"),
    [
        ({"input_shape": [1, 3, 32]}, {}, r"\[1, 3, 32\]|ONNX"),
        ({"input_shape": [1, 4, 32, 32]}, {}, r"\[1, 4, 32, 32\]|ONNX"),
        ({"input_shape": [8, 3, 32, 32]}, {}, r"\[8, 3, 32, 32\]"),
        ({"input_shape": [1, 3, 32, 48]}, {}, r"\[1, 3, 32, 48\]"),
        ({"input_shape": [1, 3, 4_000, 4_000]}, {}, "8 to 1024 pixels"),
        ({"input_type": TensorProto.DOUBLE}, {}, "double"),
        ({"outputs": ["total"]}, {}, "outputs of ranks"),
        ({"poison": True}, {}, "not finite"),
        ({}, {"layers": ("late",)}, r"no layers \['late'\]"),
        ({}, {"layers": ("flat",)}, "'flat' of rank 2"),
        ({}, {"objects": "nothing"}, "no layers"),
        ({"outputs": ["flat", "total"]}, {"objects": "total"}, "'total' of rank"),
        ({}, {"side": 5}, "image.model.side"),
        ({}, {"mean": (float("nan"), 0, 0)}, "image.model.mean"),
        ({}, {"deviation": (1, 0, 1)}, "image.model.deviation"),
    ],
)
def test_a_model_that_cannot_be_used_says_why(
    pictures: Any, tmp_path: Path, options: dict[str, Any], settings: dict[str, Any], found: str
) -> None:
    path = pictures.write_model(tmp_path / "m.onnx", **options)
    with pytest.raises(InvalidInputError, match=found):
        StyleModel(path, ModelSettings(**settings), 1)


@pytest.mark.parametrize("content", [None, b"", b"not a model", b"\x08\x09"])
def test_what_is_no_model(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "m.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInputError, match="ONNX"):
        StyleModel(path, ModelSettings(), 1)


def test_without_onnxruntime_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InvalidInputError, match=r"pip install 'bandi\[onnx\]'"):
        StyleModel(tmp_path / "m.onnx", ModelSettings(), 1)
