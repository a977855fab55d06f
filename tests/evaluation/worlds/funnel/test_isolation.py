"""The truth is out of reach: nothing that a policy holds or is given leads to the world, the run or the result."""

import gc
from collections.abc import Iterable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from bandi.evaluation.worlds.funnel.beliefs import believe_by_content
from bandi.evaluation.worlds.funnel.catalogue import Catalogue
from bandi.evaluation.worlds.funnel.happening import Happening
from bandi.evaluation.worlds.funnel.result import Days, FunnelResult
from bandi.evaluation.worlds.funnel.running import Plan, _Run, run_funnel
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.model.policy_config import Earning, Prior
from bandi.policies.protocol import Candidates, Outcomes, Policy, Ranked, Request
from bandi.policies.registry import make_policy

SECRET = (FunnelWorld, FunnelResult, Days, Happening, _Run)
_LIMIT = 2_000_000


def reachable(roots: Iterable[object]) -> list[object]:
    """Everything that references lead to from the roots; an array also leads to the array that it is a view of.

    Modules and functions are ends: what is global is not passed, and the test runs in the same process as the world.
    """
    seen: dict[int, object] = {}
    waiting = list(roots)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, ModuleType | FunctionType | type):
            continue
        seen[id(thing)] = thing
        assert len(seen) < _LIMIT
        waiting.extend(gc.get_referents(thing))
        if isinstance(thing, np.ndarray) and thing.base is not None:
            waiting.append(thing.base)
    return list(seen.values())


class Curious:
    """A real policy that keeps all it is given."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.kept: list[Any] = []

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        self.kept.append((request, candidates))
        return self.policy.rank(request, candidates, k, seed)

    def update(self, outcomes: Outcomes) -> None:
        self.kept.append(outcomes)
        self.policy.update(outcomes)


def truths(world: FunnelWorld) -> dict[str, np.ndarray]:
    """Arrays of the truth that no policy may see."""
    found = {"hooks": world.hooks, "power": world.power, "taste": world.tastes(0), "population": world.population(0)}
    found |= {"organic": world.organic.titles, "sessions": world.sessions.readers, "sample": world._sample}
    return found | {name: getattr(world.titles, name) for name in ("stays", "free", "willingness")}


def test_no_reference_leads_from_a_policy_to_the_truth(world: FunnelWorld) -> None:
    policy = Curious(make_policy(Earning(), 4))
    heard: list[Outcomes] = []
    believe = believe_by_content(policy.policy, Prior(), "clicks and steps", world.catalogue)  # type: ignore[arg-type]
    plan = Plan(segments=3, steps=("continued", "coins"))
    run_funnel("curious", policy, world, plan, organic=heard.append, believe=believe)  # type: ignore[arg-type]
    learned_from = [cell.cell_contents for cell in believe.__closure__ or ()]
    assert any(isinstance(thing, Catalogue) for thing in learned_from)
    things = reachable([policy, heard, *learned_from])
    assert len(policy.kept) > world.sessions.bounds[-1]
    assert not [thing for thing in things if isinstance(thing, SECRET)]
    arrays = [thing for thing in things if isinstance(thing, np.ndarray)]
    assert len(arrays) > 1_000
    held = {id(array) for array in arrays}
    for name, truth in truths(world).items():
        assert id(truth) not in held, name
        assert truth.base is None or id(truth.base) not in held, name


def test_the_walk_would_find_the_truth(world: FunnelWorld) -> None:
    """A leak of either kind is found: a reference, and a view."""
    assert any(isinstance(thing, FunnelWorld) for thing in reachable([{"deep": [(world,)]}]))
    view = world.hooks[3, 5:]
    base = world.hooks if world.hooks.base is None else world.hooks.base
    assert id(base) in {id(thing) for thing in reachable([[view]])}
