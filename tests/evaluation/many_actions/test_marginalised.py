"""Marginalised IPS: exact expectations over all actions, with and without a direct effect, and the choice by SLOPE."""

import numpy as np
import pytest

from bandi.evaluation.many_actions.marginalised import (
    category_chances,
    choose_embedding,
    embedding_chances,
    joint_categories,
    marginal_weights,
    marginalised_ips,
)
from bandi.model.errors import InvalidInputError

ACTIONS = np.arange(12)
CATEGORIES = ACTIONS % 3
RANDOM = np.random.default_rng(1)
LOGGING = RANDOM.dirichlet(np.ones(12))
EVALUATED = RANDOM.dirichlet(np.ones(12))


def expectation(categories: np.ndarray, rewards: np.ndarray) -> float:
    above, below = category_chances(EVALUATED[None], categories), category_chances(LOGGING[None], categories)
    return float(LOGGING @ (marginal_weights(above, below, categories) * rewards))


def test_unbiased_where_the_category_is_all_that_matters() -> None:
    rewards = np.array([0.1, 0.5, 0.9])[CATEGORIES]
    assert expectation(CATEGORIES, rewards) == pytest.approx(float(EVALUATED @ rewards), abs=1e-12)


def test_biased_by_the_direct_effect_and_as_fine_as_actions_it_is_ips() -> None:
    rewards = np.linspace(0.0, 1.0, 12)
    assert abs(expectation(CATEGORIES, rewards) - float(EVALUATED @ rewards)) > 0.01
    assert expectation(ACTIONS, rewards) == pytest.approx(float(EVALUATED @ rewards), abs=1e-12)
    assert expectation(np.zeros(12, np.int64), rewards) == pytest.approx(float(LOGGING @ rewards), abs=1e-12)


def test_weights_of_categories_vary_less() -> None:
    above, below = category_chances(EVALUATED[None], CATEGORIES), category_chances(LOGGING[None], CATEGORIES)
    coarse = marginal_weights(above, below, CATEGORIES)
    assert float(LOGGING @ coarse**2) < float(LOGGING @ (EVALUATED / LOGGING) ** 2)


def test_a_policy_without_support_for_an_action_may_have_it_for_its_category() -> None:
    logging = LOGGING.copy()
    logging[0] = 0.0
    logging /= logging.sum()
    actions = np.random.default_rng(2).choice(12, 500, p=logging)
    rewards = np.ones(500)
    by_category = marginalised_ips("genre", EVALUATED[None], logging[None], CATEGORIES, actions, rewards)
    by_action = marginalised_ips("item", EVALUATED[None], logging[None], ACTIONS, actions, rewards)
    assert by_category.missing == 0.0
    assert by_action.missing == pytest.approx(EVALUATED[0])
    assert by_category.effective > by_action.effective


def test_embeddings_that_are_only_likely() -> None:
    given = RANDOM.dirichlet(np.ones(4), 12)
    reward_of = np.array([0.2, 0.4, 0.6, 0.8])
    above, below = embedding_chances(EVALUATED[None], given), embedding_chances(LOGGING[None], given)
    weights = marginal_weights(above, below, np.arange(4))
    assert float((LOGGING @ given) @ (weights * reward_of)) == pytest.approx(float(EVALUATED @ given @ reward_of))


def test_categories_of_several_features() -> None:
    features = np.array([[0, 1], [0, 1], [1, 1], [1, 0]])
    assert joint_categories(features, []).tolist() == [0, 0, 0, 0]
    assert joint_categories(features, [0]).tolist() == [0, 0, 1, 1]
    assert len(set(joint_categories(features, [0, 1]).tolist())) == 3


def test_empty_categories_have_no_chance() -> None:
    assert category_chances(np.array([[0.25, 0.75]]), np.array([2, 0])).tolist() == [[0.75, 0.0, 0.25]]


