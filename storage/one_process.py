"""An SQLite file has one desk, and one writer at a time over all processes; whoever dies lets go.

SQLite 3.7.0 to 3.51.2 can damage a file in WAL mode when two connections write or checkpoint at the same instant
(sqlite.org/wal.html#walresetbug, mended in 3.51.3). Here no two do: whoever writes holds a lock beside the file from
before BEGIN IMMEDIATE until after the commit, within which SQLite makes its checkpoints.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from domain.errors import OpsError

_MENDED: Final = (3, 51, 3)
#: the older lines to which the mend was carried back
_MENDED_TOO: Final = frozenset({(3, 44, 6), (3, 50, 7)})
_LOOK_AGAIN_SECONDS: Final = 0.002
#: set on an engine whose process has the file for itself
_ALONE: Final = "opsbell_alone"


class InUse(OpsError):
    """Another Opsbell is at work on this database."""


def file_of(engine: sa.Engine) -> Path | None:
    """The file of an SQLite database; None for one in memory and for PostgreSQL."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or name == ":memory:":
        return None
    return Path(name)


@contextmanager
def alone(engine: sa.Engine, doing: str, *, within_seconds: float = 0.01) -> Iterator[None]:
    """Have the database's file for as long as the block runs, or InUse. PostgreSQL is shared, so nothing is held.

    ``doing`` is what the next one reads: "opsbell run". ``within_seconds``: how long to wait for whoever has it. The
    file beside the database stays; only the lock counts.
    """
    path = file_of(engine)
    if path is None or engine.get_execution_options().get(_ALONE):
        yield
        return
    held = FileLock(_beside(path, "desk"))
    if not held.take(within_seconds=within_seconds):
        who = held.path.read_text().strip() or "a process that did not say its name"
        raise InUse(
            f"{path.name} is in use by {who}. Stop that first: an SQLite file has one desk at a time. "
            "Several at once need PostgreSQL (docs/scaling.md)."
        )
    held.path.write_text(f"{doing} (process {os.getpid()})")
    engine.update_execution_options(**{_ALONE: True})
    try:
        yield
    finally:
        engine.update_execution_options(**{_ALONE: False})
        held.path.write_text("")
        held.give_back()


class FileLock:
    """A lock that the system gives back when whoever holds it dies."""

    def __init__(self, path: Path) -> None:
        """The file is made if it is missing, and stays."""
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def take(self, *, within_seconds: float) -> bool:
        """Wait for it; False if somebody keeps it for so long. Nothing changes if it is ours already."""
        pause = threading.Event()
        for _ in range(max(1, int(within_seconds / _LOOK_AGAIN_SECONDS))):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pause.wait(_LOOK_AGAIN_SECONDS)
            else:
                return True
        return False

    def give_back(self) -> None:
        """Let the next one have it."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def __del__(self) -> None:
        if hasattr(self, "_file"):  # not if there was no folder for it
            os.close(self._file)


def writer_lock(path: Path) -> FileLock:
    """A connection's own hold on the right to write."""
    return FileLock(_beside(path, "writer"))


def wal_warning(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str | None:
    """What an operator should know of this SQLite; None if there is nothing."""
    if version >= _MENDED or version in _MENDED_TOO:
        return None
    return (
        f"SQLite {'.'.join(map(str, version))} has the WAL-reset bug of before 3.51.3. Opsbell is not met by it: only "
        "one connection writes and checkpoints at a time. Do not write to the file with other programs meanwhile."
    )


def _beside(path: Path, name: str) -> Path:
    return path.with_name(f"{path.name}-{name}")
