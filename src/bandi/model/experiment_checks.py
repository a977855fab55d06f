"""What no single value of an experiment's table shows: buckets that overlap, weights, salts, names that must exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from bandi.model.config_checks import exploration_checks, policy_checks
from bandi.model.config_kinds import Found, nearest, shown
from bandi.model.policy_config import CountingArms, EpsilonGreedy, PolicyConfig, Thompson, Ucb1
from bandi.model.printable import first_unprintable
from bandi.model.variants import experiment_salt, layer_salt, moment_ms

MAX_VARIANTS = 16
ROUNDING = 2e-4
"""Weights such as 0.3333 three times are taken for a whole; the last variant gets what is over."""
_SHARING = ("thompson", "ucb1", "epsilon_greedy")
Keys = tuple[str, ...]


def experiment_checks(tree: dict[str, Any]) -> Iterator[Found]:
    """Everything that is wrong with the experiments of a file whose tables each fit by themselves."""
    experiments = tree.get("experiments", {})
    placements = tree.get("placements", {"home": {}})
    layers = tree.get("layers", {})
    sound = {}
    for name, experiment in experiments.items():
        keys = ("experiments", name)
        wrong = [
            *_named(experiment["placement"], placements, (*keys, "placement")),
            *_named(experiment["layer"], layers, (*keys, "layer"), "a [layers.NAME] table"),
        ]
        yield from wrong
        yield from _line_checks(experiment, keys)
        yield from _moment_checks(experiment, keys)
        yield from _weight_checks(experiment["variants"], (*keys, "variants"))
        if not wrong:
            sound[name] = experiment
            yield from _bucket_checks(experiment, layers[experiment["layer"]], keys)
            yield from _placement_checks(experiment["placement"], placements, (*keys, "placement"))
            for inner, variant in experiment["variants"].items():
                where = (*keys, "variants", inner)
                yield from _variant_checks(variant, experiment["placement"], tree, where)
    yield from _meeting_checks(sound)
    yield from _salt_checks(layers, experiments)


def _named(name: str, names: dict[str, Any], keys: Keys, what: str = "one") -> Iterator[Found]:
    if name not in names:
        expected = f"one of: {', '.join(names)}" if names else f"{what} (there is none)"
        yield Found(keys, repr(name), expected, nearest(name, names))


def _line_checks(experiment: dict[str, Any], keys: Keys) -> Iterator[Found]:
    """What people write and terminals show; not part of the types, which must read the configurations of old logs."""
    for key in ("owner", "regions", "metrics", "guardrails"):
        texts = experiment.get(key, ())
        for text in [texts] if isinstance(texts, str) else texts:
            if unprintable := first_unprintable(text):
                yield Found((*keys, key), ascii(unprintable), "one line of text, without control characters")


def _moment_checks(experiment: dict[str, Any], keys: Keys) -> Iterator[Found]:
    found = {}
    for key in ("starts_at", "ends_at"):
        if key in experiment:
            try:
                found[key] = moment_ms(experiment[key])
            except (ValueError, OverflowError):
                expected = "a moment with its distance from UTC, such as 2026-12-01T09:00+09:00"
                yield Found((*keys, key), shown(experiment[key]), expected)
    if len(found) == 2 and found["ends_at"] <= found["starts_at"]:
        yield Found((*keys, "ends_at"), shown(experiment["ends_at"]), f"a moment after {experiment['starts_at']}")


def _weight_checks(variants: dict[str, Any], keys: Keys) -> Iterator[Found]:
    if not 2 <= len(variants) <= MAX_VARIANTS:
        yield Found(keys, f"{len(variants)} of them", f"2 to {MAX_VARIANTS} variants")
        return
    total = sum(variant["weight"] for variant in variants.values())
    if abs(total - 1) > ROUNDING:
        each = ", ".join(f"{name} {variant['weight']:g}" for name, variant in variants.items())
        yield Found(keys, f"weights of {total:g} together ({each})", "weights that sum to 1")


def _bucket_checks(experiment: dict[str, Any], layer: dict[str, Any], keys: Keys) -> Iterator[Found]:
    low, high = span(experiment)
    free = 1 - layer.get("holdout", 0.0)
    if high <= low:
        yield Found((*keys, "buckets"), f"{[low, high]}", "two numbers, the second above the first")
    elif high > free + 1e-9:
        expected = f"an end of at most {free:g}: the rest of layer {experiment['layer']} is its holdout"
        yield Found((*keys, "buckets"), f"{[low, high]}", expected)
    elif experiment.get("share", 0.0) > high - low + 1e-9:
        expected = f"at most {high - low:g}, which its buckets hold"
        yield Found((*keys, "share"), shown(experiment["share"]), expected, "set more buckets aside for it")


def span(experiment: dict[str, Any]) -> tuple[float, float]:
    """The buckets of an experiment's table."""
    low, high = experiment.get("buckets", (0.0, 1.0))
    return float(low), float(high)


