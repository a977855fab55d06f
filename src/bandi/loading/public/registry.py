"""The registry of public data sets, as `registry.toml` says it: one parser, strict."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from bandi.loading.making import EVENT_FIELDS
from bandi.loading.mapping import Mapping, parse_event_rule
from bandi.model.catalog import Item
from bandi.model.config_text import find_problems
from bandi.model.config_values import Struct
from bandi.model.errors import InvalidInputError, Problem, UnknownNameError

FILE = Path(__file__).with_name("registry.toml")
SetName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
Cell = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Names = dict[str, str]


class Step(Struct, frozen=True):
    """One file of a format, and how its rows become records: what one `bandi load` says in options."""

    kind: Literal["items", "events"]
    files: Annotated[tuple[Line, ...], msgspec.Meta(min_length=1, max_length=16)]
    """Names or patterns, the first that is there is taken; {stem}: the events file's name up to its first dot."""
    columns: Names = msgspec.field(default_factory=dict)
    """field -> column."""
    splits: Names = msgspec.field(default_factory=dict)
    """field -> what stands between the parts of a list."""
    events: Annotated[tuple[Line, ...], msgspec.Meta(max_length=8)] = ()
    """Which events a row gives, such as `click if rating >= 4`."""
    time_unit: Literal["s", "ms"] | None = None
    header: Annotated[tuple[Cell, ...], msgspec.Meta(max_length=64)] = ()
    """Columns of a file that has no header."""
    separator: Annotated[str, msgspec.Meta(min_length=1, max_length=4)] | None = None
    """What stands between cells of a file without a header; nothing is quoted there."""
    more_cells: bool = False
    """Whether rows without a header go on after the named columns."""
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    """Of a file without a header."""
    times: Names = msgspec.field(default_factory=dict)
    """column -> how its times are written, as for `strptime`, in UTC."""
    from_one: Annotated[tuple[Cell, ...], msgspec.Meta(max_length=8)] = ()
    """Columns that count from 1."""
    numbered: Cell | None = None
    """A column to be made: the row's number, from 1."""
    distinct: Cell | None = None
    """Items: each value of this column is one, and nothing more is known of it."""

    @property
    def rewritten(self) -> bool:
        """Whether the file cannot be loaded as it stands."""
        return bool(self.header or self.times or self.from_one or self.numbered)

    def mapping(self, placement: str) -> Mapping:
        """The mapping of `bandi load`. placement: where events happened."""
        constants = {"placement": placement} if self.kind == "events" else {}
        rules = tuple(parse_event_rule(rule) for rule in self.events)
        return Mapping(dict(self.columns), constants, dict(self.splits), rules, self.time_unit)


class Format(Struct, frozen=True):
    """How the files of one or several sets are laid out."""

    name: SetName
    about: Line
    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1, max_length=8)]
    judged: Literal["clicks", "decisions"] | None = None
    """What the leaderboard does with it: readers' next clicks are foretold, or logged decisions replayed; absent: neither."""

    @property
    def main(self) -> Step:
        """The step of events."""
        return next(step for step in self.steps if step.kind == "events")


class DataSet(Struct, frozen=True):
    """A public data set. What could not be confirmed is `unknown`."""

    name: SetName
    title: Line
    about: Line
    records: Line
    licence: Line
    redistribute: Literal["yes", "same terms", "no", "unknown"]
    commercial: Literal["yes", "no", "unknown"]
    citation: Line
    obtain: Line
    """The page, and the file there."""
    files: Annotated[tuple[Line, ...], msgspec.Meta(min_length=1, max_length=16)]
    """As published."""
    format: SetName | None = None
    """Absent: `bandi data load` cannot."""
    note: Line | None = None


