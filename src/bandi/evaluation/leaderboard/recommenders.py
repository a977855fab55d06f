"""From an entry to scores of all titles for each reader: learned from what readers took, settings chosen on the validation part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bandi.evaluation.leaderboard._neighbour_kernels import nearest_titles, neighbour_scores
from bandi.evaluation.leaderboard.entries import (
    FactorsEntry,
    ImplicitEntry,
    NeighboursEntry,
    PopularityEntry,
    Recommender,
)
from bandi.evaluation.leaderboard.splits import Split
from bandi.evaluation.ranking import ScoresOf, ranking_quality
from bandi.features.factors.als import AlsConfig, fit
from bandi.features.factors.interactions import Interactions
from bandi.features.factors.tuning import MIN_READERS, climb_surely, coordinates_of, judged_readers
from bandi.model.config import Factors
from bandi.model.records import Array

K = 20


@dataclass(frozen=True, slots=True)
class Learned:
    """What scores titles, and the settings it was learned with, in words."""

    scores_of: ScoresOf
    settings: str = ""


class NotInstalledError(Exception):
    """An entry needs a package that is not there."""


def learn(entry: Recommender, data: Split, seed: int) -> Learned:
    """Learn an entry from all but the test part. Raises NotInstalledError."""
    match entry:
        case PopularityEntry():
            counts = np.diff(data.both.by_item.starts).astype(np.float32)
            return Learned(lambda block: np.tile(counts, (len(block), 1)))
        case NeighboursEntry():
            return Learned(_neighbours(data.both, entry.neighbours), f"{entry.neighbours} neighbours")
        case FactorsEntry():
            config = _chosen(_als, _config(entry.factors, seed), data, entry.tune, ("nu",))
            return Learned(_product(*_als(data.both, config)), _described(config))
        case ImplicitEntry():
            _implicit_package()
            config = _chosen(_implicit, _config(entry.factors, seed), data, entry.tune, ())
            return Learned(_product(*_implicit(data.both, config)), _described(config))


def _config(table: Factors, seed: int) -> AlsConfig:
    return AlsConfig(
        table.factors, table.regularisation, table.alpha, table.nu, table.iterations, seed=seed
    )  # fmt: skip


def _chosen(learner: Any, start: AlsConfig, data: Split, fits: int, own: tuple[str, ...]) -> AlsConfig:
    """`features.factors.tuning.choose` for any learner of factors. own: coordinates besides those that all have."""
    wanted = judged_readers(data.train, data.validation)
    if not fits or int((np.diff(wanted.by_user.starts) > 0).sum()) < MIN_READERS:
        return start
    coordinates = tuple(one for one in coordinates_of(data.train) if one.name != "nu" or one.name in own)

    def qualities(config: AlsConfig) -> Array:
        users, titles = learner(data.train, config)
        return ranking_quality(users, titles, data.train.by_user, wanted.by_user, K).ndcg

    return climb_surely(qualities, start, fits, coordinates)


def _als(data: Interactions, config: AlsConfig) -> tuple[Array, Array]:
    factors = fit(data, config, threads=1)
    return factors.users, factors.items


def _implicit(data: Interactions, config: AlsConfig) -> tuple[Array, Array]:
    """A title taken has weight 1 + alpha here and alpha there; one thread gives the same factors each time."""
    implicit = _implicit_package()
    import scipy.sparse  # noqa: PLC0415  comes with implicit
    import threadpoolctl  # noqa: PLC0415  so does this

    rows = data.by_user
    matrix = scipy.sparse.csr_matrix((rows.weights, rows.columns, rows.starts), (data.users, data.items))
    with threadpoolctl.threadpool_limits(
        1, "blas"
    ):  # as the package asks for: its threads and BLAS's hinder each other
        model = implicit.als.AlternatingLeastSquares(
            factors=config.factors, regularization=config.regularisation, alpha=config.alpha + 1.0,
            iterations=config.iterations, num_threads=1, random_state=config.seed, use_gpu=False,
        )  # fmt: skip
        model.fit(matrix, show_progress=False)
        return np.asarray(model.user_factors), np.asarray(model.item_factors)


def _implicit_package() -> Any:
    try:
        import implicit  # noqa: PLC0415  a peer, not one of our needs
    except ImportError:
        raise NotInstalledError("implicit is not installed") from None
    return implicit


def _product(users: Array, titles: Array) -> ScoresOf:
    return lambda block: users[block] @ titles.T


def _neighbours(data: Interactions, most: int) -> ScoresOf:
    found, cosines = np.full((data.items, most), -1, np.int32), np.zeros((data.items, most), np.float32)
    rows, columns = data.by_user, data.by_item
    nearest_titles(rows.starts, rows.columns, columns.starts, columns.columns, found, cosines)

    def scores_of(block: Array) -> Array:
        scores = np.empty((len(block), data.items), np.float32)
        neighbour_scores(np.asarray(block, np.int64), rows.starts, rows.columns, found, cosines, scores)
        return scores

    return scores_of


def _described(config: AlsConfig) -> str:
    return (
        f"{config.factors} factors, regularisation {config.regularisation:g}, alpha {config.alpha:g}, nu {config.nu:g}, "
        f"{config.iterations} iterations"
    )