def _meeting_checks(experiments: dict[str, dict[str, Any]]) -> Iterator[Found]:
    """Experiments that would share readers."""
    names = list(experiments)
    for i, name in enumerate(names):
        mine = experiments[name]
        for other in names[:i]:
            theirs = experiments[other]
            (low, high), (from_, to) = span(mine), span(theirs)
            if mine["layer"] == theirs["layer"]:
                if max(low, from_) < min(high, to) - 1e-12:
                    found = f"{[low, high]}, which overlaps {[from_, to]} of experiment {other}"
                    hint = (
                        "take one that is concluded out of the file, or give them layers (and placements) of their own"
                    )
                    expected = f"buckets of layer {mine['layer']} that no other experiment has"
                    yield Found(("experiments", name, "buckets"), found, expected, hint)
            elif mine["placement"] == theirs["placement"]:
                expected = f"{theirs['layer']!r}, the layer of {other}, which is at {mine['placement']} too"
                hint = "a list can be of one variant only"
                yield Found(("experiments", name, "layer"), repr(mine["layer"]), expected, hint)


def _salt_checks(layers: dict[str, Any], experiments: dict[str, Any]) -> Iterator[Found]:
    """Equal salts draw the same numbers: an experiment with its layer's would give all its readers one variant."""
    salts = [("layers", name, layer_salt(name, layer.get("salt"))) for name, layer in layers.items()]
    salts += [("experiments", name, experiment_salt(name, each.get("salt"))) for name, each in experiments.items()]
    salts.sort(
        key=lambda one: "salt" in (layers if one[0] == "layers" else experiments)[one[1]]
    )  # those said come last
    first: dict[str, str] = {}
    for table, name, salt in salts:
        if salt in first:
            yield Found((table, name, "salt"), f"{salt!r}, the salt of {first[salt]}", "one that nothing else has")
        first.setdefault(salt, f"{table}.{name}")


def _placement_checks(name: str, placements: dict[str, Any], keys: Keys) -> Iterator[Found]:
    if "push" in placements[name]:
        yield Found(keys, f"{name!r}, which sends messages", "a placement with lists")


def _variant_checks(variant: dict[str, Any], place: str, tree: dict[str, Any], keys: Keys) -> Iterator[Found]:
    placements = tree.get("placements", {"home": {}})
    if "use_placement" in variant:
        yield from _handing_on(variant, place, placements, keys)
        return
    asked = placements[place].get("policy", {"use": "thompson"})
    policy = variant.get("policy", asked)
    if "policy" in variant:
        yield from policy_checks(policy, tree.get("objectives", {"click": {}}), (*keys, "policy"))
        yield from exploration_checks(placements[place].get("exploration"), policy.get("use"), (*keys, "policy"))
    if "give_up" in variant and policy.get("use") != "earning":
        yield Found((*keys, "give_up"), shown(variant["give_up"]), 'a policy that has the dial: use = "earning"')
    if variant.get("statistics") == "shared" and policy != asked:
        if not shares_arms(asked, policy):
            expected = (
                "'own': only thompson, ucb1 and epsilon_greedy share arms, of one objective, prior and way to forget"
            )
            yield Found((*keys, "statistics"), "'shared'", expected)
        elif "seen" in placements[place]:
            yield Found((*keys, "statistics"), "'shared'", f"'own' for another policy at {place}, which has `seen`")


def _handing_on(variant: dict[str, Any], place: str, placements: dict[str, Any], keys: Keys) -> Iterator[Found]:
    keys = (*keys, "use_placement")
    target = variant["use_placement"]
    others = [name for name in placements if name != place]
    if target not in others:
        expected = f"one of: {', '.join(others)}" if others else "another placement (there is none)"
        yield Found(keys, repr(target), expected, nearest(target, others))
    elif "push" in placements[target]:
        yield Found(keys, f"{target!r}, which sends messages", "a placement with lists")
    elif any("use_placement" in state for state in placements[target].get("states", {}).values()):
        yield Found(keys, repr(target), "a placement that does not pass readers on itself")
    beside = [key for key in variant if key not in ("use_placement", "weight")]
    if beside:
        yield Found(keys, f"{', '.join(beside)} beside it", "nothing but weight: the other placement says it all")


def shares_arms(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two policies' tables can rank from the same arms: they count the same in the same way."""
    if one.get("use") not in _SHARING or other.get("use") not in _SHARING:
        return False
    try:
        a, b = (msgspec.convert(table, PolicyConfig) for table in (one, other))
    except msgspec.ValidationError:  # told where the table itself is checked
        return True
    assert isinstance(a, Thompson | Ucb1 | EpsilonGreedy) and isinstance(b, Thompson | Ucb1 | EpsilonGreedy)
    fields = (*CountingArms.__struct_fields__, "window", "change_detection", "objective")
    return all(getattr(a, field) == getattr(b, field) for field in fields)
