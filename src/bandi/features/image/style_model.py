"""Style and objects in a picture by an ONNX model that the user brings.

Style: for each early layer with features F (channels x positions) the Gram matrix G = F F' / positions (Gatys, Ecker and Bethge
2016, "Image style transfer using convolutional neural networks", eq. 3). A large one is sketched: coordinate k is s_k' G t_k
with random signs s_k and t_k, so that inner products of sketches estimate those of Gram matrices (Kar and Karnick 2012,
"Random feature maps for dot product kernels"), and G itself is never made. Objects: the model's last flat output.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bandi.features.image.onnx_outputs import with_outputs
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

MAX_MODEL_BYTES = 2_000_000_000
_GRAM_SIZE = 256
_OBJECT_SIZE = 512
_MAX_SIDE = 1_024


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """How to use the model. It takes one float32 picture as NCHW, (level / 255 - mean) / deviation in each channel of RGB.

    layers: names of early layers, outputs of the model or values inside it; none: every 4-D output. objects: name of the
    output that describes objects, flat or 4-D (then its mean over positions); none: the last 2-D output, else the last 4-D one.
    side: of the picture in pixels, where the model leaves it open. mean, deviation: those of ImageNet unless told.
    """

    layers: tuple[str, ...] = ()
    objects: str = ""
    side: int = 224
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    deviation: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def check(self) -> None:
        """Raises InvalidInputError for a value out of its range."""
        if not 8 <= self.side <= _MAX_SIDE:
            raise InvalidInputError(Problem("image.model.side", str(self.side), f"8 to {_MAX_SIDE} pixels"))
        if not all(np.isfinite(value) for value in self.mean):
            raise InvalidInputError(Problem("image.model.mean", str(self.mean), "three finite numbers"))
        if not all(np.isfinite(value) and value > 0 for value in self.deviation):
            raise InvalidInputError(Problem("image.model.deviation", str(self.deviation), "three numbers above 0"))


class StyleModel:
    """A loaded model. `parts`: names and sizes of what `describe` gives, in order; `side`: of the pictures it takes."""

    def __init__(self, path: Path, settings: ModelSettings, seed: int) -> None:
        """Load the model and try it on a grey picture.

        Raises InvalidInputError that says what is wrong: no onnxruntime, no model, not one NCHW float input, a name that
        does not exist, an output of another kind, numbers that are not finite.
        """
        settings.check()
        self._where = str(path)
        self._session = _open_session(path, settings)
        self._input, self.side = self._check_input(settings.side)
        self._mean = np.array(settings.mean, np.float32)[:, None, None]
        self._deviation = np.array(settings.deviation, np.float32)[:, None, None]
        floats = [output.name for output in self._session.get_outputs() if output.type == "tensor(float)"]
        grey = np.full((self.side, self.side, 3), 128, np.uint8)
        trial = {name: value for name, value in self._run(grey, floats, self._where).items() if value.size}
        layers, objects = self._choose(settings, {name: value.ndim for name, value in trial.items()})
        random = np.random.default_rng([seed, 2])
        self._measures: list[tuple[str, str, Callable[[Array], Array]]] = [
            *((f"gram {name}", name, _gram(trial[name].shape[1], random)) for name in layers),
            (f"objects {objects}", objects, _reduce(trial[objects].shape[1], random)),
        ]
        self._needed = list({name: None for _, name, _ in self._measures})
        tried = self._measure(trial, self._where)
        self.parts = {part: len(value) for (part, _, _), value in zip(self._measures, tried, strict=True)}

    def describe(self, picture: Array, where: str) -> Array:
        """What the model says of uint8[side, side, 3]: float32[sum of parts]. Safe in many threads.

        Raises InvalidInputError naming `where` if any of it is not a finite number, or the model fails on this picture.
        """
        return np.concatenate(self._measure(self._run(picture, self._needed, where), where))

    def _run(self, picture: Array, names: Sequence[str], where: str) -> dict[str, Array]:
        tensor = ((picture.astype(np.float32).transpose(2, 0, 1) / 255.0 - self._mean) / self._deviation)[None]
        try:
            values = self._session.run(names, {self._input: tensor})
        except Exception as error:  # onnxruntime's errors have no common class of their own
            raise InvalidInputError(Problem(where, f"the model failed: {_brief(error)}", "a model that runs")) from None
        return dict(zip(names, values, strict=True))

    def _measure(self, found: dict[str, Array], where: str) -> list[Array]:
        measured = []
        for part, name, measure in self._measures:
            with np.errstate(all="ignore"):
                measured.append(measure(found[name]))
            if not np.isfinite(measured[-1]).all():
                raise InvalidInputError(Problem(where, f"{part} of the model is not finite", "finite numbers"))
        return measured

    def _check_input(self, side: int) -> tuple[str, int]:
        inputs = self._session.get_inputs()
        expected = "one input float32[1, 3, side, side] (NCHW)"
        if len(inputs) != 1:
            raise InvalidInputError(Problem(self._where, f"{len(inputs)} inputs", expected))
        shape, kind = list(inputs[0].shape), inputs[0].type
        found = f"{inputs[0].name}: {kind}, {shape}"
        if kind != "tensor(float)" or len(shape) != 4:
            raise InvalidInputError(Problem(self._where, found, expected))
        fixed = [size if isinstance(size, int) else None for size in shape]
        if fixed[0] not in {None, 1} or fixed[1] not in {None, 3} or (fixed[2] or 0) != (fixed[3] or 0):
            hint = "the channels come first" if fixed[3] == 3 else ""
            raise InvalidInputError(Problem(self._where, found, expected, hint))
        side = fixed[2] or side
        if not 8 <= side <= _MAX_SIDE:
            raise InvalidInputError(Problem(self._where, found, f"8 to {_MAX_SIDE} pixels a side"))
        return inputs[0].name, side

    def _choose(self, settings: ModelSettings, ranks: dict[str, int]) -> tuple[list[str], str]:
        """The layers for style, maybe none, and the output for objects."""
        flat = [name for name, rank in ranks.items() if rank == 2]
        deep = [name for name, rank in ranks.items() if rank == 4]
        for name in settings.layers:
            if name not in deep:
                raise InvalidInputError(Problem(self._where, f"{name!r} of rank {ranks.get(name)}", "a 4-D layer"))
        if settings.objects and settings.objects not in flat + deep:
            found = f"{settings.objects!r} of rank {ranks.get(settings.objects)}"
            raise InvalidInputError(Problem(self._where, found, "a 2-D or 4-D output for objects"))
        if not flat and not deep:
            raise InvalidInputError(Problem(self._where, f"outputs of ranks {ranks}", "a 4-D or 2-D output of float32"))
        objects = settings.objects or (flat or deep)[-1]
        return list(settings.layers) or deep, objects


def _open_session(path: Path, settings: ModelSettings) -> Any:
    try:
        import onnxruntime  # noqa: PLC0415  an extra
    except ImportError:
        problem = Problem("onnxruntime", "not installed", "the extra `onnx`", "pip install 'bandi[onnx]'")
        raise InvalidInputError(problem) from None
    if not path.is_file():
        raise InvalidInputError(Problem(str(path), "no such file", "an ONNX model"))
    if path.stat().st_size > MAX_MODEL_BYTES:
        raise InvalidInputError(Problem(str(path), f"{path.stat().st_size:,} bytes", f"at most {MAX_MODEL_BYTES:,}"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # several pictures are looked at at once instead
    options.log_severity_level = 4
    wanted = (*settings.layers, *([settings.objects] if settings.objects else []))
    try:
        session = onnxruntime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
        missing = [name for name in wanted if name not in {output.name for output in session.get_outputs()}]
        if not missing:
            return session
        widened = with_outputs(path.read_bytes(), missing)
    except Exception as error:  # onnxruntime's errors have no common class of their own
        raise InvalidInputError(Problem(str(path), _brief(error), "an ONNX model")) from None
    try:
        return onnxruntime.InferenceSession(widened, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        found = f"no layers {missing} ({_brief(error)})"
        raise InvalidInputError(Problem(str(path), found, "names of outputs or of values inside the model")) from None


def _brief(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]


def _gram(channels: int, random: np.random.Generator) -> Callable[[Array], Array]:
    """What measures the Gram matrix of float32[1, channels, h, w]: its upper triangle, or a sketch of it."""
    if channels * (channels + 1) // 2 <= _GRAM_SIZE:
        upper = np.triu_indices(channels)
        twice = np.where(upper[0] == upper[1], 1.0, np.sqrt(2.0)).astype(np.float32)  # keeps inner products

        def exact(value: Array) -> Array:
            features = _positions(value)
            return np.asarray((features.T @ features / np.float32(len(features)))[upper] * twice)

        return exact
    one, other = (_signs(channels, _GRAM_SIZE, random) for _ in range(2))

    def sketch(value: Array) -> Array:
        features = _positions(value)
        products = np.einsum("pk,pk->k", features @ one, features @ other)
        return np.asarray(products / np.float32(len(features) * np.sqrt(_GRAM_SIZE)))

    return sketch


def _reduce(size: int, random: np.random.Generator) -> Callable[[Array], Array]:
    """What measures objects in float32[1, size] or float32[1, size, h, w]: as it is, or projected (Achlioptas 2003)."""
    signs = _signs(size, _OBJECT_SIZE, random) / np.float32(np.sqrt(_OBJECT_SIZE)) if size > _OBJECT_SIZE else None

    def measure(value: Array) -> Array:
        flat = value[0] if value.ndim == 2 else _positions(value).mean(axis=0)
        return np.asarray(flat if signs is None else flat @ signs)

    return measure


def _positions(value: Array) -> Array:
    """float32[1, c, h, w] to float32[h * w, c]."""
    return np.asarray(value[0].reshape(value.shape[1], -1).T)


def _signs(rows: int, columns: int, random: np.random.Generator) -> Array:
    return (random.integers(0, 2, (rows, columns)) * 2 - 1).astype(np.float32)
