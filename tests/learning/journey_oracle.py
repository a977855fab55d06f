"""The rules of journeys in plain Python over whole histories: the oracle of the tests and the peer of the benchmark."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

CLICK, READ, PURCHASE, REFUND = 2, 3, 4, 6
SLACK_MS = 5_000

Objective = tuple[str, int, int, int, bool]
"""(name, kind, count, window_ms, whether it has a value)."""


def outcomes(
    events: Any, objectives: list[Objective], steps: dict[int, list[str]]
) -> tuple[Counter[Any], Counter[str], dict[str, list[float]]]:
    """(what is counted by (placement, step, item, segment, user, start, delay or None, what), counters, organic sums).

    events: EVENT[n]; steps: placement -> names. Rewards have a delay, trials and coins have None. It looks
    at the whole history at once, so the order of records cannot matter to it, but for refunds among journeys.
    """
    longest = max(objective[3] for objective in objectives)
    pairs: dict[Any, list[Any]] = defaultdict(list)
    for event in events:
        if event["kind"] in (CLICK, READ, PURCHASE, REFUND) and event["user"] >= 0 and event["item"] >= 0:
            pairs[int(event["user"]), int(event["item"])].append(event)
    counts: Counter[Any] = Counter()
    tally: Counter[str] = Counter()
    organic = {objective[0]: [0.0, 0.0, 0.0] for objective in objectives}
    named = {objective[0]: objective for objective in objectives}
    for (user, item), history in pairs.items():
        for own, refunds in _journeys(history, longest):
            tally["refunds"] += len(refunds)
            start = _start(own, steps)
            purchases = [
                [int(e["occurred_ms"]), float(e["value"]), int(e["episode"])] for e in own if e["kind"] == PURCHASE
            ]
            paid, unmatched = _after_refunds(purchases, refunds)
            tally["unmatched"] += unmatched
            if start is None:
                continue
            at, placement, segment = start
            tally["starts"] += 1
            tally["organic"] += placement < 0
            names = list(named) if placement < 0 else steps.get(placement, [])
            for step, name in enumerate(names, 1):
                hits = _hits(own, paid, at, named[name])
                coins = named[name][4]
                if placement < 0:
                    organic[name][0] += 1
                    organic[name][1] += bool(hits)
                    organic[name][2] += sum(value for _, value in hits) if coins else 0
                    continue
                key = (placement, step, item, segment, user, at)
                counts[*key, None, "trial"] += 1
                if hits:
                    counts[*key, hits[0][0], "reward"] += 1
                    counts[*key, None, "value"] += sum(value for _, value in hits) if coins else 0
    return Counter({key: count for key, count in counts.items() if count}), tally, organic


def _journeys(history: list[Any], longest: int) -> list[tuple[list[Any], list[Any]]]:
    """Events without a gap longer than the longest window; a refund goes to the latest that it does not precede."""
    found: list[tuple[list[Any], list[Any]]] = []
    for event in sorted((e for e in history if e["kind"] != REFUND), key=lambda e: int(e["occurred_ms"])):
        if found and event["occurred_ms"] <= found[-1][0][-1]["occurred_ms"] + longest:
            found[-1][0].append(event)
        else:
            found.append(([event], []))
    lonely: list[Any] = []
    for event in (e for e in history if e["kind"] == REFUND):
        fitting = [refunds for own, refunds in found if own[0]["occurred_ms"] - longest <= event["occurred_ms"]]
        (fitting[-1] if fitting else lonely).append(event)
    return [*found, ([], lonely)]


def _start(own: list[Any], steps: dict[int, list[str]]) -> tuple[int, int, int] | None:
    clicks, reads = (
        [
            (int(e["occurred_ms"]), -int(e["request"]), -_placement(e, steps), -int(e["segment"]))
            for e in own
            if e["kind"] == kind
        ]
        for kind in (CLICK, READ)
    )
    if not clicks and not reads:
        return None
    by_click = clicks and (not reads or min(clicks)[0] <= min(reads)[0] + SLACK_MS)
    at, _, placement, segment = min(clicks) if by_click else min(reads)
    return at, -placement, -segment


def _placement(event: Any, steps: dict[int, list[str]]) -> int:
    request = int(event["request"])
    return request & 1023 if request and request & 1023 in steps else int(event["placement"])


def _after_refunds(purchases: list[list[Any]], refunds: list[Any]) -> tuple[list[tuple[Any, ...]], int]:
    """((time, coins left, coins) of purchases, latest first; refunds that found too little)."""
    known = [[at, coins, coins, episode] for at, coins, episode in sorted(purchases, reverse=True)]
    unmatched = 0
    for refund in sorted(refunds, key=lambda e: (int(e["occurred_ms"]), e["value"], e["episode"]), reverse=True):
        owed = float(refund["value"])
        for purchase in known:
            if purchase[3] == refund["episode"] > 0:
                taken = min(owed, purchase[1])
                purchase[1], owed = purchase[1] - taken, owed - taken
        for purchase in known:
            taken = min(owed, purchase[1])
            purchase[1], owed = purchase[1] - taken, owed - taken
        unmatched += owed > 0
    return [(at, left, coins) for at, left, coins, _ in known], unmatched


def _hits(own: list[Any], paid: list[tuple[Any, ...]], start: int, objective: Objective) -> list[tuple[int, float]]:
    """(delay, coins) of what reaches the objective, earliest first; of reads at most one."""
    _, kind, count, window, _ = objective
    if kind == PURCHASE:
        alive = [(at - start, left) for at, left, coins in reversed(paid) if left > 0 or coins == 0]
        return [(max(0, delay), left) for delay, left in alive if -SLACK_MS <= delay <= window]
    reads = [e for e in own if e["kind"] == READ]
    nameless = sorted(int(e["occurred_ms"]) for e in reads if e["episode"] == 0)
    reached = [int(e["occurred_ms"]) for e in reads if e["episode"] >= count] + nameless[count - 1 : count]
    if not reached or min(reached) - start > window:
        return []
    return [(max(0, min(reached) - start), 0.0)]
