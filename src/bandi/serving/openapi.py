"""The OpenAPI 3.1 document, made from the very structs that the routes decode and encode."""

from __future__ import annotations

from typing import Any, get_args

import msgspec

import bandi
from bandi.engine.crediting import CreditReport
from bandi.engine.delay_curves import DelayReport
from bandi.engine.pushing import MAX_BUDGET
from bandi.experiments.result import ExperimentResult
from bandi.model.answers import Arm, Ranking, Receipt, Stats
from bandi.model.catalog import Item, User
from bandi.model.config import Serve
from bandi.model.events import Event
from bandi.model.experiment_changes import Change
from bandi.model.rules import MAX_RULES, Rule
from bandi.serving import openapi_examples as examples
from bandi.serving.admin_views import Explanation, SegmentsView
from bandi.serving.experiment_routes import Experiments
from bandi.serving.hot import RecommendationRequest
from bandi.serving.live import LiveView
from bandi.serving.problems import ProblemDetails
from bandi.serving.report_routes import MAX_DAYS, MAX_LOOKS, MAX_ROWS, MAX_SEED, PushDraft
from bandi.serving.rule_routes import RulesInUse

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_STRUCTS = (
    RecommendationRequest, Ranking, Receipt, Item, User, Arm, Stats, LiveView, ProblemDetails, RulesInUse, SegmentsView,
    Explanation, CreditReport, DelayReport, PushDraft, Experiments, ExperimentResult,
)  # fmt: skip
_READS_BODY = (400, 408, 413, 415, 422)
_WRITES = (*_READS_BODY, 507)
_MEANINGS = {
    400: "Not well-formed JSON, or a path that is not UTF-8",
    404: "No such thing",
    408: "The request did not arrive in time",
    413: "Too many bytes or records",
    415: "Not application/json",
    422: "A value is not as it should be; `errors` names each",
    503: "Not ready, stopping or overloaded; nothing was kept, send it again later",
    507: "The disk is full; nothing was kept",
}


def openapi_document(serve: Serve) -> Json:
    """The document as plain dicts and lists."""
    (event, rule, change, *_), schemas = msgspec.json.schema_components(
        [Event, Rule, Change, *_STRUCTS], ref_template=_REF
    )
    schemas["Event"], schemas["Rule"], schemas["Change"] = event, rule, change
    kinds = [member.__name__ for member in get_args(Rule)]
    schemas["RuleFields"] = {"title": "RuleFields", "anyOf": [_ref(f"{kind}Fields") for kind in kinds]}
    for kind in ("Item", "User", *kinds):
        required = [name for name in schemas[kind]["required"] if name != "id"]
        schemas[f"{kind}Fields"] = {**schemas[kind], "title": f"{kind}Fields", "required": required}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Bandi",
            "version": bandi.__version__,
            "summary": "Ranks titles, learns from every click within a second.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in ("reading", "catalogue", "rules", "experiments", "looking", "health")],
        "paths": _paths(serve),
        "components": {"schemas": schemas, "responses": {"Other": _problem("Any other: 404, 405 (Allow), 431, 500")}},
    }


def _paths(serve: Serve) -> Json:
    return {
        "/v1/recommendations": {"post": _recommend()},
        "/v1/events": {"post": _record(serve)},
        **_catalogue("items", "Item", examples.ITEM, serve),
        **_catalogue("users", "User", examples.USER, serve),
        **_rules(),
        **_experiments(),
        "/v1/segments": {"get": _segments()},
        "/v1/explanations": {"get": _explanation()},
        "/v1/arms": {"get": _arms()},
        "/v1/decisions/{id}": {"get": _decision()},
        "/v1/credit": {"get": _credit()},
        "/v1/delays": {"get": _delays()},
        "/v1/push": {"get": _push()},
        "/v1/stats": {"get": _get("looking", "stats", "Counters of the whole log and sizes now.", _ref("Stats"))},
        "/v1/live": {"get": _get("looking", "live", "What the page shows; changes once a second.", _ref("LiveView"))},
        "/healthz": {"get": _get("health", "healthz", "The process is alive and its writer has not failed.", _STATUS)},
        "/readyz": {"get": _get("health", "readyz", "Kernels are compiled and the log is folded.", _STATUS)},
    }


