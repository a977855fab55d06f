"""Tables learned from a log: on rows with known rates, through the file to a running service, honestly evaluated."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

import bandi
from bandi.engine.engine import Engine
from bandi.evaluation.own_log.evaluating import evaluate_own_log
from bandi.evaluation.own_log.fitting import MOST_SCORES, FitReport, as_toml, fit_own_log, fit_table, halves_of
from bandi.evaluation.own_log.places import list_of
from bandi.evaluation.own_log.slot_rows import SlotRows
from bandi.evaluation.own_log.walking import AskedAgain
from bandi.evaluation.worlds.webtoon import World
from bandi.model.config_text import MAX_BYTES, parse_config
from bandi.model.errors import InvalidInputError
from bandi.model.experiment_changes import Start
from bandi.model.policy_config import Fitted
from bandi.model.records import Array

from .conftest import logged, simulated, small_world

LOOKED = np.array([1.0, 0.5])


def rows_of(items: Array, slots: Array, rewards: Array, propensities: Array, segments: Array | None = None) -> SlotRows:
    n = len(items)
    none, wide = np.zeros(n), np.zeros((0, n))
    lists = np.arange(n)
    groups = np.zeros(n, np.int64) if segments is None else segments
    return SlotRows(lists, lists, lists, groups, items, slots, rewards, propensities, wide, none, wide, wide)


def rates_of(table: Fitted, temperature: float, segment: int = 0) -> Array:
    """What a table's scores say of rates, less their standard errors."""
    return np.asarray(np.exp(np.array(table.scores[segment]) * temperature))


def test_rates_are_found_whatever_slots_the_titles_stood_in() -> None:
    """60,000 rows; the better titles stood lower. Rates within 15 % (their standard errors are below 3 %)."""
    random = np.random.default_rng(1)
    rates = np.array([0.1, 0.2, 0.4])
    items = random.integers(0, 3, 60_000)
    slots = (random.random(60_000) < np.array([0.2, 0.5, 0.8])[items]).astype(np.int64)
    rewards = (random.random(60_000) < rates[items] * LOOKED[slots]).astype(float)
    table = fit_table(rows_of(items, slots, rewards, np.full(60_000, 1 / 3)), np.ones(60_000, np.bool_), 0.5)
    assert table.titles == (0, 1, 2)
    assert rates_of(table, 0.5) == pytest.approx(rates, rel=0.15)


def test_a_title_that_was_shown_while_it_was_good_is_weighed_back() -> None:
    """Title 0 got 0.5 in a short time when it was shown 9 times of 10, 0.1 later; 1 in 10: on average over time it got 0.3."""
    random = np.random.default_rng(2)
    early = np.arange(80_000) < 40_000
    chance = np.where(early, 0.9, 0.1)
    items = np.where(random.random(80_000) < chance, 0, 1)
    rate = np.where(items == 0, np.where(early, 0.5, 0.1), 0.2)
    rewards = (random.random(80_000) < rate).astype(float)
    rows = rows_of(items, np.zeros(80_000, np.int64), rewards, np.where(items == 0, chance, 1 - chance))
    weighed = rates_of(fit_table(rows, np.ones(80_000, np.bool_), 1.0), 1.0)
    plain = rewards[items == 0].mean()
    assert plain > 0.44
    assert weighed[0] == pytest.approx(0.3, abs=0.03)
    assert weighed[1] == pytest.approx(0.2, abs=0.02)


def test_segments_have_rows_of_their_own_and_little_is_known_of_a_thin_one() -> None:
    random = np.random.default_rng(3)
    items, segments = random.integers(0, 2, 20_000), random.integers(0, 2, 20_000)
    rates = np.array([[0.1, 0.4], [0.4, 0.1]])
    rewards = (random.random(20_000) < rates[segments, items]).astype(float)
    rows = rows_of(items, np.zeros(20_000, np.int64), rewards, np.full(20_000, 0.5), segments)
    table = fit_table(rows, np.ones(20_000, np.bool_), 1.0)
    assert rates_of(table, 1.0, 1)[0] > 2 * rates_of(table, 1.0, 1)[1]
    thin = fit_table(rows, (segments == 0) | (np.arange(20_000) < 4), 1.0)
    assert rates_of(thin, 1.0, 1)[0] < 1.2 * rates_of(thin, 1.0, 1)[1]


def test_all_lists_of_a_reader_are_in_one_half() -> None:
    readers = np.random.default_rng(4).integers(-1, 50, 5_000)
    halves = halves_of(readers, 1)
    for reader in range(50):
        assert len(set(halves[readers == reader].tolist())) == 1
    assert set(halves[readers < 0].tolist()) == {0, 1}
    assert 20 <= len({int(r) for r in readers[(halves == 0) & (readers >= 0)]}) <= 30


def test_the_largest_table_is_a_configuration() -> None:
    titles = MOST_SCORES // 65
    table = Fitted(titles=tuple(range(titles)), scores=tuple((-12.3456,) * titles for _ in range(65)), others=-3.0)
    text = as_toml("home", table)
    assert len(text) < MAX_BYTES
    assert parse_config(text, "test").placements["home"].policy == table


