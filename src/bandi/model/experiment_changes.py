"""What operators do to experiments, one closed family told apart by `action` in JSON: start, ramp, ramp_down, stop, conclude.

Every change says who and why. The log keeps it as a document, with the time and the experiment beside it.

>>> import msgspec
>>> msgspec.json.decode('{"action": "ramp", "share": 0.5, "who": "kim", "why": "no guardrail moved in a week"}', type=Change)
Ramp(who='kim', why='no guardrail moved in a week', share=0.5)
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from bandi.model.config_values import Name
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.printable import first_unprintable

Who = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Why = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
ShareOfLayer = Annotated[float, msgspec.Meta(gt=0, le=1)]
Status = Literal["declared", "running", "stopped", "concluded"]


class ChangeFields(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What every change says."""

    who: Who
    why: Why


class Start(ChangeFields, frozen=True, tag_field="action", tag="start"):
    """Readers take part from now on (or from `starts_at`); also after a stop."""


class Ramp(ChangeFields, frozen=True, tag_field="action", tag="ramp"):
    """A larger share of the layer's readers takes part: those who do keep their variant."""

    share: ShareOfLayer


class RampDown(ChangeFields, frozen=True, tag_field="action", tag="ramp_down"):
    """A smaller share takes part: readers go back to the placement's list (those who met a variant stay, where it is sticky)."""

    share: ShareOfLayer


class Stop(ChangeFields, frozen=True, tag_field="action", tag="stop"):
    """Nobody takes part; it may be started again, and readers then get the variants they had."""


class Conclude(ChangeFields, frozen=True, tag_field="action", tag="conclude"):
    """It is over for good. winner: the variant that was better, if one was; its list is not served by that."""

    winner: Name | None = None


Change = Start | Ramp | RampDown | Stop | Conclude


class ChangeRecord(msgspec.Struct, frozen=True):
    """A change as the log keeps it. at_ms: our clock."""

    experiment: str
    at_ms: int
    change: Change


def checked_change(change: Change) -> Change:
    """The change with every field as its type says; struct constructors do not check their arguments, and the log is for good.

    Raises InvalidInputError, naming every field that is not: too long, blank, out of its range, of another type, or with
    characters that no line shows.
    """
    if not isinstance(change, Change):
        raise InvalidInputError(Problem("$", _shown(change), "Start, Ramp, RampDown, Stop or Conclude"))
    fields, problems = {}, []
    for field in msgspec.structs.fields(type(change)):
        value = getattr(change, field.name)
        problem = _text_problem(value, f"$.{field.name}") if isinstance(value, str) else None
        if problem is None:
            try:
                fields[field.name] = msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=field.type)
            except (msgspec.ValidationError, TypeError, ValueError, OverflowError) as error:
                expected = str(error).removeprefix("Expected ").replace("`", "")
                problem = Problem(f"$.{field.name}", _shown(value), expected)
        if problem is not None:
            problems.append(problem)
    if problems:
        raise InvalidInputError(problems)
    return type(change)(**fields)


def _text_problem(text: str, where: str) -> Problem | None:
    if not text.strip():
        return Problem(where, _shown(text), "some words: whoever reads the log later wants to know")
    if unprintable := first_unprintable(text):
        return Problem(where, ascii(unprintable), "one line of text, without control characters")
    return None


def _shown(value: Any) -> str:
    return ascii(value[:66] if isinstance(value, str | bytes) else value)[:66]
