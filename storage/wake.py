"""Waking other processes: a notice that leaves with the commit. A lost one costs the time until the next poll."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

import psycopg
import sqlalchemy as sa

from storage.database import LAST_WORDS, is_sqlite

log = logging.getLogger("opsbell.wake")

CHANNEL: Final = "opsbell_jobs"
_CONNECT_SECONDS: Final = 10
_AGAIN_SECONDS: Final = 2.0


#: has the loops look that work off these kinds of jobs; all of them where none is named
Wake = Callable[[frozenset[str]], None]


def notify(connection: sa.Connection, kinds: frozenset[str]) -> None:
    """Tell every listening process, once this transaction commits. SQLite has one process: nothing to tell."""
    if not is_sqlite(connection):
        told = psycopg.sql.quote(",".join(sorted(kinds)))
        connection.info[LAST_WORDS] = f"NOTIFY {CHANNEL}, {told}"


async def listen(engine: sa.Engine, wake: Wake, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Call ``wake`` at every notice, for ever; a broken connection is made anew. For PostgreSQL.

    A connection of its own: one of the pool's would be lent out in between.
    """
    _, where = engine.dialect.create_connect_args(engine.url)
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(
                **where, autocommit=True, connect_timeout=_CONNECT_SECONDS
            )
            async with connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                wake(frozenset())  # whatever was told while nobody listened
                async for notice in connection.notifies():
                    wake(frozenset(filter(None, notice.payload.split(","))))  # the version before names no kinds
        except psycopg.Error as error:
            log.warning("the database's notices cannot be heard (%s); looking again by the clock", type(error).__name__)
        await sleep(_AGAIN_SECONDS)
