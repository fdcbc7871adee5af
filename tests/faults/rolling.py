"""The version before and this one at work together on one PostgreSQL, while the tables are brought up under the old one.

The version before is the last commit without the newest migration: it is taken out of git into a folder of its own and
runs there as ``python -m bot run``. Approvals go in by both doors. ``python -m tests.faults.rolling``.
"""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from pydantic import SecretStr

from bot.settings import Settings
from storage.tables import jobs
from tests import postgres
from tests.faults.desk_life import settings, warm
from tests.faults.kills import _prepare
from tests.faults.stage import stage
from tests.faults.storm import UNHEARD_OF, Storm
from tests.figures import Figure
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
APPROVALS = 8


def version_before() -> str | None:
    """The last commit that has every migration of today but the newest; None where git cannot tell."""
    folder = "storage/migrations/versions"
    today = sorted(path.name for path in (ROOT / folder).glob("0*.py"))
    try:
        for commit in _git("rev-list", "HEAD").split():
            there = {Path(line).name for line in _git("ls-tree", "--name-only", commit, f"{folder}/").split()}
            if sorted(name for name in there if name.startswith("0")) == today[:-1]:
                return commit
    except (OSError, subprocess.CalledProcessError):
        return None
    return None


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def _taken_out(commit: str, folder: Path) -> None:
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")


def environment(made: Settings, folder: Path) -> dict[str, str]:
    """The same settings as variables, and the code of that folder first."""
    named = {}
    for name in Settings.model_fields:
        value = getattr(made, name)
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        named[f"OPSBELL_{name.upper()}"] = text
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), **{name: text for name, text in named.items() if text}}


@contextmanager
def _running(folder: Path, given: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-m", "bot", "run"], cwd=folder, env=given, stdout=file, stderr=file)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(40)


def run(commit: str) -> tuple[Storm, int, int]:
    """Both versions at once: the storm they were in, how many returns were decided anew, errors in the old one's log."""
    warm()
    with (
        tempfile.TemporaryDirectory(prefix="opsbell-before-") as place, postgres.own_server() as server,
        postgres.schema(server.address, f"rolling_{os.getpid()}") as url, stage(real_time=True) as on,
    ):
        before, old_port = Path(place), free_port()
        _taken_out(commit, before)
        given = environment(settings(url, on.sandbox, old_port), before)
        command = [sys.executable, "-m", "bot", "db", "upgrade"]
        done = subprocess.run(command, cwd=before, env=given, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        with _running(before, given, before / "run.log") as old:
            storm = Storm(on, url, server, random.Random(1), skews=(timedelta(),))
            storm.ports = [old_port]
            _until_ready(storm, old, before / "run.log")
            _prepare(url)  # the new tables, under the old version's feet
            storm.begin()
            storm.ports.append(old_port)
            storm.skews += (timedelta(),)
            try:
                _leave_alone(url)
                for _ in range(APPROVALS):
                    storm.ask()
                    until = time.monotonic() + 1
                    while time.monotonic() < until:
                        storm.work()
                storm.drain()
                storm.ports = storm.ports[:1]  # the old one's last lines of the trail are sealed by the new one's next
                storm.ask()
                storm.drain()
                storm.judge()
                anew = _decided_anew(storm)
                if old.poll() is not None:
                    storm.wrong.append(f"the version before ended with {old.returncode}")
                storm.wrong += _touched(url)
            finally:
                storm.end()
        broken = (before / "run.log").read_text().count("Traceback")
    return storm, anew, broken


def _decided_anew(storm: Storm) -> int:
    """Returns whose first approval this version did not believe, since the one before had not sealed it.

    It was refused before any money moved, staff were told and decided again: one refund, one more note and letter.
    """
    named = {number: [line for line in storm.wrong if line.startswith(f"{number}:")] for number in storm.returns}
    anew = [
        number for number, lines in named.items()
        if any("('failed', 3800), ('succeeded', 3800)" in line for line in lines)
        and not any("at Stripe" in line or "cards" in line for line in lines)
    ]
    storm.wrong = [line for line in storm.wrong if line.split(":")[0] not in anew]
    return len(anew)


def _until_ready(storm: Storm, old: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(1200):
        if storm._is_ready(0):
            return
        if old.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"the version before did not start:\n{log.read_text()[-2000:]}")


def _leave_alone(url: str) -> None:
    """A job of a kind that only a version to come knows."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        moment = connection.execute(sa.select(sa.func.min(jobs.c.due_at))).scalar_one()
        connection.execute(
            sa.insert(jobs).values(
                key="brew:1", kind=UNHEARD_OF, lane="brew:1", payload={}, made_at=moment, due_at=moment, state="open"
            )
        )


def _touched(url: str) -> list[str]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        row = connection.execute(sa.select(jobs.c.state, jobs.c.attempts).where(jobs.c.kind == UNHEARD_OF)).one()
    return [] if tuple(row) == ("open", 0) else [f"a job of an unknown kind was touched: {tuple(row)}"]


def machine() -> Sequence[Figure]:
    """One rolling update."""
    commit = version_before()
    if commit is None:
        print("   git does not know the version before: left out")
        return []
    storm, anew, broken = run(commit)
    for line in storm.wrong[:20]:
        print("   " + line)
    return [
        Figure(
            name="rolling update from the version before", tried=f"{APPROVALS} approvals by both versions' doors",
            found=f"{len(storm.wrong)} violations; {anew} decided anew, {broken} errors in the old version's log",
            goal="0 violations", met=not storm.wrong,
        )
    ]


if __name__ == "__main__":
    print(machine())
