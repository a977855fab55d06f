"""Reading request bodies: bounded in size, decoded into typed structs, with errors that point at a field."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args

import msgspec

from bandi.model.answers import Refusal
from bandi.model.errors import Problem
from bandi.serving.problems import HttpProblemError

Receive = Callable[[], Awaitable[Any]]
Scope = Any

_Decoded = TypeVar("_Decoded")
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_SHOWN = 66
"""Longest piece of a caller's value that an error repeats."""


def check_json(scope: Scope) -> None:
    """Raise 415 unless the body is announced as JSON; a page of another site cannot send that without asking first."""
    found = b""
    for name, value in scope["headers"]:
        if name == b"content-type":
            if value == b"application/json":
                return
            found = value
    media, _, parameters = found.lower().partition(b";")
    if media.strip() != b"application/json" or (b"charset" in parameters and b"utf-8" not in parameters):
        shown = ascii(found.decode("latin-1"))[:100] if found else "nothing"
        problem = Problem("header content-type", shown, "application/json (UTF-8)")
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
    return HttpProblemError(413, "Content too large", str(problem), [problem])


def decode(decoder: msgspec.json.Decoder[_Decoded], body: bytes) -> _Decoded:
    """The typed value. Raises 400 where it is no JSON, 422 where a field is not as it should be."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise invalid(field_problem(error, _plain(body))) from None
    except _UNDECODABLE as error:
        raise malformed(error, body) from None


def _plain(body: bytes) -> Any:
    """The value without types. Raises 400: a field may be wrong long before the place where the text is no JSON."""
    try:
        return msgspec.json.decode(body)
    except _UNDECODABLE as error:
        raise malformed(error, body) from None


def invalid(*problems: Problem) -> HttpProblemError:
    """422: well-formed, but not what it should be."""
    return HttpProblemError(422, "Invalid input", str(problems[0]), problems)


def malformed(error: BaseException, body: bytes) -> HttpProblemError:
    """400: not JSON at all."""
    text = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    found = repr(body[:40].decode("utf-8", "replace")) + ("…" if len(body) > 40 else "")
    problem = Problem("body", found, "well-formed JSON in UTF-8", text)
    return HttpProblemError(400, "Malformed JSON", str(problem), [problem])


def field_problem(error: msgspec.ValidationError, value: Any, root: str = "$", tags: str = "") -> Problem:
    """msgspec's message as a `Problem`; value: what was decoded, without types; tags: the known types."""
    text, _, path = str(error).partition(" - at `$")
    path = path.rstrip("`")
    if missing := re.fullmatch(r"Object missing required field `(.+)`", text):
        return Problem(f"{root}{path}.{missing[1]}", "nothing", "this field")
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", text, re.DOTALL):
        return Problem(f"{root}{path}.{unknown[1][:_SHOWN]}", "an unknown field", "only known fields")
    expected = re.fullmatch(r"Expected (.+?)(?:, got .+)?", text)
    words = expected[1].replace("`", "") if expected else text[0].lower() + text[1:]
    if tags and path in (".type", ".action"):
        words = f"one of: {tags}"
    return Problem(root + path, _shown_at(value, path), words)


def _shown_at(value: Any, path: str) -> str:
    """The value at a path such as `.tags[3]`, cut short."""
    try:
        for name, index in re.findall(r"\.([^.\[]+)|\[(\d+)\]", path):
            value = value[name] if name else value[int(index)]
    except (LookupError, TypeError):
        return "another value"
    if isinstance(value, str):
        return ascii(value[:_SHOWN])[:_SHOWN] + ("…" if len(value) > _SHOWN else "")
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    return msgspec.json.encode(value).decode()[:_SHOWN]


@dataclass(slots=True)
class Batch:
    """What a body held: the good records, and the refusals of the others.

    places: where each record stood in the request, None where all were good; root: the path of the list, None for a
    single record.
    """

    records: list[Any]
    root: str | None = None
    refused: list[Refusal] = field(default_factory=list)
    places: list[int] | None = None

    def rebased(self, refusal: Refusal) -> Refusal:
        """A refusal by the engine, whose index and path count good records, in terms of the request."""
        place = refusal.index if self.places is None else self.places[refusal.index]
        where = "$" if self.root is None else f"{self.root}[{place}]"
        problem = refusal.problem
        rest = re.sub(r"^\$(\[\d+\])?", "", problem.where)
        return Refusal(place, Problem(where + rest, problem.found, problem.expected, problem.hint))


class Batches:
    """Decodes one record or many of one type, keeping the good ones of a batch."""

    def __init__(self, kind: Any, key: str, limit: int) -> None:
        self._key = key
        self._limit = limit
        self._tags = ", ".join(str(member.__struct_config__.tag) for member in get_args(kind))
        self._one = msgspec.json.Decoder(kind)
        self._many = msgspec.json.Decoder(list[kind])
        self._keyed = msgspec.json.Decoder(msgspec.defstruct("Keyed", [(key, list[kind])], forbid_unknown_fields=True))
        self._raw = msgspec.json.Decoder(list[msgspec.Raw])
        self._raw_keyed = msgspec.json.Decoder(
            msgspec.defstruct("RawKeyed", [(key, list[msgspec.Raw])], forbid_unknown_fields=True)
        )
        self._starts_keyed = re.compile(rb'\s*\{\s*"' + key.encode() + rb'"').match

    def decode(self, body: bytes) -> Batch:
        """Whatever of a body can be taken. Raises 400 for malformed JSON, 413 for too many, 422 where nothing fits."""
        listed = body.lstrip(b" \t\r\n").startswith(b"[")
        if not listed and self._starts_keyed(body) is None:
            return Batch([self.single(body)])
        root = "$" if listed else f"$.{self._key}"
        try:
            records = self._many.decode(body) if listed else getattr(self._keyed.decode(body), self._key)
        except msgspec.ValidationError:
            raws = decode(self._raw, body) if listed else getattr(decode(self._raw_keyed, body), self._key)
            self._check_count(len(raws), root)
            return self._one_by_one(raws, root, body)
        except _UNDECODABLE as error:
            raise malformed(error, body) from None
        self._check_count(len(records), root)
        return Batch(records, root)

    def single(self, body: bytes) -> Any:
        """The one record that a body is. Raises 400 for malformed JSON, 422 where it does not fit."""
        try:
            return self._one.decode(body)
        except msgspec.ValidationError as error:
            raise invalid(field_problem(error, _plain(body), tags=self._tags)) from None
        except _UNDECODABLE as error:
            raise malformed(error, body) from None

    def _one_by_one(self, raws: list[msgspec.Raw], root: str, body: bytes) -> Batch:
        batch = Batch([], root, places=[])
        places: list[int] = []
        for i, raw in enumerate(raws):
            try:
                batch.records.append(self._one.decode(raw))
                places.append(i)
            except msgspec.ValidationError as error:
                batch.refused.append(Refusal(i, field_problem(error, _plain(bytes(raw)), f"{root}[{i}]", self._tags)))
            except _UNDECODABLE as error:
                raise malformed(error, body) from None
        batch.places = places
        return batch

    def _check_count(self, count: int, root: str) -> None:
        if count > self._limit:
            problem = Problem(root, f"{count} records", f"at most {self._limit} in one request", "send smaller batches")
            raise HttpProblemError(413, "Content too large", str(problem), [problem])
