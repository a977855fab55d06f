"""At equal settings and nu 0 ours and `implicit` minimise one loss: they must reach it alike, and rank alike."""

import numpy as np
import pytest

from bandi.evaluation.ranking import ranking_quality
from bandi.features.factors.als import AlsConfig, Factors, fit, loss
from bandi.features.factors.interactions import Interactions, gather_interactions

implicit_als = pytest.importorskip(
    "implicit.als", reason="implicit is a peer of the benchmarks (requirements/bench.in)"
)
sparse = pytest.importorskip("scipy.sparse")

WORLDS = ((2_000, 200, 30_000), (1_500, 400, 25_000), (1_000, 1_000, 25_000))
CONFIG = AlsConfig(factors=32, regularisation=24.0, alpha=5.0, nu=0.0, iterations=30)


def tastes(users: int, items: int, reads: int, seed: int) -> tuple[Interactions, Interactions]:
    """Six reads in ten from one's own twenty titles, the others by popularity; a fifth of each reader's held out."""
    random = np.random.default_rng(seed)
    who = np.repeat(np.arange(users), random.poisson(random.lognormal(0, 0.7, users) * reads / users))
    popularity = np.cumsum(1 / (np.arange(items) + 20.0) ** 0.8)
    what = np.searchsorted(popularity, random.random(len(who)) * popularity[-1])
    own = np.minimum(what // 20 * 20 + random.integers(0, 20, users)[who], items - 1)
    pairs = np.unique(who * items + np.where(random.random(len(who)) < 0.6, own, what))
    held = random.random(len(pairs)) < 0.2
    first, second = (
        gather_interactions(p // items, p % items, np.ones(len(p)), (users, items)) for p in (pairs[~held], pairs[held])
    )
    return first, second


def by_implicit(data: Interactions, config: AlsConfig) -> Factors:
    """Its alpha is the whole confidence of a read pair, ours is what it exceeds 1 by."""
    rows = data.by_user
    matrix = sparse.csr_matrix((rows.weights, rows.columns, rows.starts), (data.users, data.items))
    model = implicit_als.AlternatingLeastSquares(
        factors=config.factors,
        regularization=config.regularisation,
        alpha=config.alpha + 1,
        iterations=config.iterations,
        num_threads=1,
        random_state=1,
        use_gpu=False,
    )
    model.fit(matrix, show_progress=False)
    return Factors(np.asarray(model.user_factors), np.asarray(model.item_factors), config, float(data.items))


@pytest.mark.filterwarnings("ignore:OpenBLAS is configured:RuntimeWarning")
def test_both_reach_one_loss_and_rank_alike() -> None:
    """Three worlds: the loss within 0.2 %; readers' mean gain in NDCG within 3 standard errors on each and on all together.

    Were gains normal around 0, one of the four would be beyond in at most 1.1 % of such tests. The error on all together is under
    0.002, so a loss of 0.006 would be seen.
    """
    gains = []
    for seed, size in enumerate(WORLDS):
        train, held = tastes(*size, seed)
        ours, theirs = fit(train, CONFIG, threads=1), by_implicit(train, CONFIG)
        assert loss(train, ours) == pytest.approx(loss(train, theirs), rel=0.002)
        a, b = (ranking_quality(one.users, one.items, train.by_user, held.by_user).ndcg for one in (ours, theirs))
        assert a.mean() > 0.15, "factors say more than popularity"
        gains.append(a - b)
    everybody = np.concatenate(gains)
    for gain in (*gains, everybody):
        assert abs(gain.mean()) < 3 * standard_error(gain)
    assert standard_error(everybody) < 0.002


def standard_error(gain: np.ndarray) -> float:
    return float(gain.std(ddof=1) / np.sqrt(len(gain)))
