"""Policies evaluated on a folder's own log: rows as they are, estimates near a known truth, what cannot be asked again."""

import itertools
from pathlib import Path

import msgspec
import numpy as np
import pytest

import bandi
from bandi.engine.engine import Engine
from bandi.engine.opening import open_folder
from bandi.evaluation.own_log.estimates import gain
from bandi.evaluation.own_log.evaluating import evaluate_own_log
from bandi.evaluation.own_log.fitting import fit_own_log
from bandi.evaluation.own_log.walking import AskedAgain, Left
from bandi.evaluation.worlds.webtoon import World
from bandi.model.errors import InvalidInputError
from bandi.model.holdout import is_held_out
from bandi.model.request_ids import encode
from bandi.model.rules import Pin

from .conftest import logged, policy, simulated, small_world, visit_and_click

THOMPSON, GREEDY = policy('{ use = "thompson" }'), policy('{ use = "epsilon_greedy", epsilon = 0.5 }')


def test_the_policy_of_the_log_itself_is_worth_what_was_observed(tmp_path: Path) -> None:
    """Over 20 worlds the mean gain of IPS and DR and the mean weight are within 4 standard errors of 0, 0 and 1 (false alarms by
    Student's t: 1 in 400 for all three), and at least 16 of the 95 % intervals of the gain hold 0 (false alarms: 1 in 380).
    """
    found: dict[str, list[float]] = {"IPS": [], "DR": [], "weight": []}
    covered = 0
    for seed in range(1, 21):
        folder = simulated(tmp_path / f"s{seed}", World(small_world(), seed), seed, '{ use = "thompson" }', 100)
        report = evaluate_own_log(folder, "home", [THOMPSON], draws=50)
        assert (report.found, report.sampled, report.left) == (100, 100, Left())
        own = report.evaluated[0]
        values = {one.estimator: one.value.estimate for one in own.estimates}
        more = gain(report.rows, 0)
        covered += more.low <= 0.0 <= more.high
        assert values["DR"] - report.log.estimate == pytest.approx(more.estimate)
        found["IPS"].append(values["IPS"] - report.log.estimate)
        found["DR"].append(more.estimate)
        found["weight"].append(own.mean_weight + own.missing - 1.0)
    for name, errors in found.items():
        error = np.std(errors, ddof=1) / len(errors) ** 0.5
        assert abs(np.mean(errors)) < 4 * error, name
        assert error < 0.01, name  # a gain of 0.04 clicks a list could not hide
    assert covered >= 16


def test_propensities_are_those_of_the_engine(service: Path) -> None:
    """2,000 against 2,000 draws: counted or not, within 4.5 standard errors in each of 9 slots (false alarms: 1 in 8,000)."""
    seen: list[AskedAgain] = []
    evaluate_own_log(service, "home", [THOMPSON], most=3, draws=2_000, on_asked=seen.append)
    assert len(seen) == 3
    with bandi.open(service) as engine:
        for asked in seen:
            known = engine.propensities(encode(int(asked.header["request"])), 2_000)
            counted = (asked.logged.lists == asked.items).mean(axis=0)
            assert asked.logged.chances is not None
            for ours in (counted, asked.logged.chances):
                for share, one in zip(known, ours, strict=True):
                    pooled = (share.in_slot + one) / 2
                    assert abs(share.in_slot - one) <= 4.5 * (2 * pooled * (1 - pooled) / 2_000) ** 0.5 + 1e-9


def test_estimates_agree_with_the_truth_of_a_world(tmp_path: Path) -> None:
    """Over 8 worlds the mean error of IPS and DR is within 4 standard errors of 0 (false alarms: about 1 in 200, by Student's t)."""
    errors: dict[str, list[float]] = {"IPS": [], "DR": []}
    for seed in range(1, 9):
        world = World(small_world(), seed)
        folder = simulated(tmp_path / f"s{seed}", world, seed, '{ use = "epsilon_greedy", epsilon = 0.6 }', 150)
        truths: list[float] = []

        def look(asked: AskedAgain, world: World = world, truths: list[float] = truths) -> None:
            attraction = world.attraction(np.full((1, 1), int(asked.header["user"])), asked.evaluated[0].lists)
            truths.append(float((attraction * world.examination).sum(axis=1).mean()))

        report = evaluate_own_log(folder, "home", [THOMPSON], draws=40, on_asked=look)
        for one in report.evaluated[0].estimates:
            if one.estimator in errors:
                errors[one.estimator].append(one.value.estimate - float(np.mean(truths)))
    for values in errors.values():
        assert abs(np.mean(values)) < 4 * np.std(values, ddof=1) / len(values) ** 0.5