def test_slope_finds_the_embedding() -> None:
    """1,200 actions in 12 genres of 3 kinds, reward by genre alone: over 30 logs the choice errs less than IPS by half."""
    random = np.random.default_rng(4)
    genres = np.arange(1_200) % 12
    kinds = genres % 3
    logging, evaluated = random.dirichlet(np.ones(1_200)) * 0.9 + 0.1 / 1_200, random.dirichlet(np.full(1_200, 0.2))
    rates = random.random(12)[genres]
    truth = float(evaluated @ rates)
    errors = []
    for _ in range(30):
        actions = random.choice(1_200, 2_000, p=logging / logging.sum())
        rewards = (random.random(2_000) < rates[actions]).astype(float)
        candidates = [
            ("item", np.arange(1_200)),
            ("genre", genres),
            ("kind", kinds),
            ("all", np.zeros(1_200, np.int64)),
        ]
        choice, found = choose_embedding(candidates, evaluated[None], logging[None] / logging.sum(), actions, rewards)
        plain = float((evaluated[actions] / (logging / logging.sum())[actions] * rewards).mean())
        assert found[0].value.estimate == pytest.approx(plain)
        errors.append((found[choice.chosen].value.estimate - truth, plain - truth))
    chosen, plain_error = np.sqrt(np.mean(np.square(errors), axis=0))
    assert chosen < 0.5 * plain_error


def test_what_was_logged_must_have_been_possible() -> None:
    with pytest.raises(InvalidInputError, match="row 1"):
        marginal_weights(np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]]), np.array([0, 1]))


GOOD = {
    "evaluated": np.full((1, 6), 1 / 6),
    "logged": np.full((1, 6), 1 / 6),
    "categories": np.array([0, 0, 1, 1, 2, 2]),
    "actions": np.random.default_rng(4).integers(0, 6, 50),
    "rewards": np.linspace(0.0, 1.0, 50),
}


def test_the_same_policy_is_worth_the_mean_of_the_log() -> None:
    assert marginalised_ips("x", **GOOD).value.estimate == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rewards", np.full(50, np.nan), "rewards: expected finite"),
        ("rewards", np.full(50, np.inf), "rewards: expected finite"),
        ("rewards", np.ones(1), "50 numbers"),
        ("rewards", np.ones((50, 1)), "50 numbers"),
        ("evaluated", -GOOD["evaluated"], "evaluated: expected probabilities"),
        ("evaluated", np.full((1, 6), 0.5), "rows that sum to 1"),
        ("evaluated", np.full((1, 6), np.nan), "found NaN"),
        ("evaluated", np.full((2, 6), 1 / 6), "rows by actions"),
        ("evaluated", np.full((1, 5), 0.2), "rows by actions"),
        ("logged", np.full((1, 6), np.nan), "logged: .*found NaN"),
        ("logged", np.full((1, 6), 0.05), "rows that sum to 1"),
        ("categories", GOOD["categories"] - 1, "from 0 upwards"),
        ("categories", GOOD["categories"].astype(float), "a whole number for each action"),
        ("actions", GOOD["actions"] - 1, "numbers from 0 to 5"),
        ("actions", GOOD["actions"] + 1, "numbers from 0 to 5"),
    ],
)
def test_bad_arguments_are_refused(name: str, value: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        marginalised_ips("x", **(GOOD | {name: value}))


def test_a_log_without_rows_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least one"):
        marginalised_ips("x", **(GOOD | {"actions": GOOD["actions"][:0], "rewards": np.zeros(0)}))


def test_weights_and_categories_look_at_their_arguments_too() -> None:
    half = np.array([[0.5, 0.5]])
    for observed in (np.array([-1]), np.array([2])):
        with pytest.raises(InvalidInputError, match="observed: expected numbers from 0 to 1"):
            marginal_weights(half, half, observed)
    with pytest.raises(InvalidInputError, match="evaluated"):
        marginal_weights(half * np.nan, half, np.array([0]))
    with pytest.raises(InvalidInputError, match="from 0 upwards"):
        category_chances(half, np.array([0, -1]))


def test_without_overlap_there_are_no_bounds_and_slope_passes_it_over() -> None:
    """All was logged of actions 0 and 1, the evaluated policy does 2 and 3: by action it is 0 without bounds."""
    logged, evaluated = np.array([[0.5, 0.5, 0.0, 0.0]]), np.array([[0.0, 0.0, 0.5, 0.5]])
    actions, rewards = np.array([0, 1] * 20), np.linspace(0.0, 1.0, 40)
    alone, together = np.arange(4), np.array([0, 1, 0, 1])
    found = marginalised_ips("action", evaluated, logged, alone, actions, rewards)
    assert (found.value.estimate, found.value.low, found.value.high) == (0.0, -np.inf, np.inf)
    choice, _ = choose_embedding([("action", alone), ("pair", together)], evaluated, logged, actions, rewards)
    assert choice.chosen == 1
