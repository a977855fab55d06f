"""What is to be run: policies and oracles in funnel worlds, policies on stationary arms; each has a key of its own."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec

from bandi.evaluation.talk.bound import play
from bandi.evaluation.talk.frozen import BoundPlan, Frozen, Role, Section
from bandi.evaluation.talk.record import Row, Run, run_to_row
from bandi.evaluation.talk.told import Told, tell
from bandi.evaluation.talk.watched import Mechanism, WatchedPolicy, mechanism_of, objective_of, steps_to_send
from bandi.evaluation.worlds.funnel.beliefs import Believe, ByContent, believe_by_content
from bandi.evaluation.worlds.funnel.catalogue import Catalogue
from bandi.evaluation.worlds.funnel.oracle import Oracle, Resolution
from bandi.evaluation.worlds.funnel.parameters import FunnelParameters
from bandi.evaluation.worlds.funnel.result import FunnelResult
from bandi.evaluation.worlds.funnel.running import Plan, Progress, run_funnel
from bandi.evaluation.worlds.funnel.truth import FunnelWorld
from bandi.model.config import Seen
from bandi.model.policy_config import CountingArms, Earning, PolicyConfig
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.chain_policy import ChainPolicy
from bandi.policies.protocol import Policy
from bandi.policies.registry import make_policy
from bandi.policies.seen import within

BOUND = "bound"
"""Where the runs on stationary arms are kept, beside those of each world."""
_MAIN_SECTIONS: dict[Section, tuple[Role, ...]] = {
    "clicks": ("clicks",),
    "experiments": ("experiment",),
    "frontier": ("experiment", "other"),
    "ablations": ("whole", "ablation"),
}


class PolicyRun(msgspec.Struct, frozen=True, tag="policy"):
    """A policy in a world. segments: of readers, 0: all are one. by_content: what starts from content, None: nothing."""

    parameters: FunnelParameters
    policy: PolicyConfig
    segments: int
    update_every: int
    seen: Seen | None = None
    by_content: ByContent | None = None


class ToldRun(msgspec.Struct, frozen=True, tag="told"):
    """A policy that is told a part of the truth."""

    run: PolicyRun
    told: Told


class OracleRun(msgspec.Struct, frozen=True, tag="oracle"):
    """The oracle in a world."""

    parameters: FunnelParameters
    multiplier: float
    resolution: Resolution
    update_every: int


class BoundRun(msgspec.Struct, frozen=True, tag="bound"):
    """A policy on stationary arms."""

    policy: PolicyConfig
    means: tuple[float, ...]
    horizon: int


class Task(msgspec.Struct, frozen=True):
    """One run. place: the world's name, or BOUND; name: of the policy or oracle in the report."""

    place: str
    name: str
    seed: int
    what: PolicyRun | ToldRun | OracleRun | BoundRun

    @property
    def key(self) -> str:
        """Place, digest of all that the run depends on but the code, and seed: equal keys, equal runs."""
        digest = hashlib.sha256(msgspec.json.encode(self.what, order="sorted")).hexdigest()[:16]
        return f"{self.place}/{digest}-{self.seed}"

    @property
    def visits(self) -> int:
        """Expected visits, or plays."""
        if isinstance(self.what, BoundRun):
            return self.what.horizon
        parameters = (self.what.run if isinstance(self.what, ToldRun) else self.what).parameters
        return round(parameters.sessions.per_reader_per_day * parameters.readers.count * parameters.run.days)


def dial_name(give_up: float) -> str:
    """Of a position of the dial."""
    return f"dial {give_up:g}"


def told_name(part: str, give_up: float) -> str:
    """Of a position of the dial that was told a part of the truth."""
    return f"dial told of {part} {give_up:g}"


def oracle_name(resolution: str, multiplier: float) -> str:
    """Of a point of the oracle's path."""
    return f"oracle by {resolution} {multiplier:g}"


def world_tasks(
    frozen: Frozen, sections: Iterable[Section], world: str, parameters: FunnelParameters, seeds: Sequence[int]
) -> list[Task]:
    """Runs that the sections need in one world, each once, by seed: an interrupted report has whole seeds."""
    subjects = _subjects(frozen, set(sections), parameters, is_main=world == frozen.main)
    return [Task(world, name, seed, what) for seed in seeds for name, what in subjects.items()]


