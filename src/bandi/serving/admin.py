"""Everything but the two hot routes: catalogue, arms, decisions, explanations, statistics, documents, pages."""

from __future__ import annotations

from typing import Any

import msgspec
from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router

from bandi.console import find_page
from bandi.engine import Engine
from bandi.model.answers import ALL_SEGMENTS, Receipt
from bandi.model.catalog import Item, User
from bandi.model.errors import InvalidInputError, Problem
from bandi.serving.admin_views import Explanation, SegmentsView
from bandi.serving.bodies import Batch, Batches, Receive, Scope, check_json, decode, field_problem, invalid, read_body
from bandi.serving.experiment_routes import ExperimentRoutes
from bandi.serving.hot import answer
from bandi.serving.live import Live
from bandi.serving.openapi import openapi_document
from bandi.serving.problems import HttpProblemError
from bandi.serving.report_routes import ReportRoutes
from bandi.serving.rule_routes import RuleRoutes

MAX_PAGE = 1_000
_dict_decoder = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode


class AdminRoutes:
    """A Starlette router whose errors all come out as exceptions, for the application to answer."""

    def __init__(self, engine: Engine, live: Live) -> None:
        admin = _Admin(engine, live)
        routes = [
            Route("/v1/arms", admin.arms, methods=["GET"]),
            Route("/v1/stats", admin.stats, methods=["GET"]),
            Route("/v1/live", admin.live, methods=["GET"]),
            Route("/v1/decisions/{id}", admin.decision, methods=["GET"]),
            Route("/v1/segments", admin.segments, methods=["GET"]),
            Route("/v1/explanations", admin.explanation, methods=["GET"]),
            Route("/openapi.json", admin.openapi, methods=["GET"]),
            *_catalogue("items", Item, engine.items, engine),
            *_catalogue("users", User, engine.users, engine),
            *RuleRoutes(engine).routes(),
            *ReportRoutes(engine).routes(),
            *ExperimentRoutes(engine).routes(),
        ]
        self._router = Router(routes, redirect_slashes=False, default=admin.page)

    async def __call__(self, scope: Scope, receive: Receive, send: Any) -> None:
        """One request. Raises HttpProblemError or the engine's errors."""
        scope["app"] = self  # Starlette raises its 404 and 405 where there is an app, else it answers in plain text
        try:
            await self._router(scope, receive, send)
        except HTTPException as error:
            if error.status_code != 405:
                raise HttpProblemError(error.status_code, str(error.detail)) from None
            allowed = sorted(name for name in (error.headers or {}).get("Allow", "").split(", ") if name)
            raise not_allowed(*allowed) from None


def not_allowed(*methods: str) -> HttpProblemError:
    """405, with the methods that would do."""
    allow = ", ".join(methods)
    return HttpProblemError(405, "Method not allowed", f"use {allow}", headers=[(b"allow", allow.encode())])


class _Admin:
    def __init__(self, engine: Engine, live: Live) -> None:
        self._engine = engine
        self._live = live
        self._asking = CapacityLimiter(1)  # asking again reads the log: one at a time, or it starves the rest
        self._openapi = msgspec.json.encode(openapi_document(engine.config.serve))

    async def arms(self, request: Request) -> Response:
        placement = request.query_params.get("placement") or next(iter(self._engine.config.placements))
        items = request.query_params.getlist("item") or None
        if items is not None and len(items) > MAX_PAGE:
            raise InvalidInputError(Problem("query item", f"{len(items)} items", f"at most {MAX_PAGE}"))
        segment = request.query_params.get("segment", str(ALL_SEGMENTS))
        if segment != str(ALL_SEGMENTS) and not (segment.isascii() and segment.isdigit() and len(segment) < 4):
            raise InvalidInputError(Problem("query segment", repr(segment)[:66], "the number of a segment, 0 or more"))
        arms = await run_in_threadpool(self._engine.arms, placement, items, int(segment), _limit(request))
        return _json({"arms": arms})

    async def stats(self, _: Request) -> Response:
        return _json(self._engine.stats())

    async def live(self, _: Request) -> Response:
        body = await run_in_threadpool(self._live.json)
        return Response(body, media_type="application/json", headers={"cache-control": "no-store"})

    async def decision(self, request: Request) -> Response:
        try:
            ranking = await to_thread.run_sync(self._engine.ask_again, request.path_params["id"], limiter=self._asking)
        except InvalidInputError as error:
            raise HttpProblemError(404, "No such decision", str(error), error.problems) from None
        return _json(ranking)

    async def segments(self, _: Request) -> Response:
        artifact = self._engine.artifact
        profiles = await run_in_threadpool(self._engine.segments, artifact)  # the first time it reads a file
        if profiles is None:
            return _json(SegmentsView(artifact))
        return _json(SegmentsView(artifact, profiles.readers, profiles.segments, profiles.overlap))

    async def explanation(self, request: Request) -> Response:
        user, item = _required(request, "user"), _required(request, "item")
        try:
            because = await run_in_threadpool(self._engine.because, user, item)
        except InvalidInputError as error:
            problems = [msgspec.structs.replace(p, where=p.where.replace("$.", "query ")) for p in error.problems]
            raise invalid(*problems) from None
        return _json(Explanation(user, item, because))

    async def openapi(self, _: Request) -> Response:
        return Response(self._openapi, media_type="application/json")

    async def page(self, scope: Scope, receive: Receive, send: Any) -> None:
        """Any other path: a file of the page, or 404."""
        path = scope["path"].removeprefix("/")
        found = await run_in_threadpool(find_page, path)
        if found is None and path != "docs":
            raise HttpProblemError(404, "Not found", f"there is nothing at {ascii(scope['path'])[:200]}; see /docs/")
        if scope["method"] not in ("GET", "HEAD"):
            raise not_allowed("GET", "HEAD")
        if found is None:
            response: Response = RedirectResponse("/docs/")
        elif found.headers.get("etag", "") in Request(scope).headers.get("if-none-match", "-").split(", "):
            response = Response(status_code=304, headers=found.headers)
        else:
            response = Response(found.body, media_type=found.media_type, headers=found.headers)
        await response(scope, receive, send)


