"""All single-item estimators with 200 bootstrap resamples, at three sizes, beside plain numpy; run: python -m bench.off_policy.

A row's propensity is drawn for it alone (as from a policy that sees the reader), so no two rows are alike. The peer does the same
with numpy: the same nine estimators from whole arrays, and resamples of Poisson(1) counts drawn one after another for IPS alone;
from a million rows on 4 are timed and counted 50 times. The floor is the least that any such bootstrap does: our kernel on all cores
with nothing to add up, so drawing counts alone.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from bandi.evaluation.decision_log import DecisionLog, read_decision_log
from bandi.evaluation.off_policy.bootstrap import BLOCK, resampled_means
from bandi.evaluation.off_policy.estimation import Settings
from bandi.evaluation.off_policy.estimators import ESTIMATORS
from bandi.evaluation.off_policy.evaluation import RewardModel, evaluate, sample_of
from bandi.evaluation.off_policy.sample import Sample
from bandi.evaluation.off_policy.synthetic import LogWorld
from bandi.model.records import Array
from bench.measure import machine, table, time_call

SIZES = ((100_000, 3), (1_000_000, 3), (10_000_000, 1))
"""Rows and timed runs."""
RESAMPLES = 200
WORLD = LogWorld(items=100, slots=5, rate=0.02, spread=1.0)


def main() -> None:
    print(machine(), "\n")
    evaluated = WORLD.tables()[2]
    settings = Settings(resamples=RESAMPLES)
    evaluate(_log(10_000), evaluated, settings=settings)  # compiles
    rows = []
    for size, runs in SIZES:
        log = _log(size)
        reading = _reading(log)
        ours = time_call(partial(evaluate, log, evaluated, settings=settings), runs=runs, warmups=0)  # fmt: skip
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        sample = sample_of(log, evaluated, None, RewardModel(), 1)
        draws = RESAMPLES if size < 1_000_000 else 4
        peer = _straightforward(sample, draws)
        floor = _seconds(partial(resampled_means, _nothing(size), 0, RESAMPLES, 1))
        rows.append([f"{size:,}", f"{reading:.3g} s", str(ours), f"{peak:.2g} GiB", f"{peer:.3g} s", f"{floor:.3g} s"])
        print(f"{size:,} done", flush=True)
    header = [
        "decisions",
        "reading Parquet",
        "Bandi, everything",
        "peak memory",
        "numpy, bootstrap of IPS alone",
        "floor: drawing counts",
    ]
    print(table(header, rows))


def _log(rows: int) -> DecisionLog:
    """A log whose propensities were jittered by up to 10 % after the fact, so that weights differ from row to row."""
    log = WORLD.log(rows, 1)
    jitter = np.random.default_rng(2).uniform(0.9, 1.1, rows)
    return DecisionLog(
        log.items, log.positions, log.clicks, np.minimum(log.propensities * jitter, 1.0), log.times_ms, log.item_names
    )


def _reading(log: DecisionLog) -> float:
    """Seconds to read the log from a Parquet file."""
    columns = {
        "item_id": log.items,
        "position": log.positions + 1,
        "click": log.clicks.astype(np.int8),
        "propensity_score": log.propensities,
        "timestamp": log.times_ms / 1e3,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.parquet"
        pl.DataFrame(columns).write_parquet(path)
        return _seconds(partial(read_decision_log, path))


def _nothing(rows: int) -> Iterator[Array]:
    """Blocks without a column."""
    for first in range(0, rows, BLOCK):
        yield np.empty((0, min(BLOCK, rows - first)))


def _straightforward(sample: Sample, draws: int) -> float:
    """Seconds: every estimator once, and RESAMPLES resamples of one, as many as `draws` of them really drawn."""
    once = _seconds(lambda: [estimator.terms(sample, 10.0).value for estimator in ESTIMATORS.values()])
    terms = sample.weights * sample.rewards

    def resample() -> list[float]:
        random = np.random.default_rng(1)
        return [_resampled(terms, random) for _ in range(draws)]

    return once + _seconds(resample) * RESAMPLES / draws


def _resampled(terms: Array, random: np.random.Generator) -> float:
    counts = random.poisson(1.0, len(terms))
    return float(counts @ terms) / float(counts.sum())


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
