"""Errors as RFC 9457 problem details: what went wrong, where in the request, and what would have been right."""

from __future__ import annotations

import sys
import traceback
import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bandi.model.errors import (
    BandiError,
    ClosedError,
    InvalidInputError,
    OverloadedError,
    PluginContractError,
    Problem,
    StorageFullError,
    UnknownNameError,
)

CONTENT_TYPE = b"application/problem+json"


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457. type: `about:blank` (the status says it all); errors: the offending fields."""

    title: str
    status: int
    type: str = "about:blank"
    detail: str = ""
    instance: str = ""
    errors: tuple[Problem, ...] = ()


class HttpProblemError(Exception):
    """An answer other than success. headers: further response headers."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        errors: Sequence[Problem] = (),
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(title)
        self.status = status
        self.headers = tuple(headers)
        self.details = ProblemDetails(title, status, detail=detail, errors=tuple(errors))

    def body(self) -> bytes:
        """The JSON."""
        return msgspec.json.encode(self.details)


_MEANINGS: tuple[tuple[type[BandiError], int, str, str], ...] = (
    (UnknownNameError, 422, "Unknown name", ""),
    (InvalidInputError, 422, "Invalid input", ""),
    (OverloadedError, 503, "Overloaded", "1"),
    (StorageFullError, 507, "Storage full", "30"),
    (ClosedError, 503, "Stopping", "5"),
    (PluginContractError, 500, "A policy plug-in broke its contract", ""),
    (BandiError, 500, "The folder is not sound", ""),
)
"""Status, title and Retry-After (seconds) by error class; the first that fits."""


def from_error(error: BaseException) -> HttpProblemError:
    """What an exception of the engine means to the one who asked."""
    if isinstance(error, HttpProblemError):
        return error
    for kind, status, title, retry_after in _MEANINGS:
        if isinstance(error, kind):
            errors = error.problems if isinstance(error, InvalidInputError) else ()
            headers = [(b"retry-after", retry_after.encode())] if retry_after else []
            return HttpProblemError(status, title, str(error), errors, headers)
    return _unexpected(error)


def _unexpected(error: BaseException) -> HttpProblemError:
    """A bug: the caller gets an id; one line on stderr has the same id and where it happened."""
    instance = f"urn:uuid:{uuid.uuid4()}"
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    places = " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    print(f"bandi: unexpected error {instance}: {error!r:.500} at {places}", file=sys.stderr, flush=True)
    problem = HttpProblemError(500, "Unexpected error", "it is in the service's error log under this instance")
    problem.details = msgspec.structs.replace(problem.details, instance=instance)
    return problem
