"""Entries of the leaderboard: what is judged, as a TOML file says it. One parser, strict."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec

from bandi.model.config import Factors
from bandi.model.config_text import find_problems
from bandi.model.config_values import Struct
from bandi.model.errors import InvalidInputError, Problem
from bandi.model.policy_config import PolicyConfig

SHIPPED = Path(__file__).with_name("entries")
"""The entries that come with Bandi, in the order of their files."""
EntryName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._,+-]{0,39}$")]
Words = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^|\n\r<>]*$")]
Fits = Annotated[int, msgspec.Meta(ge=0, le=200)]


class PolicyEntry(Struct, frozen=True, tag_field="kind", tag="policy"):
    """A bandit, judged on logged decisions and in worlds."""

    name: EntryName
    policy: PolicyConfig
    """As a placement's `policy` in bandi.toml."""
    by: Words = ""
    about: Words = ""


class FactorsEntry(Struct, frozen=True, tag_field="kind", tag="factors"):
    """Bandi's iALS, judged on readers' next titles."""

    name: EntryName
    factors: Factors = Factors()
    """As `[factors]` in bandi.toml."""
    tune: Fits = 0
    """Fits to choose better settings by on the validation part (`bandi train --tune`); 0: the settings as they are."""
    by: Words = ""
    about: Words = ""


class ImplicitEntry(Struct, frozen=True, tag_field="kind", tag="implicit"):
    """ALS of the `implicit` package where it is installed, judged on readers' next titles."""

    name: EntryName
    factors: Factors = Factors(nu=0.0)
    """As `[factors]` in bandi.toml; the package has no nu."""
    tune: Fits = 0
    """As for iALS: the same rule with as many fits."""
    by: Words = ""
    about: Words = ""

    def __post_init__(self) -> None:
        if self.factors.nu != 0.0:
            raise ValueError("factors.nu must be 0: implicit has no such setting")


class PopularityEntry(Struct, frozen=True, tag_field="kind", tag="popularity"):
    """The titles that most readers took, the same for all."""

    name: EntryName
    by: Words = ""
    about: Words = ""


class NeighboursEntry(Struct, frozen=True, tag_field="kind", tag="item_neighbours"):
    """Sums of cosines of titles' readers over what a reader took (Sarwar et al. 2001)."""

    name: EntryName
    neighbours: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 50
    """Kept of each title."""
    by: Words = ""
    about: Words = ""


Recommender = FactorsEntry | ImplicitEntry | PopularityEntry | NeighboursEntry
Entry = PolicyEntry | Recommender


def read_entry(path: Path) -> Entry:
    """The entry in a file. Raises InvalidInputError (ConfigError) with file, line and nearest name."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(Problem(str(path), error.strerror or str(error), "an entry's TOML file")) from None
    kinds: Any = Entry
    tree = find_problems(data, str(path), kinds)
    try:
        entry: Entry = msgspec.convert(tree, kinds)
    except msgspec.ValidationError as error:
        raise InvalidInputError(Problem(str(path), "a value that does not fit", str(error))) from None
    return entry


def read_entries(paths: Iterable[Path]) -> list[Entry]:
    """The shipped entries, then these. Raises InvalidInputError for two of one name."""
    entries: list[Entry] = []
    for path in (*sorted(SHIPPED.glob("*.toml")), *paths):
        entry = read_entry(path)
        if any(entry.name == other.name for other in entries):
            raise InvalidInputError(Problem(f"{path}: name", entry.name, "a name that no other entry has"))
        entries.append(entry)
    return entries
