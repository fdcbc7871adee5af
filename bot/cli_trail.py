"""The audit trail checked and read, and what is held about a customer given out or taken out."""

from __future__ import annotations

import argparse
import getpass
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Final

from bot.cli_reports import moment
from bot.clock import new_id, system_now
from bot.settings import BadSettings, Settings
from domain.errors import BadInput
from domain.ports import AuditAnchor
from domain.privacy import erase_customer, export_customer, find_customer
from storage.audit import AuditRows
from storage.database import open_engine, reading
from storage.seals import Seals
from storage.shops import ShopRows
from storage.unit_of_work import Store
from storage.upgrade import ensure_current

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  argparse has no public name for it

_ANCHOR: Final = re.compile(r"(\d{1,12}):([0-9a-f]{6,64})")


def add_commands(commands: Commands) -> None:
    """Put the trail and the customers on the command line."""
    trail = commands.add_parser("audit", help="the audit trail")
    audit = trail.add_subparsers(dest="verb", required=True, metavar="VERB")
    verify = _add(audit, "verify", _verify, "name the first line that was changed, moved or taken out")
    verify.add_argument("--anchor", default=None, help="what a digest said of the trail, such as 1204:3fa9c2d1b0aa")
    listed = _add(audit, "list", _list, "the lines, oldest first")
    listed.add_argument("--about", default=None, metavar="SUBJECT", help="such as R-318 or customer:17")
    listed.add_argument("--since", default=None, help="a moment; without an offset, the shop's local time")
    listed.add_argument("--json", action="store_true", help="one JSON object a line")
    customer = commands.add_parser("customer", help="what is held about a customer")
    verbs = customer.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, run, meaning in (
        ("export", _export, "everything held about a customer, as one JSON document"),
        ("erase", _erase, "take out who they are; figures and the trail stay"),
    ):
        _add(verbs, verb, run, meaning).add_argument("customer", help="the shop's key for them, or ours: customer:17")
    verbs.choices["erase"].add_argument("--yes", action="store_true", help="do not ask")


def _add(
    verbs: Commands, name: str, run: Callable[[argparse.Namespace, Settings, Store], int], meaning: str
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=meaning, description=meaning)
    parser.add_argument("--shop", required=True, metavar="KEY")
    parser.set_defaults(run=partial(_with_store, run=run))
    return parser


def _with_store(
    parsed: argparse.Namespace, settings: Settings, *, run: Callable[[argparse.Namespace, Settings, Store], int]
) -> int:
    secret = settings.link_secret.get_secret_value()
    if not secret:
        raise BadSettings("OPSBELL_LINK_SECRET is not set. The trail is sealed with it: use the desk's own.")
    engine = open_engine(settings.database_url)
    try:
        ensure_current(engine)
        return run(parsed, settings, Store(engine=engine, now=system_now, new_id=new_id, secret=secret.encode()))
    finally:
        engine.dispose()


@contextmanager
def _trail(parsed: argparse.Namespace, store: Store) -> Iterator[AuditRows]:
    with reading(store.engine) as connection:
        shop = ShopRows(connection).by_key(parsed.shop)
        yield AuditRows(connection, shop, store.now(), Seals(store.secret))


def _verify(parsed: argparse.Namespace, _settings: Settings, store: Store) -> int:
    anchor = _anchor(parsed.anchor)
    with _trail(parsed, store) as trail:
        broken = trail.broken(anchor)
        stands = trail.anchor()
    if broken is not None:
        print(f"BROKEN: {broken}", file=sys.stderr)
        return 1
    print(f"The trail of {parsed.shop} is whole: {stands.lines:,} lines, ends {stands}.")
    return 0


def _anchor(text: str | None) -> AuditAnchor | None:
    if text is None:
        return None
    found = _ANCHOR.fullmatch(text.strip())
    if found is None:
        raise BadInput(f"{text[:60]!r} is not an anchor. The digest writes it like 1204:3fa9c2d1b0aa.")
    return AuditAnchor(lines=int(found[1]), end=found[2])


def _list(parsed: argparse.Namespace, _settings: Settings, store: Store) -> int:
    with _trail(parsed, store) as trail:
        since = None if parsed.since is None else moment(parsed.since, trail.shop, store.now())
        for line in trail.lines(subject=parsed.about, since=since):
            at = line.at.astimezone(UTC).isoformat()
            if parsed.json:
                whole = {"at": at, "actor": line.actor, "action": line.action, "subject": line.subject}
                print(json.dumps({**whole, "detail": line.detail}, ensure_ascii=False))
            else:
                detail = " ".join(f"{name}={value}" for name, value in line.detail.items())
                print(f"{at}  {line.actor}  {line.action}  {line.subject}  {detail}".rstrip())
    return 0


def _export(parsed: argparse.Namespace, _settings: Settings, store: Store) -> int:
    with store.begin(parsed.shop) as uow:
        document = export_customer(parsed.customer, _operator(), uow)
    print(json.dumps(document, ensure_ascii=False, indent=2))
    return 0


def _erase(parsed: argparse.Namespace, _settings: Settings, store: Store) -> int:
    with store.looking(parsed.shop) as uow:
        customer = find_customer(parsed.customer, uow)
    if not parsed.yes:
        asked = f"Erase {customer.short_name} ({customer.external_id}) from {parsed.shop}? It cannot be taken back."
        if input(f"{asked} Type the shop's key to go on: ").strip() != parsed.shop:
            print("Nothing was changed.", file=sys.stderr)
            return 1
    with store.begin(parsed.shop) as uow:
        erased = erase_customer(parsed.customer, _operator(), uow)
    print(f"Erased. {erased.messages:,} messages and {erased.events:,} stored events were blanked.")
    print("Cards are drawn anew. Photos and chats that stand in Slack and Telegram have to be deleted there.")
    return 0


def _operator() -> str:
    """The person at this machine, as the trail names them."""
    return f"cli:{getpass.getuser()}"
