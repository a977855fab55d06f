"""The routes of reports on the whole log: credit, delays and experiments; and the list of messages that a run would give, never one."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Any, get_args

import msgspec
from anyio import CapacityLimiter, to_thread
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandi.engine import Engine
from bandi.engine.crediting import CreditReport, credit_report
from bandi.engine.delay_curves import delay_report
from bandi.engine.push_list import PushList
from bandi.engine.pushing import MAX_BUDGET
from bandi.experiments.metrics import evaluate
from bandi.experiments.report.recent import with_last_looks
from bandi.experiments.result import ExperimentResult
from bandi.learning.credit import By, CreditRule
from bandi.model.config_values import duration_ms
from bandi.model.errors import InvalidInputError, Problem, UnknownNameError
from bandi.serving.problems import HttpProblemError

MAX_ROWS = 1_000
MAX_DAYS = 36_500
MAX_LOOKS = 1_000
MAX_SEED = 2**64 - 1
_DURATION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h|d)")
_MAX_WINDOW_MS = MAX_DAYS * 86_400_000


class DraftMessage(msgspec.Struct, frozen=True):
    """One message that would go out, or be held back to measure by. send_ms: when, ms since 1970.

    expected_coins: of the reader within the window, with the message; expected_anyway: without; uplift: what it adds.
    """

    user: str
    item: str
    send_ms: int
    expected_coins: float
    expected_anyway: float
    uplift: float
    held_out: bool


class PushDraft(msgspec.Struct, frozen=True):
    """What a run would choose now. at_ms: of the run; budget: what is left of the day's; seed: asks for the same list again on the
    same state; pairs: of reader and title, that could have been chosen; sent, held: messages in all; messages: the first of them.
    """

    at_ms: int
    budget: int
    seed: str
    pairs: int
    sent: int
    held: int
    messages: list[DraftMessage]


class ReportRoutes:
    """One report at a time: each reads the log, or lets the writer wait, and would starve the rest."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reporting = CapacityLimiter(1)

    def routes(self) -> list[Route]:
        """For the router."""
        return [
            Route("/v1/credit", self._credit, methods=["GET"]),
            Route("/v1/delays", self._delays, methods=["GET"]),
            Route("/v1/push", self._push, methods=["GET"]),
            Route("/v1/experiments/{id}/report", self._experiment, methods=["GET"]),
        ]

    async def _credit(self, request: Request) -> Response:
        query = _Query(request.query_params)
        by, rule = query.one_of("by", get_args(By), "placement"), _rule(query)
        days = query.number("days", None, "above 0 and at most 36500", lambda days: 0.0 < days <= MAX_DAYS)
        cap = query.number("winsorise", None, "above 0.5 and below 1", lambda share: 0.5 < share < 1.0)
        limit = query.whole("limit", 100, 1, MAX_ROWS)

        def report() -> CreditReport:
            found = credit_report(self._engine.path, rule, by, days, cap)  # type: ignore[arg-type]
            return msgspec.structs.replace(found, rows=found.rows[:limit])

        return await self._answer(report)

    async def _delays(self, request: Request) -> Response:
        return await self._answer(lambda: delay_report(self._engine.path))

    async def _push(self, request: Request) -> Response:
        query = _Query(request.query_params)
        budget = query.whole("budget", None, 1, MAX_BUDGET)
        at, seed = query.moment("at"), query.whole("seed", -1, 0, MAX_SEED)
        limit = query.whole("limit", 100, 1, MAX_ROWS)
        return await self._answer(
            lambda: _drafted(self._engine.push_draft(budget, at, None if seed < 0 else seed), limit)
        )

    async def _experiment(self, request: Request) -> Response:
        name, looks = request.path_params["id"], _Query(request.query_params).whole("looks", 100, 1, MAX_LOOKS)
        path, config = self._engine.path, self._engine.config

        def report() -> ExperimentResult:
            found = evaluate(path, name, now_ms=time.time_ns() // 1_000_000, config=config)
            return with_last_looks(found, looks)

        try:
            return await self._answer(report)
        except UnknownNameError as error:
            raise HttpProblemError(404, "Not found", str(error), error.problems) from None

    async def _answer(self, report: Callable[[], Any]) -> Response:
        body = await to_thread.run_sync(lambda: msgspec.json.encode(report()), limiter=self._reporting)
        return Response(body, media_type="application/json", headers={"cache-control": "no-store"})


def _rule(query: _Query) -> CreditRule:
    window = query.duration_ms("window", "14d")
    first, last = (
        query.number(name, 0.4, "from 0 to 1", lambda share: 0.0 <= share <= 1.0) or 0.0 for name in ("first", "last")
    )
    if first + last > 1.0:
        raise InvalidInputError(Problem("query first", f"{first:g}, with last {last:g}", "at most 1 together"))
    return CreditRule(window, first, last)


def _drafted(listed: PushList, limit: int) -> PushDraft:
    run = listed.run
    messages = [
        DraftMessage(
            message.user, message.item, message.send_ms, message.expected_coins, message.expected_anyway, message.uplift,
            message.held_out,
        )
        for message in islice(listed, limit)
    ]  # fmt: skip
    return PushDraft(run.at_ms, run.budget, str(run.seed), run.pairs, run.sent, run.held, messages)


class _Query:
    """Query parameters by name and bounds. Raises InvalidInputError, which names the parameter."""

    def __init__(self, given: QueryParams) -> None:
        self._given = given

    def one_of(self, name: str, choices: tuple[str, ...], default: str) -> str:
        text = self._given.get(name, default)
        if text not in choices:
            raise _wrong(name, text, f"one of {', '.join(choices)}")
        return text

    def whole(self, name: str, default: int | None, least: int, most: int) -> int:
        """default: None where it must be given."""
        text = self._given.get(name)
        if text is None and default is not None:
            return default
        good = text is not None and text.isascii() and text.isdigit() and len(text) <= 20
        if text is None or not good or not least <= int(text) <= most:
            raise _wrong(name, text, f"a whole number from {least} to {most}")
        return int(text)

    def number(self, name: str, default: float | None, expected: str, fits: Callable[[float], bool]) -> float | None:
        text = self._given.get(name)
        if text is None:
            return default
        try:
            number = float(text) if len(text) <= 40 else math.nan
        except ValueError:
            number = math.nan
        if not fits(number):
            raise _wrong(name, text, f"a number {expected}")
        return number

    def duration_ms(self, name: str, default: str) -> int:
        text = self._given.get(name, default)
        if _DURATION.fullmatch(text) is None or not 0 < duration_ms(text) <= _MAX_WINDOW_MS:
            raise _wrong(name, text, "a duration such as 30m, 12h or 14d, at most 36500d")
        return duration_ms(text)

    def moment(self, name: str) -> datetime | None:
        """A date and time; UTC where it names no zone."""
        text = self._given.get(name)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text if len(text) <= 40 else "")
        except ValueError:
            raise _wrong(name, text, "a date and time as in RFC 3339, such as 2026-12-01T09:00:00Z") from None
        if not 1970 < moment.year < 9000:
            raise _wrong(name, text, "a year from 1971 to 8999")
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _wrong(name: str, found: str | None, expected: str) -> InvalidInputError:
    return InvalidInputError(Problem(f"query {name}", "nothing" if found is None else ascii(found)[:66], expected))