class Registry(Struct, frozen=True):
    """The whole file."""

    sets: Annotated[tuple[DataSet, ...], msgspec.Meta(min_length=1, max_length=256)]
    formats: Annotated[tuple[Format, ...], msgspec.Meta(min_length=1, max_length=256)]

    def find(self, name: str) -> DataSet:
        """A set by its name. Raises UnknownNameError with the nearest."""
        return _named(name, self.sets, "data set")

    def format_of(self, name: str) -> Format:
        """The format of a set, or the one of that name. Raises UnknownNameError, InvalidInputError for a set without one."""
        by_name = {known.name: known for known in self.sets}
        if name in by_name:
            known = by_name[name]
            if known.format is None:
                hint = known.note or f"make events of its files, then: bandi load ({known.obtain})"
                raise InvalidInputError(Problem(f"data set {name!r}", "no format", "a set that can be loaded", hint))
            name = known.format
        loadable = {known.name for known in self.sets if known.format is not None}
        formats = {layout.name: layout for layout in self.formats}
        if name not in formats:
            raise _unknown(name, sorted(loadable | formats.keys()), "data set")
        return formats[name]


def read_registry(path: Path = FILE) -> Registry:
    """The file. Raises InvalidInputError (ConfigError) with file, line and nearest name."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(Problem(str(path), error.strerror or str(error), "a registry.toml")) from None
    registry = msgspec.convert(find_problems(data, str(path), Registry), Registry)
    problems = list(_problems(registry, str(path)))
    if problems:
        raise InvalidInputError(problems)
    return registry


def _named(name: str, known: Sequence[DataSet], what: str) -> DataSet:
    for one in known:
        if one.name == name:
            return one
    raise _unknown(name, [one.name for one in known], what)


def _unknown(name: str, known: Sequence[str], what: str) -> UnknownNameError:
    close = difflib.get_close_matches(name, known, 1, 0.5)
    return UnknownNameError(
        Problem(what, f"{name!r:.66}", f"one of: {', '.join(known)}", f"did you mean {close[0]}?" if close else "")
    )


def _problems(registry: Registry, file: str) -> Iterator[Problem]:
    """What one key says of another."""
    for what, names in (
        ("sets", [one.name for one in registry.sets]),
        ("formats", [one.name for one in registry.formats]),
    ):
        for name, count in Counter(names).items():
            if count > 1:
                yield Problem(f"{file}: {what}", f"{name} twice", "each name once")
    formats = {layout.name for layout in registry.formats}
    for known in registry.sets:
        if known.format is not None and known.format not in formats:
            yield Problem(f"{file}: {known.name}.format", known.format, f"one of: {', '.join(sorted(formats))}")
    for layout in registry.formats:
        where = f"{file}: {layout.name}"
        if [step.kind for step in layout.steps].count("events") != 1:
            yield Problem(f"{where}.steps", "not one step of events", "one")
        for step in layout.steps:
            yield from _step_problems(step, f"{where}.{step.kind}")


def _step_problems(step: Step, where: str) -> Iterator[Problem]:
    fields = EVENT_FIELDS if step.kind == "events" else Item.__struct_fields__
    for field in (*step.columns, *step.splits):
        if field not in fields and not (step.kind == "items" and field.startswith("fields.")):
            yield Problem(f"{where}: {field}", "no such field", f"one of: {', '.join(fields)}")
    if bool(step.header) != (step.separator is not None):
        yield Problem(where, "a header or a separator alone", "both, for a file without a header, or none")
    if step.kind == "events":
        try:
            step.mapping("home")
        except InvalidInputError as error:
            yield from error.problems
        if not step.events or step.distinct is not None:
            yield Problem(f"{where}.events", "no rule, or distinct items", "which events a row gives")
        for field in ("user", "item", "occurred_at"):
            if field not in step.columns:
                yield Problem(f"{where}.columns", f"no {field}", "a column for it")
    elif (step.distinct is None) == ("id" not in step.columns):
        yield Problem(where, "no id, or two", "either a column for id or distinct")
    known = set(step.header) if step.header and not step.more_cells else None
    used = [*step.columns.values(), *step.times, *step.from_one, *filter(None, [step.distinct])]
    for column in used:
        if known is not None and column not in known and column != step.numbered:
            yield Problem(f"{where}: {column}", "no such column", f"one of: {', '.join(step.header)}")
