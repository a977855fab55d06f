"""The rules of attribution in plain Python over dictionaries: the oracle of the tests and the peer of the benchmark."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

SLACK_MS = 5_000


def outcome_counts(
    events: Any, decisions: Any, rules: dict[int, tuple[str, int, int]]
) -> tuple[Counter[Any], Counter[str]]:
    """(trials and rewards by (placement, item, "trial" or "reward"), counters); rules: placement -> mode, kind, window.

    It looks at the whole history at once, so the order of records cannot matter to it.
    """
    impressions: dict[Any, list[int]] = defaultdict(list)
    rewards: dict[Any, list[int]] = defaultdict(list)
    counts: Counter[Any] = Counter()
    tally: Counter[str] = Counter()
    for header, shown in decisions:
        tally["decisions"] += 1
        placement = int(header["placement"])
        if placement in rules and rules[placement][0] == "implied":
            for item in shown:
                impressions[int(header["request"]), item, placement].append(int(header["occurred_ms"]))
    for event in events:
        kind, request, item = int(event["kind"]), int(event["request"]), int(event["item"])
        placement = request & 1023 if request and (request & 1023) in rules else int(event["placement"])
        if placement < 0 and kind <= 2:
            tally["unattributed"] += 1
        if item < 0 or placement not in rules or kind not in (1, rules[placement][1]):
            continue
        if request:
            (impressions if kind == 1 else rewards)[request, item, placement].append(int(event["occurred_ms"]))
        else:
            counts[placement, item, "trial"] += 1
            if kind != 1:
                counts[placement, item, "reward"] += 1
                tally["orphans"] += 1
    for key in impressions.keys() | rewards.keys():
        _, item, placement = key
        counts[placement, item, "trial"] += 1
        if not impressions[key]:
            counts[placement, item, "reward"] += 1
            tally["orphans"] += 1
        elif rewards[key]:
            if -SLACK_MS <= min(rewards[key]) - min(impressions[key]) <= rules[placement][2]:
                counts[placement, item, "reward"] += 1
            else:
                tally["late"] += 1
    tally["trials"] = sum(count for key, count in counts.items() if key[2] == "trial")
    tally["successes"] = sum(count for key, count in counts.items() if key[2] == "reward")
    return counts, tally
