"""The OpenAPI 3.1 document, made from the very structs that the routes decode and encode."""

from __future__ import annotations

from typing import Any

import msgspec

import bandi
from bandi.model.answers import Arm, Ranking, Receipt, Stats
from bandi.model.catalog import Item, User
from bandi.model.config import Serve
from bandi.model.events import Click, Custom, Dismiss, Impression, Purchase, Read
from bandi.serving.hot import RecommendationRequest
from bandi.serving.live import LiveView
from bandi.serving.problems import ProblemDetails

_EVENTS = (Impression, Click, Read, Purchase, Dismiss, Custom)
_REF = "#/components/schemas/{name}"


def openapi_document(serve: Serve) -> dict[str, Any]:
    """The document as plain dicts and lists."""
    structs = [RecommendationRequest, Ranking, *_EVENTS, Receipt, Item, User, Arm, Stats, LiveView, ProblemDetails]
    _, schemas = msgspec.json.schema_components(structs, ref_template=_REF)
    event = {"oneOf": [_ref(kind.__name__) for kind in _EVENTS]}
    many = {"type": "array", "items": event, "maxItems": serve.max_batch}
    keyed = {"type": "object", "required": ["events"], "properties": {"events": many}, "additionalProperties": False}
    paths = {
        "/v1/recommendations": {"post": _recommend()},
        "/v1/events": {"post": _record({"oneOf": [event, keyed, many]})},
        **_catalogue("items", "Item", {"title": "Firefly", "genre": "fantasy", "editor_rank": 1}, serve),
        **_catalogue("users", "User", {"fields": {"since": "2024"}}, serve),
        "/v1/arms": {"get": _arms()},
        "/v1/decisions/{id}": {"get": _decision()},
        "/v1/stats": {"get": _get("Counters of the whole log and sizes now.", _ref("Stats"))},
        "/v1/live": {"get": _get("What the page shows; changes once a second.", _ref("LiveView"))},
        "/healthz": {"get": _get("The process is alive and its writer has not failed.", _status(), 503)},
        "/readyz": {"get": _get("Kernels are compiled and the log is folded.", _status(), 503)},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Bandi",
            "version": bandi.__version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(name=name)}


def _status() -> dict[str, Any]:
    return {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}}


def _json(schema: dict[str, Any], example: Any = None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schema}
    if example is not None:
        content["example"] = example
    return {"application/json": content}


def _responses(status: int, schema: dict[str, Any] | None, *problems: int, meaning: str = "Done") -> dict[str, Any]:
    words = {
        400: "Not well-formed JSON",
        404: "No such thing",
        408: "The body did not come in time",
        413: "Too many bytes or records",
        415: "Not application/json",
        422: "A field is not as it should be; `errors` names it",
        503: "Not ready, stopping or overloaded; try again",
        507: "The disk is full; nothing was kept",
    }
    good: dict[str, Any] = {"description": meaning}
    if schema is not None:
        good["content"] = _json(schema)
    problem = {"application/problem+json": {"schema": _ref("ProblemDetails")}}
    bad = {str(code): {"description": words[code], "content": problem} for code in sorted({*problems, 503})}
    return {str(status): good, **bad}


def _body(schema: dict[str, Any], example: Any) -> dict[str, Any]:
    return {"required": True, "content": _json(schema, example)}


def _get(summary: str, schema: dict[str, Any], *problems: int) -> dict[str, Any]:
    return {"summary": summary, "responses": _responses(200, schema, *problems)}


def _recommend() -> dict[str, Any]:
    return {
        "summary": "A ranked list for one reader at one placement; the decision is logged.",
        "operationId": "recommend",
        "requestBody": _body(_ref("RecommendationRequest"), {"user": "u42", "placement": "home", "k": 10}),
        "responses": _responses(200, _ref("Ranking"), 400, 408, 413, 415, 422, meaning="The list, first slot first"),
    }


def _record(schema: dict[str, Any]) -> dict[str, Any]:
    example = {"type": "click", "user": "u42", "item": "t017", "placement": "home", "event_id": "c-1"}
    return {
        "summary": "One event or a batch; good records are kept, bad ones named.",
        "operationId": "record",
        "requestBody": _body(schema, example),
        "responses": _responses(
            202, _ref("Receipt"), 400, 408, 413, 415, 422, 507, meaning="Durable: safe from a kill and a power cut"
        ),
    }


def _catalogue(noun: str, kind: str, example: dict[str, Any], serve: Serve) -> dict[str, Any]:
    single = noun[:-1]
    path_id = {
        "name": "id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": 256},
    }
    whole = _ref(kind)
    many = {"type": "array", "items": whole, "maxItems": serve.max_batch}
    keyed = {"type": "object", "required": [noun], "properties": {noun: many}, "additionalProperties": False}
    listing = {"type": "object", "required": [noun], "properties": {noun: {"type": "array", "items": whole}}}
    after = {
        "name": "after",
        "in": "query",
        "schema": {"type": "string"},
        "description": f"Id of the last {single} seen",
    }
    return {
        f"/v1/{noun}": {"get": {"parameters": [after, _limit_parameter()], **_get(f"A page of {noun}.", listing, 422)}},
        f"/v1/{noun}:batch": {
            "post": {
                "summary": f"Add or replace many {noun}.",
                "requestBody": _body({"oneOf": [keyed, many]}, {noun: [{"id": "x1", **example}]}),
                "responses": _responses(200, _ref("Receipt"), 400, 408, 413, 415, 422, 507),
            }
        },
        f"/v1/{noun}/{{id}}": {
            "parameters": [path_id],
            "get": _get(f"One {single}.", whole, 404),
            "put": {
                "summary": f"Add or replace one {single}; its id may be left out of the body.",
                "requestBody": _body({"type": "object"}, example),
                "responses": _responses(200, _ref("Receipt"), 400, 408, 413, 415, 422, 507),
            },
            "delete": {
                "summary": f"Take one {single} out; its events remain.",
                "responses": _responses(204, None, 404, 507),
            },
        },
    }


def _limit_parameter() -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    return {"name": "limit", "in": "query", "schema": schema}


def _arms() -> dict[str, Any]:
    placement = {"name": "placement", "in": "query", "schema": {"type": "string"}, "description": "Default: the first"}
    item = {"name": "item", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}}
    schema = {"type": "object", "required": ["arms"], "properties": {"arms": {"type": "array", "items": _ref("Arm")}}}
    summary = "Posterior of each arm: trials, successes, mean, central 95 % interval."
    return {"parameters": [placement, item, _limit_parameter()], **_get(summary, schema, 422)}


def _decision() -> dict[str, Any]:
    path_id = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    summary = "A past decision, computed anew from the log: the same ranking."
    return {"parameters": [path_id], **_get(summary, _ref("Ranking"), 404)}
