"""``opsbell import``: a shop's history from CSV files."""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from bot.cli_reports import moment
from bot.settings import Settings
from bot.shop_file import read_shop_file
from domain.errors import NotFound
from domain.imports import Reject, Row
from domain.shops import Shop
from domain.wire import Json
from gateways.csv_import import Mapping, Reader, RejectsFile, Source, find_sources, load_mapping, shipped_mappings
from storage import shop_file
from storage.database import is_sqlite, open_engine
from storage.imports import ImportRows, note_import, refresh_statistics, shop_for
from storage.one_process import alone
from storage.shops import ShopRows
from storage.upgrade import WrongSchema, current, ensure_current, newest

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  argparse has no public name for it

#: rows of one transaction: many enough to be quick, few enough that a running desk gets its turn
BATCH: Final = 5_000
#: values made between two looks for cycles; Python's own 700 are meant for programs that keep little
_ALLOCATIONS: Final = 100_000


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be imported, from where, and how."""

    mapping: str
    paths: tuple[Path, ...]
    shop: str
    #: where a rejects file goes, if there is need of one
    rejects_folder: Path = Path()
    dry_run: bool = False
    batch: int = BATCH
    #: the moment that stock levels speak for, as it is typed; None = now
    at: str | None = None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far an import is."""

    file: str
    rows: int
    #: 0 to 1, of the file as it lies on disk
    share: float
    #: of the whole import so far
    seconds: float


@dataclass(kw_only=True)
class _Counts:
    rows: int = 0
    imported: int = 0
    unchanged: int = 0
    rejected: int = 0
    #: what the good rows tell, by kind of record
    tells: Counter[str] = field(default_factory=Counter)

    def add(self, other: _Counts) -> None:
        self.rows += other.rows
        self.imported += other.imported
        self.unchanged += other.unchanged
        self.rejected += other.rejected
        self.tells += other.tells

    @property
    def json(self) -> dict[str, int]:
        """The counts of rows."""
        return {
            "rows": self.rows, "imported": self.imported, "unchanged": self.unchanged, "rejected": self.rejected,
        }


def import_(
    engine: sa.Engine, order: Order, *, now: datetime, seconds: Callable[[], float],
    tell: Callable[[Progress], None] = lambda _progress: None,
) -> dict[str, Json]:
    """Import, and say what became of the rows. ``seconds`` is a clock that only rises.

    Each batch is a transaction of its own: an import that was cut off is simply run again.
    """
    mapping = load_mapping(order.mapping)
    sources = find_sources(mapping, order.paths)
    began, total, by_file = seconds(), _Counts(), list[Json]()
    name = f"rejects-{order.shop}-{mapping.name}-{now:%Y%m%dT%H%M%S%f}.csv"
    with (
        _rarely_collected(), engine.connect() as connection, RejectsFile(order.rejects_folder / name) as refused,
        _whole(connection, undo=order.dry_run),
    ):
        with _step(connection):
            shop = _shop(connection, order, mapping)
        writer = ImportRows(connection, shop, moment(order.at, shop, now))
        for source in sources:
            reader, counts = Reader(source, mapping.format, shop), _Counts()
            for rows in reader.batches(order.batch):
                counts.add(_write(connection, writer, rows, refused, source))
                tell(Progress(
                    file=source.path.name, rows=total.rows + counts.rows,
                    share=reader.place / max(source.size, 1), seconds=seconds() - began,
                ))
            with _step(connection):
                note_import(connection, shop, mapping.name, source.path.name, now, counts.json)
            total.add(counts)
            by_file.append({"file": source.path.name, **counts.json})
        path = refused.path
    if total.imported and not order.dry_run:
        refresh_statistics(engine)
    return {
        "shop": order.shop, "mapping": mapping.name, **total.json,
        "rejects_file": str(path) if path else None, "seconds": round(seconds() - began, 3),
        "dry_run": order.dry_run, "tells": dict(total.tells), "files": by_file,
    }


