"""Figures as words: what stands in tables and sentences of a report. What there is not is said, never left blank."""

from __future__ import annotations

from datetime import UTC, datetime

NONE = "—"
"""Where there is no figure."""


def percent(share: float | None) -> str:
    """A relative difference with its sign, `+3.2 %`; two digits after the point below 1 %."""
    if share is None:
        return NONE
    digits = 2 if abs(share) < 0.01 else 1
    return f"{100 * share:+,.{digits}f} %"


def share(part: float, whole: float) -> str:
    """A part of a whole, `31.2 %`; nothing of nothing is no figure."""
    return f"{100 * part / whole:.1f} %" if whole > 0 else NONE


def bounds(low: float | None, high: float | None) -> str:
    """An interval of relative differences; a side without a bound is said to have none."""
    if low is None and high is None:
        return "anything"
    if low is None:
        return f"at most {percent(high)}"
    if high is None:
        return f"at least {percent(low)}"
    return f"{percent(low)} to {percent(high)}"


def value(figure: float | None, unit: str) -> str:
    """A metric's own value in its unit, to four digits."""
    if figure is None:
        return NONE
    text = f"{figure:,.0f}" if abs(figure) >= 1_000 else f"{figure:.4g}"
    return f"{text} {unit}".strip()


def chance(p_value: float) -> str:
    """A p-value; very small ones by a bound."""
    return f"{p_value:.3f}" if p_value >= 0.001 else "< 0.001"


def day(moment_ms: int) -> str:
    """The day, UTC, whose end a look is: a look at midnight belongs to the day before."""
    return datetime.fromtimestamp((moment_ms - 1) / 1000, UTC).strftime("%Y-%m-%d")


def many(count: int, noun: str) -> str:
    """`1 reader`, `2,000 readers`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def sentence(text: str) -> str:
    """With a capital letter first and a full stop last; nothing stays nothing."""
    trimmed = text.strip()
    return f"{trimmed[0].upper()}{trimmed[1:].rstrip('.')}." if trimmed else ""
