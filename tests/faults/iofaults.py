"""A full or broken disk at every n-th write of event, approval and settlement: nothing half done, nothing said that is not so.

Two ways, each for n = 1, 2, 3 ... until a run goes through undisturbed: SQLite may grow by n pages only
(PRAGMA max_page_count), and strace lets the n-th pwrite64 or fdatasync of the process fail, or kills it there.
``python -m tests.faults.iofaults`` has both; where strace is not there or may not trace, the second is left out.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from domain.jobs import Job, Transaction
from domain.outcomes import Done
from gateways.stripe import RefundCarrier
from handlers.run import Desk, Who
from storage.database import open_engine
from storage.tables import approvals, audit, buttons, inbox, jobs, refunds, returns
from storage.unit_of_work import Store
from tests.faults.desk_life import AMOUNT, SHOP, TEAM, DeskLife, prepare
from tests.faults.kills import _expect, _memory
from tests.faults.stage import Life, SharedClock, Voice, fork
from tests.figures import Figure

#: what strace lets go wrong; "+": from the n-th on, as a disk that stays full
FAULTS = (
    ("pwrite64", "error=ENOSPC"), ("pwrite64", "error=ENOSPC", "+"), ("pwrite64", "error=EIO"),
    ("fdatasync", "error=EIO"), ("fdatasync", "error=EIO", "+"), ("pwrite64", "signal=KILL"), ("fdatasync", "signal=KILL"),
)
#: no run takes so many
_MOST = 2000
ALL = ("event", "approved", "settled")


@dataclass
class Found:
    """What a loop over n came to."""

    runs: int = 0
    #: runs in which something was refused
    hit: int = 0
    wrong: list[str] = field(default_factory=list)


def store_on(path: Path, clock: SharedClock, pages: int | None = None) -> Store:
    """The database at that path; ``pages``: it may not grow beyond."""
    engine = open_engine(f"sqlite:///{path}")
    if pages is not None:
        @event.listens_for(engine, "connect")
        def _full(connection: Any, _entry: Any) -> None:
            connection.execute(f"PRAGMA max_page_count={pages}")

    return Store(engine=engine, now=clock.now, new_id=lambda: os.urandom(11).hex(), secret=b"k" * 40)


async def template(voice: Voice, path: Path, clock: SharedClock) -> None:
    """A return that waits, its card not posted yet."""
    store = store_on(path, clock)

    class _App:
        pass

    app: Any = _App()
    app.store = store
    number = DeskLife(app, clock).ask_return("pi_1")
    with store.engine.connect() as connection:
        token = connection.execute(sa.select(buttons.c.token).where(buttons.c.command == "approve_return")).scalar()
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    store.close()
    voice.say(number=number, token=token, pages=pages)


async def chain(voice: Voice, path: Path, clock: SharedClock, token: str, pages: int | None) -> None:
    """Event, approval, settlement; says what it would have answered with yes."""
    logging.disable()
    store = store_on(path, clock, pages)
    desk = Desk(engine=store, reference=lambda: "TEST")
    carrier = RefundCarrier(client=None, engine=store)  # type: ignore[arg-type]
    with suppress(Exception):
        await store.read(lambda transaction: transaction.jobs.counts())  # connected before anything goes wrong
    voice.say(ready=True)
    await voice.hear()
    done = []

    def settle(job: Job, transaction: Transaction) -> None:
        if transaction.jobs.done(job):
            receipt = {"refund": "re_1", "state": "succeeded", "failure": None, "card": "4242"}
            carrier.settle(job, Done(receipt=receipt), transaction)

    with suppress(sa.exc.SQLAlchemyError):
        await store.write(lambda transaction: transaction.inbox.keep("stripe", "evt_1", b"{}", lane="learn:stripe"))
        done.append("event")
    who = Who(platform="slack", user="U0ADA", team=TEAM, place="C0RETURNS")
    with suppress(sa.exc.SQLAlchemyError):
        answer = await desk.pressed(who, token)
        if not answer.refused:
            done.append("approved")
    with suppress(sa.exc.SQLAlchemyError):
        lease = timedelta(seconds=45)
        claimed = await store.write(
            lambda transaction: transaction.jobs.claim(kinds=("refund",), owner="one", limit=1, lease=lease)
        )
        for job in claimed:
            await store.write(lambda transaction, job=job: settle(job, transaction))
            done.append("settled")
    voice.say(done=done)
    await voice.hear()


def judge(path: Path, said: Sequence[str], number: str) -> tuple[list[str], set[str]]:
    """What is wrong with the database, and what stands in it."""
    engine = open_engine(f"sqlite:///{path}")
    wrong: list[str] = []
    with engine.connect() as connection:
        if (told := connection.exec_driver_sql("PRAGMA integrity_check").scalar()) != "ok":
            wrong.append(f"integrity: {told}")
        if connection.exec_driver_sql("PRAGMA foreign_key_check").first():
            wrong.append("a row points at nothing")

        def count(query: Any) -> int:
            return int(connection.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one())

        whole = {
            "event": [
                count(sa.select(inbox.c.id).where(inbox.c.key == "evt_1")),
                count(sa.select(jobs.c.id).where(jobs.c.key == "learn:stripe:evt_1")),
            ],
            "approved": [
                count(sa.select(approvals.c.id)), count(sa.select(refunds.c.id)),
                count(sa.select(jobs.c.id).where(jobs.c.kind == "refund")),
                count(sa.select(audit.c.id).where(audit.c.action == "return.approved")),
                count(sa.select(returns.c.id).where(returns.c.number == number, returns.c.state.in_(("refunding", "refunded")))),
            ],
            "settled": [
                count(sa.select(refunds.c.id).where(refunds.c.state == "succeeded", refunds.c.amount_minor == AMOUNT)),
                count(sa.select(jobs.c.id).where(jobs.c.kind == "refund", jobs.c.state == "done")),
                count(sa.select(returns.c.id).where(returns.c.state == "refunded")),
                count(sa.select(audit.c.id).where(audit.c.action == "refund.succeeded")),
            ],
        }
    store = store_on(path, SharedClock())
    with store.looking(SHOP.key) as uow:
        if broken := uow.audit.broken():
            wrong.append(broken)
    store.close()
    engine.dispose()
    for what, counts in whole.items():
        if set(counts) not in ({0}, {1}):
            wrong.append(f"{what} is half done: {counts}")
        if what in said and set(counts) != {1}:
            wrong.append(f"{what} was answered with yes and is not there: {counts}")
    return wrong, {what for what, counts in whole.items() if set(counts) == {1}}


class Disk:
    """A template database, and runs of the chain on copies of it."""

    def __init__(self, folder: Path, page_size: int = 4096) -> None:
        self.folder, self.clock, self.found = folder, SharedClock(), Found()
        origin = folder / "origin.db"
        made = sqlite3.connect(origin)
        made.executescript(f"PRAGMA page_size={page_size}; CREATE TABLE first_table (id); DROP TABLE first_table")
        made.close()
        for work in (lambda voice: prepare(voice, f"sqlite:///{origin}"), lambda voice: template(voice, origin, self.clock)):
            life = fork(work)
            heard = life.hear(60)
            assert heard is not None
            life.say(do="end")
            life.bury()
        self.number, self.token, self.pages = heard["number"], heard["token"], int(heard["pages"])
        self.origin = origin

    def once(self, when: str, pages: int | None, *fault: str) -> bool:
        """One run with a fault and one without after it; whether the first was undisturbed."""
        path = self.folder / "copy.db"
        for name in ("copy.db", "copy.db-wal", "copy.db-shm"):
            (self.folder / name).unlink(missing_ok=True)
        shutil.copy(self.origin, path)
        said = self._run(path, pages, fault)
        wrong, _ = judge(path, said or (), self.number)
        self.clock.advance(timedelta(minutes=2))  # whatever was held is free again
        self._run(path, None, ())
        again, stands = judge(path, (), self.number)
        if stands != set(ALL):
            again.append(f"with room again there is only {sorted(stands)}")
        self.found.runs += 1
        self.found.hit += said != list(ALL)
        self.found.wrong += [f"{when}: {one}" for one in (*wrong, *again)]
        return said == list(ALL)

    def _run(self, path: Path, pages: int | None, fault: Sequence[str]) -> list[str] | None:
        life = fork(lambda voice: chain(voice, path, self.clock, self.token, pages))
        _expect(life, "ready")
        tracer = _traced(life, fault) if fault else None
        life.say(do="go")
        heard = life.hear(60)
        life.kill()
        life.bury()
        if tracer is not None:
            tracer.wait(60)
        return None if heard is None else list(heard["done"])


def _traced(life: Life, fault: Sequence[str]) -> subprocess.Popen[bytes]:
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={fault[0]}", "-e", ":".join(("inject=" + fault[0], *fault[1:])), "-p", str(life.pid)]
    tracer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    status = Path(f"/proc/{life.pid}/status")
    for _ in range(12_000):
        with suppress(OSError):  # a thread that ends while it is looked at
            if f"TracerPid:\t{tracer.pid}" in status.read_text() and all(
                f"TracerPid:\t{tracer.pid}" in (task / "status").read_text() for task in Path(f"/proc/{life.pid}/task").iterdir()
            ):
                return tracer
        time.sleep(0.005)
    raise RuntimeError("strace did not take hold")


def may_trace() -> bool:
    """Whether strace is here and may trace a child of ours."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False, capture_output=True).returncode == 0


