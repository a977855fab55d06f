"""What operators want of the lists, one closed family told apart by `type` in JSON: pin, boost, bury, block.

Every rule has an owner, a reason and an end, so that whoever finds it knows whom to ask and that it will go. Between its
start and its end it may keep a weekly schedule.

>>> import msgspec
>>> text = '''{"type": "pin", "id": "r1", "owner": "kim", "reason": "launch week", "ends_at": "2026-12-01T00:00:00+09:00",
... "item": "t9", "slot": 0}'''
>>> rule = msgspec.json.decode(text, type=Rule)
>>> checked_rules([rule], now_ms=1_795_000_000_000) == (rule,)
True
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from bandi.model.errors import InvalidInputError, Problem
from bandi.model.events import Id, Moment, milliseconds
from bandi.model.printable import first_unprintable

MAX_RULES = 1_000
MAX_RULE_ITEMS = 1_000
MAX_LIFE_DAYS = 366
"""Longest time from a rule's start (or from now, if that is later) to its end."""
_DAY_MS = 86_400_000
_FAR_MS = 1 << 53
_MOST_PROBLEMS = 100

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Clock = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A local time of day, hours and minutes: `18:00`."""
UtcOffset = Annotated[str, msgspec.Meta(pattern=r"^[+-](0[0-9]|1[0-4]):[0-5][0-9]$")]
"""Local time less UTC: `+09:00`."""


class Schedule(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename={"opens": "from"}):
    """Hours of the week, in local time.

    `days`: those on which the hours begin; `from` (`opens` in Python): the first minute; `until`: the first minute after.
    Where `until` is not later than `from`, it is that of the next day: `18:00` until `02:00` on `fri` ends on Saturday at
    two, and `00:00` until `00:00` is the whole day. Local time is said either by `utc_offset` or by an IANA `zone`.
    """

    days: Annotated[tuple[Day, ...], msgspec.Meta(min_length=1, max_length=7)] = DAYS
    opens: Clock = "00:00"
    until: Clock = "00:00"
    utc_offset: UtcOffset | None = None
    zone: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None


class RuleFields(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What every rule says.

    `owner`: who answers for it; `reason`: why it is there; `starts_at` (at once, if absent) and `ends_at`: it acts from the
    one, inclusive, to the other, exclusive; `placements`: where (none: everywhere); `priority`: of two rules that want
    different things the higher acts, of equal ones the newer.
    """

    id: Id
    owner: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
    ends_at: Moment
    starts_at: Moment | None = None
    schedule: Schedule | None = None
    placements: Annotated[tuple[Id, ...], msgspec.Meta(max_length=100)] = ()
    priority: Annotated[int, msgspec.Meta(ge=-1_000, le=1_000)] = 0


Titles = Annotated[tuple[Id, ...], msgspec.Meta(max_length=MAX_RULE_ITEMS)]
Where = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]


class Pin(RuleFields, kw_only=True, frozen=True, tag_field="type", tag="pin"):
    """The item stands in the slot (0 is first), whatever the policy says."""

    item: Id
    slot: Annotated[int, msgspec.Meta(ge=0, le=999)]


class Boost(RuleFields, kw_only=True, frozen=True, tag_field="type", tag="boost"):
    """The score of each title that is named in `items` or for which `where` holds is multiplied by `factor` before ordering."""

    factor: Annotated[float, msgspec.Meta(gt=1, le=1_000)]
    items: Titles = ()
    where: Where | None = None


class Bury(RuleFields, kw_only=True, frozen=True, tag_field="type", tag="bury"):
    """As a boost, by a factor below 1: the title stands lower, but may be shown."""

    factor: Annotated[float, msgspec.Meta(ge=0.001, lt=1)]
    items: Titles = ()
    where: Where | None = None


class Block(RuleFields, kw_only=True, frozen=True, tag_field="type", tag="block"):
    """The titles that are named in `items` or for which `where` holds are not shown, not even pinned."""

    items: Titles = ()
    where: Where | None = None


Rule = Pin | Boost | Bury | Block
_decoder = msgspec.msgpack.Decoder(Rule)