_STATUS = {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}}


def _ref(name: str) -> Json:
    return {"$ref": _REF.format(name=name)}


def _content(schema: Json, example: Any = None) -> Json:
    return {"application/json": {"schema": schema} if example is None else {"schema": schema, "example": example}}


def _problem(meaning: str, example: Any = None) -> Json:
    body: Json = {"schema": _ref("ProblemDetails")}
    if example is not None:
        body["example"] = example
    return {"description": meaning, "content": {"application/problem+json": body}}


def _responses(status: int, meaning: str, content: Json | None, problems: tuple[int, ...]) -> Json:
    """The good answer, the problems that the route names, and 503, which any of them may give."""
    responses: Json = {str(status): {"description": meaning}}
    if content is not None:
        responses[str(status)]["content"] = content
    for code in sorted({*problems, 503}):
        responses[str(code)] = _problem(_MEANINGS[code], examples.PROBLEMS.get(code))
        if code in (503, 507):
            seconds = {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}}
            responses[str(code)]["headers"] = {"Retry-After": seconds}
    responses["default"] = {"$ref": "#/components/responses/Other"}
    return responses


def _operation(tag: str, name: str, summary: str, responses: Json) -> Json:
    return {"tags": [tag], "operationId": name, "summary": summary, "responses": responses}


def _get(tag: str, name: str, summary: str, schema: Json, problems: tuple[int, ...] = ()) -> Json:
    return _operation(tag, name, summary, _responses(200, "Done", _content(schema), problems))


def _body(schema: Json, example: Any) -> Json:
    return {"required": True, "content": _content(schema, example)}


def _path_id(meaning: str) -> Json:
    schema = {"type": "string", "minLength": 1, "maxLength": 256}
    return {"name": "id", "in": "path", "required": True, "description": meaning, "schema": schema}


def _query(name: str, schema: Json, meaning: str) -> Json:
    return {"name": name, "in": "query", "description": meaning, "schema": schema}


def _limit() -> Json:
    return _query(
        "limit", {"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": 100}, "Most entries to give"
    )


def _recommend() -> Json:
    content = _content(_ref("Ranking"), examples.RANKING)
    responses = _responses(200, "The list, first slot first", content, _READS_BODY)
    summary = "A ranked list for one reader at one placement; the decision is logged."
    body = _body(_ref("RecommendationRequest"), {"user": "u42", "placement": "home", "k": 10})
    return {**_operation("reading", "recommend", summary, responses), "requestBody": body}


def _record(serve: Serve) -> Json:
    many = {"type": "array", "items": _ref("Event"), "maxItems": serve.max_batch}
    keyed = {"type": "object", "required": ["events"], "properties": {"events": many}, "additionalProperties": False}
    content = _content(_ref("Receipt"), examples.RECEIPT)
    responses = _responses(202, "Durable: safe from a kill and a power cut", content, _WRITES)
    summary = "One event or a batch; good records are kept, repeats counted, bad ones named."
    body = {"schema": {"anyOf": [_ref("Event"), keyed, many]}, "examples": examples.EVENTS}
    return {
        **_operation("reading", "record", summary, responses),
        "requestBody": {"required": True, "content": {"application/json": body}},
    }


