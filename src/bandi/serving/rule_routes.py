"""The routes of operators' rules: looked at and changed while the service runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandi.engine import Engine
from bandi.model.errors import InvalidInputError, Problem, UnknownNameError
from bandi.model.rules import Rule
from bandi.serving.bodies import Batches, check_json, decode, field_problem, invalid, read_body
from bandi.serving.problems import HttpProblemError

_dict_decoder = msgspec.json.Decoder(dict[str, Any])
RULE_TYPES = "pin, boost, bury, block"


class RulesInUse(msgspec.Struct, frozen=True):
    """All rules, oldest first, those that have ended as well; acting: the ids of those that act now."""

    rules: tuple[Rule, ...]
    acting: tuple[str, ...]


class RuleRoutes:
    """Get, put and delete rules. A change is durable before the answer, and acts from the next request on."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._limit = engine.config.serve.max_body_bytes
        self._batches = Batches(Rule, "rules", engine.config.serve.max_batch)

    def routes(self) -> list[Route]:
        """For the router; ids may hold slashes."""
        return [
            Route("/v1/rules:batch", self._batch, methods=["POST"]),
            Route("/v1/rules", self._all, methods=["GET"]),
            Route("/v1/rules/{id:path}", self._one, methods=["GET", "PUT", "DELETE"]),
        ]

    async def _all(self, _: Request) -> Response:
        return _json(RulesInUse(self._engine.rules.all(), self._engine.rules.acting()))

    async def _one(self, request: Request) -> Response:
        if request.method == "PUT":
            return await self._put(request)
        return await (self._delete if request.method == "DELETE" else self._get)(request)

    async def _get(self, request: Request) -> Response:
        found = self._engine.rules.get(request.path_params["id"])
        if found is None:
            problem = Problem("path id", ascii(request.path_params["id"])[:66], "the id of a rule")
            raise HttpProblemError(404, "Not found", str(problem), [problem])
        return _json(found)

    async def _put(self, request: Request) -> Response:
        check_json(request.scope)
        fields = decode(_dict_decoder, await read_body(request.scope, request.receive, self._limit))
        path_id = request.path_params["id"]
        if fields.setdefault("id", path_id) != path_id:
            raise invalid(Problem("$.id", f"{fields['id']!r:.66}", f"{path_id!r:.66}, as in the path, or no id"))
        try:
            rule = msgspec.convert(fields, Rule)
        except msgspec.ValidationError as error:
            raise invalid(field_problem(error, fields, tags=RULE_TYPES)) from None
        return await self._take([rule], None)

    async def _batch(self, request: Request) -> Response:
        """All or none: half of a campaign is no campaign."""
        check_json(request.scope)
        batch = self._batches.decode(await read_body(request.scope, request.receive, self._limit))
        if batch.refused:
            raise invalid(*[refusal.problem for refusal in batch.refused[:100]])
        return await self._take(batch.records, batch.root)

    async def _take(self, rules: Sequence[Rule], root: str | None) -> Response:
        try:
            return _json(await run_in_threadpool(self._engine.rules.put, *rules))
        except InvalidInputError as error:
            raise invalid(*[_placed(problem, root) for problem in error.problems]) from None

    async def _delete(self, request: Request) -> Response:
        try:
            await run_in_threadpool(self._engine.rules.delete, request.path_params["id"])
        except UnknownNameError as error:
            raise HttpProblemError(404, "Not found", str(error), error.problems) from None
        return Response(status_code=204)


def _placed(problem: Problem, root: str | None) -> Problem:
    """The engine counts rules from `$[0]`; the request holds one alone (root None), or a list at `root`."""
    where = re.sub(r"^\$\[\d+\]", "$", problem.where) if root is None else re.sub(r"^\$", root, problem.where)
    return msgspec.structs.replace(problem, where=where)


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
