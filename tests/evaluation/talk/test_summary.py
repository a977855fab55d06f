"""Summaries against values by hand."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from bandi.evaluation.intervals import Interval, t_interval
from bandi.evaluation.talk import summary
from bandi.evaluation.talk.frozen import Frozen
from bandi.evaluation.talk.record import Run
from bandi.evaluation.talk.watched import Mechanism

Make = Callable[..., Run]


@pytest.fixture
def runs(made_up: Make) -> summary.Runs:
    """Two worlds; the dial gains 20 % at 4 % in the first and 10 % at 8 % in the second."""
    oracle = {
        f"oracle by {resolution} {multiplier:g}": [made_up(200 - loss, 100 + gain), made_up(200 - loss, 100 + gain)]
        for resolution in ("reader", "population")
        for multiplier, loss, gain in ((0.0, 0, 0), (0.2, 10, 50), (20.0, 120, 60))
    }
    control = [made_up(100, 50, 40, 2), made_up(100, 80, 60, 4)]
    dial = {"dial 0.05": [made_up(96, 60), made_up(92, 88)], "dial 0.35": [made_up(80, 60), made_up(90, 96)]}
    whole = {"earning": dial["dial 0.05"], "no_delay": [made_up(98, 54), made_up(96, 84)]}
    return {"thompson": control, **dial, **oracle, **whole}


def test_effects_are_paired(made_up: Make) -> None:
    control = [made_up(100, 50), made_up(200, 50)]
    mine = [made_up(110, 50), made_up(240, 50)]
    found, wanted = summary.effect(mine, control, summary.expected_ctr), t_interval(np.array([0.1, 0.2]))
    assert (found.estimate, found.low, found.high) == pytest.approx((wanted.estimate, wanted.low, wanted.high))
    nothing = summary.effect(mine, control, summary.paid_conversion)
    assert np.isnan(nothing.estimate)
    assert summary.sign_of(nothing) == "0"


def test_signs() -> None:
    assert summary.sign_of(Interval(1.0, 0.1, 2.0)) == "+"
    assert summary.sign_of(Interval(-1.0, -2.0, -0.1)) == "-"
    assert summary.sign_of(Interval(1.0, -0.1, 2.0)) == "0"


def test_a_run_tells_of_payers_that_were_expected_and_of_titles_nobody_paid_for(made_up: Make) -> None:
    run = made_up(100, 50, 40, 2)
    assert run.expected_paid_conversion == pytest.approx(50 / 5 / 1_000)
    assert run.unpaid_share == pytest.approx(0.6)


def test_reaches_by_hand(runs: summary.Runs, tiny: Frozen) -> None:
    first, _, last = summary.reaches(runs, msgspec.structs.replace(tiny, shares=(0.02, 0.05, 0.1)))
    assert first.gain is not None
    assert first.gain.estimate == pytest.approx((0.1 + 0.025) / 2)
    assert (first.reached, first.worlds) == (2, 2)
    gain, part = first.oracles["reader", "own"]
    assert gain is not None
    assert part is not None
    assert gain.estimate == pytest.approx(0.2)  # 5 % for 50 %: straight to there
    assert part.estimate == pytest.approx(0.0625 / 0.2)
    same, _ = first.oracles["population", "same clicks"]
    assert same is not None
    at_98 = 150.0 + 10.0 * (190 - 98) / 110
    assert same.estimate == pytest.approx((at_98 / 50 + at_98 / 80) / 2 - 1.0)
    assert last.gain is not None  # the second world's path ends at 10 % exactly
    beyond = summary.reaches(runs, msgspec.structs.replace(tiny, shares=(0.11,)))[0]
    assert beyond.gain is None
    assert beyond.reached == 1
    assert beyond.where_reached is not None
    assert beyond.where_reached.estimate == pytest.approx(0.2)
    assert beyond.oracles["reader", "own"].part is None


def test_an_ablation_by_hand(runs: summary.Runs, tiny: Frozen) -> None:
    found = summary.ablation("no_delay", "without", runs, tiny)
    assert found.at.given_up.estimate == pytest.approx(0.03)
    assert found.versus_whole.estimate == pytest.approx((54 / 60 + 84 / 88) / 2 - 1)
    assert found.beside_dial is not None  # 8 % and 5 % gained, where the dial gains 10 % and 5 %
    assert found.beside_dial.estimate == pytest.approx((-0.02 + 0.0) / 2)
    whole = summary.ablation("earning", "whole", runs, tiny).beside_dial
    assert whole is not None
    assert whole.estimate == pytest.approx(0.0)


def test_regret_by_hand(runs: summary.Runs) -> None:
    oracle = runs["oracle by reader 0"]
    assert summary.regret(runs["thompson"], oracle).estimate == pytest.approx(0.5)
    assert summary.regret_by_day(runs["thompson"], oracle).tolist() == [[100.0], [100.0]]


def test_payments_known_are_put_together(made_up: Make) -> None:
    counts = np.zeros(33, np.int64)
    counts[[0, 1, 2, 5, 32]] = [50, 10, 10, 20, 10]
    run = made_up(1, 1)
    watched = Run(run.result, Mechanism(counts, 0.0, 0.0), run.coins_mean, run.seconds)
    assert summary.shown_after([watched, watched], (0, 1, 3, 6, 11)).tolist() == [0.5, 0.2, 0.2, 0.0, 0.1]
