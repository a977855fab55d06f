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