def _catalogue(noun: str, kind: str, example: Json, serve: Serve) -> Json:
    single = noun[:-1]
    many = {"type": "array", "items": _ref(kind), "maxItems": serve.max_batch}
    keyed = {"type": "object", "required": [noun], "properties": {noun: many}, "additionalProperties": False}
    listing = {"type": "object", "required": [noun], "properties": {noun: {"type": "array", "items": _ref(kind)}}}
    after = _query("after", {"type": "string", "minLength": 1}, f"Id of the last {single} of the page before")
    put = _operation(
        "catalogue",
        f"put_{single}",
        f"Add or replace one {single}; its id may be left out of the body.",
        _responses(200, "Durable", _content(_ref("Receipt"), {"accepted": 1}), _WRITES),
    )
    batch = _operation(
        "catalogue",
        f"put_{noun}",
        f"Add or replace one or many {noun}; good ones are kept, bad ones named.",
        _responses(200, "Durable", _content(_ref("Receipt"), examples.RECEIPT), _WRITES),
    )
    delete = _responses(204, "Gone, durably", None, (400, 404, 507))
    page = _get("catalogue", f"list_{noun}", f"A page of {noun}, in the order of their first naming.", listing, (422,))
    return {
        f"/v1/{noun}": {"get": {**page, "parameters": [after, _limit()]}},
        f"/v1/{noun}:batch": {
            "post": {**batch, "requestBody": _body({"anyOf": [keyed, many, _ref(kind)]}, {noun: [example]})}
        },
        f"/v1/{noun}/{{id}}": {
            "parameters": [_path_id(f"Id of the {single}; slashes may stand as they are")],
            "get": _get("catalogue", f"get_{single}", f"One {single}.", _ref(kind), (400, 404)),
            "put": {**put, "requestBody": _body(_ref(f"{kind}Fields"), example)},
            "delete": _operation("catalogue", f"delete_{single}", f"Take one {single} out; its events remain.", delete),
        },
    }


def _rules() -> Json:
    many = {"type": "array", "items": _ref("Rule"), "maxItems": MAX_RULES}
    keyed = {"type": "object", "required": ["rules"], "properties": {"rules": many}, "additionalProperties": False}
    durable = _responses(
        200, "Durable; it acts from the next request on", _content(_ref("Receipt"), {"accepted": 1}), _WRITES
    )
    put = _operation("rules", "put_rule", "Add or replace one rule; its id may be left out of the body.", durable)
    batch = _operation("rules", "put_rules", "Add or replace one or many rules: all of them or none.", durable)
    gone = _responses(204, "Gone, durably", None, (400, 404, 507))
    example = {name: value for name, value in examples.RULE.items() if name != "id"}
    return {
        "/v1/rules": {"get": _get("rules", "list_rules", "All rules, and which of them act now.", _ref("RulesInUse"))},
        "/v1/rules:batch": {
            "post": {**batch, "requestBody": _body({"anyOf": [keyed, many, _ref("Rule")]}, {"rules": [examples.RULE]})}
        },
        "/v1/rules/{id}": {
            "parameters": [_path_id("Id of the rule; slashes may stand as they are")],
            "get": _get("rules", "get_rule", "One rule.", _ref("Rule"), (400, 404)),
            "put": {**put, "requestBody": _body(_ref("RuleFields"), example)},
            "delete": _operation("rules", "delete_rule", "Take one rule out; it acts no more.", gone),
        },
    }


def _experiments() -> Json:
    durable = _responses(
        200, "Durable; it acts from the next request on", _content(_ref("ExperimentView")), (*_WRITES, 404)
    )
    change = _operation("experiments", "change_experiment", "Start, ramp, stop or conclude one experiment.", durable)
    every = _get("experiments", "list_experiments", "All experiments of bandi.toml.", _ref("Experiments"))
    one = _get("experiments", "get_experiment", "One experiment.", _ref("ExperimentView"), (400, 404))
    named = _path_id("Name of the experiment")
    return {
        "/v1/experiments": {"get": every},
        "/v1/experiments/{id}": {"parameters": [named], "get": one},
        "/v1/experiments/{id}/report": {"parameters": [named], "get": _experiment_report()},
        "/v1/experiments/{id}/changes": {
            "parameters": [named],
            "post": {**change, "requestBody": _body(_ref("Change"), examples.CHANGE)},
        },
    }


def _experiment_report() -> Json:
    summary = "What an experiment says so far; null where there is no figure. Reads the log; one at a time."
    content = _content(_ref("ExperimentResult"), examples.EXPERIMENT_REPORT)
    responses = _responses(200, "Done; intervals are valid however often one asks", content, (400, 404, 422))
    looks = {"type": "integer", "minimum": 1, "maximum": MAX_LOOKS, "default": 100}
    parameters = [_query("looks", looks, "Most looks (days) in each series, the newest")]
    return {**_operation("experiments", "report_experiment", summary, responses), "parameters": parameters}


