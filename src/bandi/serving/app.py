"""The ASGI application: hot routes first, then the rest; answers 503 until the engine is ready and while it stops."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from bandi.engine import Engine
from bandi.serving.admin import admin_application
from bandi.serving.bodies import Receive, Scope
from bandi.serving.hot import HotRoutes, respond, respond_problem
from bandi.serving.live import Live
from bandi.serving.problems import HttpProblemError

_JSON = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


class Service:
    """One engine over HTTP. `attach` an engine when it is ready, `detach` it before it closes."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._stopping = False
        self._hot: dict[str, Any] = {}
        self._admin: Any = None
        self.progress = "starting"

    def attach(self, engine: Engine, live: Live) -> None:
        """Begin to answer."""
        hot = HotRoutes(engine)
        self._hot = {"/v1/recommendations": hot.recommend, "/v1/events": hot.record}
        self._admin = admin_application(engine, live)
        self._engine = engine

    def detach(self) -> None:
        """Answer 503 from now on."""
        self._stopping = True

    async def __call__(self, scope: Scope, receive: Receive, send: Any) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        try:
            await self._answer(scope, receive, send)
        except Exception as error:
            await respond_problem(send, error)

    async def _answer(self, scope: Scope, receive: Receive, send: Any) -> None:
        path = scope["path"]
        handler = self._hot.get(path)
        if handler is not None and not self._stopping:
            if scope["method"] != "POST":
                raise HttpProblemError(405, "Method not allowed", "use POST", headers=[(b"allow", b"POST")])
            status, body = await handler(scope, receive)
            await respond(send, status, body)
        elif path in ("/healthz", "/readyz"):
            await self._health(scope, path, send)
        elif self._engine is None or self._stopping:
            detail = "the service is stopping" if self._stopping else f"not ready yet: {self.progress}"
            raise HttpProblemError(503, "Not ready", detail, headers=[(b"retry-after", b"1")])
        else:
            with suppress(Exception):  # Starlette raises again what its handler has answered (and printed) already
                await self._admin(scope, receive, send)

    async def _health(self, scope: Scope, path: str, send: Any) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise HttpProblemError(405, "Method not allowed", "use GET", headers=[(b"allow", b"GET, HEAD")])
        failure = None if self._engine is None else self._engine.failure
        if failure is not None:
            raise HttpProblemError(503, "The writer stopped", repr(failure))
        if path == "/readyz" and (self._engine is None or self._stopping):
            detail = "stopping" if self._stopping else self.progress
            raise HttpProblemError(503, "Not ready", detail, headers=[(b"retry-after", b"1")])
        await respond(send, 200, b'{"status":"ok"}', _JSON)
