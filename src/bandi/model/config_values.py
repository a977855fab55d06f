"""The kinds of values that `bandi.toml` holds, and what all its tables have in common."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Duration = Annotated[str, msgspec.Meta(pattern=r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$")]
"""A number with a unit: ms, s, m, h or d, such as `30m` or `14d`."""

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
ReaderStateName = Literal["new", "free", "hooked", "first_payment", "paying", "lapsed"]

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def duration_ms(text: str) -> int:
    """Milliseconds of a `Duration`."""
    unit = "ms" if text.endswith("ms") else text[-1]
    return round(float(text[: -len(unit)]) * _UNIT_MS[unit])


class Struct(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A table of the file: unknown keys are refused."""
