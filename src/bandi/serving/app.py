"""The ASGI application: hot routes first, then the rest; answers 503 until the engine is ready and while it stops."""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import unquote_to_bytes

from bandi.engine import Engine
from bandi.serving.admin import AdminRoutes, not_allowed
from bandi.serving.bodies import Receive, Scope
from bandi.serving.hot import HotRoutes, respond, respond_problem
from bandi.serving.live import Live
from bandi.serving.problems import HttpProblemError, from_error

_HEALTHY = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


class Service:
    """One engine over HTTP. `attach` an engine when it is ready, `detach` it before it closes."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._hot: dict[str, Any] = {}
        self._admin: Any = None
        self._waiting = "starting"

    def progress(self, doing: str) -> None:
        """Say in the 503s what keeps the service from answering."""
        self._waiting = doing

    def attach(self, engine: Engine, live: Live) -> None:
        """Begin to answer."""
        hot = HotRoutes(engine)
        self._admin = AdminRoutes(engine, live)
        self._engine = engine
        self._waiting = ""
        self._hot = {"/v1/recommendations": hot.recommend, "/v1/events": hot.record}

    def detach(self) -> None:
        """Answer 503 from now on."""
        self._hot = {}
        self._waiting = "stopping"

    async def __call__(self, scope: Scope, receive: Receive, send: Any) -> None:
        """One request."""
        handler = self._hot.get(scope["path"])
        try:
            if handler is not None and scope["method"] == "POST":
                status, body = await handler(scope, receive)
                await respond(send, status, body)
            else:
                await self._answer(scope, receive, send)
        except Exception as error:
            await _refuse(scope, send, error)

    async def _answer(self, scope: Scope, receive: Receive, send: Any) -> None:
        path = scope["path"]
        _check_path(scope)
        if path in ("/healthz", "/readyz"):
            await self._health(scope, path, send)
        elif self._waiting:
            raise self._not_ready()
        elif path in self._hot:
            raise not_allowed("POST")
        else:
            await self._admin(scope, receive, send)

    async def _health(self, scope: Scope, path: str, send: Any) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise not_allowed("GET", "HEAD")
        failure = None if self._engine is None else self._engine.failure
        if failure is not None:
            raise HttpProblemError(503, "The writer stopped", f"{failure!r}; restart the service, then `bandi doctor`")
        if path == "/readyz" and self._waiting:
            raise self._not_ready()
        await respond(send, 200, b'{"status":"ok"}', _HEALTHY)

    def _not_ready(self) -> HttpProblemError:
        return HttpProblemError(503, "Not ready", self._waiting, headers=[(b"retry-after", b"1")])


def _check_path(scope: Scope) -> None:
    """Raise 400 for a path that is not UTF-8: its bytes would be lost, and two ids would become one."""
    try:
        unquote_to_bytes(scope["raw_path"]).decode()
    except UnicodeDecodeError:
        raise HttpProblemError(400, "Malformed path", "the path is not UTF-8 when its %XX are decoded") from None


async def _refuse(scope: Scope, send: Any, error: Exception) -> None:
    problem = from_error(error)
    if problem.status == 405 and scope["method"] == "OPTIONS":
        await respond(send, 204, b"", problem.headers)
        return
    try:
        await respond_problem(send, problem)
    except RuntimeError:  # the response had begun
        print(f"bandi: {scope['method']} {scope['path']!a}: response cut short", file=sys.stderr, flush=True)
        raise
