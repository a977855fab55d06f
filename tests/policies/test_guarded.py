"""Plug-ins that do everything wrong: a list is served all the same, and what was wrong is counted and said."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bandi.model.policy_config import Earning, Plugin, Thompson
from bandi.policies import guarded
from bandi.policies.conformance import CHECKS, Make
from bandi.policies.guarded import GuardedPolicy, carry_over
from bandi.policies.plugins import PluginPolicy, find_policy, register_policy
from bandi.policies.protocol import Candidates, Outcomes, Ranked, Request, State
from bandi.policies.registry import make_policy

REQUEST, CANDIDATES = Request(np.ones(1, np.float32), 0), Candidates(np.array([2, 5, 9, 11], np.int32))


class Own:
    """Counts rows and shows candidates from the last; what it answers can be put in its place."""

    answer: Callable[[Candidates, int], Any] | None = None
    state: Any = "rows"

    def __init__(self) -> None:
        self.rows = 0

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        if self.answer is not None:
            return self.answer(candidates, k)
        return Ranked(candidates.items[::-1][:k].copy(), np.arange(k, 0, -1).astype(np.float32))

    def update(self, outcomes: Outcomes) -> None:
        if len(outcomes.items) and outcomes.items[0] == 99:
            raise RuntimeError("unlucky")
        self.rows += len(outcomes.items)

    def dump(self) -> State:
        return {"rows": np.array([self.rows])} if isinstance(self.state, str) else self.state

    def load(self, state: State) -> None:
        self.rows = int(state["rows"][0])


@pytest.fixture
def own() -> Iterator[list[Own]]:
    made: list[Own] = []

    def make(settings: object, segments: int) -> Own:
        made.append(Own())
        return made[-1]

    register_policy("own", make)
    yield made


def guarded_policy() -> GuardedPolicy:
    policy = make_policy(Plugin(name="own"), 1)
    assert isinstance(policy, GuardedPolicy)
    return policy


def rows(items: list[int]) -> Outcomes:
    n = len(items)
    return Outcomes(
        np.array(items, np.int32), np.zeros(n, np.int32), np.ones(n, np.float32), np.zeros(n, np.float32),
        np.zeros(n, np.int64),
    )  # fmt: skip


def test_its_list_is_served(own: list[Own]) -> None:
    ranked = guarded_policy().rank(REQUEST, CANDIDATES, 3, 1)
    assert ranked.items.tolist() == [11, 9, 5]
    assert ranked.scores.tolist() == [3, 2, 1]
    assert ranked.items.dtype == np.int32 and ranked.scores.dtype == np.float32


def scores(k: int) -> np.ndarray:
    return np.zeros(k, np.float32)


WRONG: dict[str, Callable[[Candidates, int], Any]] = {
    "None": lambda c, k: None,
    "lists": lambda c, k: Ranked(c.items[:k].tolist(), [0.0] * k),  # type: ignore[arg-type]
    "items alone": lambda c, k: c.items[:k],
    "too few": lambda c, k: Ranked(c.items[: k - 1], scores(k - 1)),
    "too many": lambda c, k: Ranked(c.items[: k + 1], scores(k + 1)),
    "other lengths": lambda c, k: Ranked(c.items[:k], scores(k + 1)),
    "two dimensions": lambda c, k: Ranked(c.items[:k][:, None], scores(k)),
    "an unknown item": lambda c, k: Ranked(np.array([2, 5, 7], np.int32), scores(k)),
    "a negative item": lambda c, k: Ranked(np.array([2, -1, 9], np.int32), scores(k)),
    "an item beyond int32": lambda c, k: Ranked(np.array([2, 5, 2**32 + 9]), scores(k)),
    "one twice": lambda c, k: Ranked(np.array([2, 5, 2], np.int32), scores(k)),
    "fractions of items": lambda c, k: Ranked(c.items[:k].astype(np.float64), scores(k)),
    "objects": lambda c, k: Ranked(c.items[:k].astype(object), scores(k)),
    "no number": lambda c, k: Ranked(c.items[:k], np.array([0, np.nan, 1])),
    "infinity": lambda c, k: Ranked(c.items[:k], np.array([0, np.inf, 1])),
    "beyond float32": lambda c, k: Ranked(c.items[:k], np.array([0, 1e300, 1])),
    "texts": lambda c, k: Ranked(c.items[:k], np.array(["a", "b", "c"])),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_list_is_not_served(own: list[Own], wrong: str) -> None:
    policy, fallback = guarded_policy(), make_policy(Thompson(), 1)
    own[-1].answer = WRONG[wrong]
    for seed in range(3):
        assert (
            policy.rank(REQUEST, CANDIDATES, 3, seed).items.tolist()
            == fallback.rank(REQUEST, CANDIDATES, 3, seed).items.tolist()
        )
    assert dict(policy.failures) == {"wrong list": 3}


class WordlessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even that")


@pytest.mark.parametrize("error", [ValueError("it\nbroke"), WordlessError(), MemoryError(), RecursionError()])
def test_one_that_raises_is_not_heard_of_by_the_reader(
    own: list[Own], error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said the 1st, 10th and 100th time, on one line each."""
    policy = guarded_policy()

    def raising(candidates: Candidates, k: int) -> Any:
        raise error

    own[-1].answer = raising
    for seed in range(120):
        assert len(policy.rank(REQUEST, CANDIDATES, 4, seed).items) == 4
    assert dict(policy.failures) == {"raised in rank": 120}
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert all(type(error).__name__ in line for line in said)


