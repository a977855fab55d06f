"""What others must know of a policy from its configuration alone: vectors, later steps, priors, what its state depends on."""

from __future__ import annotations

from bandi.model.policy_config import (
    ChainConfig,
    Conditional,
    ContextualConfig,
    Earning,
    EpsilonGreedy,
    PolicyConfig,
    Prior,
    Retention,
    Surrogate,
    Thompson,
    Ucb1,
)


def steps_of(config: PolicyConfig) -> tuple[str, ...]:
    """The objectives that a policy looks for after a start, step 1 first: its field `then`; empty where it has none."""
    return tuple(getattr(config, "then", ()))


def dimensions_of(config: PolicyConfig) -> int:
    """Numbers in the vectors that the policy looks at; 0: it looks at none."""
    return config.dimensions if isinstance(config, ContextualConfig) else 0


def learned_prior(config: PolicyConfig) -> Prior | None:
    """The prior of a policy whose arms start from what content predicts; None: of one whose arms do not."""
    if isinstance(config, Thompson | Ucb1 | EpsilonGreedy | ChainConfig):
        return config.prior if config.prior.source == "content" else None
    return None


def learned_as(config: PolicyConfig) -> tuple[object, ...]:
    """What else than counts the policy's state depends on: where this changes, it starts anew."""
    position = getattr(config, "position", "ignored")
    if isinstance(config, ChainConfig):
        kind = (isinstance(config, Surrogate), reader_spread(config), getattr(config, "delay", ""))
        return (position, len(config.then), *kind)
    if not isinstance(config, ContextualConfig):
        return (position,)
    free = ("objective", "exploration")  # the objective is compared by what it counts
    return tuple(getattr(config, name) for name in config.__struct_fields__ if name not in free)


def reader_spread(config: ChainConfig) -> float:
    """Largest variance of readers' factors in a chain; 0: readers are alike."""
    alike = isinstance(config, Conditional | Retention) or (isinstance(config, Earning) and config.readers == "ignored")
    return 0.0 if alike else 20.0