@contextmanager
def _rarely_collected() -> Iterator[None]:
    """An import makes millions of small values and hardly a cycle: looking for cycles took a fifth of its time."""
    before = gc.get_threshold()
    gc.set_threshold(_ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _whole(connection: sa.Connection, *, undo: bool) -> Iterator[None]:
    """One transaction round everything that is undone at its end; nothing where each step stands for itself."""
    if not undo:
        yield
        return
    with connection.begin() as transaction:
        yield
        transaction.rollback()


@contextmanager
def _step(connection: sa.Connection) -> Iterator[None]:
    """A transaction of its own, or a part of the one that will be undone."""
    with connection.begin_nested() if connection.in_transaction() else connection.begin():
        yield


def _write(
    connection: sa.Connection, writer: ImportRows, rows: Sequence[Row | Reject], refused: RejectsFile, source: Source
) -> _Counts:
    good = [row for row in rows if isinstance(row, Row)]
    with _step(connection):
        written = writer.write(good)
    bad = [*(row for row in rows if isinstance(row, Reject)), *written.rejects]
    refused.add(source.path.name, sorted(bad, key=lambda reject: reject.number))
    gone = {reject.number for reject in bad}
    return _Counts(
        rows=len(rows), imported=written.imported, unchanged=written.unchanged, rejected=len(gone),
        tells=Counter(shape.kind for row in good if row.number not in gone for shape, _values in row.records),
    )


def _shop(connection: sa.Connection, order: Order, mapping: Mapping) -> Shop:
    """The shop; a shop file in the folder makes it where there is none yet, else the mapping's defaults do."""
    files = [path / "shop.toml" for path in order.paths if (path / "shop.toml").is_file()]
    if files:
        try:
            return ShopRows(connection).by_key(order.shop)
        except NotFound:
            shop_file.apply(connection, replace(read_shop_file(files[0]), key=order.shop))
    return shop_for(connection, order.shop, mapping.shop)


def add_commands(commands: Commands) -> None:
    """Put ``import`` on the command line."""
    parser = commands.add_parser(
        "import", help="read a shop's history from CSV files",
        description=f"Read a shop's history from CSV files (plain, gz, xz). Mappings: {', '.join(shipped_mappings())}, "
        "or the path of your own (docs/import.md).",
    )
    parser.add_argument("mapping", metavar="MAPPING", help="a shipped mapping's name, or the path of a .toml")
    parser.add_argument("paths", metavar="FILE|FOLDER", nargs="+", type=Path)
    parser.add_argument("--shop", required=True, metavar="KEY", help="the shop; made by the first import")
    parser.add_argument("--dry-run", action="store_true", help="read and check everything, write nothing")
    parser.add_argument("--rejects", type=Path, default=Path(), metavar="FOLDER", help="where refused rows are listed")
    parser.add_argument(
        "--at", default=None, metavar="T",
        help="the moment that stock levels speak for (default: now); without an offset: the shop's local time",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace, settings: Settings) -> int:
    """Import as the command line says."""
    order = Order(
        mapping=parsed.mapping, paths=tuple(parsed.paths), shop=parsed.shop, rejects_folder=parsed.rejects,
        dry_run=parsed.dry_run, at=parsed.at,
    )
    engine = engine_for_import(settings.database_url, dry_run=order.dry_run)
    bar = _Bar(sys.stderr.isatty())
    try:
        # A shop's history takes minutes of the one writer: the desk would wait for each batch.
        with nullcontext() if order.dry_run else alone(engine, "opsbell import"):
            result = import_(engine, order, now=datetime.now(UTC), seconds=time.monotonic, tell=bar.tell)
    finally:
        bar.end()
        engine.dispose()
    print(json.dumps(result, ensure_ascii=False) if parsed.json else in_words(result))
    return 0


def engine_for_import(url: str, *, dry_run: bool) -> sa.Engine:
    """The database, brought up to date where that is allowed; a dry run neither makes nor changes a file."""
    parsed = sa.make_url(url)
    if dry_run and parsed.get_backend_name() == "sqlite" and not (parsed.database and Path(parsed.database).exists()):
        url = "sqlite://"
    engine = open_engine(url)
    if dry_run and url != "sqlite://" and is_sqlite(engine) and current(engine) != newest():
        raise WrongSchema("The database is not up to date, and a dry run changes nothing. Run: opsbell db upgrade")
    ensure_current(engine)
    return engine


_WORDS: Final = {
    "order": "orders", "order_line": "order lines", "payment": "payments", "customer": "customers",
    "product": "products", "variant": "SKUs", "supplier": "suppliers", "location": "locations",
    "stock": "stock levels", "movement": "stock movements", "parcel": "parcels", "scan": "parcel scans",
    "return": "returns", "return_line": "returned lines",
}


def in_words(result: dict[str, Json]) -> str:
    """The result as a person reads it."""
    files = result["files"]
    assert isinstance(files, list)
    lines = ["Dry run: nothing was written."] if result["dry_run"] else []
    for file in (*files, {**result, "file": "together"}):
        assert isinstance(file, dict)
        lines.append(
            f"{file['file']}: {file['rows']:,} rows, {file['imported']:,} new or changed, "
            f"{file['unchanged']:,} unchanged, {file['rejected']:,} refused"
        )
    tells = result["tells"]
    assert isinstance(tells, dict)
    told = ", ".join(f"{word} {tells[kind]:,}" for kind, word in _WORDS.items() if tells.get(kind))
    lines.append(f"In them: {told or 'nothing'}.")
    lines.append(f"{result['seconds']} seconds, into the shop {result['shop']}.")
    if result["rejects_file"]:
        lines.append(f"What was refused, and why: {result['rejects_file']}")
    return "\n".join(lines)


class _Bar:
    """The progress bar, on a terminal only."""

    _WIDTH: Final = 24

    def __init__(self, shown: bool) -> None:
        self._shown = shown

    def tell(self, progress: Progress) -> None:
        """Draw it anew."""
        if not self._shown:
            return
        full = round(min(progress.share, 1) * self._WIDTH)
        rate = progress.rows / progress.seconds if progress.seconds else 0
        bar = "█" * full + "░" * (self._WIDTH - full)
        line = f"\r\x1b[K{progress.file} {bar} {progress.rows:,} rows, {rate:,.0f}/s"
        print(line, end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line."""
        if self._shown:
            print(file=sys.stderr)
