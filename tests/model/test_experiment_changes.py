"""Changes of experiments: each field at its limit is taken, and one beyond it is refused by its name."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from bandi.model.errors import InvalidInputError
from bandi.model.experiment_changes import Change, Conclude, Ramp, RampDown, Start, Stop, checked_change

WORDS = {"who": "kim", "why": "weekly look"}
GOOD: list[Change] = [
    Start(who="k" * 256, why="w" * 1_000),
    Ramp(share=1.0, **WORDS),
    RampDown(share=5e-324, **WORDS),
    Stop(who="독자", why="👩\u200d💻"),
    Conclude(winner="a" * 64, **WORDS),
    Conclude(**WORDS),
]
BAD: list[tuple[Any, str]] = [
    (Start(who="k" * 257, why="x"), "$.who"),
    (Stop(who="k", why="w" * 1_001), "$.why"),
    (Start(who="", why="x"), "$.who"),
    (Start(who="k", why=" \t"), "$.why"),
    (Start(who=b"kim", why="x"), "$.who"),  # type: ignore[arg-type]
    (Start(who=object(), why="x"), "$.who"),  # type: ignore[arg-type]
    (Start(who="k\udcff", why="x"), "$.who"),
    (Start(who="k", why="red \x1b[31m"), "$.why"),
    (Start(who="k", why="two\nlines"), "$.why"),
    (Ramp(share=math.nan, **WORDS), "$.share"),
    (Ramp(share=math.inf, **WORDS), "$.share"),
    (Ramp(share=0.0, **WORDS), "$.share"),
    (Ramp(share=math.nextafter(1, 2), **WORDS), "$.share"),
    (Ramp(share=2**70, **WORDS), "$.share"),
    (Ramp(share="0.5", **WORDS), "$.share"),  # type: ignore[arg-type]
    (RampDown(share=-0.5, **WORDS), "$.share"),
    (Conclude(winner="a" * 65, **WORDS), "$.winner"),
    (Conclude(winner="No Name", **WORDS), "$.winner"),
    (Conclude(winner="\udcff", **WORDS), "$.winner"),
    ({"action": "start", **WORDS}, "$"),
]


@pytest.mark.parametrize("change", GOOD)
def test_fields_at_their_limits_are_taken_and_go_round(change: Change) -> None:
    assert checked_change(change) == change
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(change), type=Change) == change


@pytest.mark.parametrize(("change", "where"), BAD)
def test_a_field_beyond_its_limit_is_refused_by_its_name(change: Any, where: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        checked_change(change)
    assert [problem.where for problem in refused.value.problems] == [where]
    str(refused.value).encode()


def test_every_fault_is_named() -> None:
    with pytest.raises(InvalidInputError) as refused:
        checked_change(Ramp(share=2.0, who="", why="x" * 2_000))
    assert {problem.where for problem in refused.value.problems} == {"$.who", "$.why", "$.share"}
