"""Folders whose logs are evaluated: a shop, and a service of a small world with known truth."""

from pathlib import Path

import msgspec
import pytest

import bandi
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


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Six titles; 30 lists for readers u0 to u29, of which the first title is clicked."""
    folder = tmp_path / "shop.bandi"
    folder.mkdir()
    (folder / "bandi.toml").write_text('[placements.home]\nk = 3\n[holdout]\nshare = 0.5\nserves = "popular"\n')
    with bandi.open(folder) as engine:
        engine.items.put([bandi.Item(id=f"t{i}") for i in range(6)])
        for i in range(30):
            ranking = engine.recommend(f"u{i}")
            shown = [bandi.Impression(user=f"u{i}", item=s.item, request=ranking.request_id) for s in ranking]
            engine.record(*shown, bandi.Click(user=f"u{i}", item=ranking[0].item, request=ranking.request_id))
    return folder
