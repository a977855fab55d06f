"""Figures as words."""

import pytest

from bandi.experiments.report import wording


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (None, None, "anything"),
        (0.1, None, "at least +10.0 %"),
        (None, -0.004, "at most -0.40 %"),
        (-0.02, 0.5, "-2.0 % to +50.0 %"),
    ],
)
def test_bounds(low, high, text):
    assert wording.bounds(low, high) == text


def test_what_there_is_not_is_a_dash():
    assert wording.percent(None) == wording.value(None, "coins") == wording.share(0, 0) == wording.NONE


def test_a_look_at_midnight_is_of_the_day_before():
    assert wording.day(1_767_225_600_000) == "2025-12-31"
    assert wording.day(1_767_225_600_001) == "2026-01-01"


def test_values_and_chances():
    assert wording.value(12_345.6, "coins") == "12,346 coins"
    assert wording.value(0.12345, "") == "0.1235"
    assert (wording.chance(0.0004), wording.chance(0.05)) == ("< 0.001", "0.050")
    assert (wording.many(1, "reader"), wording.many(2_000, "reader")) == ("1 reader", "2,000 readers")
    assert (wording.sentence("they wait"), wording.sentence("Done."), wording.sentence(" ")) == (
        "They wait.",
        "Done.",
        "",
    )
