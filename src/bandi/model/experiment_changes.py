"""What operators do to experiments, one closed family told apart by `action` in JSON: start, ramp, ramp_down, stop, conclude.

Every change says who and why. The log keeps it as a document, with the time and the experiment beside it.

>>> import msgspec
>>> msgspec.json.decode('{"action": "ramp", "share": 0.5, "who": "kim", "why": "no guardrail moved in a week"}', type=Change)
Ramp(who='kim', why='no guardrail moved in a week', share=0.5)
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from bandi.model.config_values import Name

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
