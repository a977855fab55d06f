"""Every format and colour mode becomes the same small picture; what cannot be used is named, within bounds."""

import struct
import sys
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps

from bandi.features.image.decoding import decode_image
from bandi.model.errors import InvalidInputError

SIDE = 32


def far(one: np.ndarray, other: np.ndarray) -> float:
    """Mean difference of levels, 0 to 255."""
    return float(np.abs(one.astype(int) - other).mean())


@pytest.mark.parametrize(
    ("file_format", "options", "within"),
    [("PNG", {}, 1), ("JPEG", {"quality": 95}, 6), ("WEBP", {"quality": 95}, 6), ("WEBP", {"lossless": True}, 1),
     ("JPEG", {"quality": 95, "progressive": True}, 6)],
)  # fmt: skip
def test_the_formats_agree(pictures: Any, file_format: str, options: dict[str, Any], within: float) -> None:
    picture = pictures.noise(1, SIDE)
    found = decode_image(pictures.encoded(picture, file_format, **options), SIDE, "x")
    assert found.shape == (SIDE, SIDE, 3)
    assert found.dtype == np.uint8
    assert far(found, picture) < within


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "LA", "1", "I;16", "CMYK"])
def test_every_colour_mode_is_seen_as_it_looks(pictures: Any, mode: str) -> None:
    half = np.full((SIDE, SIDE, 3), 255, np.uint8)
    half[:, : SIDE // 2] = 0
    if mode == "I;16":
        image = Image.fromarray(half[:, :, 0].astype(np.uint16) * 257)
        assert image.mode == "I;16"
    else:
        image = Image.fromarray(half).convert(mode)
    found = decode_image(pictures.encoded(image, "JPEG" if mode == "CMYK" else "PNG"), SIDE, "x")
    assert far(found, half) < 2


def test_sixteen_bits_of_grey_are_scaled_and_not_cut(pictures: Any) -> None:
    image = Image.fromarray(np.full((SIDE, SIDE), 100 * 257, np.uint16))
    assert (decode_image(pictures.encoded(image, "PNG"), SIDE, "x") == 100).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white(pictures: Any, mode: str) -> None:
    black = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 255))
    black.paste((0, 0, 0, 0), (0, 0, SIDE, SIDE // 2))
    found = decode_image(pictures.encoded(black.convert(mode), "PNG"), SIDE, "x")
    assert (found[: SIDE // 2] == 255).all()
    assert (found[SIDE // 2 :] == 0).all()


def test_a_transparent_colour_of_a_png_without_alpha(pictures: Any) -> None:
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[:, :16] = 9, 9, 9
    found = decode_image(pictures.encoded(picture, "PNG", transparency=(9, 9, 9)), SIDE, "x")
    assert (found[:, :16] == 255).all()
    assert (found[:, 16:] == 0).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_is_put_upright_as_pillow_would(pictures: Any, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = pictures.encoded(pictures.noise(3, SIDE), "PNG", exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(data))))
    assert (decode_image(data, SIDE, "x") == expected).all()


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01" * 40]
)
def test_damaged_metadata_costs_nothing(pictures: Any, exif: bytes) -> None:
    picture = pictures.noise(3, SIDE)
    assert far(decode_image(pictures.encoded(picture, "JPEG", quality=95, exif=exif), SIDE, "x"), picture) < 6


def test_a_large_jpeg_is_decoded_small(pictures: Any) -> None:
    big = pictures.noise(4, 3_000)
    found = decode_image(pictures.encoded(big, "JPEG", quality=90), SIDE, "x")
    small = np.asarray(Image.fromarray(big).resize((SIDE, SIDE), Image.Resampling.BOX))
    assert far(found, small) < 6


Make = Callable[[Any], bytes]
BAD: dict[str, tuple[Make, str]] = {
    "text": (lambda p: b"not an image at all", "something else"),
    "html": (lambda p: b"<!doctype html><html>404</html>", "something else"),
    "svg": (lambda p: b"<svg xmlns='x'/>", "SVG"),
    "gif": (lambda p: p.encoded(p.noise(1), "GIF"), "GIF"),
    "animated gif": (lambda p: p.animated("GIF"), "GIF"),
    "bmp": (lambda p: p.encoded(p.noise(1), "BMP"), "BMP"),
    "animated webp": (lambda p: p.animated("WEBP"), "animated WEBP"),
    "animated png": (lambda p: p.animated("PNG"), "animated PNG"),
    "png bomb": (lambda p: p.png_bomb(60_000, 60_000), "60000 x 60000"),
    "png of no width": (lambda p: p.png_bomb(0, 40), "0 x 40"),
    "png bomb of largest sides": (lambda p: p.png_bomb(2**31 - 1, 2**31 - 1), "pixels"),
    "jpeg bomb": (lambda p: p.with_size(p.encoded(p.noise(1), "JPEG"), 65_000, 65_000), "65000 x 65000"),
    "one pixel": (lambda p: p.encoded(p.noise(1, 1), "PNG"), "1 x 1"),
    "wholly transparent": (lambda p: p.encoded(Image.new("RGBA", (40, 40)), "PNG"), "transparent"),
    "truncated jpeg": (lambda p: p.encoded(p.noise(1, 90), "JPEG")[:-300], "damaged JPEG"),
    "truncated png": (lambda p: p.encoded(p.noise(1, 90), "PNG")[:-900], "damaged PNG"),
    "truncated webp": (lambda p: p.encoded(p.noise(1, 90), "WEBP")[:-100], "damaged WEBP"),
    "png with too few rows": (lambda p: p.png_bomb(2_000, 2_000), "damaged PNG"),
    "only a magic number": (lambda p: b"\xff\xd8\xff", "cut off"),
    "png header cut": (lambda p: b"\x89PNG\r\n\x1a\n\0\0", "cut off"),
    "webp of an unknown kind": (lambda p: b"RIFF\x10\0\0\0WEBPXXXX" + b"\0" * 30, "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_image_is_named_with_what_is_wrong(pictures: Any, name: str) -> None:
    make, found = BAD[name]
    with pytest.raises(InvalidInputError, match=found) as error:
        decode_image(make(pictures), SIDE, "covers/7.jpg")
    assert error.value.problems[0].where == "covers/7.jpg"
    assert error.value.problems[0].expected


def test_a_bomb_is_refused_before_memory_is_taken(pictures: Any) -> None:
    data = pictures.png_bomb(60_000, 60_000)
    tracemalloc.start()
    with pytest.raises(InvalidInputError):
        decode_image(data, SIDE, "x")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_two_sizes_in_one_file_are_refused(pictures: Any) -> None:
    """A small image hidden behind a large canvas, or the other way round: the decoder must not trust the other one."""
    webp = bytearray(
        pictures.encoded(
            pictures.noise(1).repeat(2, axis=0)[:, :, [0, 1, 2, 0]], "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"
        )
    )
    at = webp.find(b"VP8X")
    assert at == 12
    webp[24:27] = (200).to_bytes(3, "little")
    with pytest.raises(InvalidInputError, match="damaged"):
        decode_image(bytes(webp), SIDE, "x")


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8), st.floats(0, 1))
def test_any_damage_gives_a_picture_or_a_problem(
    pictures: Any, file_format: str, changes: list[tuple[float, int]], kept: float
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = bytearray(pictures.encoded(pictures.noise(1), file_format, exif=exif))
    for at, value in changes:
        data[int(at**2 * (len(data) - 1))] = value  # the square: more often in the headers
    if kept < 0.3:
        data = data[: int(len(data) * kept / 0.3)]
    try:
        found = decode_image(bytes(data), SIDE, "x")
    except InvalidInputError as error:
        assert error.problems[0].where == "x"
    else:
        assert found.shape == (SIDE, SIDE, 3)


def test_a_profile_that_is_odd_does_not_matter(pictures: Any) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = pictures.noise(1, SIDE)
    assert (decode_image(pictures.encoded(picture, "PNG", icc_profile=profile), SIDE, "x") == picture).all()


def test_without_pillow_the_extra_is_named(pictures: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pictures.encoded(pictures.noise(1), "PNG")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(InvalidInputError, match=r"pip install 'bandi\[image\]'"):
        decode_image(data, SIDE, "x")


def test_an_animation_of_one_frame_is_a_still_image(pictures: Any) -> None:
    data = pictures.encoded(pictures.noise(1, SIDE), "PNG")
    control = pictures.chunk(b"acTL", struct.pack(">II", 1, 0))
    assert decode_image(data[:33] + control + data[33:], SIDE, "x").shape == (SIDE, SIDE, 3)
