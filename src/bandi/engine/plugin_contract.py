"""Which part of its contract a policy plug-in broke, where a decision asked again is not what was shown."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bandi.model.errors import PluginContractError
from bandi.model.records import Array
from bandi.policies.guarded import GuardedPolicy

_HINT = "docs/how-to/own-policy.md has the contract"


def broken_contract(
    request_id: str, guard: GuardedPolicy, again: Array, decide: Callable[[], Array]
) -> PluginContractError:
    """What to raise for a request whose list, asked again, is not the one in the log.

    guard: of a state that was recovered for this alone, which is changed here; again: that list; decide: asks once more.
    """
    return PluginContractError(
        f"request {request_id}: asked again, policy plug-in {guard.name} gives another list than the one in the log: "
        f"{_broken(guard, again, decide)}; {_HINT}"
    )


def _broken(guard: GuardedPolicy, again: Array, decide: Callable[[], Array]) -> str:
    if guard.missing:
        return guard.missing
    if guard.failed_in_rank:
        return f"it fails now, and thompson answers ({guard.failed_in_rank})"
    if not np.array_equal(decide(), again):
        return "asked twice on one state it gives two lists; `seed` must be all the randomness of `rank`, which changes nothing"
    if guard.failed_to_keep:
        return guard.failed_to_keep
    try:
        guard.load(guard.dump())
    except ValueError as error:
        return f"{error}; `load` must take what `dump` gives"
    if guard.failed_to_keep:
        return guard.failed_to_keep
    if not np.array_equal(decide(), again):
        return "after `load` of what `dump` gave it ranks otherwise; `dump` must give all that it has learned"
    return (
        "from the same rows it has learned otherwise; `update` must depend on them and their order alone, however they are cut "
        "into calls, unless the plug-in itself was changed since"
    )