def test_a_policy_that_shows_other_titles_cannot_be_evaluated(tmp_path: Path) -> None:
    folder = simulated(tmp_path / "editor", World(small_world(), 1), 1, '{ use = "editor" }', 200)
    report = evaluate_own_log(folder, "home", [policy('{ use = "epsilon_greedy", epsilon = 1.0 }')], draws=50)
    assert (report.rows.propensities == 1.0).all()  # the editors' order leaves nothing to chance
    assert report.evaluated[0].missing > 0.8
    assert report.evaluated[0].verdict.startswith("these logs cannot say")


def test_the_held_out_are_left_out(shop: Path) -> None:
    report = evaluate_own_log(shop, "home", [THOMPSON], draws=20, objective="click")
    with bandi.open(shop) as engine:
        holdout = engine.config.holdout
    assert holdout is not None
    held = sum(is_held_out(holdout, f"u{i}") for i in range(29))
    assert (report.left.held_out, report.left.differs, report.young) == (held, 0, 1)
    assert 0 < held < 30


def test_pinned_slots_are_no_rows(tmp_path: Path) -> None:
    folder = tmp_path / "pinned.bandi"
    folder.mkdir()
    (folder / "bandi.toml").write_text(
        '[placements.home]\nk = 3\n[objectives.click]\nevent = "click"\nwindow = "1ms"\n'
    )
    times = itertools.count(1_700_000_000_000, 1_000)

    def clock() -> int:
        return next(times)

    with Engine(open_folder(folder, clock), clock) as engine:
        engine.items.put([bandi.Item(id=f"t{i}") for i in range(6)])
        for i in range(12):
            if i == 6:
                engine.rules.put(Pin(id="p", owner="o", reason="r", ends_at=1_700_086_400.0, item="t5", slot=1))
            engine.recommend(f"u{i}")
    report = evaluate_own_log(folder, "home", [GREEDY], draws=20)
    assert (report.left.differs, report.left.pinned) == (0, 0)
    by_list = [report.rows.slots[report.rows.lists == i].tolist() for i in range(len(report.rows.readers))]
    assert by_list[:6] == [[0, 1, 2]] * 6
    assert set(map(tuple, by_list[6:])) == {(0, 2)}


def test_where_all_are_too_young_that_is_said_and_nothing_is_asked(tmp_path: Path) -> None:

    def visit(engine: Engine, i: int) -> None:
        visit_and_click(engine, f"u{i}")

    folder = logged(tmp_path / "new.bandi", "[placements.home]\nk = 3\n", visit, 5)
    asked: list[AskedAgain] = []
    report = evaluate_own_log(folder, "home", [THOMPSON], draws=20, on_asked=asked.append)
    assert not asked
    assert (report.young, report.left) == (5, Left())
    assert report.evaluated[0].estimates == ()
    assert report.evaluated[0].verdict == f"these logs cannot say: {report.nothing}"
    assert report.nothing.startswith("of 5 decisions sampled 5 too young (their window of 30m had not passed")
    with pytest.raises(InvalidInputError, match="5 too young"):
        fit_own_log(folder, "home", draws=20)


def test_the_window_of_a_list_begins_when_it_was_seen(tmp_path: Path) -> None:
    """Lists of one minute, seen 40 seconds later: one whose minute since then is not over is too young."""
    text = '[placements.home]\nk = 3\n[objectives.click]\nevent = "click"\nwindow = "60s"\n'
    waiting: list[bandi.Ranking] = []

    def visit(engine: Engine, i: int) -> None:
        if i % 4 == 0:
            waiting.append(engine.recommend(f"u{i}"))
        elif waiting and i % 4 == 2:
            last = waiting[-1]
            engine.record(*(bandi.Impression(user=f"u{i - 2}", item=s.item, request=last.request_id) for s in last))

    folder = logged(tmp_path / "seen.bandi", text, visit, 13, step_ms=20_000)  # lists at 20, 100, 180, 260 s
    report = evaluate_own_log(folder, "home", [THOMPSON], draws=20)
    assert (report.sampled, report.young, len(report.rows.readers)) == (4, 2, 2)


def test_what_cannot_be_asked_is_said(service: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"one of bandi\.toml: home"):
        evaluate_own_log(service, "nowhere", [THOMPSON])
    with pytest.raises(InvalidInputError, match="one of: "):
        evaluate_own_log(service, "home", [THOMPSON], objective="love")
    with pytest.raises(InvalidInputError, match="the log's own"):
        evaluate_own_log(service, "home", [THOMPSON, msgspec.structs.replace(THOMPSON, objective="love")])
