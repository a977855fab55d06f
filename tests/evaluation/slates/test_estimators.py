"""Estimators of lists: exact expectations by enumeration, where each is unbiased and where it must not be."""

from collections.abc import Callable

import numpy as np
import pytest

from bandi.evaluation.slates.estimators import (
    NOTHING_LOGGED,
    cascade_doubly_robust,
    cascade_values,
    inverse_propensity,
    list_estimates,
    list_values,
    self_normalised,
)
from bandi.evaluation.slates.expectations import cascade_table, cross_fitted
from bandi.evaluation.slates.lists import ListLog, ListPolicy
from bandi.evaluation.slates.weights import item_and_slot, items_above, whole_list
from bandi.model.errors import InvalidInputError
from bandi.model.records import Array

from .conftest import EVALUATED, LISTS, LOGGING, SLOTS, by_item_and_slot, by_items_above, by_whole_list, log_of

ATTENTION = np.array([1.0, 0.8, 0.5])
Reader = Callable[[Array], Array]
Kind = Callable[[ListLog, ListPolicy], Array]


def truth(reader: Reader) -> float:
    return float(EVALUATED.chances() @ (reader(LISTS) @ ATTENTION))


def expectation(kind: Kind, reader: Reader) -> float:
    """Exactly, over all lists that the logging policy may show."""
    log, policy = log_of(LISTS, reader(LISTS))
    return float(LOGGING.chances() @ list_values(kind(log, policy), log.rewards, ATTENTION))


@pytest.mark.parametrize(
    ("kind", "reader"),
    [
        (whole_list, by_whole_list),
        (whole_list, by_items_above),
        (whole_list, by_item_and_slot),
        (items_above, by_items_above),
        (items_above, by_item_and_slot),
        (item_and_slot, by_item_and_slot),
    ],
)
def test_unbiased_where_readers_are_as_assumed(kind: Kind, reader: Reader) -> None:
    assert expectation(kind, reader) == pytest.approx(truth(reader), abs=1e-12)


@pytest.mark.parametrize(
    ("kind", "reader"), [(items_above, by_whole_list), (item_and_slot, by_whole_list), (item_and_slot, by_items_above)]
)
def test_biased_where_they_are_not(kind: Kind, reader: Reader) -> None:
    assert abs(expectation(kind, reader) - truth(reader)) > 0.005


def test_fewer_assumptions_cost_variance() -> None:
    """Exactly, with the mean rewards themselves: the order of the variances of the three."""
    log, policy = log_of(LISTS, by_item_and_slot(LISTS))
    second = [
        float(LOGGING.chances() @ list_values(kind(log, policy), log.rewards, ATTENTION) ** 2)
        for kind in (whole_list, items_above, item_and_slot)
    ]
    assert second[0] > second[1] > second[2]


@pytest.mark.parametrize("reader", [by_items_above, by_item_and_slot])
def test_cascade_dr_is_unbiased_whatever_the_table(reader: Reader) -> None:
    table = np.random.default_rng(1).normal(0.0, 1.0, (SLOTS, 4))
    log, policy = log_of(LISTS, reader(LISTS))
    assert policy.choices is not None
    taken = table[np.arange(SLOTS), LISTS]
    expected = np.einsum("nka,ka->nk", policy.choices, table)
    values = cascade_values(items_above(log, policy), log.rewards, taken, expected, ATTENTION)
    assert float(LOGGING.chances() @ values) == pytest.approx(truth(reader), abs=1e-12)


def test_a_table_fitted_on_all_lists_knows_the_value() -> None:
    """Of a reader who looks at item and slot alone, from 200,000 lists without noise: what the list brings from slot 1 on."""
    random = np.random.default_rng(2)
    lists = LISTS[random.choice(len(LISTS), 200_000, p=LOGGING.chances())]
    log, policy = log_of(lists, by_item_and_slot(lists))
    table = cascade_table(log, policy, ATTENTION, np.arange(len(lists)))
    assert float(EVALUATED.strengths / EVALUATED.strengths.sum() @ table[0, 0]) == pytest.approx(
        truth(by_item_and_slot), abs=0.01
    )


def test_intervals_cover_the_truth_and_cascade_dr_is_the_tighter() -> None:
    """200 logs of 400 lists: each 95 % interval covers the truth at least 90 % of the time (false alarms: below 1 in 500)."""
    random = np.random.default_rng(3)
    covered = dict.fromkeys(("IPS", "SNIPS", "DR"), 0)
    errors: dict[str, list[float]] = {name: [] for name in covered}
    wanted = truth(by_items_above)
    for _ in range(200):
        lists = LISTS[random.choice(len(LISTS), 400, p=LOGGING.chances())]
        stop, rewards = random.random(lists.shape) < by_items_above(lists), np.zeros(lists.shape)
        rewards[stop] = 1.0
        log, policy = log_of(lists, rewards)
        weights = items_above(log, policy)
        for name, value in (
            ("IPS", inverse_propensity(weights, rewards, ATTENTION)),
            ("SNIPS", self_normalised(weights, rewards, ATTENTION)),
            ("DR", cascade_doubly_robust(log, policy, ATTENTION)),
        ):
            assert value is not None
            covered[name] += value.low <= wanted <= value.high
            errors[name].append(value.estimate - wanted)
    assert min(covered.values()) >= 180, covered
    assert np.std(errors["DR"]) < np.std(errors["IPS"])


