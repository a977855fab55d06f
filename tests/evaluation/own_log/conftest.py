"""Folders whose logs are evaluated: a shop, and a service of a small world with known truth."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import bandi
from bandi.engine.engine import Engine
from bandi.engine.opening import open_folder
from bandi.evaluation.service_runs import Plan, Service, run_service_in
from bandi.evaluation.worlds.parameters import WorldParameters, read_parameters
from bandi.evaluation.worlds.webtoon import World
from bandi.model.config_text import parse_config
from bandi.model.policy_config import PolicyConfig


def policy(text: str) -> PolicyConfig:
    return parse_config(f"placements.home.policy = {text}", "test").placements["home"].policy


def small_world() -> WorldParameters:
    """12 titles, lists of 3."""
    parameters = read_parameters()
    return msgspec.structs.replace(
        parameters,
        titles=msgspec.structs.replace(parameters.titles, count=12, launched_before=12),
        readers=msgspec.structs.replace(parameters.readers, count=300),
        run=msgspec.structs.replace(parameters.run, k=3),
    )


def simulated(folder: Path, world: World, seed: int, text: str, visits: int = 400) -> Path:
    """A folder in which a service with that policy has run."""
    folder.mkdir()
    service = Service("logging", f"[placements.home]\nk = 3\npolicy = {text}\n")
    run_service_in(folder, service, world, seed, Plan(visits, batch=20), None)
    return folder


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """400 visits under Thompson sampling."""
    return simulated(tmp_path / "thompson", World(small_world(), 1), 1, '{ use = "thompson" }')


def logged(folder: Path, text: str, visit: Callable[[Engine, int], None], visits: int, step_ms: int = 1_000) -> Path:
    """A folder in which each visit came a step after the one before, with six titles."""
    folder.mkdir()
    (folder / "bandi.toml").write_text(text)
    now_ms = [1_700_000_000_000]
    with Engine(open_folder(folder, lambda: now_ms[0]), lambda: now_ms[0]) as engine:
        engine.items.put([bandi.Item(id=f"t{i}") for i in range(6)])
        for i in range(visits):
            now_ms[0] += step_ms
            visit(engine, i)
    return folder


def visit_and_click(engine: Engine, reader: str, placement: str = "home") -> bandi.Ranking:
    """A list that is seen, and of which t0 and t1 are clicked."""
    ranking = engine.recommend(reader, placement)
    seen = [bandi.Impression(user=reader, item=slot.item, request=ranking.request_id) for slot in ranking]
    liked = [slot.item for slot in ranking if slot.item in ("t0", "t1")]
    engine.record(*seen, *(bandi.Click(user=reader, item=item, request=ranking.request_id) for item in liked))
    return ranking


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """30 lists for readers u0 to u29, half of them held out; only the last one's window has not passed."""
    text = '[placements.home]\nk = 3\n[holdout]\nshare = 0.5\nserves = "popular"\n'
    text += '[objectives.click]\nevent = "click"\nwindow = "500ms"\n'

    def visit(engine: Engine, i: int) -> None:
        visit_and_click(engine, f"u{i}")

    return logged(tmp_path / "shop.bandi", text, visit, 30)
