"""The examples in docstrings run."""

import doctest
from importlib import import_module

import pytest

MODULES = [
    "bandi",
    "bandi.policies.thompson",
    "bandi.policies.ucb1",
    "bandi.policies.epsilon_greedy",
    "bandi.policies.editor",
    "bandi.log.sqlite",
    "bandi.model.rules",
    "bandi.features.audience",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
