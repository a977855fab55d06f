"""Simulated readers against the real service, over real HTTP."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

import bandi
from bandi.cli.simulate import command
from bandi.evaluation.http_readers import HttpReaders, ServiceError
from bandi.evaluation.worlds.parameters import PERSONAL, read_parameters
from bandi.evaluation.worlds.webtoon import World
from bandi.serving.server import start_in_thread


@pytest.fixture
def world() -> World:
    parameters = read_parameters()
    return World(
        msgspec.structs.replace(
            parameters, titles=msgspec.structs.replace(parameters.titles, count=30, launched_before=30)
        ),
        1,
    )


def test_what_readers_saw_and_clicked_is_what_the_engine_counted(world: World, tmp_path: Path) -> None:
    with bandi.open(tmp_path / "shop.bandi") as engine:
        server = start_in_thread(engine)
        try:
            with HttpReaders(server.url, world, seed=1) as readers:
                readers.load_catalogue()
                clicks = sum(readers.visit("home") for _ in range(60))
        finally:
            server.stop()
        tally, stats = readers.tallies["home"], engine.stats()
        assert len(engine.items) == 30
        assert (tally.requests, tally.impressions, tally.clicks) == (60, 600, clicks)
        assert (stats.decisions, stats.events, stats.trials, stats.successes) == (
            60,
            {"impression": 600, "click": clicks},
            600,
            clicks,
        )
        assert (stats.orphans, stats.late) == (0, 0)
        assert readers.waste("home") == tally.wasted / 600
        assert readers.waste("elsewhere") is None


def test_readers_go_on_beside_what_they_read(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "shop.bandi"
    folder.mkdir()
    (folder / "bandi.toml").write_text("[placements.home]\n[placements.viewer_end]\n")
    with bandi.open(folder) as engine:
        server = start_in_thread(engine)
        try:
            with HttpReaders(server.url, world, seed=1, beside="viewer_end") as readers:
                readers.load_catalogue()
                clicks = sum(readers.visit("home") for _ in range(60))
        finally:
            server.stop()
        home, beside, stats = readers.tallies["home"], readers.tallies["viewer_end"], engine.stats()
        assert home.requests == 60
        assert 10 < beside.requests < 180
        assert home.clicks + beside.clicks == clicks == stats.events["click"] == stats.successes
        assert stats.events["read"] > clicks
        assert (stats.orphans, stats.late, stats.trials) == (0, 0, home.impressions + beside.impressions)


def test_accounts_are_put_into_the_service(tmp_path: Path) -> None:
    personal = read_parameters(PERSONAL)
    with bandi.open(tmp_path / "shop.bandi") as engine:
        server = start_in_thread(engine)
        try:
            with HttpReaders(server.url, World(personal, 1), seed=1) as readers:
                readers.load_readers()
        finally:
            server.stop()
        assert 0.5 * personal.readers.count < len(engine.users) < 0.7 * personal.readers.count
        known = next(user for user in World(personal, 1).users() if user.fields)
        assert engine.users.get(known.id) == known


def test_the_command_drives_a_running_service(tmp_path: Path) -> None:
    with bandi.open(tmp_path / "shop.bandi") as engine:
        server = start_in_thread(engine)
        try:
            result = CliRunner().invoke(command, ["--http", server.url, "--visits", "20"])
        finally:
            server.stop()
        assert result.exit_code == 0, result.output
        assert engine.stats().trials == 200


def test_a_service_that_is_not_there_or_refuses_is_named(world: World, tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="is the service running"):
        HttpReaders("http://127.0.0.1:9", world, 1).load_catalogue()
    with bandi.open(tmp_path / "shop.bandi") as engine:
        server = start_in_thread(engine)
        try:
            with HttpReaders(server.url, world, 1) as readers:
                readers.load_catalogue()
                with pytest.raises(ServiceError, match="422"):
                    readers.visit("nowhere")
        finally:
            server.stop()