def _segments() -> Json:
    summary = "What each segment of the artifact in use is like; none before training."
    responses = _responses(200, "Done", _content(_ref("SegmentsView"), examples.SEGMENTS), ())
    return _operation("looking", "segments", summary, responses)


def _explanation() -> Json:
    summary = "Because you read: the titles a reader read last that speak most for an item."
    responses = _responses(200, "Done", _content(_ref("Explanation"), examples.EXPLANATION), (422,))
    schema = {"type": "string", "minLength": 1, "maxLength": 256}
    parameters = [
        {**_query("user", schema, "The reader's id; one that is not known has read nothing"), "required": True},
        {**_query("item", schema, "The title's id"), "required": True},
    ]
    return {**_operation("looking", "explanation", summary, responses), "parameters": parameters}


def _arms() -> Json:
    schema = {"type": "object", "required": ["arms"], "properties": {"arms": {"type": "array", "items": _ref("Arm")}}}
    summary = "Posterior of each arm: trials, successes, mean, central 95 % interval; most tried first."
    segment = {"type": "integer", "minimum": -1, "maximum": 64, "default": -1}
    items = {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 1000}
    parameters = [
        _query("placement", {"type": "string"}, "Default: the first of bandi.toml"),
        _query("item", items, "Only these items; may be repeated"),
        _query(
            "segment", segment, "-1: all together; 0: readers of whom nothing is known; those of [segments] from 1 on"
        ),
        _limit(),
    ]
    return {**_get("looking", "arms", summary, schema, (422,)), "parameters": parameters}


def _decision() -> Json:
    summary = "A past decision, computed anew from the log: the same ranking. Reads the log; one at a time."
    got = _get("looking", "ask_again", summary, _ref("Ranking"), (400, 404))
    return {**got, "parameters": [_path_id("A request id, as a ranking gave it")]}


def _credit() -> Json:
    summary = "What purchases are credited to, by two rules, and what a holdout says the lists brought. Reads the log; one at a time."
    responses = _responses(
        200, "Done; rows with most coins first", _content(_ref("CreditReport"), examples.CREDIT), (422,)
    )
    share = {"type": "number", "minimum": 0, "maximum": 1, "default": 0.4}
    parameters = [
        _query("by", {"enum": ["placement", "item", "segment"], "default": "placement"}, "What the rows are"),
        _query(
            "days", {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_DAYS}, "Purchases of the log's last days only"
        ),
        _query("window", {"type": "string", "default": "14d"}, "Longest time from a click to the purchase, such as 30m or 14d"),
        _query("first", share, "Position-weighted: share of the first click; those between first and last share the rest"),
        _query("last", share, "Position-weighted: share of the last click; at most 1 with the first"),
        _query(
            "winsorise", {"type": "number", "exclusiveMinimum": 0.5, "exclusiveMaximum": 1},
            "Cap each reader's coins at this quantile before groups are compared",
        ),
        _limit(),
    ]  # fmt: skip
    return {**_operation("looking", "credit", summary, responses), "parameters": parameters}


def _delays() -> Json:
    summary = "When reads and payments come after a start, and whether what was foretold of them came. Reads the log; one at a time."
    responses = _responses(200, "Done", _content(_ref("DelayReport"), examples.DELAYS), ())
    return _operation("looking", "delays", summary, responses)


def _push() -> Json:
    summary = "Whom a run of `bandi push` would message now. Nothing is sent or logged; events wait while it chooses."
    responses = _responses(
        200, "The first messages, most uplift drawn first", _content(_ref("PushDraft"), examples.PUSH), (422,)
    )
    budget = {"type": "integer", "minimum": 1, "maximum": MAX_BUDGET}
    moment = {"type": "string", "format": "date-time"}
    parameters = [
        {**_query("budget", budget, "Most messages of the day, earlier runs of the day included"), "required": True},
        _query("at", moment, "The moment of the run; default: now"),
        _query("seed", {"type": "integer", "minimum": 0, "maximum": MAX_SEED}, "All the randomness; default: fresh"),
        _limit(),
    ]
    return {**_operation("looking", "push_draft", summary, responses), "parameters": parameters}
