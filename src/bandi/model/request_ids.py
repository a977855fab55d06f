"""Request ids: 64 bits, `boot` (20) | `sequence` (34) | `placement` (10), written as 13 base-32 digits (RFC 4648, "extended hex").

A boot number is spent durably each time a folder is opened for writing, so an id is never issued twice, even after
a crash that lost the last decisions; and a click still names its placement when its decision was lost.
"""

from __future__ import annotations

from bandi.model.errors import InvalidInputError, Problem

PLACEMENT_BITS = 10
SEQUENCE_BITS = 34
BOOT_BITS = 20
MAX_PLACEMENTS = 1 << PLACEMENT_BITS
MAX_SEQUENCE = 1 << SEQUENCE_BITS
MAX_BOOTS = 1 << BOOT_BITS

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
_PAIRS = [a + b for a in _DIGITS for b in _DIGITS]


def pack(boot: int, sequence: int, placement: int) -> int:
    """The 64-bit id; `boot` counts from 1, so that 0 stays free for "no request"."""
    return (boot << (SEQUENCE_BITS + PLACEMENT_BITS)) | (sequence << PLACEMENT_BITS) | placement


def placement_of(request: int) -> int:
    """The dense placement id inside a request id."""
    return request & (MAX_PLACEMENTS - 1)


def encode(request: int) -> str:
    """13 digits, upper case: one digit for the top 4 bits, then six pairs of digits (10 bits each)."""
    return (
        _DIGITS[request >> 60]
        + _PAIRS[(request >> 50) & 1023]
        + _PAIRS[(request >> 40) & 1023]
        + _PAIRS[(request >> 30) & 1023]
        + _PAIRS[(request >> 20) & 1023]
        + _PAIRS[(request >> 10) & 1023]
        + _PAIRS[request & 1023]
    )


def decode(text: str, where: str = "$.request") -> int:
    """The 64-bit id of `text`.

    Raises InvalidInputError where it is not one of ours.
    """
    # int() also takes signs, blanks, underscores and other scripts' digits, so the form is checked first.
    try:
        request = int(text, 32) if len(text) == 13 and text.isascii() and text.isalnum() else 0
    except ValueError:
        request = 0
    if not 0 < request < 1 << 64:
        raise InvalidInputError(
            Problem(where, repr(text[:64]), "a request id as `recommend` returned it (13 letters and digits)")
        )
    return request