def test_what_it_is_handed_cannot_be_written(own: list[Own]) -> None:
    policy = guarded_policy()

    def writing(candidates: Candidates, k: int) -> Any:
        candidates.items[0] = 77

    own[-1].answer = writing
    assert sorted(policy.rank(REQUEST, CANDIDATES, 4, 1).items.tolist()) == [2, 5, 9, 11]
    assert CANDIDATES.items.tolist() == [2, 5, 9, 11]


def test_an_update_that_raises_is_passed_over_and_the_fallback_has_learned(own: list[Own]) -> None:
    policy = guarded_policy()
    policy.update(rows([1, 2]))
    policy.update(rows([99, 2]))
    policy.update(rows([2]))
    assert own[-1].rows == 3
    assert policy.posterior(np.array([1, 2, 99], np.int32), 0, 0).trials.tolist() == pytest.approx([1, 3, 1])
    assert dict(policy.failures) == {"raised in update": 1}


def test_its_state_goes_round(own: list[Own]) -> None:
    policy, other = guarded_policy(), guarded_policy()
    policy.update(rows([1, 2, 3]))
    other.load(policy.dump())
    assert own[-1].rows == 3  # a fresh one was made for it
    assert {name: array.tolist() for name, array in other.dump().items()} == {
        name: array.tolist() for name, array in policy.dump().items()
    }


