"""What the report runs, as `frozen.toml` says it: one parser, strict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec

from bandi.evaluation.talk.told import Told
from bandi.evaluation.worlds.funnel.beliefs import ByContent
from bandi.evaluation.worlds.funnel.lessons import Step
from bandi.evaluation.worlds.funnel.oracle import Resolution
from bandi.model.config import Seen
from bandi.model.config_text import find_problems
from bandi.model.config_values import Name, Struct
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.policy_config import Earning, EpsilonGreedy, PolicyConfig, Retention, Surrogate, Thompson, Ucb1, Value

FILE = Path(__file__).with_name("frozen.toml")
Section = Literal["clicks", "experiments", "frontier", "presets", "ablations", "bound"]
SECTIONS: tuple[Section, ...] = get_args(Section)
Role = Literal["control", "clicks", "experiment", "other", "whole", "ablation"]
Sign = Literal["-", "0", "+"]
Count = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]
_OBJECTIVES = ("click", *get_args(Step))
_HAVE_STEPS = (Earning, Value, Surrogate, Retention)
_HAVE_CLICKS = (Thompson, Ucb1, EpsilonGreedy, *_HAVE_STEPS)
"""Policies that can start from content: what follows a start, and click rates."""


class Arm(Struct, frozen=True):
    """A policy that is run, or a row that says why it is not."""

    name: Name
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    role: Role
    policy: PolicyConfig
    segments: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    """Of readers; 0: all are one."""
    seen: Seen | None = None
    """Show less of what a reader passed over, as a placement's `seen`; absent: showings are not counted."""
    by_content: ByContent | None = None
    """What starts from what content predicts, learned anew each simulated day; absent: all titles start alike."""
    talk_clicks: Sign | None = None
    """What the talk reports of clicks; absent: nothing."""
    talk_paid: Sign | None = None
    """What the talk reports of paid reads."""
    not_available: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    """Why this version cannot run it; absent: it can."""


class Dial(Struct, frozen=True):
    """The policy with the dial, and its positions, ascending."""

    policy: PolicyConfig
    give_up: Annotated[tuple[Share, ...], msgspec.Meta(min_length=1, max_length=32)]
    by_content: ByContent | None = None
    """As an arm's."""


class OraclePath(Struct, frozen=True):
    """What the oracle knows, and how much it weighs coins: ascending, from 0."""

    resolutions: Annotated[tuple[Resolution, ...], msgspec.Meta(min_length=1, max_length=2)]
    multipliers: Annotated[
        tuple[Annotated[float, msgspec.Meta(ge=0, le=1e6)], ...], msgspec.Meta(min_length=2, max_length=32)
    ]


class ToldPlan(Struct, frozen=True):
    """The dial, told a part of the truth (told.py), at some of its positions: what is missing, titles or readers."""

    parts: Annotated[tuple[Told, ...], msgspec.Meta(min_length=1, max_length=2)]
    give_up: Annotated[tuple[Share, ...], msgspec.Meta(min_length=1, max_length=32)]


class Presets(Struct, frozen=True):
    """What is run in the worlds of the section `presets` alone: some positions of the dial and some points of an oracle."""

    give_up: Annotated[tuple[Share, ...], msgspec.Meta(min_length=1, max_length=32)]
    oracle: OraclePath


class BoundPlan(Struct, frozen=True):
    """Stationary Bernoulli arms: their means; how many plays; how many draws of the luck."""

    means: Annotated[tuple[Share, ...], msgspec.Meta(min_length=2, max_length=1_000)]
    horizon: Annotated[int, msgspec.Meta(ge=10, le=10_000_000)]
    seeds: Count
    policies: Annotated[tuple[PolicyConfig, ...], msgspec.Meta(min_length=1, max_length=16)]


class Quick(Struct, frozen=True):
    """Sizes for a first look."""

    seeds: Count
    readers: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
    days: Annotated[int, msgspec.Meta(ge=1, le=3_650)]
    visits: Annotated[int, msgspec.Meta(ge=20, le=100_000_000)]
    horizon: Annotated[int, msgspec.Meta(ge=10, le=10_000_000)]


