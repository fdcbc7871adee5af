"""Rows of a file, read by its mapping: each becomes records, or a reject that says which value is wrong and why."""

from __future__ import annotations

import csv
import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from typing import Final, TypeAlias

from domain.errors import BadInput
from domain.imports import RECORDS, Record, Reject, Row, Shape, Value
from domain.shops import Shop
from gateways.csv_import.mapping import Column, FileEntry, Format, RecordEntry, Test
from gateways.csv_import.sources import OpenSource, Source, opened
from gateways.csv_import.values import Unreadable, converter

#: a row over more lines than this has a quote that was never closed
_MOST_LINES: Final = 200
_Cells: TypeAlias = list[str]
_Get: TypeAlias = Callable[[_Cells], str]


class _Bad(Exception):
    """A row that cannot be taken."""

    def __init__(self, field: str, value: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.value, self.reason = field, value, reason


class Reader:
    """Reads one source for one shop, once, from its first row to its last; memory does not grow with its length.

    The only things kept over rows are what the mapping asks for: keys of ``once`` and counters of ``count_within``.
    """

    def __init__(self, source: Source, form: Format, shop: Shop) -> None:
        """BadInput at the first row where a column that the mapping reads is not there."""
        self._source = source
        self._form = form
        self._shop = shop
        self._open: OpenSource | None = None
        self._group = ""

    @property
    def place(self) -> int:
        """Bytes of the file read so far."""
        if self._open is None:
            return 0
        place = self._open.place
        return self._source.size if place is None else place

    def rows(self) -> Iterator[Row | Reject]:
        """Every row of the file, in order."""
        try:
            yield from self._rows()
        except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
            raise BadInput(f"{self._source.path.name} is damaged or cut off: {error}. Copy it again.") from None

    def batches(self, size: int) -> Iterator[list[Row | Reject]]:
        """The same, by so many; rows that the mapping keeps together are never parted."""
        batch: list[Row | Reject] = []
        before = ""
        for row in self.rows():
            if len(batch) >= size and (not self._group or self._group != before):
                yield batch
                batch = []
            before = self._group
            batch.append(row)
        if batch:
            yield batch

    def _rows(self) -> Iterator[Row | Reject]:
        with opened(self._source.path, self._form.encoding) as lines:
            self._open = lines
            cells = _Lines(lines)
            reader = csv.reader(cells, delimiter=self._form.delimiter, strict=True)
            header = self._header(reader)
            compiled = _Compiled(self._source.entry, header, self._form, self._shop)
            number = 0
            while True:
                number += 1
                cells.new_row()
                try:
                    row = next(reader)
                    if not row:  # an empty line is no row
                        number -= 1
                        continue
                    if lines.broken:
                        lines.broken = False
                        reason = f"has bytes that are no {self._form.encoding.upper()} text"
                        raise _Bad("", _first_broken(row), reason)  # noqa: TRY301  one way out for all
                    records = compiled.records(row)
                    self._group = compiled.group(row)
                    yield Row(number, records)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield Reject(number=number, field="", value="", reason=f"is no row of a CSV file: {error}")
                except _Bad as bad:
                    yield Reject(number=number, field=bad.field, value=bad.value, reason=bad.reason)

    def _header(self, reader: Iterator[_Cells]) -> tuple[str, ...]:
        try:
            header = next(reader, None)
        except csv.Error as error:
            raise BadInput(f"{self._source.path.name} cannot be read as a CSV file: {error}.") from None
        if not header:
            raise BadInput(f"{self._source.path.name} is empty: it has not even a line of column names.")
        return tuple(name.strip() for name in header)


class _Lines:
    """The lines of a file, never too many for one row."""

    def __init__(self, lines: OpenSource) -> None:
        self._lines = iter(lines)
        self._left = _MOST_LINES

    def new_row(self) -> None:
        """Count anew."""
        self._left = _MOST_LINES

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self._left -= 1
        if self._left < 0:
            raise csv.Error("a quote is opened and not closed")
        return next(self._lines)


def _first_broken(row: Sequence[str]) -> str:
    return next((cell for cell in row if not cell.isascii() and any("\udc80" <= c <= "\udcff" for c in cell)), "")


class _Compiled:
    """An entry of the mapping, made ready for one file's header."""

    def __init__(self, entry: FileEntry, header: Sequence[str], form: Format, shop: Shop) -> None:
        self._width = len(header)
        self._places = {name: place for place, name in reversed(list(enumerate(header)))}
        self._need_columns(entry, header)
        counted = {c.count_within for record in entry.records for c in record.columns.values() if c.count_within}
        self._counters = tuple(_Counter(self._places[name]) for name in sorted(counted))
        self._counter_of = dict(zip(sorted(counted), self._counters, strict=True))
        self._carry = _Carry(entry, self._places) if entry.carry else None
        self._tests = tuple(
            (1 << bit, self._places[test.column], _Answers(test)) for bit, test in enumerate(entry.tests.values())
        )
        bits = {name: 1 << bit for bit, name in enumerate(entry.tests)}
        self._makers = tuple(_Maker(record, self, bits, form, shop) for record in entry.records)
        #: which records a row tells, by the answers to the tests
        self._plans: dict[int, tuple[_Maker, ...]] = {}
        self._together = self._places[entry.together] if entry.together else None

    def _need_columns(self, entry: FileEntry, header: Sequence[str]) -> None:
        reads = {name: None for record in entry.records for c in record.columns.values() for name in c.reads}
        reads |= {test.column: None for test in entry.tests.values()}
        reads |= {record.once: None for record in entry.records if record.once}
        reads |= {name: None for name in (entry.carry_within, entry.together, *entry.carry) if name}
        if missing := [name for name in reads if name not in self._places]:
            raise BadInput(
                f"The file for {entry.name!r} has no column {', '.join(missing)}. It has: {', '.join(header)}."
            )

    def records(self, cells: _Cells) -> tuple[Record, ...]:
        """What the row tells; _Bad."""
        if len(cells) != self._width:
            raise _Bad("", "", f"has {len(cells)} columns where the header has {self._width}")
        if self._carry:
            self._carry.fill(cells)
        for counter in self._counters:
            counter.count(cells)
        mask = 0
        for bit, place, answers in self._tests:
            if answers[cells[place]]:
                mask |= bit
        plan = self._plans.get(mask)
        if plan is None:
            plan = self._plans[mask] = tuple(maker for maker in self._makers if maker.fits(mask))
        if not plan:
            raise _Bad("", "", "fits no rule of the mapping")
        made: list[Record] = []
        told: list[tuple[set[str], str]] = []
        for maker in plan:
            if maker.once is None:
                made.append(maker.make(cells))
            elif (key := maker.once(cells)) not in maker.told:
                made.append(maker.make(cells))
                told.append((maker.told, key))
        for known, key in told:
            if key:
                known.add(key)
        return tuple(made)

    def group(self, cells: _Cells) -> str:
        """What keeps this row together with its neighbours; empty = nothing."""
        return "" if self._together is None else cells[self._together]

    def getter(self, column: Column) -> _Get:
        """The function that takes a column's text out of a row."""
        if column.value is not None:
            constant = column.value
            return lambda _cells: constant
        if column.count_within:
            return self._counter_of[column.count_within].text
        places = [self._places[name] for name in column.reads]
        if column.join:
            return lambda cells: _joined(cells, places, column.separator)
        if column.columns:
            return lambda cells: next((cells[place] for place in places if cells[place].strip()), "")
        return itemgetter(places[0])


def _joined(cells: _Cells, places: Sequence[int], separator: str) -> str:
    parts = [cells[place].strip() for place in places]
    return separator.join(parts) if any(parts) else ""


class _Counter:
    """How many rows so far had the value that this row has in a column."""

    def __init__(self, place: int) -> None:
        self._place = place
        self._seen: dict[str, int] = {}
        self._now = 0

    def count(self, cells: _Cells) -> None:
        """One more. A row that is refused keeps its place, so that its corrected form gets the same one."""
        key = cells[self._place]
        self._now = self._seen[key] = self._seen.get(key, 0) + 1

    def text(self, _cells: _Cells) -> str:
        """For the row at hand."""
        return str(self._now)


class _Carry:
    """Fills cells left empty with the ones of the row before, within one order or one product."""

    def __init__(self, entry: FileEntry, places: dict[str, int]) -> None:
        self._within = places[entry.carry_within]
        self._places = tuple(places[name] for name in entry.carry)
        self._key: str | None = None
        self._last: dict[int, str] = {}

    def fill(self, cells: _Cells) -> None:
        """Fill, and remember."""
        if cells[self._within] != self._key:
            self._key, self._last = cells[self._within], {}
        for place in self._places:
            if cells[place].strip():
                self._last[place] = cells[place]
            else:
                cells[place] = self._last.get(place, "")


class _Answers(dict[str, bool]):
    """A test's answers by the text it looked at."""

    def __init__(self, test: Test) -> None:
        super().__init__()
        self._test = test
        self._pattern = re.compile(test.matches) if test.matches else None

    def __missing__(self, text: str) -> bool:
        answer = self._ask(text)
        if len(self) >= 20_000:
            self.clear()
        self[text] = answer
        return answer

    def _ask(self, text: str) -> bool:
        test = self._test
        if self._pattern and not self._pattern.fullmatch(text):
            return False
        if test.filled is not None and bool(text.strip()) != test.filled:
            return False
        if test.above is None and test.below is None:
            return True
        try:
            number = Decimal(text.strip())
        except ArithmeticError:
            return False
        over = test.above is None or number > Decimal(str(test.above))
        return over and (test.below is None or number < Decimal(str(test.below)))


@dataclass(frozen=True)
class _Part:
    """One field of a record, made ready."""

    get: _Get
    read: Callable[[str], Value]
    #: what to call it in a reject
    name: str


class _Maker:
    """Makes one kind of record from rows."""

    def __init__(
        self, entry: RecordEntry, compiled: _Compiled, bits: dict[str, int], form: Format, shop: Shop
    ) -> None:
        known = RECORDS[entry.kind]
        self._shape = Shape(kind=entry.kind, fields=tuple(entry.columns), only_new=entry.only_new)
        self._parts = tuple(
            _Part(compiled.getter(column), converter(known[name], column, form, shop), " ".join(column.reads) or name)
            for name, column in entry.columns.items()
        )
        # the same as the parts, bare: this runs several times for each row
        self._quick = tuple((part.get, part.read) for part in self._parts)
        self._must = sum(bits[name] for name in entry.when if not name.startswith("not "))
        self._must_not = sum(bits[name.removeprefix("not ")] for name in entry.when if name.startswith("not "))
        #: what names the record, where it is told only once; in capitals, where the record takes that column so
        self.once: _Get | None = None
        if entry.once:
            get = compiled.getter(Column(column=entry.once))
            upper = any(column.upper for column in entry.columns.values() if column.column == entry.once)
            self.once = (lambda cells: get(cells).strip().upper()) if upper else (lambda cells: get(cells).strip())
        #: what earlier rows told
        self.told: set[str] = set()

    def fits(self, mask: int) -> bool:
        """Whether rows with these answers tell it."""
        return mask & self._must == self._must and not mask & self._must_not

    def make(self, cells: _Cells) -> Record:
        """The record; _Bad names the first value that cannot be read."""
        try:
            return self._shape, tuple([read(get(cells)) for get, read in self._quick])
        except Unreadable:
            raise self._complaint(cells) from None

    def _complaint(self, cells: _Cells) -> _Bad:
        for part in self._parts:
            text = part.get(cells)
            try:
                part.read(text)
            except Unreadable as reason:
                return _Bad(part.name, text, str(reason))
        raise AssertionError("a value was refused once and taken the next time")
