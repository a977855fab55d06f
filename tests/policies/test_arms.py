"""How the arrays of arms grow."""

import numpy as np
import pytest

from bandi.model.policy_config import Prior
from bandi.policies.arms import BetaArms, with_segments
from bandi.policies.protocol import Candidates, ContentPriors, Outcomes, Request


def impression(item: int, segment: int) -> Outcomes:
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    return Outcomes(np.array([item], np.int32), np.array([segment], np.int32), one, zero, np.zeros(1, np.int64))


def test_growing_leaves_an_array_that_is_being_read_as_it_is() -> None:
    """A ranking in another thread holds the array: growth must copy it, not move it."""
    arms = BetaArms(Prior(), None, 2)
    arms.update(impression(3, 1))
    held, used = arms.readable()
    before = held.copy()
    arms.update(impression(50_000, 0))
    assert used == 4
    assert (held == before).all()


def test_what_was_counted_survives_growth_and_what_is_new_is_zero() -> None:
    arms = BetaArms(Prior(), None, 2)
    for item in (3, 50_000, 2_000_000):
        arms.update(impression(item, 1))
    counts, used = arms.readable()
    assert used == 2_000_001
    assert np.argwhere(counts).tolist() == [[3, 1, 1], [50_000, 1, 1], [2_000_000, 1, 1]]


def arms_of_three_segments(borrowed: float) -> BetaArms:
    """Item 0: segment 1 has 100 trials and 50 successes, segment 2 has 900 and 90."""
    arms = BetaArms(Prior(mean=0.1, strength=10.0), None, 3, borrowed)
    trials, rewards = np.array([100, 900], np.float32), np.array([50, 90], np.float32)
    arms.update(Outcomes(np.zeros(2, np.int32), np.array([1, 2], np.int32), trials, rewards, np.zeros(2, np.int64)))
    return arms


def posterior(arms: BetaArms, weights: list[float]) -> tuple[float, float]:
    found = arms.gather(Request(np.array(weights, np.float32), 0), Candidates(np.zeros(1, np.int32)))
    return found.a[0] - 1.0, found.b[0] - 9.0


def test_what_others_know_is_borrowed_up_to_a_bound() -> None:
    """A reader of segment 1 has its 100 trials, and of the other 900 as many as the bound says, in their proportion."""
    assert posterior(arms_of_three_segments(0.0), [0, 1, 0]) == pytest.approx((50, 50))
    assert posterior(arms_of_three_segments(90.0), [0, 1, 0]) == pytest.approx((50 + 9, 50 + 81))
    assert posterior(arms_of_three_segments(1e6), [0, 1, 0]) == pytest.approx((140, 860))


def test_a_reader_of_whom_nothing_is_known_has_everybodys_evidence() -> None:
    assert posterior(arms_of_three_segments(0.0), [1, 1, 1]) == pytest.approx((140, 860))


def test_a_reader_of_two_segments_has_a_share_of_each() -> None:
    assert posterior(arms_of_three_segments(0.0), [0, 0.75, 0.25]) == pytest.approx((60, 240), rel=1e-6)


@pytest.mark.parametrize("segments", [1, 2, 3, 5])
def test_another_number_of_segments_loses_no_count(segments: int) -> None:
    arms = BetaArms(Prior(), None, segments)
    arms.load(with_segments(arms_of_three_segments(0.0).dump(), segments))
    found = [arms.posterior(np.zeros(1, np.int32), segment, 0) for segment in range(segments)]
    assert sum(float(each.trials[0]) for each in found) == pytest.approx(1_000)
    expected = {1: [1_000], 2: [900, 100], 3: [0, 100, 900], 5: [0, 100, 900, 0, 0]}[segments]
    assert [float(each.trials[0]) for each in found] == pytest.approx(expected)


def test_a_segment_that_is_no_more_counts_as_segment_0() -> None:
    arms = BetaArms(Prior(), None, 2)
    arms.update(impression(0, 7))
    assert arms.posterior(np.zeros(1, np.int32), 0, 0).trials[0] == 1


def own_priors(segments: int) -> ContentPriors:
    """Of item 0 alone: in segment s, Beta(s + 1, 10 s + 20)."""
    rows = np.arange(segments, dtype=np.float32)[:, None]
    return ContentPriors(rows + 1.0, 10.0 * rows + 20.0)


def started(arms: BetaArms, weights: list[float], priors: ContentPriors | None) -> tuple[list[float], list[float]]:
    candidates = Candidates(np.array([0, 1], np.int32), priors=priors)
    found = arms.gather(Request(np.array(weights, np.float32), 0), candidates)
    assert found.mean[:2] == pytest.approx(found.a[:2] / (found.a[:2] + found.b[:2]))
    return found.a[:2].tolist(), found.b[:2].tolist()


@pytest.mark.parametrize(
    ("weights", "prior"),
    [([0, 1, 0], (2, 30)), ([0, 0.25, 0.75], (2.75, 37.5)), ([1, 1, 1], (1, 20)), ([1, 0, 0], (1, 20))],
)
def test_an_item_starts_from_its_own_prior_by_the_readers_segments(
    weights: list[float], prior: tuple[float, float]
) -> None:
    """Item 1 is beyond the priors: it has the configured Beta(1, 9). What was counted is the same with and without."""
    arms = arms_of_three_segments(20.0)
    a, b = started(arms, weights, own_priors(3))
    fixed_a, fixed_b = started(arms, weights, None)
    assert (a[0] - fixed_a[0] + 1.0, b[0] - fixed_b[0] + 9.0) == pytest.approx(prior)
    assert (a[1], b[1]) == pytest.approx((1.0, 9.0))


def test_priors_for_another_number_of_segments_are_passed_over() -> None:
    arms = arms_of_three_segments(20.0)
    assert started(arms, [0, 1, 0], own_priors(2)) == started(arms, [0, 1, 0], None)


def test_a_posterior_shows_the_prior_in_use_and_counts_what_was_counted() -> None:
    arms = arms_of_three_segments(0.0)
    found = arms.posterior(np.array([0, 1], np.int32), 1, 0, own_priors(3))
    assert found.trials.tolist() == pytest.approx([100, 0])
    assert found.successes.tolist() == pytest.approx([50, 0])
    assert found.mean.tolist() == pytest.approx([(2 + 50) / (32 + 100), 0.1])
    assert ((found.low < found.mean) & (found.mean < found.high)).all()


def test_what_was_counted_weighs_as_at_the_moment() -> None:
    arms = BetaArms(Prior(), "1d", 2)
    arms.update(impression(3, 1))
    assert arms.counted(86_400_000)[3].tolist() == [[0.0, 0.0], [0.0, 0.5]]
    assert arms.counted(0).shape == (4, 2, 2)


def test_arrays_of_others_are_left_as_they_are() -> None:
    state = {"plugin/counts": np.arange(4.0), "chain/ring": np.zeros((2, 3)), "counts": np.ones((2, 3, 2), np.float32)}
    other = with_segments(state, 2)
    assert other["plugin/counts"] is state["plugin/counts"] and other["chain/ring"] is state["chain/ring"]
    assert other["counts"].shape == (2, 2, 2)
