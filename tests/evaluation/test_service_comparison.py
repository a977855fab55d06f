"""Services beside each other: paired differences, in one process or several, and the tables."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bandi.evaluation.service_comparison import gini, run_services, summarise_services
from bandi.evaluation.service_report import (
    PLACEMENT_HEADER,
    SERVICE_HEADER,
    markdown,
    placement_rows,
    service_rows,
    write_service_runs,
)
from bandi.evaluation.service_runs import BUCKETS, PlacementRun, Plan, Service, ServiceRun
from bandi.evaluation.worlds.parameters import PERSONAL, read_parameters

SPINE = Service("spine", "[placements.home]\n[placements.viewer_end]\n")
EDITOR = Service("editor", '[placements.home]\npolicy = { use = "editor" }\n')


def made(service: str, seed: int, clicks: float) -> ServiceRun:
    """A run of 10 impressions a bucket whose clicks are given."""
    ten, shown = np.full(BUCKETS, 10.0), np.array([3, 1, 0, 0])
    home = PlacementRun(ten / 10, ten, np.full(BUCKETS, clicks), ten / 2, ten, shown)
    return ServiceRun(service, seed, BUCKETS, {"home": home}, 2, 5.0, 1.0)


def test_differences_are_paired_by_seed() -> None:
    base, gains = [1.0, 2.0, 4.0], [0.5, 0.7, 0.6]
    found = summarise_services(
        {
            "spine": [made("spine", seed, clicks) for seed, clicks in enumerate(base)],
            "other": [
                made("other", seed, clicks + gain) for seed, (clicks, gain) in enumerate(zip(base, gains, strict=True))
            ],
        }
    )
    spine, other = found.placements
    assert spine.difference == (0.0, 0.0, 0.0)
    differences = np.array(gains) / 10
    half = stats.t.ppf(0.975, 2) * differences.std(ddof=1) / np.sqrt(3)
    assert other.difference == pytest.approx((0.06, 0.06 - half, 0.06 + half), rel=1e-4)
    assert other.late_difference == pytest.approx(other.difference)
    assert other.difference[1] > 0 > other.ctr[1] - spine.ctr[2]  # the unpaired intervals overlap
    assert (other.oracle_share[0], other.coverage[0]) == (0.5, 0.5)
    assert found.services[1].clicks_per_visit[0] == pytest.approx(np.mean(base) + 0.6)
    assert found.services[1].trainings == 2
    assert found.services[1].visits_per_second == pytest.approx(BUCKETS / 4)
    assert found.ctr_over_time["spine/home"] == pytest.approx([7 / 30] * BUCKETS)


def test_worker_processes_give_what_one_process_gives(tmp_path: Path) -> None:
    """And a placement that the baseline does not have is shown without a difference."""
    parameters, plan, services = read_parameters(PERSONAL), Plan(200, 50), [EDITOR, SPINE]
    told: list[int] = []
    alone = run_services(services, parameters, [1, 2], plan, None, 1, told.append)
    beside = run_services(services, parameters, [1, 2], plan, None, 2)
    assert told == [200] * 4
    for name, runs in alone.items():
        assert [run.seed for run in beside[name]] == [1, 2]
        for one, other in zip(runs, beside[name], strict=True):
            assert (one.placements["home"].shown == other.placements["home"].shown).all()
            assert (one.placements["home"].clicks == other.placements["home"].clicks).all()
    comparison = summarise_services(alone)
    rows = {(row[0], row[1]): row for row in placement_rows(comparison)}
    assert rows["spine", "viewer_end"][3] == ""
    assert rows["spine", "home"][3] != ""
    assert {len(row) for row in rows.values()} == {len(PLACEMENT_HEADER)}
    assert {len(row) for row in service_rows(comparison)} == {len(SERVICE_HEADER)}
    runs, report = write_service_runs(alone, comparison, tmp_path / "out")
    frame = pl.read_parquet(runs)
    assert frame.height == 2 * 3 * BUCKETS
    assert frame.filter(pl.col("placement") == "home")["impressions"].sum() == 2 * 2 * 200 * 10
    assert report.read_text() == markdown(comparison)
    assert "against editor" in report.read_text()


def test_gini_worked_by_hand() -> None:
    assert gini(np.array([1, 1, 1, 1])) == 0
    assert gini(np.array([0, 0, 0, 8])) == 0.75
    assert gini(np.array([1, 3])) == 0.25
    assert gini(np.zeros(3)) == 0


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=50), st.integers(1, 9))
def test_gini_is_bounded_and_has_no_unit(counts: list[int], factor: int) -> None:
    found = gini(np.array(counts))
    assert -1e-12 <= found < 1
    assert gini(np.array(counts) * factor) == pytest.approx(found)
