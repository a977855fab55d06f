"""Promise: the population's share where little is known, the segment's own where much is."""

import numpy as np
import pytest

from bandi.segments.promise import PRIOR_READERS, leading, promise


def test_promise_is_the_posteriors_mean_and_a_standard_deviation() -> None:
    memberships = np.array([[1, 0]] * 30 + [[0, 1]] * 10, np.float32)
    recent = np.full((40, 2), -1, np.int32)
    recent[:12, 0] = 0  # 12 of 30 readers of the first segment read title 0
    recent[30:40, 0] = 1
    found = promise(memberships, recent, 3)
    share = 12 / 40
    mean = (12 + PRIOR_READERS * share) / (30 + PRIOR_READERS)
    deviation = np.sqrt(mean * (1 - mean) / (30 + PRIOR_READERS + 1))
    assert found[0, 0] == pytest.approx(mean + deviation, rel=1e-5)
    assert found[1, 1] > found[0, 1] > 0  # nobody of the first segment read title 1, but others did
    assert (found[:, 2] == 0).all()  # nobody read it: `fresh` and the editors bring it in


def test_soft_readers_count_by_their_weights() -> None:
    recent = np.zeros((100, 1), np.int32)
    soft = promise(np.full((100, 2), 0.5, np.float32), recent, 1)
    assert soft[0, 0] == soft[1, 0]


def test_leading_titles_are_in_order_and_end_where_there_is_no_promise() -> None:
    promises = np.array([[0.1, 0.3, 0.0, 0.2], [0.0, 0.0, 0.0, 0.0]], np.float32)
    assert leading(promises, 3).tolist() == [[1, 3, 0], [-1, -1, -1]]
    assert leading(promises, 9).tolist() == [[1, 3, 0, -1], [-1, -1, -1, -1]]


def test_ids_beyond_the_catalogue_and_nobody_at_all_are_no_trouble() -> None:
    assert promise(np.ones((1, 2), np.float32), np.array([[7, -1]], np.int32), 2).tolist() == [[0, 0], [0, 0]]
    assert promise(np.zeros((0, 3), np.float32), np.zeros((0, 32), np.int32), 2).shape == (3, 2)