def true_gains(folder: Path, world: World, report: FitReport) -> tuple[float, float]:
    """By the world, what tables fitted on the other half of the readers, and the table of all, bring more than what was shown."""
    rows = report.sampled.rows
    halves = halves_of(rows.readers, 1)
    by_row = halves[rows.lists]
    tables = [*(fit_table(rows, by_row != half, 0.1) for half in (0, 1)), report.table]
    gains: list[tuple[float, float]] = []

    def look(asked: AskedAgain) -> None:
        reader = np.full((1, 1), int(asked.header["user"]))

        def worth(lists: Array) -> float:
            return float((world.attraction(reader, lists) * world.examination).sum(axis=1).mean())

        shown = worth(asked.items[None])
        half = asked.evaluated[halves[len(gains)]]
        gains.append((worth(half.lists) - shown, worth(asked.evaluated[2].lists) - shown))

    evaluated = evaluate_own_log(folder, "home", tables, draws=20, on_asked=look)
    assert len(gains) == len(rows.readers) == len(evaluated.rows.readers)
    by_halves, of_all = np.mean(gains, axis=0).tolist()
    return by_halves, of_all


def test_fitted_tables_are_better_than_chance_and_their_gain_is_said_rightly(tmp_path: Path) -> None:
    """Learned from lists in random order, in 8 worlds. What is said is of the tables of halves: its mean error is within 4 standard
    errors (false alarms by Student's t: 1 in 190), and at least 5 of the 95 % intervals hold the true gain (1 in 2,700).
    """
    errors, covered = [], 0
    for seed in range(1, 9):
        world = World(small_world(), seed)
        folder = simulated(tmp_path / f"s{seed}", world, seed, '{ use = "epsilon_greedy", epsilon = 1.0 }', 300)
        report = fit_own_log(folder, "home", draws=30)
        by_halves, of_all = true_gains(folder, world, report)
        assert of_all > 0.05
        assert msgspec.json.decode(msgspec.json.encode(report.table), type=Fitted) == report.table
        errors.append(report.gain.estimate - by_halves)
        covered += report.gain.low <= by_halves <= report.gain.high
    assert abs(np.mean(errors)) < 4 * np.std(errors, ddof=1) / len(errors) ** 0.5
    assert covered >= 5


@pytest.mark.parametrize("placement", ["home", "bold.treatment"])
def test_a_table_counts_what_its_placement_counts_and_its_file_opens(tmp_path: Path, placement: str) -> None:
    """Purchases of t0 alone, clicks of others alone: its place in the table says which were counted."""
    text = """
[objectives.bought]
event = "purchase"
window = "500ms"
[layers.all]
[experiments.bold]
placement = "home"
layer = "all"
owner = "kim"
[experiments.bold.variants.control]
weight = 0.5
[experiments.bold.variants.treatment]
weight = 0.5
[placements.home]
k = 3
[placements.home.policy]
use = "thompson"
objective = "bought"
"""

    def visit(engine: Engine, i: int) -> None:
        if i == 0:
            engine.experiments.change("bold", Start(who="kim", why="now"))
        ranking = engine.recommend(f"u{i}")
        for slot in ranking:
            user, item, request = f"u{i}", slot.item, ranking.request_id
            if item == "t0":
                engine.record(bandi.Purchase(user=user, item=item, request=request, coins=1))
            else:
                engine.record(bandi.Click(user=user, item=item, request=request))

    folder = logged(tmp_path / "s", text, visit, 120)
    report = fit_own_log(folder, placement, draws=20)
    assert (report.sampled.objective, report.table.objective) == ("bought", "bought")
    assert np.argmax(report.table.scores[0]) == report.table.titles.index(0)
    written = as_toml(placement, report.table)
    whole = text + written if placement != "home" else text[: text.index("[placements.home.policy]")] + written
    (folder / "bandi.toml").write_text(whole)
    with bandi.open(folder) as engine:
        assert list_of(engine.config, placement).policy == report.table
        assert len(engine.recommend("u1").items) == 3


def test_what_cannot_be_fitted_is_said(service: Path) -> None:
    with pytest.raises(InvalidInputError, match="above 0"):
        fit_own_log(service, "home", temperature=0.0)


@pytest.mark.parametrize("arms", ['statistics = "shared"', 'use_placement = "side"'])
def test_a_variant_on_a_placements_arms_is_not_fitted_for(tmp_path: Path, arms: str) -> None:
    """Its table could not be opened."""
    (tmp_path / "bandi.toml").write_text(
        '[placements.home]\n[placements.side]\n[layers.all]\n[experiments.bold]\nplacement = "home"\nlayer = "all"\nowner = "kim"\n'
        f"[experiments.bold.variants.a]\nweight = 0.5\n{arms}\n[experiments.bold.variants.b]\nweight = 0.5\n"
    )
    with pytest.raises(InvalidInputError, match='a variant with statistics = "own"'):
        fit_own_log(tmp_path, "bold.a")
