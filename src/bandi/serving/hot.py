"""The two hot routes, by hand on ASGI: a list for a reader, and what readers did."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec

from bandi.engine import Engine
from bandi.model.answers import Receipt
from bandi.model.events import Event, Id
from bandi.serving.bodies import Batch, Batches, Receive, Scope, check_json, decode, read_body
from bandi.serving.problems import CONTENT_TYPE, HttpProblemError, from_error


class RecommendationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks, where, and for how many.

    user: absent or null for an anonymous reader; item: what the list stands beside; age: the reader's, 0 to 199 years;
    region: where the reader is.
    """

    user: Id | None = None
    placement: str = "home"
    k: int | None = None
    item: Id | None = None
    age: int | None = None
    region: Id | None = None


_request_decoder = msgspec.json.Decoder(RecommendationRequest)
_encode = msgspec.json.Encoder().encode
_JSON = (b"content-type", b"application/json")


class Landing:
    """Brings answers from the writer's thread to the event loop, waking it once for each group of answers."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._landed: deque[tuple[asyncio.Future[Receipt], Receipt | BaseException]] = deque()
        self._waking = False

    def receiver(self, future: asyncio.Future[Receipt]) -> Any:
        """A `Done` for `Engine.submit`."""

        def done(outcome: Receipt | BaseException) -> None:
            self._landed.append((future, outcome))
            if not self._waking:
                self._waking = True
                with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                    self._loop.call_soon_threadsafe(self._deliver)

        return done

    def _deliver(self) -> None:
        self._waking = False  # before the emptying: what lands later wakes again
        while self._landed:
            future, outcome = self._landed.popleft()
            if future.cancelled():
                continue
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)


class HotRoutes:
    """Handlers give (status, body). Errors come as HttpProblemError or the engine's own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._limit = engine.config.serve.max_body_bytes
        self._events = Batches(Event, "events", engine.config.serve.max_batch)
        self._landing: Landing | None = None

    async def recommend(self, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        """POST /v1/recommendations."""
        check_json(scope)
        request = decode(_request_decoder, await read_body(scope, receive, self._limit))
        ranking = self._engine.recommend(
            request.user, request.placement, request.k, item=request.item, age=request.age, region=request.region
        )
        return 200, _encode(ranking)

    async def record(self, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        """POST /v1/events: 202 once durable; 422 when nothing could be taken."""
        check_json(scope)
        batch = self._events.decode(await read_body(scope, receive, self._limit))
        if not batch.records:
            return 202, answer(Receipt(0), batch)
        loop = asyncio.get_running_loop()
        if self._landing is None:
            self._landing = Landing(loop)
        future: asyncio.Future[Receipt] = loop.create_future()
        self._engine.submit(batch.records, self._landing.receiver(future))
        return 202, answer(await future, batch)


def answer(receipt: Receipt, batch: Batch) -> bytes:
    """The receipt as JSON, in the places of the request. Raises 422 when every record was refused."""
    if receipt.refused or batch.refused:
        together = [*map(batch.rebased, receipt.refused), *batch.refused]
        together.sort(key=lambda refusal: refusal.index)
        receipt = Receipt(receipt.accepted, receipt.duplicates, tuple(together))
        if not receipt.accepted and not receipt.duplicates:
            errors = [refusal.problem for refusal in together[:100]]
            raise HttpProblemError(422, "Every record was refused", str(errors[0]), errors)
    return _encode(receipt)


async def respond(send: Any, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = (_JSON,)) -> None:
    """One whole response."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def respond_problem(send: Any, error: BaseException) -> None:
    """A problem+json response."""
    problem = from_error(error)
    await respond(send, problem.status, problem.body(), [(b"content-type", CONTENT_TYPE), *problem.headers])