def test_tables_are_fitted_on_other_folds_alone() -> None:
    log, policy = log_of(LISTS, by_items_above(LISTS))
    taken, expected = cross_fitted(log, policy, ATTENTION, len(LISTS), 1)
    changed = log.rewards.copy()
    changed[5] += 100.0
    again, expected_again = cross_fitted(log_of(LISTS, changed)[0], policy, ATTENTION, len(LISTS), 1)
    assert (taken[5] == again[5]).all()
    assert (expected[5] == expected_again[5]).all()
    assert (taken != again).any()


def test_what_is_estimated_depends_on_what_is_known() -> None:
    log, policy = log_of(LISTS, by_items_above(LISTS))
    assert len(list_estimates(log, policy)) == 7
    bare = ListPolicy(policy.conditional)
    assert [one.name for one in list_estimates(log, bare)] == [
        "standard IPS",
        "standard SNIPS",
        "reward-interaction IPS",
        "reward-interaction SNIPS",
    ]
    with pytest.raises(InvalidInputError, match="marginal"):
        item_and_slot(log, bare)
    with pytest.raises(InvalidInputError, match="choices"):
        cascade_doubly_robust(log, bare)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("conditional", np.zeros(LISTS.shape), "above 0"),
        ("conditional", np.full(LISTS.shape, np.nan), "above 0"),
        ("conditional", np.full(LISTS.shape, 1.5), "at most 1"),
        ("rewards", np.full(LISTS.shape, np.inf), "finite"),
        ("rewards", np.zeros((24, 2)), "lists by slots"),
        ("marginal", np.zeros(LISTS.shape), "above 0"),
        ("items", np.zeros((0, 3), np.int64), "at least one list"),
        ("items", LISTS - 1, "at least 0"),
        ("contexts", np.full(24, -1), "at least 0"),
    ],
)
def test_bad_logs_are_refused(field: str, value: Array, message: str) -> None:
    log, policy = log_of(LISTS, by_items_above(LISTS))
    parts = {name: getattr(log, name) for name in ("items", "rewards", "conditional", "marginal", "contexts")}
    with pytest.raises(InvalidInputError, match=message):
        list_estimates(ListLog(**(parts | {field: value})), policy)


def test_bad_policies_are_refused() -> None:
    log, policy = log_of(LISTS, by_items_above(LISTS))
    assert policy.choices is not None
    with pytest.raises(InvalidInputError, match="from 0 to 1"):
        list_estimates(log, ListPolicy(policy.conditional - 1.0))
    with pytest.raises(InvalidInputError, match="sum to 1"):
        list_estimates(log, ListPolicy(policy.conditional, None, policy.choices * 0.5))
    with pytest.raises(InvalidInputError, match="other probabilities"):
        list_estimates(log, ListPolicy(policy.conditional * 0.5, None, policy.choices))


@pytest.mark.parametrize(
    ("attention", "message"),
    [
        (np.array([1.0, np.nan, 1.0]), "attention: expected finite"),
        (np.array([1.0, np.inf, 1.0]), "attention: expected finite"),
        (np.ones(2), "3 numbers, one a slot"),
        (np.ones((24, 3)), "3 numbers, one a slot"),
    ],
)
def test_attention_is_a_finite_number_for_each_slot(attention: Array, message: str) -> None:
    log, policy = log_of(LISTS, by_items_above(LISTS))
    for estimate in (list_estimates, cascade_doubly_robust):
        with pytest.raises(InvalidInputError, match=message):
            estimate(log, policy, attention)


def test_a_policy_that_shows_nothing_of_what_was_logged_has_no_self_normalised_value() -> None:
    log, _ = log_of(LISTS, by_items_above(LISTS))
    assert self_normalised(np.zeros(LISTS.shape), log.rewards, ATTENTION) is None
    zeros = np.zeros(LISTS.shape)
    found = {one.name: one for one in list_estimates(log, ListPolicy(zeros, zeros))}
    for kind in ("standard", "reward-interaction", "independent"):
        assert found[f"{kind} SNIPS"].value is None
        assert found[f"{kind} SNIPS"].note == NOTHING_LOGGED
        value = found[f"{kind} IPS"].value
        assert value is not None
        assert value.estimate == 0.0
