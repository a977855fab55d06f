"""What an image file says of itself in its first bytes: format, size, number of frames. Nothing is decoded.

So a file of a few bytes that claims 60,000 x 60,000 pixels costs nothing. Formats: JPEG (ITU-T T.81, annex B), PNG (W3C
PNG third edition: IHDR, acTL), WebP (RFC 9649: VP8, VP8L, VP8X).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from bandi.model.errors import InvalidInputError, Problem

_PNG = b"\x89PNG\r\n\x1a\n"
_FORMATS = "a JPEG, PNG or WebP image"
_OTHERS = ((b"GIF8", "GIF"), (b"BM", "BMP"), (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"%PDF", "PDF"), (b"<svg", "SVG"))
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset([0x01, *range(0xD0, 0xD9)])


@dataclass(frozen=True, slots=True)
class Header:
    """format: Pillow's name; width and height in pixels, before any rotation; animated: whether there is more than one frame."""

    format: str
    width: int
    height: int
    animated: bool


def read_header(data: bytes, where: str) -> Header:
    """The header of an image, by its content; the file's name says nothing. Raises InvalidInputError at `where`."""
    try:
        if data.startswith(_PNG):
            return _png(data)
        if data.startswith(b"\xff\xd8\xff"):
            return _jpeg(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
    except (struct.error, IndexError, ValueError):
        raise InvalidInputError(Problem(where, "a header that is cut off or damaged", _FORMATS)) from None
    found = next((f"a {name} file" for magic, name in _OTHERS if data.startswith(magic)), "something else")
    raise InvalidInputError(Problem(where, found, _FORMATS))


def _png(data: bytes) -> Header:
    if data[12:16] != b"IHDR":
        raise ValueError
    width, height = struct.unpack_from(">II", data, 16)
    at, animated = 8, False
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"acTL":
            animated = animated or struct.unpack_from(">I", data, at + 8)[0] != 1
        elif kind == b"IDAT":
            break
        at += 12 + length
    return Header("PNG", width, height, animated)


def _jpeg(data: bytes) -> Header:
    at = 2
    while True:
        if data[at] != 0xFF:
            raise ValueError
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
        elif marker in _WITHOUT_LENGTH:
            at += 2
        elif marker in _START_OF_FRAME:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return Header("JPEG", width, height, False)
        else:
            at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])


def _webp(data: bytes) -> Header:
    kind = data[12:16]
    if kind == b"VP8X":
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
        return Header("WEBP", width, height, bool(data[20] & 2))
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Header("WEBP", width & 0x3FFF, height & 0x3FFF, False)
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return Header("WEBP", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), False)
    raise ValueError