def _until_undisturbed(disk: Disk, fault: Sequence[str], first: int = 1, step: int = 1) -> Iterator[int]:
    for n in range(first, _MOST, step):
        yield n
        if not fault:
            done = disk.once(f"{n} more pages", disk.pages + n)
        else:
            name, what, *more = fault
            done = disk.once(f"{what} at {name} {n}{''.join(more)}", None, name, what, f"when={n}{''.join(more)}")
        if done:
            return


def run(fault: Sequence[str] = (), *, step: int = 1) -> Found:
    """Every n for one kind of fault; () for pages."""
    folder = Path(tempfile.mkdtemp(prefix="opsbell-disk-", dir=_memory()))
    try:
        disk = Disk(folder, page_size=4096 if fault else 512)  # small pages: more of them are missing one by one
        for _ in _until_undisturbed(disk, fault, step=step):
            pass
        return disk.found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def machine() -> Sequence[Figure]:
    """Pages, then every fault that strace can make."""
    kinds: list[tuple[str, ...]] = [()]
    if may_trace():
        kinds += FAULTS
    else:
        print("   strace is not here, or may not trace: its part is left out")
    figures = []
    for kind in kinds:
        found = run(kind)
        for line in found.wrong[:20]:
            print("   " + line)
        name = " ".join(kind) if kind else "no more pages (SQLITE_FULL)"
        figures.append(
            Figure(
                name=f"disk: {name}", tried=f"every n from 1 to {found.runs}, {found.hit} runs disturbed",
                found=f"{len(found.wrong)} violations", goal="0; recovers when there is room", met=not found.wrong,
            )
        )
    return figures


if __name__ == "__main__":
    one = run(tuple(sys.argv[2:]), step=int(sys.argv[1]))
    print(f"{one.runs} runs, {one.hit} disturbed, {len(one.wrong)} violations")
    print(*one.wrong[:20], sep="\n")
    sys.exit(1 if one.wrong else 0)
