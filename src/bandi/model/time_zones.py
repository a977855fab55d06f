"""Names of time zones, as the IANA data base has them."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=1_024)
def is_time_zone(name: str) -> bool:
    """Whether this machine knows the time zone, such as `Asia/Seoul`."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True
