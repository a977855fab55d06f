"""What a placement's next policy keeps of the one before it, where clicks are counted alike but not what follows them."""

from __future__ import annotations

from bandi.policies.arms import with_segments
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.chain_policy import ChainPolicy
from bandi.policies.protocol import Policy
from bandi.policies.seen import within


def carry_clicks(before: Policy, after: Policy, segments: int) -> None:
    """Give `after` the click arms of `before`, and what is known of slots; nothing where one of them has no such arms."""
    old, new = within(before), within(after)
    if not isinstance(old, BernoulliPolicy | ChainPolicy) or not isinstance(new, BernoulliPolicy | ChainPolicy):
        return
    new.arms.load(with_segments(old.arms.dump(), segments))
    if old.examination is not None and new.examination is not None:
        new.examination.load(old.examination.dump())


def share_arms(teacher: Policy, policy: Policy) -> None:
    """Let `policy` rank from the very arms that `teacher` fills, for policies that count alike. Raises TypeError for others."""
    if not isinstance(teacher, BernoulliPolicy) or not isinstance(policy, BernoulliPolicy):
        raise TypeError(f"{type(teacher).__name__} and {type(policy).__name__} have no arms to share")
    policy.arms, policy.examination = teacher.arms, teacher.examination


def keeps_clicks(before: str, after: str) -> bool:
    """Whether policies of these names (`use`) have click arms that `carry_clicks` moves."""
    return not {before, after} & {"lin_ts", "lin_ucb", "logistic", "plugin"}
