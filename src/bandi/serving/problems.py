"""Errors as RFC 9457 problem details: what went wrong, where in the request, and what would have been right."""

from __future__ import annotations

import sys
import traceback
import uuid
from collections.abc import Sequence

import msgspec

from bandi.model.errors import (
    BandiError,
    ClosedError,
    InvalidInputError,
    OverloadedError,
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
        instance: str = "",
    ) -> None:
        super().__init__(title)
        self.status = status
        self.headers = tuple(headers)
        self.details = ProblemDetails(title, status, detail=detail, errors=tuple(errors), instance=instance)

    def body(self) -> bytes:
        """The JSON."""
        return msgspec.json.encode(self.details)


def from_error(error: BaseException) -> HttpProblemError:
    """What an exception of the engine means to the one who asked."""
    match error:
        case HttpProblemError():
            return error
        case UnknownNameError():
            return HttpProblemError(422, "Unknown name", str(error), error.problems)
        case InvalidInputError():
            return HttpProblemError(422, "Invalid input", str(error), error.problems)
        case OverloadedError():
            return HttpProblemError(503, "Overloaded", str(error), headers=[(b"retry-after", b"1")])
        case StorageFullError():
            return HttpProblemError(507, "Storage full", str(error), headers=[(b"retry-after", b"30")])
        case ClosedError():
            return HttpProblemError(503, "Stopping", str(error), headers=[(b"retry-after", b"5")])
        case BandiError():
            return HttpProblemError(500, "The folder is not sound", str(error))
        case _:
            return unexpected(error)


def unexpected(error: BaseException) -> HttpProblemError:
    """A bug: the caller gets an id, the trace goes to stderr beside the same id."""
    instance = f"urn:uuid:{uuid.uuid4()}"
    print(f"bandi: unexpected error {instance}", file=sys.stderr)
    traceback.print_exception(error, file=sys.stderr)
    return HttpProblemError(
        500, "Unexpected error", "it is in the service's error log under this instance", instance=instance
    )
