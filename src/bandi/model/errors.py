"""Errors: one class for each thing the caller can do about it, and `Problem`, which points at one bad value."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One bad value: where it stands, what was found, what was expected, and how to mend it.

    `where` is a JSON path (`$.events[3].item`), a file position (`ratings.csv:17`), or a configuration key.
    """

    where: str
    found: str
    expected: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: expected {self.expected}, found {self.found}"
        return f"{text}; {self.hint}" if self.hint else text


class BandiError(Exception):
    """Any error that Bandi raises on purpose."""


class InvalidInputError(BandiError):
    """Mend the input. `problems` names every bad value that was found."""

    def __init__(self, problems: Sequence[Problem] | Problem) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UnknownNameError(InvalidInputError):
    """Use a name that exists: an unknown placement, item, user, policy or request id."""


class ConfigError(InvalidInputError):
    """Mend `bandi.toml`; every problem carries file, line, what was found and the nearest valid name."""


class FolderBusyError(BandiError):
    """Close the other process: one process may have a folder open at a time."""


class LogDamagedError(BandiError):
    """Run `bandi doctor`: the log or a snapshot does not hold what its checksum says."""


class PluginContractError(BandiError):
    """Mend the policy plug-in: what it does is not what its contract says."""


class NewerVersionError(BandiError):
    """Upgrade Bandi: the folder was written by a newer version."""


class StorageFullError(BandiError):
    """Free space and send the batch again: nothing of it was acknowledged."""


class ClosedError(BandiError):
    """Open the engine again: it was closed."""


class OverloadedError(BandiError):
    """Send it again later: more work is queued than the configured bound."""
