"""What a placement's next policy keeps of what the one before it learned (docs/decisions/0009)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from bandi.model.config import Config, Placement
from bandi.model.policy_config import WAYS_TO_FORGET
from bandi.policies.arms import with_segments
from bandi.policies.carrying import carry_clicks, keeps_clicks
from bandi.policies.guarded import carry_over
from bandi.policies.traits import learned_as, steps_of

if TYPE_CHECKING:
    from bandi.engine.state import PlacementState


def arm_segments(config: Config | None) -> int:
    """Segments that arms count for: segment 0, readers of whom nothing is known, and those of `[segments]` from 1 on."""
    return 1 if config is None or config.segments is None else 1 + config.segments.k


def counted(placement: Placement, config: Config) -> tuple[object, ...]:
    """What the arms of a placement count: where this changes, old counts say nothing about the new question."""
    later = tuple(config.objectives[name] for name in steps_of(placement.policy))
    return (*counted_clicks(placement, config), later, learned_as(placement.policy))


def counted_clicks(placement: Placement, config: Config) -> tuple[object, ...]:
    """What of it click arms count, whatever the policy looks at besides."""
    policy = placement.policy
    forgetting = tuple(getattr(policy, way, None) for way in WAYS_TO_FORGET)
    position = getattr(policy, "position", "ignored")
    return (placement.impressions, config.objectives[policy.objective], *forgetting, position)


def clicks_carry_over(before: Placement, old: Config, placement: Placement, config: Config) -> bool:
    """Whether a new policy goes on with the click arms of the old one, where it cannot with all that it learned."""
    same = counted_clicks(before, old) == counted_clicks(placement, config)
    return same and keeps_clicks(*(str(one.policy.__struct_config__.tag) for one in (before, placement)))


def carry(
    before: PlacementState, old: Config, after: PlacementState, config: Config
) -> Literal["all", "clicks", "nothing"]:
    """Give a placement's new policy what the one before it knows, as far as both count the same; how much that was."""
    if counted(before.config, old) == counted(after.config, config):
        carry_over(after.policy, with_segments(before.policy.dump(), arm_segments(config)))
        return "all"
    if clicks_carry_over(before.config, old, after.config, config):
        carry_clicks(before.policy, after.policy, arm_segments(config))
        return "clicks"
    return "nothing"
