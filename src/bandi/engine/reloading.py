"""Taking up a new artifact while requests go on: loaded beside them, then put to use by a record in the log."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import msgspec

from bandi.engine.artifacts import Shelf
from bandi.engine.jobs import DocumentJob, Done
from bandi.engine.state import State
from bandi.model.answers import Receipt
from bandi.model.errors import BandiError
from bandi.model.records import DocumentKind

INTERVAL_S = 0.5
"""Between two looks at which artifact is current."""


class Reloading:
    """A thread that watches the shelf. An artifact that cannot be read is reported once; the one before stays in use."""

    def __init__(self, shelf: Shelf, state: State, submit: Callable[[Callable[[Done], DocumentJob]], Receipt]) -> None:
        self._shelf = shelf
        self._state = state
        self._submit = submit
        self._refused = ""
        self._ending = threading.Event()
        if shelf.current():
            self.look()
        self._thread = threading.Thread(target=self._run, name="bandi-artifacts", daemon=True)
        self._thread.start()

    def look(self) -> bool:
        """Take up the current artifact where it is another than the one in use; whether it did."""
        name = self._shelf.current()
        if not name or name in (self._state.artifact, self._refused):
            if name == self._state.artifact:
                self._shelf.find(name)
            return False
        try:
            self._shelf.load(name)
            self._submit(lambda done: _job(name, done))
        except (BandiError, OSError, ValueError, KeyError) as error:
            self._refused = name
            print(f"bandi: artifact {name} was not taken up: {error}", file=sys.stderr)
            return False
        return True

    def stop(self) -> None:
        """End the thread."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(INTERVAL_S):
            self.look()


def _job(name: str, done: Done) -> DocumentJob:
    payload = msgspec.msgpack.encode({"name": name})
    return DocumentJob(DocumentKind.ARTIFACT, "item", (), payload, Receipt(accepted=1), done)
