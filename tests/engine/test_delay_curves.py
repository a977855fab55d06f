"""Delay curves and calibration of logs whose truth is known, through the command's own report."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from bandi.cli.delays import command
from bandi.engine.cohorts import WEEK_MS
from bandi.engine.delay_curves import delay_report
from bandi.learning.calibration import even_groups, poisson_bounds
from bandi.learning.delays import kaplan_meier
from bandi.log.protocol import DocumentChunk, EventChunk
from bandi.log.sqlite import open_log
from bandi.model.config_text import parse_config
from bandi.model.errors import InvalidInputError
from bandi.model.records import EVENT, Array, DocumentKind
from bandi.policies.registry import policy_version

DAY = 86_400_000
START = 2_800 * WEEK_MS
TITLES, READERS = 60, 3_000
CONFIG = """
[objectives.click]
event = "click"
[objectives.continued]
event = "read"
count = 4
window = "7d"
[objectives.coins]
event = "purchase"
value = "coins"
window = "14d"
[placements.home.policy]
use = "%s"
then = [%s]
"""


def write_log(folder: Path, rows: Array, config: str) -> None:
    log, parsed = open_log(folder, at_ms=START), parse_config(config)
    ids = {
        "placement": list(parsed.placements),
        "policy": [policy_version(each.policy) for each in parsed.placements.values()],
        "item": [f"t{n}" for n in range(TITLES)],
        "user": [f"u{n}" for n in range(READERS)],
    }
    chunks = [
        DocumentChunk(DocumentKind.IDS, msgspec.msgpack.encode({"namespace": namespace, "texts": texts}))
        for namespace, texts in ids.items()
    ]
    log.append([*chunks, DocumentChunk(DocumentKind.CONFIG, msgspec.msgpack.encode(parsed)), EventChunk(rows)])
    log.close()


def shop(seed: int, starts: int = 24_000, weeks: int = 10, flips: bool = False) -> Array:
    """Starts over ten weeks, each (reader, title) once; a title's chance to pay is 6 % times a Gamma factor of shape 1, a payment
    comes 3 days later on average. flips: from the sixth week on the best titles are the worst.
    """
    random = np.random.default_rng(seed)
    pairs = random.choice(TITLES * READERS, starts, replace=False)
    chance = np.sort(0.06 * random.gamma(1.0, 1.0, TITLES))
    times = np.sort(random.integers(0, weeks * WEEK_MS, starts))
    titles = pairs % TITLES
    best = np.where((times > 5 * WEEK_MS) & flips, TITLES - 1 - titles, titles)
    paid = random.random(starts) < chance[best]
    rows = np.zeros(starts, EVENT)
    rows["kind"], rows["placement"] = 2, 0
    rows["user"], rows["item"], rows["occurred_ms"] = pairs // TITLES, titles, START + times
    bought = rows[paid].copy()
    bought["kind"], bought["placement"], bought["value"] = 4, -1, 10.0
    bought["occurred_ms"] += random.exponential(3 * DAY, len(bought)).astype(np.int64)
    every = np.concatenate([rows, bought[bought["occurred_ms"] < START + weeks * WEEK_MS]])
    return every[np.argsort(every["occurred_ms"], kind="stable")]


def plain(rows: Array) -> tuple[list[int], list[int]]:
    """Starts and delays of `shop`: every (reader, title) is started once."""
    started = {(r["user"], r["item"]): int(r["occurred_ms"]) for r in rows if r["kind"] == 2}
    paid = {(r["user"], r["item"]): int(r["occurred_ms"]) for r in rows if r["kind"] == 4}
    return list(started.values()), [paid[pair] - at if pair in paid else -1 for pair, at in started.items()]


def test_curves_are_those_of_plain_python_and_near_the_truth(tmp_path: Path) -> None:
    rows = shop(1)
    write_log(tmp_path, rows, CONFIG % ("value", '"coins"'))
    report = delay_report(tmp_path)
    found = next(each for each in report.delays if each.objective == "coins")
    starts, delays = plain(rows)
    inside = [delay if delay <= 14 * DAY else -1 for delay in delays]
    curve = kaplan_meier(np.array(starts), np.array(inside), report.now_ms, 14 * DAY)
    assert (found.starts, found.rewards) == (len(starts), sum(delay >= 0 for delay in inside))
    assert (found.rate, found.error) == (curve.rate, curve.error)
    young = sum(d < 0 and report.now_ms - s < 14 * DAY for s, d in zip(starts, inside, strict=True))
    assert found.censored == pytest.approx(young / len(starts))
    ages = {"1h": 1 / 24, "6h": 0.25, "1d": 1, "3d": 3, "7d": 7, "14d": 14}
    for point in found.points:
        within = sum(0 <= delay <= ages[point.age] * DAY for delay in inside)
        assert point.converted == pytest.approx(within / len(starts), rel=0.25)
        assert point.share == pytest.approx(1 - np.exp(-ages[point.age] / 3), abs=0.03)
        assert point.policy == pytest.approx(1 - np.exp(-ages[point.age] / 3), abs=0.12)
    truth = 3 * (1 - np.exp(-14 / 3) * (1 + 14 / 3)) / (1 - np.exp(-14 / 3))
    assert found.mean_days == pytest.approx(truth, rel=0.05)
    assert found.median_days == pytest.approx(3 * np.log(2), rel=0.1)
    other = next(each for each in report.delays if each.objective == "continued")
    assert (other.starts, other.rewards, other.points[0].policy) == (len(starts), 0, None)


def test_errors_of_the_curve_are_those_of_many_logs() -> None:
    """200 draws: standard errors are within 20 % of the spread of the estimates (false alarms: below 1 in 1,000)."""
    estimates, errors = [], []
    for seed in range(200):
        random = np.random.default_rng(seed)
        starts = random.integers(0, 20 * DAY, 2_000)
        delays = np.where(random.random(2_000) < 0.1, random.exponential(3 * DAY, 2_000), -1).astype(np.int64)
        delays = np.where(starts + delays < 20 * DAY, delays, -1)
        share, error = kaplan_meier(starts, delays, 20 * DAY, 14 * DAY).converted_at(np.array([3 * DAY]))
        estimates.append(share[0])
        errors.append(error[0])
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.2)


def test_a_chain_that_is_right_is_seen_to_be_so(tmp_path: Path) -> None:
    """5 logs, some 70 groups of titles and weeks: at most 15 % of expected counts lie outside the observed ones' 95 % bounds
    (by chance: 1 in 1,000; what the chain cannot know yet comes on top).
    """
    wrong = total = 0
    for seed in range(5):
        folder = tmp_path / str(seed)
        folder.mkdir()
        write_log(folder, shop(seed), CONFIG % ("value", '"coins"'))
        (found,) = delay_report(folder).calibration
        assert len(found.weeks) >= 7
        for group in (*found.titles, *(week.sums for week in found.weeks)):
            total += 1
            wrong += not group.low <= group.expected <= group.high
        assert (
            found.titles[-1].expected / found.titles[-1].mature > 4 * found.titles[0].expected / found.titles[0].mature
        )
        observed = [group.observed / group.mature for group in found.titles]
        assert observed == sorted(observed)
    assert total >= 60
    assert wrong <= 0.15 * total


def test_a_chain_that_is_wrong_is_seen_to_be_so(tmp_path: Path) -> None:
    """The best titles turn out to be the worst: what they bring stays far below what was foretold."""
    write_log(tmp_path, shop(3, flips=True), CONFIG % ("value", '"coins"'))
    (found,) = delay_report(tmp_path).calibration
    top = found.titles[-1]
    assert top.high < 0.8 * top.expected


def test_the_command_prints_both(tmp_path: Path) -> None:
    write_log(tmp_path, shop(2, 3_000), CONFIG % ("earning", '"continued", "coins"'))
    shown = CliRunner().invoke(command, [str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    assert "home: coins" in shown.output and "home: weeks" in shown.output
    as_json = json.loads(CliRunner().invoke(command, [str(tmp_path), "--json"]).output)
    assert {each["objective"] for each in as_json["delays"]} == {"continued", "coins"}


def test_a_policy_for_clicks_is_not_judged_and_a_folder_without_a_log_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        delay_report(tmp_path)
    text = CONFIG % ("thompson", "")
    write_log(tmp_path, shop(2, 300), text.replace("then = []\n", ""))
    report = delay_report(tmp_path)
    assert report.calibration == []
    assert all(point.policy is None for each in report.delays for point in each.points)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 50)), min_size=1, max_size=40), st.integers(1, 6))
def test_groups_go_with_the_forecast(titles: list[tuple[int, int]], count: int) -> None:
    forecasts, starts = (np.array(column, np.float64) for column in zip(*titles, strict=True))
    groups = even_groups(forecasts, starts, count)
    assert ((groups >= 0) & (groups < count)).all()
    for one, other in zip(forecasts.argsort(), forecasts.argsort()[1:], strict=False):
        assert groups[one] <= groups[other]
        assert groups[one] == groups[other] or forecasts[one] < forecasts[other]


def test_poisson_bounds_are_byars() -> None:
    """Exact bounds (chi-squared) of 1, 10 and 100: 0.0253 to 5.572, 4.795 to 18.39, 81.36 to 121.63."""
    assert poisson_bounds(10) == pytest.approx((4.795, 18.39), rel=0.01)
    assert poisson_bounds(100) == pytest.approx((81.36, 121.63), rel=0.001)
    assert poisson_bounds(0)[0] == 0.0
    assert poisson_bounds(1)[1] == pytest.approx(5.572, rel=0.01)
