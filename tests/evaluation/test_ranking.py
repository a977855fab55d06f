"""Recall and NDCG against figures worked by hand."""

import numpy as np
import pytest

from bandi.evaluation.ranking import ranking_quality
from bandi.features.factors.interactions import gather_interactions


def rows(pairs: list[tuple[int, int]], users: int = 2, items: int = 5):
    found = np.array(pairs).reshape(-1, 2)
    return gather_interactions(found[:, 0], found[:, 1], np.ones(len(found)), (users, items)).by_user


def test_figures_worked_by_hand() -> None:
    users = np.array([[1.0], [1.0]], np.float32)
    items = np.array([[5.0], [4.0], [3.0], [2.0], [1.0]], np.float32)
    found = ranking_quality(users, items, rows([(0, 0)]), rows([(0, 1), (0, 3), (0, 4)]), k=3)
    # seen 0 leaves 1, 2, 3: hits at the first and third place of three wanted
    assert found.recall.tolist() == pytest.approx([2 / 3])
    assert found.ndcg.tolist() == pytest.approx([(1 + 1 / 2) / (1 + 1 / np.log2(3) + 1 / 2)])


def test_a_list_of_all_that_was_wanted_is_perfect() -> None:
    users, items = np.ones((2, 1), np.float32), np.array([[1.0], [9.0], [3.0], [7.0], [5.0]], np.float32)
    found = ranking_quality(users, items, rows([]), rows([(0, 1), (1, 1), (1, 3)]), k=2)
    assert found.recall.tolist() == [1.0, 1.0]
    assert found.ndcg.tolist() == [1.0, 1.0]


def test_k_beyond_the_catalogue_ranks_all_of_it() -> None:
    users, items = np.ones((1, 1), np.float32), np.ones((3, 1), np.float32)
    found = ranking_quality(users, items, rows([], 1, 3), rows([(0, 2)], 1, 3), k=99)
    assert found.recall.tolist() == [1.0]