class Frozen(Struct, frozen=True):
    """The whole file."""

    first_seed: Annotated[int, msgspec.Meta(ge=1, le=2**31)]
    seeds: Count
    preset_seeds: Count
    update_every: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    main: str
    worlds: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=32)]
    shares: Annotated[tuple[Share, ...], msgspec.Meta(min_length=1, max_length=16)]
    dial: Dial
    oracle: OraclePath
    told: ToldPlan
    presets: Presets
    arms: Annotated[tuple[Arm, ...], msgspec.Meta(min_length=1, max_length=64)]
    bound: BoundPlan
    quick: Quick

    @property
    def control(self) -> Arm:
        """What everything is compared with."""
        return next(arm for arm in self.arms if arm.role == "control")

    @property
    def in_presets(self) -> Frozen:
        """The same with the positions and points of `presets`."""
        dial = msgspec.structs.replace(self.dial, give_up=self.presets.give_up)
        return msgspec.structs.replace(self, dial=dial, oracle=self.presets.oracle)

    def of(self, *roles: Role) -> list[Arm]:
        """Arms of these roles, also those that cannot be run."""
        return [arm for arm in self.arms if arm.role in roles]


def read_frozen(path: Path = FILE) -> Frozen:
    """The file. Raises InvalidInputError (ConfigError) with file, line and nearest name."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(Problem(str(path), error.strerror or str(error), "a frozen.toml")) from None
    try:
        frozen = msgspec.convert(find_problems(data, str(path), Frozen), Frozen)
    except msgspec.ValidationError as error:
        raise InvalidInputError(Problem(str(path), "a value that does not fit", str(error))) from None
    problems = list(_problems(frozen, str(path)))
    if problems:
        raise InvalidInputError(problems)
    return frozen


def _problems(frozen: Frozen, file: str) -> Iterator[Problem]:
    """What one key says of another."""
    twice = [name for name, count in Counter(arm.name for arm in frozen.arms).items() if count > 1]
    if twice:
        yield Problem(f"{file}: arms", f"{twice[0]} twice", "each name once")
    for role in ("control", "whole"):
        if len(frozen.of(role)) != 1:
            yield Problem(f"{file}: arms", f"{len(frozen.of(role))} of role {role}", "one")
    for where, policy in [(f"arms {arm.name}", arm.policy) for arm in frozen.arms] + [("dial", frozen.dial.policy)]:
        for name in (policy.objective, *getattr(policy, "then", ())):
            if name not in _OBJECTIVES:
                yield Problem(f"{file}: {where}", name, f"one of: {', '.join(_OBJECTIVES)}")
    yield from _priors_that_nobody_uses(frozen, file)
    yield from _points_of_presets_alone(frozen, file)
    if not hasattr(frozen.dial.policy, "give_up"):
        yield Problem(f"{file}: dial.policy", type(frozen.dial.policy).__name__, "a policy with give_up")
    for table, plan in (("", frozen), ("presets.", frozen.in_presets)):
        positions, multipliers = plan.dial.give_up, plan.oracle.multipliers
        for where, values in ((table or "dial.") + "give_up", positions), (table + "oracle.multipliers", multipliers):
            if list(values) != sorted(set(values)):
                yield Problem(f"{file}: {where}", str(values), "ascending numbers")
        if multipliers[0] != 0.0:
            yield Problem(
                f"{file}: {table}oracle.multipliers", str(multipliers[0]), "0 first: the best lists for clicks"
            )


def _points_of_presets_alone(frozen: Frozen, file: str) -> Iterator[Problem]:
    """The main world is among the presets, and is run with the points of `dial` and `oracle`."""
    mine, oracle = frozen.presets, frozen.oracle
    for where, part, whole in (
        ("presets.give_up", mine.give_up, frozen.dial.give_up),
        ("presets.oracle.multipliers", mine.oracle.multipliers, oracle.multipliers),
        ("presets.oracle.resolutions", mine.oracle.resolutions, oracle.resolutions),
    ):
        more = [str(value) for value in part if value not in whole]
        if more:
            yield Problem(f"{file}: {where}", more[0], f"some of: {', '.join(str(value) for value in whole)}")


def _priors_that_nobody_uses(frozen: Frozen, file: str) -> Iterator[Problem]:
    """An arm that would silently start from nothing but the configured prior."""
    for arm in frozen.arms:
        can = _HAVE_STEPS if "steps" in (arm.by_content or "") else _HAVE_CLICKS
        if arm.by_content is not None and not isinstance(arm.policy, can):
            names = ", ".join(str(policy.__struct_config__.tag) for policy in can)
            yield Problem(f"{file}: arms {arm.name}.by_content", arm.by_content, f"a policy of: {names}")
        prior = getattr(arm.policy, "prior", None)
        if prior is not None and prior.source == "content":
            yield Problem(f"{file}: arms {arm.name}.policy.prior.source", "content", "by_content in the arm instead")