def _catalogue(noun: str, kind: type[Item] | type[User], door: Any, engine: Engine) -> list[Route]:
    """The routes of items or users: they differ in nothing but their type."""
    batches = Batches(kind, noun, engine.config.serve.max_batch)
    limit = engine.config.serve.max_body_bytes

    async def get(request: Request) -> Response:
        found = door.get(request.path_params["id"])
        if found is None:
            problem = Problem("path id", ascii(request.path_params["id"])[:66], f"the id of a known {noun[:-1]}")
            raise HttpProblemError(404, "Not found", str(problem), [problem])
        return _json(found)

    async def put(request: Request) -> Response:
        check_json(request.scope)
        fields = decode(_dict_decoder, await read_body(request.scope, request.receive, limit))
        path_id = request.path_params["id"]
        if fields.setdefault("id", path_id) != path_id:
            problem = Problem("$.id", f"{fields['id']!r:.66}", f"{path_id!r:.66}, as in the path, or no id")
            raise invalid(problem)
        try:
            value = msgspec.convert(fields, kind)
        except msgspec.ValidationError as error:
            raise invalid(field_problem(error, fields)) from None
        body = answer(await run_in_threadpool(door.put, [value]), Batch([value]))
        return Response(body, media_type="application/json")

    async def delete(request: Request) -> Response:
        receipt = await run_in_threadpool(door.delete, [request.path_params["id"]])
        if receipt.refused:
            problem = receipt.refused[0].problem
            raise HttpProblemError(404, "Not found", str(problem), [problem])
        return Response(status_code=204)

    async def page(request: Request) -> Response:
        after = request.query_params.get("after")
        return _json({noun: await run_in_threadpool(door.page, after, _limit(request))})

    async def batch(request: Request) -> Response:
        check_json(request.scope)
        decoded = batches.decode(await read_body(request.scope, request.receive, limit))
        receipt = await run_in_threadpool(door.put, decoded.records) if decoded.records else Receipt(0)
        return Response(answer(receipt, decoded), media_type="application/json")

    by_method = {"GET": get, "HEAD": get, "PUT": put, "DELETE": delete}

    async def one(request: Request) -> Response:
        return await by_method[request.method](request)

    return [
        Route(f"/v1/{noun}:batch", batch, methods=["POST"]),
        Route(f"/v1/{noun}", page, methods=["GET"]),
        Route(f"/v1/{noun}/{{id:path}}", one, methods=["GET", "PUT", "DELETE"]),
    ]


def _required(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if not value:
        raise InvalidInputError(
            Problem(f"query {name}", "nothing", f"the id of a {'reader' if name == 'user' else 'title'}")
        )
    return value


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", "100")
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= MAX_PAGE):
        raise InvalidInputError(Problem("query limit", repr(text)[:66], f"a whole number from 1 to {MAX_PAGE}"))
    return int(text)


def _json(value: Any) -> Response:
    return Response(_encode(value), media_type="application/json")
