"""Whole services in a world: through the real engine, the same readers for all, trained as they go."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from bandi.engine.recovery import recover
from bandi.evaluation.intervals import t_interval
from bandi.evaluation.service_runs import Plan, Service, ServiceRun, checked_service, run_service
from bandi.evaluation.worlds.parameters import PERSONAL, WorldParameters, read_parameters
from bandi.evaluation.worlds.webtoon import World
from bandi.jobs.training import train
from bandi.log.sqlite import open_log_read_only
from bandi.model.errors import ConfigError, InvalidInputError

SPINE = Service("spine", "[placements.home]\n[placements.viewer_end]\n")
FACTORS = """
[placements.home]
targeters = [{ use = "factors", n = 10 }]
[placements.viewer_end]
targeters = [{ use = "similar", n = 10 }]
[factors]
factors = 8
iterations = 6
"""


def small(**titles: object) -> WorldParameters:
    """48 titles and 60 readers whose tastes differ much."""
    parameters = read_parameters(PERSONAL)
    return msgspec.structs.replace(
        parameters,
        titles=msgspec.structs.replace(
            parameters.titles, **{"count": 48, "launched_before": 40, "taste_strength": 2.5} | titles
        ),
        readers=msgspec.structs.replace(parameters.readers, count=60),
        run=msgspec.structs.replace(parameters.run, k=5),
        reading=msgspec.structs.replace(parameters.reading, again=1.0, mood=0.0),
    )


def same(one: ServiceRun, other: ServiceRun) -> bool:
    return all(
        (getattr(run, name) == getattr(other.placements[place], name)).all()
        for place, run in one.placements.items()
        for name in ("lists", "impressions", "clicks", "expected", "best", "shown")
    )


def test_what_is_counted_is_what_the_engine_counted() -> None:
    """A look at the log half way, in the place of training: after 200 of 400 visits, 10 of 20 buckets."""
    counted: list[tuple[int, ...]] = []

    def look(folder: Path) -> None:
        log = open_log_read_only(folder)
        counters = recover(folder, log).state.attribution.counters()
        log.close()
        assert (counters.orphans, counters.late) == (0, 0)
        assert counters.events["read"] > counters.events["click"]
        counted.append((counters.decisions, counters.trials, counters.successes))

    run = run_service(SPINE, World(small(), 1), 1, Plan(400, 20, train_every_days=7.0), look)
    placements = list(run.placements.values())
    expected = [
        int(sum(getattr(place, name)[:10].sum() for place in placements)) for name in ("lists", "impressions", "clicks")
    ]
    assert counted == [tuple(expected)]
    assert run.trainings == 1
    home, viewer_end = placements
    assert (home.lists.sum(), home.impressions.sum()) == (400, 400 * 5)
    assert 0 < viewer_end.lists.sum() < 400 * 3
    assert run.clicks_per_visit == (home.clicks.sum() + viewer_end.clicks.sum()) / 400
    assert all(place.shown.sum() == place.impressions.sum() for place in placements)


def test_a_run_can_be_had_again_also_with_training() -> None:
    world = World(small(), 2)
    service, plan = Service("factors", FACTORS), Plan(400, 20, train_every_days=4.0)
    one, other = (run_service(service, world, 2, plan, train) for _ in range(2))
    assert one.trainings == 3
    assert same(one, other)
    assert not same(one, run_service(service, World(small(), 3), 3, plan, train))


def test_services_meet_the_same_readers_with_the_same_luck() -> None:
    """Two services that rank alike get the same clicks, and the best lists of home are the same where nobody tires."""
    world = World(small(), 4)
    plan = Plan(200, 20)
    editor = '[placements.{}]\npolicy = {{ use = "editor" }}\n'
    one = run_service(Service("a", editor.format("home") + editor.format("viewer_end")), world, 4, plan, None)
    other = run_service(Service("b", editor.format("home")), world, 4, plan, None)
    spine = run_service(SPINE, world, 4, plan, None)
    assert list(other.placements) == ["home"]
    for name in ("clicks", "expected", "best", "shown"):
        assert (getattr(one.placements["home"], name) == getattr(other.placements["home"], name)).all()
    assert spine.placements["home"].best == pytest.approx(one.placements["home"].best)


def test_titles_are_shown_from_their_launch_on() -> None:
    parameters = small(launched_before=10)
    run = run_service(SPINE, World(parameters, 5), 5, Plan(300, 20), None)
    shown = run.placements["home"].shown
    assert (shown > 0).mean() > 0.8
    assert shown[:10].mean() > shown[-10:].mean()


def test_factors_beat_the_spine_where_tastes_differ_much() -> None:
    """Over 4 worlds of very different tastes the paired 95 % interval of the click rates' difference lies above 0."""
    gains, plan = [], Plan(1_000, 50, train_every_days=4.0)
    for seed in range(1, 5):
        world = World(small(launched_before=48), seed)
        spine = run_service(SPINE, world, seed, plan, None)
        personal = run_service(Service("factors", FACTORS), world, seed, plan, train)
        gains.append(personal.placements["home"].ctr - spine.placements["home"].ctr)
    assert t_interval(np.array(gains)).low > 0


def test_a_service_without_home_or_with_a_mistake_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="home"):
        checked_service("push.toml", "[placements.push]\n")
    with pytest.raises(ConfigError, match=r"bad\.toml:2"):
        checked_service("bad.toml", "[placements.home]\nkk = 3\n")
    assert checked_service("spine", SPINE.config) == SPINE


def test_an_artifact_that_is_never_taken_up_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    from bandi.evaluation import service_runs
    from bandi.model.errors import BandiError

    monkeypatch.setattr(service_runs, "TAKE_UP_S", 0.0)

    def broken(folder: Path) -> None:
        (folder / "artifacts").mkdir(exist_ok=True)
        (folder / "artifacts" / "current").write_text("000007")

    with pytest.raises(BandiError, match="000007"):
        run_service(SPINE, World(small(), 1), 1, Plan(100, 20, train_every_days=5.0), broken)
