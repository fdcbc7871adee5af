"""Letters a second by 1, 2 and 4 replicas on one PostgreSQL: real processes, each with the real delivery.

    python bench/replicas.py [LETTERS]      (default 4,000)

All wait until told, then drain one backlog; the other side answers at once, so what is measured is the database and the
processes, not a platform's pace. Every letter must have been carried once.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import sqlalchemy as sa
from delivery import CHATS, KIND, Paper, fill, postgres, store_of

from notifications.delivery import Delivery
from storage.claim import still_open
from storage.tables import jobs
from storage.wake import listen


def drained(url: str, letters: int, replicas: int) -> float:
    with store_of(url) as store:
        fill(store.engine, letters)
        command = [sys.executable, __file__, "replica", url]
        lives = [
            subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for number in range(replicas)
        ]
        for life in lives:
            assert life.stdout is not None
            life.stdout.readline()
        began = time.perf_counter()
        for life in lives:
            assert life.stdin is not None
            life.stdin.write("go\n")
            life.stdin.flush()
        waiting = sa.select(sa.func.count()).where(still_open())
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while connection.execute(waiting).scalar_one():
                time.sleep(0.02)
            spent = time.perf_counter() - began
            attempts = connection.execute(sa.select(sa.func.sum(jobs.c.attempts))).scalar_one()
        carried = [int(life.communicate("end\n", timeout=60)[0]) for life in lives]
        assert sum(carried) == letters == attempts, (carried, attempts)
    return letters / spent


async def replica(url: str, owner: str) -> None:
    loop, paper = asyncio.get_running_loop(), Paper()
    with store_of(url) as store:
        delivery = Delivery(
            engine=store, carriers={KIND: paper}, owner=owner, sleep=asyncio.sleep, seconds=time.monotonic
        )
        await store.read(lambda one: one.jobs.waiting())
        print("ready", flush=True)
        await loop.run_in_executor(None, sys.stdin.readline)
        tasks = [
            asyncio.create_task(delivery.run()),
            asyncio.create_task(listen(store.engine, lambda _: delivery.wake.set(), asyncio.sleep)),
        ]
        await loop.run_in_executor(None, sys.stdin.readline)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    print(len(paper.spoken))


def main() -> None:
    if sys.argv[1:2] == ["replica"]:
        asyncio.run(replica(sys.argv[2], sys.argv[3]))
        return
    letters = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000
    if postgres.binaries() is None:
        print("skipped: no PostgreSQL here")
        return
    best: dict[int, float] = {}
    with postgres.server() as address, postgres.schema(address, "replicas") as url:
        for _ in range(2):
            for replicas in (1, 2, 4):
                best[replicas] = max(best.get(replicas, 0.0), drained(url, letters, replicas))
    print(f"{letters:,} letters to {CHATS} chats, PostgreSQL, the best of two turns")
    for replicas, rate in best.items():
        print(f"  {replicas} replicas  {rate:7,.0f} letters/s   {rate / best[1]:5.2f} of one")


if __name__ == "__main__":
    main()
