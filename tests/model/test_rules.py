"""Rules as they arrive: what is taken, and what is refused with a place and a reason."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from bandi.model import rules
from bandi.model.errors import InvalidInputError
from bandi.model.rules import Block, Boost, Bury, Pin, Rule, Schedule, checked_rules

NOW = 1_795_000_000_000
DAY = 86_400
FIELDS: dict[str, Any] = {"id": "r1", "owner": "kim", "reason": "launch week", "ends_at": NOW / 1000 + 7 * DAY}
PIN: dict[str, Any] = {"type": "pin", "item": "t1", "slot": 0, **FIELDS}
BOOST: dict[str, Any] = {"type": "boost", "items": ["t1"], "factor": 2.0, **FIELDS}
HOURS: dict[str, Any] = {"days": ["fri", "sat"], "from": "18:00", "until": "02:00", "utc_offset": "+09:00"}


def read(value: dict[str, Any]) -> Rule:
    return msgspec.json.decode(msgspec.json.encode(value), type=Rule)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (PIN, Pin),
        (BOOST, Boost),
        ({**BOOST, "type": "bury", "factor": 0.5, "where": "genre == 'drama'"}, Bury),
        ({**FIELDS, "type": "block", "where": "age_rating >= 18", "schedule": HOURS}, Block),
        ({**PIN, "ends_at": "2026-11-20T00:00:00+09:00", "starts_at": "2026-11-19", "placements": ["home"]}, None),
        ({**PIN, "ends_at": "2026-11-20T00:00:00+09:00", "priority": -5, "schedule": {"zone": "Asia/Seoul"}}, Pin),
    ],
)
def test_rules_are_read_and_go_round(value: dict[str, Any], kind: type | None) -> None:
    if kind is None:  # a date is no moment
        with pytest.raises(msgspec.ValidationError, match="starts_at"):
            read(value)
        return
    rule = read(value)
    assert type(rule) is kind
    assert checked_rules([rule], NOW) == (rule,)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(rule), type=Rule) == rule
    assert msgspec.json.decode(msgspec.json.encode(rule), type=Rule) == rule


@pytest.mark.parametrize("missing", ["id", "owner", "reason", "ends_at"])
def test_every_rule_has_an_owner_a_reason_and_an_end(missing: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=missing):
        read({name: value for name, value in PIN.items() if name != missing})


@pytest.mark.parametrize(
    "wrong",
    [
        {**PIN, "owner": ""},
        {**PIN, "slot": -1},
        {**PIN, "slot": 1000},
        {**PIN, "colour": "red"},
        {**PIN, "type": "nail"},
        {**BOOST, "factor": 1.0},
        {**BOOST, "factor": 1001.0},
        {**BOOST, "type": "bury", "factor": 0.0},
        {**BOOST, "items": ["t"] * 1001},
        {**PIN, "schedule": {**HOURS, "from": "24:00"}},
        {**PIN, "schedule": {**HOURS, "days": []}},
        {**PIN, "schedule": {**HOURS, "days": ["Friday"]}},
        {**PIN, "schedule": {**HOURS, "utc_offset": "9"}},
    ],
)
def test_fields_out_of_their_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(wrong)


def pin(**fields: Any) -> Pin:
    return Pin(**{**{name: value for name, value in PIN.items() if name != "type"}, **fields})


def boost(**fields: Any) -> Boost:
    return Boost(**{**{name: value for name, value in BOOST.items() if name != "type"}, **fields})


@pytest.mark.parametrize(
    ("rule", "where", "expected"),
    [
        (pin(owner="  "), "$[0].owner", "says something"),
        (pin(reason="\t"), "$[0].reason", "says something"),
        (pin(owner="kim\x1b[31m"), "$[0].owner", "without control characters"),
        (pin(reason="line\nline"), "$[0].reason", "without control characters"),
        (pin(ends_at=NOW / 1000), "$[0].ends_at", "after now"),
        (pin(starts_at=FIELDS["ends_at"]), "$[0].ends_at", "after starts_at"),
        (pin(ends_at=NOW / 1000 + 366 * DAY + 1), "$[0].ends_at", "at most 366 days"),
        (pin(starts_at=NOW / 1000 + 367 * DAY, ends_at=NOW / 1000 + 368 * DAY), "$[0].starts_at", "at most 366 days"),
        (pin(ends_at=float("nan")), "$[0].ends_at", "a moment"),
        (pin(ends_at=float("inf")), "$[0].ends_at", "a moment"),
        (pin(starts_at=-1e300), "$[0].starts_at", "a moment"),
        (pin(schedule=Schedule()), "$[0].schedule", "either utc_offset or zone"),
        (pin(schedule=Schedule(utc_offset="+09:00", zone="Asia/Seoul")), "$[0].schedule", "either"),
        (pin(schedule=Schedule(days=("fri", "fri"), utc_offset="+09:00")), "$[0].schedule.days", "each day once"),
        (pin(schedule=Schedule(zone="Asia/Soul")), "$[0].schedule.zone", "IANA zone"),
        (pin(schedule=Schedule(zone="../../etc/passwd")), "$[0].schedule.zone", "IANA zone"),
        (boost(items=()), "$[0]", "the titles that it concerns"),
        (boost(items=(), where=" "), "$[0].where", "an expression"),
        (boost(factor=float("nan")), "$[0]", "a rule"),
        (pin(slot="first"), "$[0]", "a rule"),
        ("no rule", "$[0]", "a rule"),
    ],
)
def test_faults_name_their_place(rule: Any, where: str, expected: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        checked_rules([rule], NOW)
    assert [problem.where for problem in refused.value.problems] == [where]
    assert expected in refused.value.problems[0].expected


def test_the_longest_life_begins_with_the_start() -> None:
    start = NOW / 1000 + 300 * DAY
    late = pin(starts_at=start, ends_at=start + 366 * DAY)
    begun = pin(id="r2", starts_at=NOW / 1000 - 1000 * DAY, ends_at=NOW / 1000 + 366 * DAY)
    assert checked_rules([late, begun], NOW) == (late, begun)


def test_moments_may_be_datetimes() -> None:
    moment = datetime.fromtimestamp(NOW / 1000, UTC) + timedelta(days=2)
    assert checked_rules([pin(ends_at=moment), pin(id="r2", ends_at=moment.replace(tzinfo=None))], NOW)


def test_all_faults_of_a_list_are_named_but_not_endlessly() -> None:
    with pytest.raises(InvalidInputError) as refused:
        checked_rules([pin(), pin(), pin(owner=" ", id="r3")], NOW, "$.rules")
    assert [problem.where for problem in refused.value.problems] == ["$.rules[1].id", "$.rules[2].owner"]
    with pytest.raises(InvalidInputError) as refused:
        checked_rules([pin(owner=" ")] * 1000, NOW)
    assert len(refused.value.problems) == 100
    with pytest.raises(InvalidInputError, match="at most 1,000"):
        checked_rules([pin()] * (rules.MAX_RULES + 1), NOW)
