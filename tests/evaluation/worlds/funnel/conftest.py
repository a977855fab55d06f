"""A small funnel world, made once."""

import pytest

from bandi.evaluation.worlds.funnel.parameters import FunnelParameters, preset_file, read_funnel, resized
from bandi.evaluation.worlds.funnel.truth import FunnelWorld


@pytest.fixture(scope="session")
def calibrated() -> FunnelParameters:
    return read_funnel(preset_file("calibrated"))


@pytest.fixture(scope="session")
def small(calibrated: FunnelParameters) -> FunnelParameters:
    return resized(calibrated, readers=1_500, titles=80, days=15, visits=6_000)


@pytest.fixture(scope="session")
def world(small: FunnelParameters) -> FunnelWorld:
    return FunnelWorld(small, 1)
