"""Durations as options."""

from __future__ import annotations

import re

import click


def duration_option(text: str, option: str) -> int:
    """Milliseconds of `30m`, `12h` or `14d`. Raises click.BadParameter that names the option."""
    from bandi.model.config_values import duration_ms

    if len(text) > 20 or re.fullmatch(r"[0-9]+(\.[0-9]+)?(ms|s|m|h|d)", text) is None:
        raise click.BadParameter("expected a duration such as 30m, 12h or 14d", param_hint=option)
    return duration_ms(text)
