"""A small plot as SVG text: axes, lines, bands, error bars, bars. Colours are classes of the page that holds it.

Written out here so that a report needs no plotting library, and so that one page's style serves light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 12.0, 10.0, 40.0


class Plot:
    """A frame with scales from data to points. x, y: (least, most) of the data, told apart; width, height: in points."""

    def __init__(
        self, x: tuple[float, float], y: tuple[float, float], width: float = 460.0, height: float = 240.0
    ) -> None:
        self._x, self._y = _widened(x), _widened(y)
        self._width, self._height = width, height
        self._parts: list[str] = []

    def axes(self, x_ticks: Sequence[tuple[float, str]], y_ticks: Sequence[tuple[float, str]], x_title: str) -> None:
        """Grid lines with their labels, and what x is."""
        right, bottom = self._width - _RIGHT, self._height - _BOTTOM
        for at, label in y_ticks:
            height = self._to_y(at)
            self._parts.append(
                f'<line class="grid" x1="{_LEFT:g}" x2="{right:g}" y1="{height:.1f}" y2="{height:.1f}"/>'
            )
            self._text(_LEFT - 6, height + 4, label, "end")
        for at, label in x_ticks:
            self._text(self._to_x(at), bottom + 16, label, "middle")
        self._text((_LEFT + right) / 2, self._height - 4, x_title, "middle")

    def level(self, y: float) -> None:
        """A line across at y, such as no effect."""
        height = self._to_y(y)
        self._parts.append(
            f'<line class="zero" x1="{_LEFT:g}" x2="{self._width - _RIGHT:g}" y1="{height:.1f}" y2="{height:.1f}"/>'
        )

    def band(self, x: Sequence[float], low: Sequence[float | None], high: Sequence[float | None]) -> None:
        """The area between low and high; a side without a bound goes to the frame's edge, points without any are left out."""
        for run in _runs([lower is not None or upper is not None for lower, upper in zip(low, high, strict=True)]):
            over = [self._point(x[i], self._y[1] if high[i] is None else high[i]) for i in run]
            under = [self._point(x[i], self._y[0] if low[i] is None else low[i]) for i in reversed(run)]
            if len(run) == 1:
                self.bar(x[run[0]], low[run[0]], high[run[0]])
            else:
                self._parts.append(f'<polygon class="band" points="{" ".join(over + under)}"/>')

    def line(self, x: Sequence[float], y: Sequence[float | None]) -> None:
        """A line through the points that there are; a dot where one stands alone."""
        for run in _runs([value is not None for value in y]):
            if len(run) == 1:
                self.dot(x[run[0]], y[run[0]])
            else:
                self._parts.append(
                    f'<polyline class="line" points="{" ".join(self._point(x[i], y[i]) for i in run)}"/>'
                )

    def bar(self, x: float, low: float | None, high: float | None) -> None:
        """An error bar; a side without a bound goes to the frame's edge."""
        if low is None and high is None:
            return
        across = self._to_x(x)
        top, bottom = self._to_y(self._y[1] if high is None else high), self._to_y(self._y[0] if low is None else low)
        self._parts.append(
            f'<line class="error" x1="{across:.1f}" x2="{across:.1f}" y1="{top:.1f}" y2="{bottom:.1f}"/>'
        )

    def dot(self, x: float, y: float | None) -> None:
        """A point."""
        if y is not None and self._y[0] <= y <= self._y[1]:
            self._parts.append(f'<circle class="dot" cx="{self._to_x(x):.1f}" cy="{self._to_y(y):.1f}" r="3"/>')

    def svg(self, name: str, description: str) -> str:
        """The whole element; name and description are for readers who do not see it."""
        return _element(self._width, self._height, name, description, self._parts)

    def _to_x(self, x: float) -> float:
        return _LEFT + (x - self._x[0]) / (self._x[1] - self._x[0]) * (self._width - _LEFT - _RIGHT)

    def _to_y(self, y: float) -> float:
        """Beyond the frame is at its edge: a far bound must not be drawn over other things."""
        inside = min(max(y, self._y[0]), self._y[1])
        return _TOP + (self._y[1] - inside) / (self._y[1] - self._y[0]) * (self._height - _TOP - _BOTTOM)

    def _point(self, x: float, y: float | None) -> str:
        return f"{self._to_x(x):.1f},{self._to_y(0.0 if y is None else y):.1f}"

    def _text(self, x: float, y: float, text: str, anchor: str) -> None:
        self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>')


def bars_svg(groups: Sequence[tuple[str, Sequence[tuple[str, float, str]]]], name: str, description: str) -> str:
    """Horizontal bars in groups; the first bar of each is the control's.

    groups: title, and for each bar its label, its length from 0 to 1, and what stands behind it.
    """
    width, label, step = 680.0, 150.0, 20.0
    parts, top = [], 0.0
    for title, bars in groups:
        parts.append(f'<text class="strong" x="0" y="{top + 15:.1f}">{escape(title)}</text>')
        top += step + 2
        for i, (bar, share, words) in enumerate(bars):
            length = min(max(share, 0.0), 1.0) * (width - label - 140)
            parts.append(
                f'<text x="{label - 8:g}" y="{top + 13:.1f}" text-anchor="end">{escape(_short(bar))}</text>'
                f'<rect class="bar{" control" if i == 0 else ""}" x="{label:g}" y="{top + 2:.1f}" width="{length:.1f}"'
                f' height="{step - 5:g}"/>'
                f'<text x="{label + length + 6:.1f}" y="{top + 13:.1f}">{escape(words)}</text>'
            )
            top += step
        top += 8
    return _element(width, max(top, step), name, description, parts)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from low to high: steps of 1, 2 or 5 times a power of ten."""
    spread = high - low
    if not (math.isfinite(spread) and spread > 0.0):
        return [low] if math.isfinite(low) else []
    power = 10.0 ** math.floor(math.log10(spread / most))
    step = next(power * factor for factor in (1.0, 2.0, 5.0, 10.0, 20.0) if spread / (power * factor) <= most)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _widened(scale: tuple[float, float]) -> tuple[float, float]:
    low, high = scale
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _runs(there: Sequence[bool]) -> list[list[int]]:
    """Stretches of neighbours that are there."""
    runs: list[list[int]] = []
    for i, good in enumerate(there):
        if good and i > 0 and there[i - 1]:
            runs[-1].append(i)
        elif good:
            runs.append([i])
    return runs


def _short(text: str) -> str:
    return text if len(text) <= 20 else f"{text[:19]}…"


def _element(width: float, height: float, name: str, description: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(name)}">'
        f"<title>{escape(name)}</title><desc>{escape(description)}</desc>{''.join(parts)}</svg>"
    )