def checked_rules(rules: Sequence[Rule], now_ms: int, where: str = "$") -> tuple[Rule, ...]:
    """New rules, checked at `now_ms` as far as can be told without the catalogue and the configuration.

    Raises InvalidInputError, naming every fault (at most 100): more than MAX_RULES, an id used twice, a field out of its
    range, control characters in owner or reason, an end that is past, before the start or more than MAX_LIFE_DAYS behind it,
    a schedule without its zone.
    """
    if len(rules) > MAX_RULES:
        raise InvalidInputError(Problem(where, f"{len(rules):,} rules", f"at most {MAX_RULES:,}"))
    checked: list[Rule] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for i, rule in enumerate(rules):
        place = f"{where}[{i}]"
        try:
            # Struct constructors do not check their arguments, so it is read back.
            typed: Rule = _decoder.decode(msgspec.msgpack.encode(rule))
        except (msgspec.ValidationError, TypeError, ValueError, OverflowError) as error:
            problems.append(Problem(place, _shown(getattr(rule, "id", rule)), "a rule", str(error)))
            continue
        if typed.id in seen:
            problems.append(Problem(f"{place}.id", _shown(typed.id), "an id that no other rule has"))
        seen.add(typed.id)
        problems += _rule_problems(typed, now_ms, place)
        checked.append(typed)
    if problems:
        raise InvalidInputError(problems[:_MOST_PROBLEMS])
    return tuple(checked)


def _rule_problems(rule: Rule, now_ms: int, where: str) -> list[Problem]:
    problems = []
    for name, text in (("owner", rule.owner), ("reason", rule.reason)):
        if not text.strip():
            problems.append(Problem(f"{where}.{name}", "blanks", "a text that says something"))
        elif unprintable := first_unprintable(text):
            expected = "one line of text, without control characters"
            problems.append(Problem(f"{where}.{name}", ascii(unprintable), expected))
    problems += _time_problems(rule, now_ms, where)
    if rule.schedule is not None:
        problems += _schedule_problems(rule.schedule, f"{where}.schedule")
    if not isinstance(rule, Pin):
        if not rule.items and rule.where is None:
            problems.append(Problem(where, "neither items nor where", "the titles that it concerns"))
        if rule.where is not None and not rule.where.strip():
            problems.append(Problem(f"{where}.where", "blanks", "an expression"))
    return problems


def _time_problems(rule: Rule, now_ms: int, where: str) -> list[Problem]:
    start, end = now_ms if rule.starts_at is None else _ms(rule.starts_at), _ms(rule.ends_at)
    if start is None or end is None:
        name, moment = ("starts_at", rule.starts_at) if start is None else ("ends_at", rule.ends_at)
        return [Problem(f"{where}.{name}", _shown(moment), "a moment: RFC 3339 text or seconds since 1970")]
    life = MAX_LIFE_DAYS * _DAY_MS
    if start > now_ms + life:
        return [Problem(f"{where}.starts_at", _shown(rule.starts_at), f"at most {MAX_LIFE_DAYS} days from now")]
    if end <= max(start, now_ms):
        return [Problem(f"{where}.ends_at", _shown(rule.ends_at), "a moment after now and after starts_at")]
    if end > max(start, now_ms) + life:
        expected = f"at most {MAX_LIFE_DAYS} days after its start"
        return [Problem(f"{where}.ends_at", _shown(rule.ends_at), expected, "renew the rule when it is due")]
    return []


def _schedule_problems(schedule: Schedule, where: str) -> list[Problem]:
    if (schedule.utc_offset is None) == (schedule.zone is None):
        found = "neither" if schedule.zone is None else "both"
        return [Problem(where, found, "either utc_offset or zone", 'such as "utc_offset": "+09:00"')]
    problems = []
    if len(set(schedule.days)) < len(schedule.days):
        problems.append(Problem(f"{where}.days", ", ".join(schedule.days), "each day once"))
    if schedule.zone is not None and not _zone_exists(schedule.zone):
        hint = "utc_offset needs no zone data"
        problems.append(Problem(f"{where}.zone", _shown(schedule.zone), "an IANA zone, such as Asia/Seoul", hint))
    return problems


def _zone_exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # a bad name, a folder, no such zone
        return False
    return True


def _ms(moment: Moment) -> int | None:
    try:
        found = milliseconds(moment)
    except (ValueError, OverflowError):  # NaN, infinity
        return None
    return found if abs(found) < _FAR_MS else None


def _shown(value: Any) -> str:
    return ascii(str(value) if not isinstance(value, str) else value)[:66]
