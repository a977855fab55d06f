"""What became of messages: a fold over the runs of `bandi push` and the events behind them, 80 bytes a message.

A run chooses (reader, title) pairs and holds a random share of them back. For each pair, sent or not, the coins that
its reader pays within the window after the (would-be) sending are counted, for *any* title: a message that moves a purchase from
one title to another earns nothing. Beside it stands what last touch would credit to a sent message: coins of its title
behind its click, as long as no other click of the reader on that title comes between. A refund takes its coins off.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from bandi.learning._table_kernels import read_only
from bandi.learning.push import _message_kernels as kernel
from bandi.learning.push._message_kernels import MESSAGE
from bandi.learning.push.strata import STRATA
from bandi.model.records import Array

MOST_KEPT = 1 << 21
"""Messages kept one by one; of more, the older half is added up."""
MOST_RUNS = 4_096
"""Runs that are remembered; the budget of a day counts these."""
MOMENTS = 5
"""Of each stratum, held back and sent: messages, coins, squares of coins, readers who paid, coins credited by last touch."""


class Run(msgspec.Struct, frozen=True):
    """One run as the log says it. at_ms: when; day: the date in the service's time zone, as days since 1970.

    budget, seed: as asked; position: of the log, whose state chose; pairs: how many could have been chosen; sent, held: how
    many were.
    """

    number: int
    placement: int
    at_ms: int
    day: int
    budget: int
    seed: int
    position: int
    pairs: int
    sent: int
    held: int


class Push(msgspec.Struct, frozen=True):
    """What the log keeps of a run, or of a part of it: the columns of its messages as little-endian bytes."""

    run: Run
    messages: dict[str, bytes]


class Moments(NamedTuple):
    """Sums over messages whose window has passed: float64[strata, 2, MOMENTS]; of each stratum held back (0) and sent (1)."""

    sums: Array

    @property
    def messages(self) -> int:
        """All of them."""
        return int(self.sums[:, :, 0].sum())


COLUMNS = ("request", "send_ms", "until_ms", "user", "item", "stratum", "held", "anyway", "uplift")
"""Columns of MESSAGE that a run says; the others are what became of it."""


class Messages:
    """rows: MESSAGE[n], in the order of the log."""

    def __init__(self) -> None:
        self._rows = np.zeros(0, MESSAGE)
        self._count = 0
        self._latest = np.full(0, -1, np.int32)
        self._old = np.zeros((STRATA, 2, MOMENTS))
        self._runs: list[Run] = []

    def put(self, payload: bytes) -> None:
        """Apply a PUSH document. O(its messages), and now and then O(MOST_KEPT)."""
        push = _decoder.decode(payload)
        if not self._runs or self._runs[-1].number != push.run.number:
            self._runs = [*self._runs[1 - MOST_RUNS :], push.run]
        rows = np.zeros(len(push.messages["user"]) // 4, MESSAGE)
        for name in COLUMNS:
            rows[name] = np.frombuffer(push.messages[name], MESSAGE[name])
        rows["run"] = push.run.number
        if self._count + len(rows) > MOST_KEPT:
            self._let_go(self._count // 2)
        self._grow(self._count + len(rows), int(rows["user"].max(initial=-1)) + 1)
        self._rows[self._count : self._count + len(rows)] = rows
        kernel.link(self._rows, self._count, self._count + len(rows), self._latest)
        self._count += len(rows)

    def fold(self, rows: Array) -> None:
        """Apply EVENT[n] in log order. O(n), and the messages of each event's reader."""
        if self._count and len(rows):
            kernel.follow(read_only(rows), self._rows, self._latest)

    def runs(self) -> tuple[Run, ...]:
        """The latest runs, oldest first."""
        return tuple(self._runs)

    def of_run(self, number: int) -> Array:
        """The messages of a run that is kept: MESSAGE[n], a copy, in the order of choice."""
        rows = self._rows[: self._count]
        found: Array = rows[rows["run"] == number]
        return found

    def sent_on(self, day: int) -> int:
        """Messages sent by the runs of a day."""
        return sum(run.sent for run in self._runs if run.day == day)

    def moments(self, now_ms: int) -> Moments:
        """Of all messages whose window has passed by now. O(messages kept)."""
        sums = self._old.copy()
        rows = self._rows[: self._count]
        _add(sums, rows[rows["until_ms"] <= now_ms])
        return Moments(sums)

    def may_have(self, users: Array, items: Array, send_ms: Array, caps: Caps) -> Array:
        """Whether one more message to a reader, of that title, at that time keeps within the caps: bool[n]. O(n), and the
        messages of these readers. Messages held back count like those sent, so that both have the same future.
        """
        allowed = np.ones(len(users), np.bool_)
        kernel.within_caps(
            users, items, send_ms, self._rows[: self._count], self._latest,
            caps.per_day, caps.per_week, caps.again_after_ms, allowed,
        )  # fmt: skip
        return allowed

    def forget(self, user: int) -> None:
        """The reader was taken out of the catalogue: their messages no longer say whose they were. O(messages)."""
        if 0 <= user < len(self._latest):
            rows = self._rows[: self._count]
            rows["user"][rows["user"] == user] = -1
            self._latest[user] = -1

    def dump(self) -> dict[str, Array]:
        """Plain arrays, the same bytes for the same history."""
        rows = self._rows[: self._count]
        arrays = {name: np.ascontiguousarray(rows[name]) for name in MESSAGE.names or () if name != "earlier"}
        runs = np.frombuffer(msgspec.msgpack.encode(self._runs), np.uint8)
        return {**arrays, "old": self._old.copy(), "runs": runs}

    def load(self, arrays: dict[str, Array]) -> None:
        """Replace everything by what `dump` gave. Raises ValueError where it does not fit."""
        if arrays["old"].shape != self._old.shape:
            raise ValueError(f"old: expected {list(self._old.shape)} numbers, found {list(arrays['old'].shape)}")
        rows = np.zeros(len(arrays["user"]), MESSAGE)
        for name in MESSAGE.names or ():
            if name != "earlier":
                rows[name] = arrays[name]
        self._old = np.array(arrays["old"], np.float64)
        self._runs = _runs_decoder.decode(arrays["runs"].tobytes())
        self._rows, self._count = rows, len(rows)
        self._relink()

    def _relink(self) -> None:
        users = int(self._rows["user"][: self._count].max(initial=-1)) + 1
        self._latest = np.full(users, -1, np.int32)
        kernel.link(self._rows, 0, self._count, self._latest)

    def _let_go(self, count: int) -> None:
        _add(self._old, self._rows[:count])
        self._rows = self._rows[count : self._count].copy()
        self._count -= count
        self._relink()

    def _grow(self, messages: int, users: int) -> None:
        if messages > len(self._rows):
            rows = np.zeros(max(messages, len(self._rows) * 3 // 2, 64), MESSAGE)
            rows[: self._count] = self._rows[: self._count]
            self._rows = rows
        if users > len(self._latest):
            latest = np.full(max(users, len(self._latest) * 3 // 2), -1, np.int32)
            latest[: len(self._latest)] = self._latest
            self._latest = latest


class Caps(NamedTuple):
    """Most messages to one reader in 24 hours and in 7 days; how long a title is not named again."""

    per_day: int
    per_week: int
    again_after_ms: int


def packed(rows: Array, run: Run) -> bytes:
    """The PUSH document of MESSAGE[n] of a run."""
    columns = {name: np.ascontiguousarray(rows[name]).tobytes() for name in COLUMNS}
    return msgspec.msgpack.encode(Push(run, columns))


_decoder = msgspec.msgpack.Decoder(Push)
_runs_decoder = msgspec.msgpack.Decoder(list[Run])


def _add(sums: Array, rows: Array) -> None:
    cells = rows["stratum"].astype(np.int64) * 2 + (rows["held"] == 0)
    coins = rows["coins"]
    for at, weights in enumerate((np.ones(len(rows)), coins, coins**2, (coins > 0).astype(float), rows["credited"])):
        sums[:, :, at] += np.bincount(cells, weights, 2 * STRATA).reshape(STRATA, 2)
