"""The webtoon world: its truth is what it says, and the simulator counts what happens in it."""

from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from bandi.evaluation.comparison import compare, markdown, summarise, write_runs
from bandi.evaluation.intervals import t_interval
from bandi.evaluation.simulate import run_policy
from bandi.evaluation.sittings import Sittings
from bandi.evaluation.worlds.parameters import DEFAULT, WorldParameters, read_parameters
from bandi.evaluation.worlds.webtoon import DAY_MS, START_MS, World
from bandi.model.errors import InvalidInputError
from bandi.model.policy_config import Editor, EpsilonGreedy, Thompson
from bandi.policies.protocol import Candidates, Outcomes, Ranked, Request
from bandi.policies.registry import make_policy


@pytest.fixture
def parameters() -> WorldParameters:
    return read_parameters()


def test_the_same_seed_gives_the_same_world(parameters: WorldParameters) -> None:
    one, same, other = World(parameters, 1), World(parameters, 1), World(parameters, 2)
    assert (one.population == same.population).all()
    assert one.items() == same.items()
    assert (one.population != other.population).any()


def test_clicks_come_as_often_as_the_truth_says(parameters: WorldParameters) -> None:
    """20,000 draws for ten slots; the chance of any false alarm is at most 0.001."""
    world = World(parameters, 1)
    sittings, titles, many = Sittings(world, 1), np.arange(10), np.full(20_000, 7)
    lists, alone = np.tile(titles, (20_000, 1)), np.full(20_000, -1)
    looked = sittings.look(many, lists, alone, titles, sittings.toss(20_000), np.arange(20_000), 0)
    clicks = looked.clicked.sum(axis=0)
    expected = world.attraction(np.array(7), titles) * world.examination
    error = np.sqrt(expected * (1 - expected) / 20_000)
    assert (np.abs(clicks / 20_000 - expected) < 3.9 * error).all()
    assert world.examination[0] == 1
    assert (np.diff(world.examination) < 0).all()


def test_rates_are_in_the_range_that_was_reported(parameters: WorldParameters) -> None:
    """A title's rate depends on who looks: a few percent to 30 % and more, by group of taste."""
    world = World(parameters, 1)
    readers = np.arange(5_000)
    by_group = np.array(
        [
            world.attraction(readers[world.group_of[:5_000] == group][:, None], np.arange(160)[None, :]).mean(axis=0)
            for group in range(6)
        ]
    )
    best = by_group[:, by_group.mean(axis=0).argmax()]
    assert best.max() > 0.25
    assert by_group.min() < 0.03
    spread = by_group.max(axis=0) / by_group.min(axis=0)
    assert np.median(spread) > 3
    assert world.attraction(readers[:, None], np.arange(200)[None, :]).max() <= parameters.titles.highest


def test_titles_launch_over_the_run_and_cannot_win_before(parameters: WorldParameters) -> None:
    world = World(parameters, 1)
    assert len(world.available(START_MS)) == 161
    assert len(world.available(START_MS + 14 * DAY_MS)) == 200
    doomed = world.cannot_win(START_MS)
    kth = np.sort(world.population[world.available(START_MS)])[-10]
    assert (world.population[doomed] < 0.5 * kth).all()
    assert 0.1 < doomed.mean() < 0.9


class Oracle:
    """Shows the best list for the population: it looks at the truth."""

    def __init__(self, world: World) -> None:
        self._order = np.argsort(-world.population)

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        chosen = self._order[np.isin(self._order, candidates.items)][:k].astype(np.int32)
        return Ranked(chosen, np.zeros(len(chosen), np.float32))

    def update(self, outcomes: Outcomes) -> None:
        self.last = outcomes


def test_the_best_list_has_no_regret_and_wastes_nothing(parameters: WorldParameters) -> None:
    results = []
    for seed in range(1, 9):
        world = World(parameters, seed)
        results.append(run_policy("oracle", Oracle(world), world, seed, 1_000))  # type: ignore[arg-type]
    regret = t_interval(np.array([result.regret / result.best.sum() for result in results]))
    assert regret.low < 0.02
    assert regret.high > -0.02
    for result in results:
        assert result.waste == 0
        assert (result.best_personal >= result.expected).all()
        assert result.impressions.sum() == 10_000
        assert abs(result.clicks.sum() - result.expected.sum()) < 5 * np.sqrt(result.expected.sum())


def test_policies_meet_the_same_readers_and_coins(parameters: WorldParameters) -> None:
    titles = msgspec.structs.replace(parameters.titles, launched_before=200)  # a launch is noticed at the next update
    world = World(msgspec.structs.replace(parameters, titles=titles), 3)
    one = run_policy("a", make_policy(Editor(), 1), world, 3, 500)
    other = run_policy("b", make_policy(Editor(), 1), world, 3, 500, update_every=7)
    assert one.clicks.sum() == other.clicks.sum()


def test_learning_beats_the_editors(parameters: WorldParameters) -> None:
    """Over 6 worlds the 95 % interval of the ratio lies above 1."""
    titles = msgspec.structs.replace(parameters.titles, count=40, launched_before=40)
    small = msgspec.structs.replace(parameters, titles=titles)
    results = compare({"editor": Editor(), "thompson": Thompson(), "eps": EpsilonGreedy()}, small, range(1, 7), 3_000)
    comparison = summarise(results, "editor", 3_000)
    by_name = {line.policy: line for line in comparison.lines}
    assert by_name["editor"].versus == (1.0, 1.0, 1.0)
    assert by_name["thompson"].versus[1] > 1
    assert by_name["thompson"].waste[0] < by_name["editor"].waste[0]
    assert by_name["thompson"].ctr_last[0] > by_name["thompson"].ctr[0]


def test_runs_are_written(parameters: WorldParameters, tmp_path: Path) -> None:
    results = compare({"editor": Editor()}, parameters, [1, 2], 400)
    comparison = summarise(results, "editor", 400)
    runs, report = write_runs(results, comparison, tmp_path / "out")
    frame = pl.read_parquet(runs)
    assert frame.height == 2 * 20
    assert frame["impressions"].sum() == 2 * 400 * 10
    assert report.read_text() == markdown(comparison)


MISTAKES = [
    ("count = 200", "count = 0", "titles.count: expected a whole number from 1"),
    ("count = 200", "cuont = 200", "did you mean count?"),
    ("days = 14", "", "run.days: expected this key, found nothing"),
    ("noise = 0.9", "noise = nan", "editors.noise"),
    ("genres = [", "genres = 3 #", "titles.genres"),
    ("launched_before = 160", "launched_before = 900", "launched_before: expected at most count"),
]


@pytest.mark.parametrize(("old", "new", "words"), MISTAKES)
def test_a_mistake_in_a_worlds_file_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "world.toml"
    text = DEFAULT.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InvalidInputError) as caught:
        read_parameters(path)
    assert words in str(caught.value)


def test_a_world_with_one_title_and_one_reader(parameters: WorldParameters) -> None:
    tiny = msgspec.structs.replace(
        parameters,
        titles=msgspec.structs.replace(parameters.titles, count=1, launched_before=1),
        readers=msgspec.structs.replace(parameters.readers, count=1),
    )
    result = run_policy("thompson", make_policy(Thompson(), 1), World(tiny, 1), 1, 100)
    assert result.impressions.sum() == 100
    assert result.regret == pytest.approx(0, abs=1e-9)
