"""Examples of the OpenAPI document; a test sends the requests and holds the answers against the schemas."""

from __future__ import annotations

from typing import Any

ITEM: dict[str, Any] = {"id": "t017", "title": "Firefly", "genre": "fantasy", "tags": ["night"], "editor_rank": 1}
USER: dict[str, Any] = {"id": "u42", "fields": {"since": "2024"}}
RULE: dict[str, Any] = {
    "type": "pin",
    "id": "launch-t017",
    "owner": "kim@example.com",
    "reason": "launch week",
    "ends_at": "2026-12-15T00:00:00+09:00",
    "item": "t017",
    "slot": 0,
}
CHANGE: dict[str, Any] = {
    "action": "ramp",
    "share": 0.5,
    "who": "kim@example.com",
    "why": "no guardrail moved in a week",
}

_CLICK: dict[str, Any] = {
    "type": "click",
    "user": "u42",
    "item": "t017",
    "request": "0001000000100",
    "position": 0,
    "event_id": "c-1",
}
_READ: dict[str, Any] = {"type": "read", "user": "u42", "item": "t017", "placement": "home", "episode": 1}

EVENTS: dict[str, Any] = {
    "one": {"summary": "A click in a list that was given", "value": _CLICK},
    "many": {"summary": "A batch", "value": {"events": [_CLICK, _READ]}},
}

RANKING: dict[str, Any] = {
    "request_id": "0001000000100",
    "placement": "home",
    "policy": "thompson@3f2a91c0",
    "position": 200008,
    "catalog_position": 6,
    "seed": "3103137411122472025",
    "candidates": 1000,
    "items": [
        {"item": "t017", "score": 0.3656928837299347, "position": 0},
        {"item": "t276", "score": 0.3618040382862091, "position": 1},
    ],
}

_LIFTED: dict[str, Any] = {
    "name": "fantasy",
    "support": 812.4,
    "share": 0.41,
    "population_share": 0.19,
    "lift": 2.14,
    "lift_low": 2.0,
}

SEGMENTS: dict[str, Any] = {
    "artifact": "000003",
    "readers": 4120,
    "segments": [
        {
            "number": 0,
            "readers": 3090.5,
            "share": 0.75,
            "genres": [_LIFTED],
            "tags": [],
            "titles": [{**_LIFTED, "name": "Firefly"}],
            "attributes": [
                {"name": "age", "known": 900.0, "values": [], "mean": 24.5, "population_mean": 31.0},
                {
                    "name": "gender",
                    "known": 900.0,
                    "values": [{"value": "f", "share": 0.7, "population_share": 0.52}],
                    "mean": None,
                    "population_mean": None,
                },
            ],
        },
        {"number": 1, "readers": 1029.5, "share": 0.25, "genres": [], "tags": [], "titles": [], "attributes": []},
    ],
    "overlap": [[1.0, 0.12], [0.12, 1.0]],
}

EXPLANATION: dict[str, Any] = {
    "user": "u42",
    "item": "t017",
    "because": [{"item": "t276", "share": 0.61}, {"item": "t360", "share": 0.22}],
}

CREDIT: dict[str, Any] = {
    "by": "placement",
    "window_ms": 1_209_600_000,
    "first": 0.4,
    "last": 0.4,
    "since_ms": None,
    "rows": [
        {
            "key": "home",
            "last_purchases": 512.0,
            "last_coins": 18_430.0,
            "weighted_purchases": 497.3,
            "weighted_coins": 17_902.5,
        }
    ],
    "organic": {
        "key": "organic",
        "last_purchases": 205.0,
        "last_coins": 7_210.0,
        "weighted_purchases": 219.7,
        "weighted_coins": 7_737.5,
    },
    "incremental": None,
    "unknown": "no holdout: what would have been bought without the lists is not known; put [holdout] into bandi.toml",
    "refunded": 120.0,
    "unmatched": 0.0,
    "nameless": 3,
}
_GROUP: dict[str, Any] = {
    "starts": 4_000.0,
    "mature": 3_120.5,
    "expected": 41.2,
    "observed": 39.0,
    "low": 27.7,
    "high": 53.3,
}
DELAYS: dict[str, Any] = {
    "now_ms": 1_767_225_600_000,
    "delays": [
        {
            "placement": "home",
            "objective": "coins",
            "starts": 4_000,
            "rewards": 39,
            "rate": 0.0121,
            "error": 0.0019,
            "mean_days": 4.4,
            "median_days": 3.6,
            "censored": 0.22,
            "points": [{"age": "7d", "converted": 0.0098, "error": 0.0016, "share": 0.81, "policy": 0.79}],
        }
    ],
    "calibration": [
        {
            "placement": "home",
            "titles": [_GROUP],
            "readers": [_GROUP],
            "weeks": [{"begin_ms": 1_766_620_800_000, "sums": _GROUP}],
        }
    ],
}

