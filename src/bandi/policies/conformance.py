"""What every policy must do, for those who write one: each check raises AssertionError, saying what is wrong.

>>> from bandi.model.policy_config import Thompson
>>> from bandi.policies.conformance import CHECKS
>>> from bandi.policies.registry import make_policy
>>> for check in CHECKS:
...     check(lambda segments: make_policy(Thompson(), segments))

In a package of your own: `@pytest.mark.parametrize("check", CHECKS)`, and in the test `check(make)`, where make(segments)
gives your policy without experience.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bandi.policies.guarded import sound_list, sound_state
from bandi.policies.plugins import PluginPolicy
from bandi.policies.protocol import Candidates, Outcomes, Request, State

Make = Callable[[int], PluginPolicy]
"""From the number of segments to a policy without experience."""

_SIZES = ((1, 1), (5, 5), (7, 3), (300, 10), (300, 300))
"""Candidates and k."""


def lists_are_sound(make: Make) -> None:
    """Exactly k distinct candidates with finite scores, with and without experience, whatever their ids are."""
    for segments in (1, 3):
        policy = make(segments)
        for experience in range(2):
            for n, k in _SIZES:
                for candidates in (_candidates(n), Candidates(np.arange(n, dtype=np.int32) * 70_000 + 3)):
                    try:
                        sound_list(policy.rank(_request(segments), candidates, k, 3), candidates, k)
                    except ValueError as error:
                        raise AssertionError(f"{k} of {n} candidates, {experience} updates: {error}") from None
            policy.update(_outcomes(40, segments))


def the_seed_is_all_randomness(make: Make) -> None:
    """Two policies of the same history give the same list and scores for the same seed, in whatever order they are asked."""
    one, other = make(1), make(1)
    for policy in (one, other):
        policy.update(_outcomes(60, 1))
    seeds = (0, 1, 2**64 - 1)
    first = [one.rank(_request(1), _candidates(30), 10, seed) for seed in seeds]
    second = [other.rank(_request(1), _candidates(30), 10, seed) for seed in reversed(seeds)]
    for seed, a, b in zip(seeds, first, reversed(second), strict=True):
        assert a.items.tolist() == b.items.tolist(), f"seed {seed}: two lists: {a.items} and {b.items}"
        assert a.scores.tobytes() == b.scores.tobytes(), f"seed {seed}: the same list with other scores"


def lists_stay_as_they_were(make: Make) -> None:
    """What was handed out is not written again by the next ranking."""
    policy = make(1)
    first = policy.rank(_request(1), _candidates(20), 5, 1)
    kept = first.items.tolist(), first.scores.tolist()
    policy.rank(_request(1), _candidates(20), 5, 2)
    assert (first.items.tolist(), first.scores.tolist()) == kept, "a list changed when the next one was made"


def arguments_stay_as_they_were(make: Make) -> None:
    """Arguments are only read."""
    policy, request, candidates, outcomes = make(1), _request(1), _candidates(20), _outcomes(30, 1)
    given = [request.segment_weights, candidates.items, candidates.editor_ranks]
    given += [getattr(outcomes, name) for name in ("items", "segments", "trials", "rewards", "occurred_ms")]
    arrays = [array for array in given if array is not None]
    before = [array.tobytes() for array in arrays]
    policy.update(outcomes)
    policy.rank(request, candidates, 5, 1)
    assert [array.tobytes() for array in arrays] == before, "an array that was handed in has been written"


def state_goes_round(make: Make) -> None:
    """`dump` gives plain arrays, `load` takes them, and both policies go on alike, bit for bit."""
    policy, other = make(2), make(2)
    for first in range(0, 300, 100):
        policy.update(_outcomes(100, 2, first))
        other.load(_sound(policy.dump()))
        _same(policy.dump(), other.dump(), "after load")
        one, two = (each.rank(_request(2), _candidates(30), 10, first) for each in (policy, other))
        assert one.items.tolist() == two.items.tolist(), "the loaded policy gives another list"


def dumps_stay_as_they_were(make: Make) -> None:
    """A `dump` is a copy."""
    policy = make(1)
    policy.update(_outcomes(30, 1))
    dumped = policy.dump()
    before = {name: array.tobytes() for name, array in dumped.items()}
    policy.update(_outcomes(30, 1, 30))
    assert {name: array.tobytes() for name, array in dumped.items()} == before, "a dump changed with the next update"


def cuts_do_not_matter(make: Make) -> None:
    """The same rows in one call or in many give the same state, bit for bit, and ranking in between changes nothing."""
    whole = make(2)
    whole.update(_outcomes(120, 2))
    for size in (1, 7, 50):
        parts = make(2)
        for first in range(0, 120, size):
            parts.update(_outcomes(min(size, 120 - first), 2, first))
            parts.rank(_request(2), _candidates(10), 3, first)
        _same(whole.dump(), parts.dump(), f"in calls of {size} rows")


CHECKS: tuple[Callable[[Make], None], ...] = (
    lists_are_sound,
    the_seed_is_all_randomness,
    lists_stay_as_they_were,
    arguments_stay_as_they_were,
    state_goes_round,
    dumps_stay_as_they_were,
    cuts_do_not_matter,
)
"""All checks, by name."""


def _request(segments: int) -> Request:
    return Request(np.full(segments, 1.0 / segments, np.float32), 10**9)


def _candidates(n: int) -> Candidates:
    return Candidates(np.arange(n, dtype=np.int32), np.arange(n, 0, -1).astype(np.int32))


def _outcomes(rows: int, segments: int, first: int = 0) -> Outcomes:
    """Rows first to first + rows of one history: impressions, and some clicks, a second apart."""
    at = np.arange(first, first + rows)
    mixed = (at * 2_654_435_761) % 2**32
    click = mixed % 5 == 0
    return Outcomes(
        items=(mixed // 7 % 23).astype(np.int32),
        segments=(mixed // 11 % segments).astype(np.int32),
        trials=np.where(click, 0, 1).astype(np.float32),
        rewards=click.astype(np.float32),
        occurred_ms=at * 1_000,
    )


def _sound(state: object) -> State:
    try:
        return sound_state(state)
    except ValueError as error:
        raise AssertionError(f"dump: {error}") from None


def _same(one: State, other: State, when: str) -> None:
    assert one.keys() == other.keys(), f"{when}: a state of other arrays: {sorted(one)} and {sorted(other)}"
    for name, array in one.items():
        assert np.array_equal(array, other[name]), f"{when}: {name} differs"
        assert array.tobytes() == other[name].tobytes(), f"{when}: {name} differs in its bytes"
