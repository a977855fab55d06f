"""Estimators of lists where readers are, and are not, as each assumes: exact bias, and error of 1,000 lists; and the time they take.

python -m bench.slates
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np

from bandi.evaluation.many_actions.marginalised import choose_embedding
from bandi.evaluation.slates.estimators import ListEstimate, list_estimates
from bandi.evaluation.slates.lists import ListLog, ListPolicy
from bandi.model.records import Array
from bench.measure import machine, table, time_call

ITEMS = 6
RUNS, LISTS = 300, 1_000
Readers = Callable[[Array, Array], Array]


def item_and_slot(lists: Array, appeal: Array) -> Array:
    """A click depends on the item and the slot."""
    return np.asarray(appeal[lists] / (1.0 + np.arange(lists.shape[1])) ** 0.5)


def cascade(lists: Array, appeal: Array) -> Array:
    """Readers go down the list until they click."""
    went_on = np.cumprod(1.0 - appeal[lists], axis=1)
    return np.asarray(appeal[lists] * np.concatenate([np.ones((len(lists), 1)), went_on[:, :-1]], axis=1))


def whole_list(lists: Array, appeal: Array) -> Array:
    """Every item loses half where item 0 stands anywhere in the list, below it too."""
    rivals = (lists == 0).any(axis=1)[:, None] & (lists != 0)
    return np.asarray(item_and_slot(lists, appeal) * np.where(rivals, 0.5, 1.0))


READERS: dict[str, Readers] = {"item and slot": item_and_slot, "cascade": cascade, "whole list": whole_list}


class Problem:
    """All lists of k of ITEMS items under two Plackett-Luce policies, one the other reversed."""

    def __init__(self, k: int) -> None:
        self.lists = np.array(list(permutations(range(ITEMS), k)))
        self.appeal = np.linspace(0.1, 0.5, ITEMS)
        strengths = np.linspace(1.0, 3.0, ITEMS)
        self.logging, self.evaluated = _choices(self.lists, strengths[::-1]), _choices(self.lists, strengths)
        self.chances = _taken(self.logging, self.lists).prod(axis=1)
        self.others = _taken(self.evaluated, self.lists).prod(axis=1)

    def log(self, rows: Array, rewards: Array) -> tuple[ListLog, ListPolicy]:
        """Some of the lists (int64[n], their places) as a log."""
        lists = self.lists[rows]
        log = ListLog(lists, rewards, _taken(self.logging, self.lists)[rows], self._marginal(self.chances)[rows])
        evaluated = _taken(self.evaluated, self.lists)[rows]
        return log, ListPolicy(evaluated, self._marginal(self.others)[rows], self.evaluated[rows])

    def _marginal(self, chances: Array) -> Array:
        k = self.lists.shape[1]
        shares = np.array([np.bincount(self.lists[:, slot], chances, ITEMS) for slot in range(k)])
        return np.asarray(shares[np.arange(k), self.lists])


def _choices(lists: Array, strengths: Array) -> Array:
    odds = np.tile(strengths, (len(lists), lists.shape[1], 1))
    for slot in range(1, lists.shape[1]):
        for above in range(slot):
            np.put_along_axis(odds[:, slot], lists[:, above : above + 1], 0.0, axis=1)
    return np.asarray(odds / odds.sum(axis=2, keepdims=True))


def _taken(choices: Array, lists: Array) -> Array:
    return np.take_along_axis(choices, lists[:, :, None], axis=2)[:, :, 0]


def errors(k: int, readers: Readers, seed: int) -> tuple[float, dict[str, list[ListEstimate]]]:
    """The truth, and RUNS estimates of each estimator from LISTS lists."""
    problem, random = Problem(k), np.random.default_rng(seed)
    means = readers(problem.lists, problem.appeal)
    found: dict[str, list[ListEstimate]] = {}
    for run in range(RUNS):
        rows = random.choice(len(problem.lists), LISTS, p=problem.chances)
        rewards = (random.random((LISTS, k)) < means[rows]).astype(float)
        for estimate in list_estimates(*problem.log(rows, rewards), seed=run):
            found.setdefault(estimate.name, []).append(estimate)
    return float(problem.others @ means.sum(axis=1)), found


def lists_table(k: int) -> str:
    """By estimator and kind of reader: bias, error and coverage."""
    rows: dict[str, list[str]] = {}
    for readers in READERS.values():
        truth, found = errors(k, readers, 1)
        for name, estimates in found.items():
            intervals = [one.value for one in estimates if one.value is not None]
            values = np.array([one.estimate for one in intervals])
            covered = np.mean([one.low <= truth <= one.high for one in intervals])
            cell = f"{values.mean() - truth:+.3f}, {np.sqrt(((values - truth) ** 2).mean()):.3f}, {covered:.0%}"
            rows.setdefault(name, [name]).append(cell)
    return table([f"{k} slots: bias, RMSE, coverage", *READERS], list(rows.values()))


def actions_table() -> str:
    """Marginalised IPS with embeddings from fine to coarse, and what SLOPE takes, by how much a title has of its own."""
    rows = []
    for direct in (0.0, 0.02, 0.1, 0.3):
        random = np.random.default_rng(5)
        genres = np.arange(2_000) % 40
        candidates = [("item", np.arange(2_000)), ("genre", genres), ("kind", genres % 4), ("none", genres * 0)]
        logging, evaluated = random.dirichlet(np.ones(2_000)), random.dirichlet(np.full(2_000, 0.3))
        rates = (0.1 + 0.4 * random.random(40)[genres] + direct * (random.random(2_000) - 0.5)).clip(0, 1)
        evaluated = evaluated * np.exp(6.0 * rates)  # it prefers good genres, and the good titles in them
        evaluated /= evaluated.sum()
        truth, squares, taken = float(evaluated @ rates), np.zeros(5), [0] * 4
        for _ in range(100):
            actions = random.choice(2_000, 5_000, p=logging)
            rewards = (random.random(5_000) < rates[actions]).astype(float)
            choice, found = choose_embedding(candidates, evaluated[None], logging[None], actions, rewards)
            values = [one.value.estimate for one in found]
            squares += (np.array([*values, values[choice.chosen]]) - truth) ** 2
            taken[choice.chosen] += 1
        counts = ", ".join(f"{name} {count}" for (name, _), count in zip(candidates, taken, strict=True) if count)
        rows.append([f"{direct:g}", *(f"{error:.4f}" for error in np.sqrt(squares / 100)), counts])
    return table(["of its own", "IPS", "genre", "kind", "mean of the log", "SLOPE", "taken"], rows)


def times_table() -> str:
    """All estimators of lists at three sizes, against one pass over the rewards."""
    rows = []
    for n in (1_000, 10_000, 100_000):
        problem, random = Problem(3), np.random.default_rng(1)
        places = random.choice(len(problem.lists), n, p=problem.chances)
        log, policy = problem.log(places, (random.random((n, 3)) < 0.2).astype(float))
        everything = time_call(lambda log=log, policy=policy: list_estimates(log, policy), runs=5)  # type: ignore[misc]
        lower = time_call(lambda log=log: log.rewards.mean(axis=0), runs=5)  # type: ignore[misc]
        rows.append([f"{n:,}", str(everything), str(lower)])
    return table(["lists of 3", "all seven estimators", "mean of the rewards alone"], rows)


def main() -> None:
    """Run and print."""
    print(f"{machine()}; {RUNS} logs of {LISTS:,} lists of {ITEMS} items\n")
    for k in (2, 3, 5):
        print(lists_table(k) + "\n", flush=True)
    print(f"100 logs of 5,000 rows, 2,000 titles in 40 genres of 4 kinds: RMSE\n\n{actions_table()}\n")
    print(times_table())


if __name__ == "__main__":
    main()
