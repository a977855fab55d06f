"""The puzzle in small worlds: potential starts and payments are the world's, estimates fall where the truth is."""

from pathlib import Path

import numpy as np
import pytest

from bandi.evaluation.puzzle.design import SCENARIOS, Design
from bandi.evaluation.puzzle.estimating import answers, drawn, rows_of, units
from bandi.evaluation.puzzle.payments import Payments, coupled_power, outcome_of
from bandi.evaluation.puzzle.report import write_report
from bandi.evaluation.puzzle.starts import NEVER, PotentialStarts, potential_starts
from bandi.evaluation.puzzle.study import Answered, judge, run_study
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.experiments.assignment import bucket

SMALL = Design(readers=4_000, days_before=7, days=7, featured=3, ordinary=3, first_seed=301, seeds=1, draws=1)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


@pytest.fixture(scope="module")
def world() -> FunnelWorld:
    return FunnelWorld(SMALL.parameters(), SMALL.first_seed)


@pytest.fixture(scope="module")
def starts(world: FunnelWorld) -> PotentialStarts:
    return potential_starts(world, SMALL)


@pytest.fixture(scope="module")
def study() -> tuple[Design, list[Answered]]:
    design = Design(readers=6_000, first_seed=320, seeds=20, draws=5)
    return design, run_study(design, [BY_NAME["coupled"], BY_NAME["idle"]])


def test_showing_keeps_nobody_from_starting(starts: PotentialStarts) -> None:
    assert not ((starts.withheld != NEVER) & (starts.shown == NEVER)).any()
    assert (starts.shown <= starts.withheld).all()
    led = (starts.shown != NEVER) & (starts.withheld == NEVER)
    assert led.sum() > 500
    assert (starts.shown[led] >= starts.begins_ms).all()


def test_withheld_titles_are_started_as_looked_up(world: FunnelWorld, starts: PotentialStarts) -> None:
    table = world.organic
    for place, title in enumerate(starts.featured.tolist()):
        expected = np.full(SMALL.readers, NEVER)
        own = table.titles == title
        np.minimum.at(expected, table.readers[own], table.times_ms[own])
        assert (starts.withheld[:, place] == expected).all()


def test_rows_are_readers_who_came_and_had_not_started(starts: PotentialStarts) -> None:
    rows = rows_of(starts)
    came = starts.came_ms[rows.readers]
    assert (came != NEVER).all()
    assert (starts.shown[rows.readers, rows.places] >= came).all()


def test_the_lot_is_the_hash_of_experiments(starts: PotentialStarts) -> None:
    texts = units(starts)
    encouraged = drawn(texts, 3, "salt")
    assert abs(encouraged.mean() - 0.5) < 0.02  # 12,000 units: 4 standard errors
    for reader, place in ((0, 0), (17, 2), (3_999, 1)):
        text = f"u{reader}/t{starts.featured[place]}"
        assert encouraged[reader, place] == (bucket("salt", text) >= 0.5)
    assert abs(np.corrcoef(encouraged.T.astype(float))[0, 1]) < 0.07


def test_effects_are_what_a_second_world_without_the_start_lacks(world: FunnelWorld, starts: PotentialStarts) -> None:
    payments = Payments(world, starts, BY_NAME["coupled"], SMALL)
    encouraged = drawn(units(starts), 3, "salt")
    effects = payments.effects(encouraged)
    for value in (True, False):
        other = encouraged.copy()
        other[:, 1] = value
        changed = outcome_of(payments.paid(other), "all")[:, 1] - outcome_of(payments.paid(encouraged), "all")[:, 1]
        flipped = encouraged[:, 1] != value
        assert (changed[~flipped] == 0.0).all()
        assert (changed[flipped] == (1 if value else -1) * effects["all"][flipped, 1]).all()
    assert (effects["own"] >= 0.0).all()
    assert effects["own"].sum() > 0.0
    assert not effects["before"].any()


def test_where_being_led_causes_nothing_payments_do_not_hang_on_the_lot(
    world: FunnelWorld, starts: PotentialStarts
) -> None:
    payments = Payments(world, starts, BY_NAME["idle"], SMALL)
    one, other = (payments.paid(drawn(units(starts), 3, salt)) for salt in ("one", "other"))
    assert (one.own == other.own).all()
    assert (one.all_titles == other.all_titles).all()


def test_coupled_power_is_the_same_power_dealt_by_activity(world: FunnelWorld) -> None:
    power = coupled_power(world, 0.5)
    assert (np.sort(power) == np.sort(world.power)).all()
    ranks = np.argsort(np.argsort(world.activity))
    able = power > 0.0
    assert np.corrcoef(ranks[able], np.log(power[able]))[0, 1] > 0.2
    assert coupled_power(world, 0.0) is world.power


def test_comparing_starters_is_wrong_where_the_encouragement_is_right(study: tuple[Design, list[Answered]]) -> None:
    """20 worlds, 5 draws: the encouragement's bias is within its 99.9 % interval of 0, the comparison's is not."""
    _, answered = study
    for method, right in (("naive", False), ("local", True)):
        bias = judge(answered, "coupled", "all", method).bias
        widened = 1.9 * (bias.high - bias.low) / 2.0  # 3.9 standard errors of 20 worlds
        assert (abs(bias.estimate) < widened) == right, method
    found = judge(answered, "coupled", "own", "local")
    assert found.covers.high > 0.95
    assert found.covers.estimate > 0.88


def test_false_alarms(study: tuple[Design, list[Answered]]) -> None:
    """Of 100 experiments without an effect 5 are expected; 13 and more have a chance of 0.1 %."""
    _, answered = study
    for scenario, outcome in (("idle", "all"), ("idle", "elsewhere"), ("coupled", "before")):
        assert judge(answered, scenario, outcome, "local").found.estimate <= 0.13
    assert judge(answered, "idle", "all", "naive").found.estimate > 0.3


def test_a_draw_is_judged_alike_again(world: FunnelWorld, starts: PotentialStarts) -> None:
    payments, rows = Payments(world, starts, BY_NAME["filled"], SMALL), rows_of(starts)
    encouraged = drawn(units(starts), 3, "salt")
    assert answers(payments, rows, starts, encouraged) == answers(payments, rows, starts, encouraged)


def test_the_report_says_what_was_found(study: tuple[Design, list[Answered]], tmp_path: Path) -> None:
    design, answered = study
    text = write_report(answered, design, "bandi simulate puzzle", tmp_path, None).read_text()
    assert "| `coupled` | started less not started |" in text
    assert f"100 starts cause {100 * judge(answered, 'coupled', 'all', 'local').effect:.2f} payments" in text
    assert "seeds 320 to 339" in text
    assert "nan" not in text
