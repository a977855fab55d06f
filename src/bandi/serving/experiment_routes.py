"""The routes of experiments: looked at and changed while the service runs."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandi.engine import Engine
from bandi.engine.experiments import ExperimentView
from bandi.model.errors import InvalidInputError, UnknownNameError
from bandi.model.experiment_changes import Change
from bandi.serving.bodies import Batches, check_json, invalid, read_body
from bandi.serving.problems import HttpProblemError


class Experiments(msgspec.Struct, frozen=True):
    """All experiments of bandi.toml, by name."""

    experiments: tuple[ExperimentView, ...]


class ExperimentRoutes:
    """Look at experiments, and post changes to them. A change is durable before the answer, and acts from the next request on."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._limit = engine.config.serve.max_body_bytes
        self._decoder = Batches(Change, "changes", 1)

    def routes(self) -> list[Route]:
        """For the router."""
        return [
            Route("/v1/experiments", self._all, methods=["GET"]),
            Route("/v1/experiments/{id}", self._one, methods=["GET"]),
            Route("/v1/experiments/{id}/changes", self._change, methods=["POST"]),
        ]

    async def _all(self, _: Request) -> Response:
        return _json(Experiments(await run_in_threadpool(self._engine.experiments.all)))

    async def _one(self, request: Request) -> Response:
        try:
            return _json(await run_in_threadpool(self._engine.experiments.get, request.path_params["id"]))
        except UnknownNameError as error:
            raise _unknown(error) from None

    async def _change(self, request: Request) -> Response:
        check_json(request.scope)
        change = self._decoder.single(await read_body(request.scope, request.receive, self._limit))
        try:
            return _json(await run_in_threadpool(self._engine.experiments.change, request.path_params["id"], change))
        except UnknownNameError as error:
            raise _unknown(error) from None
        except InvalidInputError as error:
            raise invalid(*error.problems) from None


def _unknown(error: UnknownNameError) -> HttpProblemError:
    return HttpProblemError(404, "Not found", str(error), error.problems)


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
