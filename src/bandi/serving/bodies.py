"""Reading request bodies: bounded in size and time, decoded into typed structs, with errors that point at a field."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from bandi.model.answers import Refusal
from bandi.model.errors import Problem
from bandi.serving.problems import HttpProblemError

Receive = Callable[[], Awaitable[Any]]
Scope = Any

_Decoded = TypeVar("_Decoded")


def check_json(scope: Scope) -> None:
    """Raise 415 unless the body is announced as JSON (absent is taken as JSON)."""
    for name, value in scope["headers"]:
        if name == b"content-type":
            media, _, parameters = value.lower().partition(b";")
            if media.strip() != b"application/json" or (b"charset" in parameters and b"utf-8" not in parameters):
                found = value.decode("latin-1")[:100]
                problem = Problem("header content-type", found, "application/json (UTF-8)")
                raise HttpProblemError(415, "Unsupported media type", str(problem), [problem])


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body. Raises 413 beyond `limit` bytes, 400 when the client goes away (`connection` bounds the time)."""
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > limit:
            raise _too_large(int(value), limit)
    message = await receive()
    body: bytes = message.get("body", b"")
    parts, size = [body], len(body)
    while message.get("more_body") and size <= limit:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    if message["type"] == "http.disconnect":
        raise HttpProblemError(400, "Disconnected", "the client went away before its body was read")
    if size > limit:
        raise _too_large(size, limit)
    return body if len(parts) == 1 else b"".join(parts)


def _too_large(size: int, limit: int) -> HttpProblemError:
    problem = Problem("body", f"{size} bytes or more", f"at most {limit} bytes", "send smaller batches")
    return HttpProblemError(413, "Content too large", str(problem), [problem], [(b"connection", b"close")])


def decode(decoder: msgspec.json.Decoder[_Decoded], body: bytes, root: str = "$") -> _Decoded:
    """The typed value. Raises 400 where it is no JSON, 422 where a field is not as it should be."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        problem = field_problem(error, root)
        raise HttpProblemError(422, "Invalid input", str(problem), [problem]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed(error, body) from None


def malformed(error: BaseException, body: bytes) -> HttpProblemError:
    """400: not JSON at all."""
    text = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    found = body[:40].decode("utf-8", "replace") + ("…" if len(body) > 40 else "")
    problem = Problem("body", repr(found), "well-formed JSON in UTF-8", text)
    return HttpProblemError(400, "Malformed JSON", str(problem), [problem])


def field_problem(error: msgspec.ValidationError, root: str = "$") -> Problem:
    """msgspec's message as a `Problem` with the path of the field."""
    text, _, tail = str(error).partition(" - at `")
    path = root + tail.rstrip("`")[1:] if tail else root
    got = re.fullmatch(r"Expected (.+?), got (.+)", text)
    if got:
        return Problem(path, got[2].strip("`"), got[1].strip("`"))
    invalid = re.fullmatch(r"Invalid (?:enum )?value (.+)", text)
    if invalid:
        return Problem(path, invalid[1], "a value that openapi.json lists")
    missing = re.fullmatch(r"Object missing required field `(.+)`", text)
    if missing:
        return Problem(f"{path}.{missing[1]}", "nothing", "this field")
    unknown = re.fullmatch(r"Object contains unknown field `(.+)`", text)
    if unknown:
        return Problem(f"{path}.{unknown[1]}", "an unknown field", "only known fields")
    return Problem(path, "another value", text[0].lower() + text[1:])


class Batches:
    """Decodes one record or many of one type, keeping the good ones of a batch."""

    def __init__(self, kind: Any, key: str, limit: int) -> None:
        self._key = key
        self._limit = limit
        self._one = msgspec.json.Decoder(kind)
        self._many = msgspec.json.Decoder(list[kind])
        self._keyed = msgspec.json.Decoder(msgspec.defstruct("Keyed", [(key, list[kind])], forbid_unknown_fields=True))
        self._raw = msgspec.json.Decoder(list[msgspec.Raw])
        self._raw_keyed = msgspec.json.Decoder(
            msgspec.defstruct("RawKeyed", [(key, list[msgspec.Raw])], forbid_unknown_fields=True)
        )

    def decode(self, body: bytes) -> tuple[list[Any], list[Refusal], list[int] | None]:
        """(records, refused, places): places[i] is the index of record i in the request; None where all are taken."""
        start = body.lstrip(b" \t\r\n")[:1]
        try:
            if start == b"[":
                records = self._many.decode(body)
            elif start == b"{" and self._is_keyed(body):
                records = getattr(self._keyed.decode(body), self._key)
            else:
                return [decode(self._one, body)], [], None
        except msgspec.ValidationError:
            return self._one_by_one(body, start)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise malformed(error, body) from None
        self._check_count(len(records))
        return records, [], None

    def _is_keyed(self, body: bytes) -> bool:
        return re.match(rb'\s*\{\s*"' + self._key.encode() + rb'"', body) is not None

    def _one_by_one(self, body: bytes, start: bytes) -> tuple[list[Any], list[Refusal], list[int]]:
        root = "$" if start == b"[" else f"$.{self._key}"
        raws = decode(self._raw, body) if start == b"[" else getattr(decode(self._raw_keyed, body), self._key)
        self._check_count(len(raws))
        records, refused, places = [], [], []
        for i, raw in enumerate(raws):
            try:
                records.append(self._one.decode(raw))
                places.append(i)
            except msgspec.ValidationError as error:
                refused.append(Refusal(i, field_problem(error, f"{root}[{i}]")))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise malformed(error, body) from None
        return records, refused, places

    def _check_count(self, count: int) -> None:
        if count > self._limit:
            problem = Problem("$", f"{count} records", f"at most {self._limit} in one request", "send smaller batches")
            raise HttpProblemError(413, "Content too large", str(problem), [problem])
