"""Examples of the OpenAPI document; a test sends the requests and holds the answers against the schemas."""

from __future__ import annotations

from typing import Any

ITEM: dict[str, Any] = {"id": "t017", "title": "Firefly", "genre": "fantasy", "tags": ["night"], "editor_rank": 1}
USER: dict[str, Any] = {"id": "u42", "fields": {"since": "2024"}}

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
