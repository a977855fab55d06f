"""Policies of others: what one is, and where it is found.

A package names its policy in the group `bandi.policies` of its entry points; a program that embeds Bandi may register
one instead. docs/how-to/own-policy.md shows both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Protocol

from bandi.model.errors import Problem, UnknownNameError
from bandi.model.policy_config import Setting
from bandi.policies.protocol import Candidates, Outcomes, Ranked, Request, State

GROUP = "bandi.policies"
"""The group of entry points."""


class PluginPolicy(Protocol):
    """What a policy of your own does. What it is handed is read-only; it is called by one thread at a time.

    A method `merge(state)`, as in `bandi.policies.protocol.Policy`, is optional.
    """

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """Exactly k (1 <= k <= candidates) distinct items of the candidates, and as many finite scores.

        `seed` (0 <= seed < 2**64) is all its randomness: the same state and arguments give the same list.
        """

    def update(self, outcomes: Outcomes) -> None:
        """Learn from rows in their order; however they are cut into calls, the same state comes of them."""

    def dump(self) -> State:
        """All it has learned, as plain numeric arrays: the same bytes for the same history."""

    def load(self, state: State) -> None:
        """Replace what it has learned by that of `dump`. Raises where it does not fit."""


Factory = Callable[[Mapping[str, Setting], int], PluginPolicy]
"""Makes a policy without experience from the table `settings` and the number of segments (at least 1)."""

_registered: dict[str, Factory] = {}


def register_policy(name: str, factory: Factory) -> None:
    """Let `policy = { use = "plugin", name = "..." }` mean `factory` in this process, before any entry point of that name.

    Call it before the folder is opened. A second call under the same name replaces the first.
    """
    _registered[name] = factory


def find_policy(name: str) -> Factory:
    """The factory of that name. Raises UnknownNameError where there is none, and whatever its import raises."""
    if name in _registered:
        return _registered[name]
    found = entry_points(group=GROUP)
    for point in found:
        if point.name == name:
            factory: Factory = point.load()
            return factory
    known = ", ".join(sorted({*_registered, *found.names})) or "none is installed"
    raise UnknownNameError(Problem("policy.name", repr(name)[:66], f"a policy plug-in: {known}"))