def _subjects(
    frozen: Frozen, sections: set[Section], parameters: FunnelParameters, *, is_main: bool
) -> dict[str, PolicyRun | ToldRun | OracleRun]:
    here = sections & ({*_MAIN_SECTIONS, "presets"} if is_main else {"presets"})
    if here == {"presets"}:
        frozen = frozen.in_presets
    every, found = frozen.update_every, dict[str, PolicyRun | ToldRun | OracleRun]()
    if not here:
        return found
    roles = {"control", *(role for section in here for role in _MAIN_SECTIONS.get(section, ()))}
    for arm in frozen.arms:
        if arm.role in roles and arm.not_available is None:
            found[arm.name] = PolicyRun(parameters, arm.policy, arm.segments, every, arm.seen, arm.by_content)
    with_dial, with_oracle = here & {"frontier", "presets", "ablations"}, here & {"frontier", "presets"}
    if with_dial:
        for give_up in frozen.dial.give_up:
            policy = msgspec.structs.replace(frozen.dial.policy, give_up=give_up)
            found[dial_name(give_up)] = PolicyRun(parameters, policy, 0, every, by_content=frozen.dial.by_content)
    if "frontier" in here:
        for part in frozen.told.parts:
            for give_up in frozen.told.give_up:
                policy = msgspec.structs.replace(frozen.dial.policy, give_up=give_up)
                run = PolicyRun(parameters, policy, 0, every, by_content=frozen.dial.by_content)
                found[told_name(part, give_up)] = ToldRun(run, part)
    multipliers = frozen.oracle.multipliers if with_oracle else (0.0,) if here & {"clicks"} else ()
    for resolution in frozen.oracle.resolutions:
        for multiplier in multipliers:
            found[oracle_name(resolution, multiplier)] = OracleRun(parameters, multiplier, resolution, every)
    return found


def bound_tasks(plan: BoundPlan, seeds: Sequence[int]) -> list[Task]:
    """Runs on stationary arms, by seed."""
    return [
        Task(BOUND, tag_of(policy), seed, BoundRun(policy, plan.means, plan.horizon))
        for seed in seeds
        for policy in plan.policies
    ]


def tag_of(policy: PolicyConfig) -> str:
    """The policy's name in bandi.toml."""
    return str(policy.__struct_config__.tag)


def work(task: Task, progress: Progress | None = None) -> Row:
    """Run it. progress: called with the visits (plays) done since."""
    what = task.what
    if isinstance(what, BoundRun):
        return play(task.name, what.policy, what.means, what.horizon, task.seed, progress)
    world = _world((what.run if isinstance(what, ToldRun) else what).parameters, task.seed)
    began = time.perf_counter()
    if isinstance(what, OracleRun):
        oracle = Oracle(world, what.multiplier, what.resolution)
        result, mechanism = run_funnel(task.name, oracle, world, Plan(what.update_every), progress), None
    else:
        run, told = (what.run, what.told) if isinstance(what, ToldRun) else (what, None)
        result, mechanism = _run_policy(task.name, run, told, world, progress)
    seconds = time.perf_counter() - began
    coins_mean = world.parameters.payment.coins_mean
    return run_to_row(Run(result, mechanism, coins_mean, seconds))


def _run_policy(
    name: str, what: PolicyRun, told: Told | None, world: FunnelWorld, progress: Progress | None
) -> tuple[FunnelResult, Mechanism]:
    steps, taught = steps_to_send(what.policy)
    policy = make_policy(what.policy, 1 + what.segments, what.seen)
    if told is not None:
        policy = _told(policy, what.policy, world, told)
    watched = WatchedPolicy(policy, steps, taught, what.parameters.titles.count)
    plan = Plan(what.update_every, what.segments, objective=objective_of(what.policy), steps=steps)
    result = run_funnel(name, watched, world, plan, progress, believe=_believe(what, policy, world.catalogue))
    return result, mechanism_of(watched, what.policy, world, result.title_impressions)


def _told(policy: Policy, config: PolicyConfig, world: FunnelWorld, part: Told) -> Policy:
    if not isinstance(policy, ChainPolicy) or not isinstance(config, Earning):
        raise TypeError(f"told: expected the policy earning, found {tag_of(config)}")
    return tell(policy, config, world, part)


def _believe(what: PolicyRun, policy: Policy, catalogue: Catalogue) -> Believe | None:
    """Where titles' priors come from, if not from the configuration. The policy is asked for its counts alone."""
    counting, config = within(policy), what.policy
    if what.by_content is None:
        return None
    if not isinstance(counting, BernoulliPolicy | ChainPolicy) or not isinstance(config, CountingArms):
        raise TypeError(f"by_content: expected a policy that counts clicks of titles, found {tag_of(config)}")
    return believe_by_content(counting, config.prior, what.by_content, catalogue)


@lru_cache(maxsize=1)
def _world(parameters: FunnelParameters, seed: int) -> FunnelWorld:
    """The last world drawn is kept: tasks come by seed."""
    return FunnelWorld(parameters, seed)
