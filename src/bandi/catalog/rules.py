"""The operators' rules, folded from the log, in the order in which they were put."""

from __future__ import annotations

import msgspec
import numpy as np

from bandi.model.records import Array
from bandi.model.rules import Rule

_decoder = msgspec.msgpack.Decoder(list[Rule])


class Rules:
    """Rules by id. A rule that is put again moves to the end: it is the newer one."""

    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {}
        self._generation = 0

    def __len__(self) -> int:
        return len(self._rules)

    @property
    def generation(self) -> int:
        """A number that every change makes another one."""
        return self._generation

    def all(self) -> tuple[Rule, ...]:
        """All of them, oldest first, also those that have ended."""
        return tuple(self._rules.values())

    def get(self, rule: str) -> Rule | None:
        """The rule of that id, or None."""
        return self._rules.get(rule)

    def put(self, payload: bytes) -> None:
        """Apply a RULES document: an array of rules."""
        changed = dict(self._rules)
        for rule in _decoder.decode(payload):
            changed.pop(rule.id, None)
            changed[rule.id] = rule
        self._replace(changed)

    def delete(self, ids: list[str]) -> None:
        """Apply a RULES_DELETED document."""
        gone = set(ids)
        self._replace({name: rule for name, rule in self._rules.items() if name not in gone})

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same history."""
        return {"rules": np.frombuffer(msgspec.msgpack.encode(list(self._rules.values())), np.uint8)}

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace everything by what `dump` gave. Raises ValueError where it does not fit."""
        self._replace({rule.id: rule for rule in _decoder.decode(arrays["rules"].tobytes())})

    def _replace(self, rules: dict[str, Rule]) -> None:
        """One exchange: a request that is reading the old ones goes on with them."""
        self._rules = rules
        self._generation += 1
