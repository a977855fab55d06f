"""SVG of plots: well formed, inside its frame, whatever there is to draw."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandi.experiments.report.drawing import Plot, bars_svg, ticks

maybe = st.none() | st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(maybe, maybe, maybe), min_size=1, max_size=12))
def test_lines_and_bands_stay_inside_the_frame(points):
    x = [float(i) for i in range(len(points))]
    plot = Plot((0.0, x[-1]), (-1.0, 1.0))
    plot.band(x, [low for low, _, _ in points], [high for _, _, high in points])
    plot.line(x, [y for _, y, _ in points])
    svg = plot.svg("a & b", "c < d")
    ElementTree.fromstring(svg)
    assert "nan" not in svg
    for pair in re.findall(r"(-?[\d.]+),(-?[\d.]+)", svg):
        across, down = map(float, pair)
        assert 0 <= across <= 460 and 0 <= down <= 240


def test_a_gap_breaks_the_line_and_a_lone_point_is_a_dot():
    plot = Plot((0.0, 4.0), (0.0, 1.0))
    plot.line([0.0, 1.0, 2.0, 3.0, 4.0], [0.1, 0.2, None, 0.4, None])
    svg = plot.svg("", "")
    assert (svg.count("<polyline"), svg.count("<circle")) == (1, 1)


def test_a_side_without_a_bound_goes_to_the_edge():
    plot = Plot((0.0, 1.0), (0.0, 1.0))
    plot.band([0.0, 1.0], [None, 0.5], [0.8, None])
    points = re.search(r'points="([^"]+)"', plot.svg("", ""))
    assert points is not None
    heights = [float(point.split(",")[1]) for point in points[1].split()]
    assert heights == [48.0, 10.0, 105.0, 200.0]  # upper edge at 10, lower at 200


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_and_inside(low, spread):
    made = ticks(low, low + spread)
    assert len(made) <= 7
    assert all(low - 1e-6 * spread <= at <= low + spread * (1 + 1e-6) for at in made)


@pytest.mark.parametrize(("low", "high", "expected"), [(0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]), (3.0, 3.0, [3.0])])
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_bars_carry_their_words_escaped():
    svg = bars_svg([("<step>", [("a&b", 0.5, "50 % (2)"), ("long" * 10, 7.0, "")])], "n", "d")
    ElementTree.fromstring(svg)
    assert "&lt;step&gt;" in svg and "a&amp;b" in svg
    assert [float(width) for width in re.findall(r'width="([\d.]+)"', svg)] == [195.0, 390.0]