PUSH: dict[str, Any] = {
    "at_ms": 1_767_225_600_000,
    "budget": 500,
    "seed": "3103137411122472025",
    "pairs": 12_407,
    "sent": 500,
    "held": 55,
    "messages": [
        {
            "user": "u42",
            "item": "t017",
            "send_ms": 1_767_254_400_000,
            "expected_coins": 0.91,
            "expected_anyway": 0.52,
            "uplift": 0.39,
            "held_out": False,
        }
    ],
}

_LIFT: dict[str, Any] = {"estimate": 0.061, "low": 0.049, "high": 0.073, "p_value": 0.0004}
EXPERIMENT_REPORT: dict[str, Any] = {
    "experiment": "bold",
    "state": "running",
    "control": "control",
    "variants": ["control", "treatment"],
    "shares": [0.5, 0.5],
    "readers": [8_400, 8_391],
    "looks_ms": [1_767_139_200_000, 1_767_225_600_000],
    "mismatch": None,
    "metrics": [
        {
            "metric": "ctr",
            "kind": "ratio",
            "unit": "",
            "better": "higher",
            "variants": [
                {"variant": "control", "readers": [60, 8_400], "estimates": [0.112, 0.11]},
                {"variant": "treatment", "readers": [57, 8_391], "estimates": [0.109, 0.1167]},
            ],
            "lifts": {
                "treatment": {
                    "plain": {
                        "estimates": [None, 0.061],
                        "low": [None, 0.038],
                        "high": [None, 0.083],
                        "p_values": [1.0, 0.002],
                    },
                    "adjusted": None,
                    "fixed": _LIFT,
                    "fixed_adjusted": None,
                    "all_readers": None,
                    "variance_left": None,
                    "p_value": 0.002,
                    "corrected": 0.002,
                    "words": "better: 0 is left out",
                }
            },
            "immature": 0,
            "words": "",
        }
    ],
    "funnel": [{"step": "impression", "readers": {"control": 8_391, "treatment": 8_380}}],
    "by_exposure_day": {"treatment": [{"days": 0, "readers": 16_700, "lift": _LIFT}]},
    "guardrails": [
        {
            "metric": "paid_conversion",
            "treatment": "treatment",
            "decision": "go on",
            "since_ms": None,
            "p_value": 0.4,
            "words": "neither harm nor its absence is shown",
        }
    ],
    "moved": 0,
    "corrections": "Benjamini and Hochberg over metrics and treatments",
    "words": [],
}

_ERROR: dict[str, Any] = {"where": "$.events[3].coins", "found": '"two"', "expected": "float"}

RECEIPT: dict[str, Any] = {"accepted": 997, "duplicates": 2, "refused": [{"index": 3, "problem": _ERROR}]}

PROBLEMS: dict[int, dict[str, Any]] = {
    422: {
        "title": "Invalid input",
        "status": 422,
        "detail": "$.k: expected a whole number from 1 to 1000, found 0",
        "errors": [{"where": "$.k", "found": "0", "expected": "a whole number from 1 to 1000"}],
    },
    503: {"title": "Overloaded", "status": 503, "detail": "1000000 events wait for a commit; send these again later"},
}
