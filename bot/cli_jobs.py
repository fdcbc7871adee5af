"""``opsbell jobs``: what waits and what was given up; opened again or dropped by a person, on record."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from bot.clock import new_id, system_now
from bot.settings import Settings
from domain.jobs import Transaction
from domain.wire import to_json
from storage.database import is_sqlite, open_engine
from storage.dead_letters import STATES, DeadLetters, JobSeen
from storage.unit_of_work import Store, StoreTransaction
from storage.upgrade import ensure_current

if TYPE_CHECKING:
    from domain.ports import UnitOfWork

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  argparse has no public name for it

T = TypeVar("T")


def add_commands(commands: Commands) -> None:
    """Put ``opsbell jobs`` on the command line."""
    verbs = commands.add_parser("jobs", help="what waits, and what was given up").add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    listed = _add(verbs, "list", _list, "jobs, the oldest first (dead ones, if nothing else is said)")
    listed.add_argument("--state", action="append", choices=STATES, help="may be given several times")
    listed.add_argument("--kind", default=None, help="say.slack, say.telegram, refund, learn, fire ...")
    listed.add_argument("--limit", type=int, default=100)
    for name, run, meaning in (
        ("show", _show, "one job"), ("retry", _retry, "open a dead job again"),
        ("drop", _drop, "close a job for good, with a reason"),
    ):
        parser = _add(verbs, name, run, meaning)
        parser.add_argument("id", type=int)
        if name == "drop":
            parser.add_argument("--reason", required=True, help="goes on record")


def _add(
    verbs: Commands, name: str, run: Callable[[argparse.Namespace, Settings], int], meaning: str
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=meaning, description=meaning)
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.set_defaults(run=run)
    return parser


def _list(parsed: argparse.Namespace, settings: Settings) -> int:
    states = tuple(parsed.state or ("dead",))
    found = _within(settings, lambda one: _rows(one).list(states, kind=parsed.kind, limit=parsed.limit))
    if parsed.json:
        print(json.dumps({"jobs": [to_json(one) for one in found]}, ensure_ascii=False))
        return 0
    for one in found:
        print(_line(one, system_now()))
    if not found:
        print(f"No job is {' or '.join(states)}.")
    return 0


def _show(parsed: argparse.Namespace, settings: Settings) -> int:
    return _print(parsed, _within(settings, lambda one: _rows(one).one(parsed.id)))


def _retry(parsed: argparse.Namespace, settings: Settings) -> int:
    def retried(one: StoreTransaction) -> JobSeen:
        rows = _rows(one)
        rows.retry(parsed.id, _shop(one, rows, parsed.id), by=_who())
        return rows.one(parsed.id)

    return _print(parsed, _within(settings, retried))


def _drop(parsed: argparse.Namespace, settings: Settings) -> int:
    def dropped(one: StoreTransaction) -> JobSeen:
        rows = _rows(one)
        rows.drop(parsed.id, _shop(one, rows, parsed.id), by=_who(), reason=parsed.reason)
        return rows.one(parsed.id)

    return _print(parsed, _within(settings, dropped))


def _print(parsed: argparse.Namespace, seen: JobSeen) -> int:
    form = to_json(seen)
    assert isinstance(form, dict)
    if parsed.json:
        print(json.dumps(form, ensure_ascii=False))
    else:
        for name, value in form.items():
            print(f"{name.replace('_', ' '):14} {'-' if value is None else value}")
    return 0


def _line(one: JobSeen, now: datetime) -> str:
    hours = (now - one.made_at).total_seconds() / 3600
    age = f"{hours / 24:.0f} d" if hours >= 48 else f"{hours:.1f} h"
    what = f"{one.kind} {one.message or ''}".strip()
    tries = f"{one.attempts:>2} tries"
    waits = f"  due {one.due_at:%Y-%m-%d %H:%M} UTC" if one.state == "open" and one.due_at > now else ""
    shop = f"{one.shop or '-'}{waits}"
    return f"{one.id:>8}  {one.state:10} {age:>7}  {tries}  {what}  {shop}  {one.reason or ''}".rstrip()


def _who() -> str:
    return f"cli:{getpass.getuser()}"


def _rows(one: StoreTransaction) -> DeadLetters:
    return DeadLetters(one.connection, one.now)


def _shop(one: StoreTransaction, rows: DeadLetters, job_id: int) -> UnitOfWork | None:
    shop_id = rows.shop_of(job_id)
    return None if shop_id is None else one.of(shop_id)


def _within(settings: Settings, work: Callable[[StoreTransaction], T]) -> T:
    """One transaction. Beside a running desk it is safe on both databases: it waits for its turn to write."""
    engine = open_engine(settings.database_url)
    store = Store(
        engine=engine, now=system_now, new_id=new_id, secret=settings.link_secret.get_secret_value().encode(),
        by_server=not is_sqlite(engine),
    )

    def whole(transaction: Transaction) -> T:
        assert isinstance(transaction, StoreTransaction)
        return work(transaction)

    async def write() -> T:
        return await store.write(whole)

    try:
        ensure_current(engine)
        return asyncio.run(write())
    finally:
        store.close()
