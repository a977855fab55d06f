"""The sample of decisions: even, repeatable, in the order of the states."""

from pathlib import Path

import numpy as np
import pytest

from bandi.evaluation.own_log.sampling import Sample, sample_decisions
from bandi.log.sqlite import open_log_read_only
from bandi.model.errors import InvalidInputError


def sample(folder: Path, most: int, seed: int = 1, rows: int = 1_000) -> Sample:
    log = open_log_read_only(folder)
    return sample_decisions(log.read(rows=rows), "home", most, seed)


def test_all_are_taken_where_there_are_few_and_a_few_where_there_are_many(service: Path) -> None:
    everything, some = sample(service, 1_000), sample(service, 50)
    assert (everything.found, len(everything), some.found, len(some)) == (400, 400, 400, 50)
    positions = everything.decisions.headers["state_position"]
    assert (np.diff(positions) >= 0).all()
    assert np.isin(some.decisions.headers["request"], everything.decisions.headers["request"]).all()
    for i in range(len(some)):
        whole = int(np.flatnonzero(everything.decisions.headers["request"] == some.decisions.headers["request"][i])[0])
        assert some.items(i).tolist() == everything.items(whole).tolist()


def test_the_sample_does_not_depend_on_how_the_log_is_cut(service: Path) -> None:
    one, other = sample(service, 37, rows=1_000_000), sample(service, 37, rows=11)
    assert (one.decisions.headers == other.decisions.headers).all()
    assert (one.decisions.items == other.decisions.items).all()


def test_every_decision_is_sampled_as_often(service: Path) -> None:
    """100 of 400 under 120 seeds: chi-squared over 400 cells, within 4 standard deviations (false alarms: 1 in 10,000)."""
    requests = sample(service, 400).decisions.headers["request"]
    stretches, counts = list(open_log_read_only(service).read()), np.zeros(400)
    for seed in range(120):
        counts += np.isin(requests, sample_decisions(stretches, "home", 100, seed).decisions.headers["request"])
    statistic = ((counts - 30) ** 2).sum() / (120 * 0.25 * 0.75)
    assert abs(statistic - 400) < 4 * (2 * 400) ** 0.5


def test_a_placement_without_decisions_is_named(service: Path) -> None:
    log = open_log_read_only(service)
    with pytest.raises(InvalidInputError, match="one of: home"):
        sample_decisions(log.read(), "nowhere", 10, 1)
