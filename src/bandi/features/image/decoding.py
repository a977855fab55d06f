"""From the bytes of a JPEG, PNG or WebP file to a small square picture, within bounds that are checked before decoding."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from bandi.features.image.headers import read_header
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.records import Array

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageFile import ImageFile

MAX_BYTES = 20_000_000
MAX_PIXELS = 25_000_000
"""Decoding holds up to 16 bytes a pixel in each thread (measured: WebP 16, PNG 9, JPEG 3): 400 MB at this bound."""
MIN_SIDE = 8
"""Below this there is no texture or composition to speak of; it is what tracking pixels and place holders look like."""
_DEEP_GREYS = frozenset(["I", "I;16", "I;16B", "I;16L"])
_ORIENTATION = 0x0112


def decode_image(data: bytes, side: int, where: str, most_pixels: int = MAX_PIXELS) -> Array:
    """The picture as sRGB, upright, squeezed to a square, transparent parts white: uint8[side, side, 3].

    Raises InvalidInputError, naming `where`, for what is no JPEG, PNG or WebP, has more than `most_pixels` or a side under
    8 pixels, is animated, damaged, cut off, or wholly transparent; and where Pillow is missing. Safe in many threads; run
    it `quietly`.
    """
    header = read_header(data, where)
    if header.animated:
        raise InvalidInputError(Problem(where, f"an animated {header.format}", "one still image"))
    size = f"{header.width} x {header.height} pixels"
    if header.width * header.height > most_pixels:
        raise InvalidInputError(Problem(where, size, f"at most {most_pixels:,} pixels"))
    if min(header.width, header.height) < MIN_SIDE:
        raise InvalidInputError(Problem(where, size, f"at least {MIN_SIDE} x {MIN_SIDE} pixels"))
    pillow = require_pillow()
    try:
        # The plug-in itself, not Image.open: that warns of large images by a limit that the whole process shares.
        with _plugin(header.format)(BytesIO(data)) as picture:
            if picture.size != (header.width, header.height):
                raise InvalidInputError(Problem(where, "two different sizes in its header", size))
            picture.draft("RGB", (side, side))  # a JPEG is decoded at 1/2, 1/4 or 1/8 where that is enough
            picture.load()
            orientation = _orientation(picture.info.get("exif", b""))
            small = _flatten(_shrink(picture, side, pillow), where, pillow)
    except InvalidInputError:
        raise
    except Exception as error:  # a damaged file makes Pillow's plug-ins raise whatever they stumble on
        found = f"a damaged {header.format} ({str(error) or type(error).__name__})"
        raise InvalidInputError(Problem(where, found, "an image that can be decoded")) from None
    return _upright(np.array(small), orientation)


@contextmanager
def quietly() -> Iterator[None]:
    """Keep Pillow's remarks about odd metadata to itself while images are decoded.

    Warnings filters belong to the whole process: enter it once around all threads that decode, not in each of them.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def require_pillow() -> ModuleType:
    """Pillow's Image module. Raises InvalidInputError, naming the extra, where it is not installed."""
    try:
        from PIL import Image  # noqa: PLC0415  an extra
    except ImportError:
        problem = Problem("pillow", "not installed", "the extra `image`", "pip install 'bandi[image]'")
        raise InvalidInputError(problem) from None
    return Image


def _plugin(name: str) -> type[ImageFile]:
    if name == "JPEG":
        from PIL.JpegImagePlugin import JpegImageFile  # noqa: PLC0415  an extra

        return JpegImageFile
    if name == "PNG":
        from PIL.PngImagePlugin import PngImageFile  # noqa: PLC0415  an extra

        return PngImageFile
    from PIL.WebPImagePlugin import WebPImageFile  # noqa: PLC0415  an extra

    return WebPImageFile


def _shrink(picture: Picture, side: int, pillow: ModuleType) -> Picture:
    if picture.mode in _DEEP_GREYS:  # Pillow's own conversion cuts at 255 instead of scaling
        picture = pillow.fromarray((np.asarray(picture).clip(0, 65_535) >> 8).astype(np.uint8))
    elif picture.mode == "P" or (picture.mode in {"L", "RGB"} and "transparency" in picture.info):
        picture = picture.convert("RGBA")
    elif picture.mode == "1":
        picture = picture.convert("L")
    return picture.resize((side, side), pillow.Resampling.BOX, reducing_gap=2.0)


def _flatten(picture: Picture, where: str, pillow: ModuleType) -> Picture:
    if picture.mode not in {"RGBA", "LA"}:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    if picture.getchannel("A").getextrema()[1] == 0:
        raise InvalidInputError(Problem(where, "a wholly transparent image", "something to see"))
    white: Picture = pillow.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    return white.convert("RGB")


def _orientation(exif: bytes) -> int:
    """Tag 0x0112 of the first directory of EXIF data (TIFF 6.0), 1 to 8; 1 where it is missing or damaged."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    try:
        if order is None:
            return 1
        at = struct.unpack_from(f"{order}I", tiff, 4)[0]
        for entry in range(struct.unpack_from(f"{order}H", tiff, at)[0]):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, at + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def _upright(pixels: Array, orientation: int) -> Array:
    """Undo the camera's orientation (EXIF 2.3, tag 0x0112) on uint8[s, s, 3]."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
