"""Images and models that the tests make: good ones, and every kind of bad one."""

import struct
import zlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image


def noise(seed: int, side: int = 40) -> np.ndarray:
    """Soft coloured noise: uint8[side, side, 3]."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (5, 5, 3)).astype(np.uint8))
    return np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC))


def encoded(picture: np.ndarray | Image.Image, file_format: str, **options: object) -> bytes:
    file = BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(file, file_format, **options)
    return file.getvalue()


def animated(file_format: str) -> bytes:
    frames = [Image.fromarray(noise(seed)) for seed in range(3)]
    return encoded(frames[0], file_format, save_all=True, append_images=frames[1:], duration=50)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 100_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def with_size(jpeg: bytes, width: int, height: int) -> bytes:
    """A JPEG whose header says another size."""
    at = next(i for i in range(len(jpeg)) if jpeg[i] == 0xFF and jpeg[i + 1] in {0xC0, 0xC1, 0xC2})
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def write_model(
    path: Path,
    *,
    channels: int = 4,
    classes: int = 5,
    outputs: Sequence[str] = ("early", "flat"),
    input_shape: Sequence[int | str] = (1, 3, 32, 32),
    input_type: int = TensorProto.FLOAT,
    poison: bool = False,
    logarithm: bool = False,
    seed: int = 1,
) -> Path:
    """A network of one convolution ("early", then "squeezed", "pooled") and one product ("flat").

    poison: weights of NaN; logarithm: in place of the ReLU, with positive weights, so that only black gives infinity.
    """
    random = np.random.default_rng(seed)
    convolution = random.normal(0, 0.3, (channels, 3, 3, 3)).astype(np.float32)
    product = random.normal(0, 0.5, (channels, classes)).astype(np.float32)
    if poison:
        convolution[0] = np.nan
    if logarithm:
        convolution = np.abs(convolution)
    nodes = [
        helper.make_node("Conv", ["picture", "convolution"], ["raw"], pads=[1, 1, 1, 1]),
        helper.make_node("Log" if logarithm else "Relu", ["raw"], ["early"]),
        helper.make_node("GlobalAveragePool", ["early"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["squeezed"]),
        helper.make_node("MatMul", ["squeezed", "product"], ["flat"]),
        helper.make_node("ReduceSum", ["flat"], ["total"], keepdims=0),
    ]
    shapes: dict[str, list[str | int | None]] = {"early": [1, channels, None, None], "flat": [1, classes], "total": []}
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("picture", input_type, list(input_shape))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in outputs],
        [numpy_helper.from_array(convolution, "convolution"), numpy_helper.from_array(product, "product")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, path)
    return path
