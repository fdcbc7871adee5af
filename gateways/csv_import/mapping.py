"""The mapping file: TOML that says what the columns of somebody's CSV files mean here."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final

from domain.errors import BadInput, NotFound
from domain.imports import RECORDS, ShopDefaults
from domain.wire import Json, from_json

_SHIPPED: Final = Path(__file__).parent / "mappings"
_NAME: Final = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True, kw_only=True)
class Format:
    """How the values of a file are written."""

    delimiter: str = ","
    encoding: str = "utf-8"
    #: strptime's words, or "iso": 2026-11-20 14:03:00, with or without T and an offset
    datetime: str = "iso"
    date: str = "iso"
    #: the decimal sign, and the sign between thousands ("" = none)
    decimal: str = "."
    thousands: str = ""
    #: the IANA zone of times without an offset; "" = the shop's
    time_zone: str = ""
    #: prices with more decimals than the currency has are rounded half up (else refused)
    round_money: bool = False
    true: tuple[str, ...] = ("1", "true", "yes", "y", "t")
    false: tuple[str, ...] = ("0", "false", "no", "n", "f")


@dataclass(frozen=True, kw_only=True)
class Column:
    """Where a field's value comes from. Exactly one of column, columns, value, join and count_within is set."""

    column: str = ""
    #: the first of these that is not empty
    columns: tuple[str, ...] = ()
    #: always this
    value: str | None = None
    #: these, with ``separator`` between them; empty where all are
    join: tuple[str, ...] = ()
    separator: str = "/"
    #: 1 for the first row with that value in this column, 2 for the second, ...
    count_within: str = ""
    #: instead of an empty value
    default: str = ""
    #: other words for the values; what is not listed stays, unless ``only`` refuses it
    words: dict[str, str] = field(default_factory=dict)
    only: bool = False
    upper: bool = False
    #: taken off the front, e.g. "#"
    prefix: str = ""
    #: put at the end, unless there is nothing
    suffix: str = ""
    #: the count or amount without its sign
    absolute: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of the file that it looks at."""
        return tuple(name for name in (self.column, *self.columns, *self.join, self.count_within) if name)


@dataclass(frozen=True, kw_only=True)
class Test:
    """A question about one column of a row, as it stands in the file. Every given part must hold."""

    __test__ = False

    column: str
    #: the whole value matches this regular expression
    matches: str = ""
    above: float | None = None
    below: float | None = None
    #: there is something in it (True) or nothing (False)
    filled: bool | None = None


@dataclass(frozen=True, kw_only=True)
class RecordEntry:
    """One thing that a row tells, if every test named in ``when`` holds ("not NAME" turns one round)."""

    kind: str
    columns: dict[str, Column]
    when: tuple[str, ...] = ()
    #: told by the first row with this value in that column only; later rows are not looked at for it
    once: str = ""
    only_new: bool = False


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """One file of a folder, and what its rows tell."""

    #: without .csv and what comes after it; "*" stands for anything
    name: str
    needed: bool = True
    tests: dict[str, Test] = field(default_factory=dict)
    records: tuple[RecordEntry, ...]
    #: a value left empty is that of the row before, as long as this column says the same
    carry_within: str = ""
    carry: tuple[str, ...] = ()
    #: rows that follow each other with the same value here are written together
    together: str = ""


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """A mapping file, read and checked."""

    name: str
    title: str
    shop: ShopDefaults | None
    format: Format
    files: tuple[FileEntry, ...]


def shipped_mappings() -> tuple[str, ...]:
    """The names of the mappings that come with Opsbell."""
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.toml")))


def load_mapping(name_or_path: str) -> Mapping:
    """A shipped mapping by its name, or one of your own by its path; BadInput says what is wrong in it."""
    own = Path(name_or_path)
    path = _SHIPPED / f"{name_or_path}.toml" if _NAME.fullmatch(name_or_path) else own
    if not path.is_file():
        known = ", ".join(shipped_mappings())
        raise NotFound(
            f"There is no mapping {name_or_path!r}. Shipped are: {known}. Your own is named by its path, x.toml."
        )
    try:
        return read_mapping(path.read_text("utf-8"), path.stem)
    except UnicodeDecodeError:
        raise BadInput(f"{path.name} is not UTF-8 text.") from None


def read_mapping(text: str, name: str) -> Mapping:
    """A mapping from its TOML text."""
    try:
        found: dict[str, Json] = tomllib.loads(text)
        if unknown := set(found) - {"title", "shop", "format", "file"}:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")  # noqa: TRY301  one sentence for all
        mapping = Mapping(
            name=name,
            title=str(found.get("title", name)),
            shop=from_json(ShopDefaults, found["shop"]) if "shop" in found else None,
            format=from_json(Format, _known(Format, found.get("format", {}), "format")),
            files=tuple(_file(entry) for entry in _tables(found.get("file"), "file")),
        )
    except (ValueError, KeyError) as error:
        raise BadInput(f"The mapping {name} cannot be read: {error}.") from None
    for file in mapping.files:
        _check(mapping, file)
    return mapping


def _tables(found: Json, where: str) -> tuple[dict[str, Json], ...]:
    if not isinstance(found, list) or not found:
        raise ValueError(f"it needs at least one [[{where}]]")
    return tuple(entry for entry in found if isinstance(entry, dict))


def _known(kind: type[Format | Test | FileEntry | RecordEntry | Column], found: Json, where: str) -> dict[str, Json]:
    """The table, if it has no key that the dataclass does not know: a misspelt key must not pass in silence."""
    if not isinstance(found, dict):
        raise ValueError(f"{where} must be a table")
    names = [field.name for field in fields(kind)]
    if unknown := set(found) - set(names):
        raise ValueError(f"{where} has no {', '.join(sorted(unknown))}; it knows {', '.join(names)}")
    return found


def _file(entry: dict[str, Json]) -> FileEntry:
    where = f"file {entry.get('name', '?')}"
    records = tuple(_record(record, where) for record in _tables(entry.get("record"), "file.record"))
    tests = entry.get("tests", {})
    if not isinstance(tests, dict):
        raise ValueError(f"{where}: tests must be a table")
    plain = {key: value for key, value in entry.items() if key not in {"record", "tests"}}
    _known(FileEntry, plain, where)
    file = from_json(FileEntry, {**plain, "records": []})
    questions = {
        name: from_json(Test, _known(Test, test, f"{where}: test {name}")) for name, test in tests.items()
    }
    return FileEntry(
        name=file.name, needed=file.needed, tests=questions, records=records, carry_within=file.carry_within,
        carry=file.carry, together=file.together,
    )


def _record(entry: dict[str, Json], where: str) -> RecordEntry:
    kind = entry.get("kind")
    columns = entry.get("columns", {})
    if not isinstance(kind, str) or kind not in RECORDS:
        raise ValueError(f"{where}: {kind!r} is not a kind of record; there are {', '.join(RECORDS)}")
    if not isinstance(columns, dict):
        raise ValueError(f"{where}: columns of {kind} must be a table")
    plain = {key: value for key, value in entry.items() if key != "columns"}
    _known(RecordEntry, plain, f"{where}: {kind}")
    read = from_json(RecordEntry, {**plain, "columns": {}})
    return RecordEntry(
        kind=kind, when=read.when, once=read.once, only_new=read.only_new,
        columns={name: _column(column, f"{where}: {kind}.{name}") for name, column in columns.items()},
    )


def _column(found: Json, where: str) -> Column:
    column = Column(column=found) if isinstance(found, str) else from_json(Column, _known(Column, found, where))
    set_parts = sum((
        bool(column.column), bool(column.columns), column.value is not None, bool(column.join),
        bool(column.count_within),
    ))
    if set_parts != 1:
        raise ValueError(f"{where} needs exactly one of column, columns, value, join, count_within")
    return column


def _check(mapping: Mapping, file: FileEntry) -> None:
    for record in file.records:
        known = RECORDS[record.kind]
        where = f"In the mapping {mapping.name}, {record.kind} of {file.name}"
        if unknown := [name for name in record.columns if name not in known]:
            raise BadInput(f"{where} has no field {', '.join(unknown)}. Its fields are {', '.join(known)}.")
        if missing := [name for name, about in known.items() if about.needed and name not in record.columns]:
            raise BadInput(f"{where} must name {', '.join(missing)}.")
        if strange := [name for name in record.when if name.removeprefix("not ") not in file.tests]:
            raise BadInput(f"{where} asks for {', '.join(strange)}, which is not among the file's tests.")
    for name, test in file.tests.items():
        try:
            re.compile(test.matches)
        except re.error as error:
            where = f"In the mapping {mapping.name}, the test {name}"
            raise BadInput(f"{where} is no regular expression: {error}.") from None