@pytest.mark.parametrize(
    "state",
    [
        None,
        [1],
        {"rows": [1]},
        {"rows": np.array([object()])},
        {"rows": np.array(["a"])},
        {1: np.zeros(1)},
        {"": np.zeros(1)},
        {f"a{i}": np.zeros(1) for i in range(guarded.MAX_STATE_ARRAYS + 1)},
        {"large": np.broadcast_to(np.zeros(1), guarded.MAX_STATE_BYTES // 8 + 1)},
    ],
    ids=["none", "list", "list in it", "objects", "texts", "number as name", "no name", "many", "large"],
)
def test_a_state_that_is_not_plain_arrays_is_not_kept(own: list[Own], state: Any) -> None:
    """And a snapshot without it is refused, so that the log is folded instead."""
    policy = guarded_policy()
    policy.update(rows([1]))
    own[-1].state = state
    dumped = policy.dump()
    assert "plugin" not in dumped
    assert dumped["counts"][1].tolist() == [[0.0, 1.0]]
    assert dict(policy.failures) == {"state not kept": 1}
    with pytest.raises(ValueError, match="no state of policy plug-in own"):
        guarded_policy().load(dumped)


def test_a_state_that_it_does_not_take_is_refused_from_a_snapshot_and_left_behind_by_a_new_configuration(
    own: list[Own],
) -> None:
    policy = guarded_policy()
    policy.update(rows([1]))
    dumped = policy.dump() | {"plugin/rows": np.zeros(0)}
    with pytest.raises(ValueError, match="does not take its state: IndexError"):
        guarded_policy().load(dumped)
    carried = guarded_policy()
    carry_over(carried, dumped)
    assert carried.posterior(np.array([1], np.int32), 0, 0).trials.tolist() == pytest.approx([1])
    assert dict(carried.failures) == {"state not carried over": 1}


def test_it_takes_over_from_thompson_and_gives_back(own: list[Own]) -> None:
    thompson, policy = make_policy(Thompson(), 1), guarded_policy()
    thompson.update(rows([1, 1]))
    carry_over(policy, thompson.dump())
    policy.update(rows([1]))
    carry_over(thompson, policy.dump())
    assert thompson.posterior(np.array([1], np.int32), 0, 0).trials.tolist() == pytest.approx([3])
    assert not policy.failures


@pytest.mark.parametrize("factory", [lambda settings, segments: None, lambda settings: Own(), lambda *_: 1 / 0, None])
def test_one_that_cannot_be_made_is_replaced(factory: Any) -> None:
    name = "unknown_to_all"
    if factory is not None:
        name = "unmakable"
        register_policy(name, factory)
    policy = make_policy(Plugin(name=name), 1)
    assert isinstance(policy, GuardedPolicy)
    assert policy.missing.startswith(f"policy plug-in {name}: ")
    assert len(policy.rank(REQUEST, CANDIDATES, 3, 1).items) == 3
    policy.update(rows([1]))
    assert policy.dump().keys() == make_policy(Thompson(), 1).dump().keys()
    assert dict(policy.failures) == {"not made": 1}


def test_settings_and_segments_reach_it() -> None:
    seen: list[Any] = []

    def make(settings: Any, segments: int) -> PluginPolicy:
        seen.append((settings, segments))
        return Own()

    register_policy("curious", make)
    make_policy(Plugin(name="curious", settings={"depth": 3, "loss": "log"}), 5)
    assert seen == [({"depth": 3, "loss": "log"}, 5)]


def test_an_entry_point_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint, EntryPoints

    points = EntryPoints([EntryPoint("counter", "collections:Counter", "bandi.policies")])
    monkeypatch.setattr("bandi.policies.plugins.entry_points", lambda group: points.select(group=group))
    from collections import Counter

    assert find_policy("counter") is Counter


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("config", [Thompson(half_life="1h"), Earning()], ids=["thompson", "earning"])
def test_our_own_policies_conform(check: Callable[[Make], None], config: Thompson | Earning) -> None:
    check(lambda segments: make_policy(config, segments))


class Clocked(Own):
    """Not the same for the same seed."""

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        self.rows += 1
        return Ranked(np.roll(candidates.items, self.rows)[:k], scores(k))


class Batched(Own):
    """Counts calls."""

    def update(self, outcomes: Outcomes) -> None:
        self.rows += 1


class Forgetful(Own):
    def load(self, state: State) -> None:
        self.rows = 0


class Scribbling(Own):
    def update(self, outcomes: Outcomes) -> None:
        outcomes.trials[:] = 0


class Reusing(Own):
    """The same arrays again."""

    def __init__(self) -> None:
        super().__init__()
        self.list = np.zeros(1_000, np.int32)

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        self.list[:k] = np.roll(candidates.items, seed)[:k]
        return Ranked(self.list[:k], scores(k))


class Short(Own):
    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        return Ranked(candidates.items[: min(k, 10)], scores(min(k, 10)))


class Shared(Own):
    def __init__(self) -> None:
        self.count = np.zeros(1)

    def update(self, outcomes: Outcomes) -> None:
        self.count += len(outcomes.items)

    def dump(self) -> State:
        return {"count": self.count}

    def load(self, state: State) -> None:
        self.count = state["count"].copy()


@pytest.mark.parametrize(
    ("kind", "failing"),
    [
        (Clocked, "the_seed_is_all_randomness"),
        (Batched, "cuts_do_not_matter"),
        (Forgetful, "state_goes_round"),
        (Scribbling, "arguments_stay_as_they_were"),
        (Reusing, "lists_stay_as_they_were"),
        (Short, "lists_are_sound"),
        (Shared, "dumps_stay_as_they_were"),
    ],
)
def test_the_conformance_suite_finds_who_does_not(kind: type[Own], failing: str) -> None:
    check = next(check for check in CHECKS if check.__name__ == failing)
    check(lambda segments: Own())
    with pytest.raises(AssertionError):
        check(lambda segments: kind())


def test_the_policy_in_the_documentation_conforms() -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "own-policy.md"
    names: dict[str, Any] = {}
    exec(page.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0], names)
    for check in CHECKS:
        check(lambda segments: names["MostClicked"]({}, segments))
