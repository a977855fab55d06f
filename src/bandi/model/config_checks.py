"""What no single value of `bandi.toml` shows: keys that belong together, and names that must exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bandi.model.config_kinds import Found, nearest, shown
from bandi.model.config_values import duration_ms
from bandi.model.policy_config import EARN_COINS, NOT_ACCOUNTED, THEN, WAYS_TO_FORGET
from bandi.model.time_zones import is_time_zone

MAX_WINDOW = "3650d"
"""Longest window of an objective."""


def cross_checks(tree: dict[str, Any]) -> Iterator[Found]:
    """What no single value shows: keys that belong together, and names that must exist."""
    pushing = [name for name, placement in tree.get("placements", {}).items() if "push" in placement]
    for name in pushing[1:]:
        yield Found(("placements", name, "push"), f"{len(pushing)} placements with messages", "one at most")
    objectives = tree.get("objectives", {"click": {}})
    for name, objective in objectives.items():
        yield from _objective_checks(objective, ("objectives", name))
    for name, placement in tree.get("placements", {"home": {}}).items():
        policy = placement.get("policy", {})
        yield from policy_checks(policy, objectives, ("placements", name, "policy"))
        yield from exploration_checks(
            placement.get("exploration"), policy.get("use"), ("placements", name, "exploration")
        )
        yield from _state_checks(name, placement.get("states", {}), tree["placements"] if "states" in placement else {})
        yield from _push_checks(placement.get("push"), ("placements", name, "push"))
    placements = tree.get("placements", {"home": {}})
    for name in tree.get("holdout", {}).get("placements", []):
        if name not in placements:
            expected = f"one of: {', '.join(placements)}"
            yield Found(("holdout", "placements"), repr(name), expected, nearest(name, placements))


def policy_checks(policy: dict[str, Any], objectives: dict[str, Any], keys: tuple[str, ...]) -> Iterator[Found]:
    """What no single value of a policy's table shows. keys: where the table stands."""
    objective = policy.get("objective", "click")
    if objective not in objectives:
        expected = f"one of: {', '.join(objectives)}"
        yield Found((*keys, "objective"), repr(objective), expected, nearest(objective, objectives))
    then = policy.get("then", THEN.get(policy.get("use", ""), ()))
    yield from _later_checks(list(then), objectives, (*keys, "then"))
    yield from _coins_checks(policy.get("use", ""), list(then), objectives, (*keys, "then"))
    if policy.get("model") == "hybrid" and "half_life" in policy:
        yield Found(
            (*keys, "half_life"),
            shown(policy["half_life"]),
            "no half_life beside model = 'hybrid', which does not forget",
        )
    ways = [way for way in WAYS_TO_FORGET if way in policy]
    if len(ways) > 1:
        yield Found((*keys, ways[1]), " and ".join(ways), f"at most one of {', '.join(WAYS_TO_FORGET)}")


def _state_checks(name: str, states: dict[str, Any], placements: dict[str, Any]) -> Iterator[Found]:
    for state, other in states.items():
        keys = ("placements", name, "states", state)
        if "give_up" in other and placements[name].get("policy", {}).get("use") != "earning":
            yield Found(
                (*keys, "give_up"), shown(other["give_up"]), 'a placement whose policy has the dial: use = "earning"'
            )
        target = other.get("use_placement")
        if target is None:
            continue
        if target not in placements or target == name:
            others = [place for place in placements if place != name]
            expected = f"one of: {', '.join(others)}" if others else "another placement (there is none)"
            yield Found((*keys, "use_placement"), repr(target), expected, nearest(target, others))
        elif any("use_placement" in further for further in placements[target].get("states", {}).values()):
            yield Found((*keys, "use_placement"), repr(target), "a placement that does not pass readers on itself")
        if len(other) > 1:
            beside = ", ".join(key for key in other if key != "use_placement")
            yield Found(
                (*keys, "use_placement"), f"{beside} beside it", "nothing beside it: the other placement says it all"
            )


def _push_checks(push: dict[str, Any] | None, keys: tuple[str, ...]) -> Iterator[Found]:
    if push is None:
        return
    zones = {"time_zone": push.get("time_zone", "UTC"), **push.get("time_zones", {})}
    for key, zone in zones.items():
        if not is_time_zone(zone):
            where = (*keys, key) if key == "time_zone" else (*keys, "time_zones", key)
            yield Found(where, repr(zone), "an IANA time zone such as Asia/Seoul")
    for key in ("window", "again_after", "stopped_for", "stopped_until", "expires"):
        if key in push and (len(push[key]) > 20 or duration_ms(push[key]) > duration_ms(MAX_WINDOW)):
            yield Found((*keys, key), shown(push[key]), f"at most {MAX_WINDOW}")


def _coins_checks(use: str, then: list[str], objectives: dict[str, Any], keys: tuple[str, ...]) -> Iterator[Found]:
    """What is to bring coins must have some."""
    if use not in EARN_COINS or not then or then[-1] not in objectives:
        return
    last = objectives[then[-1]]
    if last.get("event", "click") == "read" or (last.get("event") == "purchase" and "value" not in last):
        yield Found(
            keys, f"{then[-1]!r}, which brings no coins", f"purchases with value = 'coins' at the end of {use}'s chain"
        )


def exploration_checks(exploration: dict[str, Any] | None, use: str | None, keys: tuple[str, ...]) -> Iterator[Found]:
    """What `exploration` and the policy's name do not allow together."""
    if exploration is None:
        return
    if {"clicks_per_day", "share"} <= set(exploration):
        yield Found((*keys, "share"), "clicks_per_day and share", "one of the two")
    if use in NOT_ACCOUNTED:
        yield Found(
            keys,
            f"the policy {use}",
            "a policy whose expected clicks are known: thompson, ucb1, epsilon_greedy, plugin or one that looks beyond the click",
        )


def _objective_checks(objective: dict[str, Any], keys: tuple[str, ...]) -> Iterator[Found]:
    event = objective.get("event", "click")
    if objective.get("count", 1) != 1 and event != "read":
        expected = f"no count beside event = {event!r}: only reads are counted"
        yield Found((*keys, "count"), shown(objective["count"]), expected, "did you mean event = 'read'?")
    if "value" in objective and event != "purchase":
        expected = f"no value beside event = {event!r}: only purchases have one"
        yield Found((*keys, "value"), shown(objective["value"]), expected, "did you mean event = 'purchase'?")
    window = objective.get("window", "1ms")
    if len(window) > 20 or duration_ms(window) > duration_ms(MAX_WINDOW):
        yield Found((*keys, "window"), shown(window), f"at most {MAX_WINDOW}")


def _later_checks(names: list[str], objectives: dict[str, Any], keys: tuple[str, ...]) -> Iterator[Found]:
    """What a policy looks for after a start must be reads or purchases, each once."""
    later = [name for name, objective in objectives.items() if objective.get("event", "click") != "click"]
    expected = (
        f"one of: {', '.join(later)}" if later else "an objective whose event is read or purchase (there is none)"
    )
    for i, name in enumerate(names):
        if name not in objectives:
            yield Found(keys, repr(name), expected, nearest(name, later))
        elif name not in later:
            yield Found(keys, f"{name!r}, whose event is click", f"{expected}; a click is the start itself")
        elif name in names[:i]:
            yield Found(keys, f"{name!r} twice", "each objective once")
