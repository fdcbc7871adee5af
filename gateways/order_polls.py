"""Every ten minutes each shop's own list of orders: what its webhooks have lost is worked off as if they had come.

WooCommerce switches a webhook off after five failures in a row, and Shopify takes one away after eight; neither tells.
A job for each shop and source remembers from which moment on it has to look, and writes the next in the transaction
that closes it. What is listed goes through the inbox like what is posted, and its facts count once either way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp

from domain.jobs import Engine, Job, Transaction
from domain.order_lists import note_list_reached
from domain.outcomes import Done, Failed, Outcome, Turn, at_once
from domain.shops import Shop
from domain.time import offset
from domain.wire import Json
from gateways.order_lists import Look, OrderList, keep
from gateways.shop_api import KeyRefused, NotListed, TooOften, caller, gaps, note_refused, orders_lane

KIND: Final = "orders"
_EVERY: Final = timedelta(minutes=10)
#: what is looked at twice: their clock may be behind ours, and an order is listed a while after it changed
_OVERLAP: Final = timedelta(minutes=10)
#: from where a list is read that was never read
_FIRST: Final = timedelta(days=1)
#: looks in a row that failed before somebody is told
_ALARM: Final = 3
#: below what the delivery gives one job
_PATIENCE: Final = 15.0
#: slots looked through for a free one: a day and a third
_SLOTS: Final = 200
_EPOCH: Final = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class OrderPollCarrier:
    """Carries ``orders`` jobs. ``lists``: by source and the shop's key."""

    lists: Mapping[tuple[str, str], OrderList]
    engine: Engine
    session: aiohttp.ClientSession
    kind: str = KIND
    #: between the wire and the transaction; a look that is lost with its process is made again
    _found: dict[int, Look] = field(default_factory=dict)

    def gaps(self, job: Job) -> Mapping[str, timedelta]:
        """Those of whatever asks that account."""
        return gaps(*_of(job))

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:  # noqa: ARG002  the Carrier's own signature
        """Nothing can have changed that would make a look needless."""
        return None

    async def carry(self, job: Job, turn: Turn = at_once) -> Outcome:
        """Read the list. Not reaching it is an outcome like another: the next look begins at the same moment."""
        await turn()
        source, shop = _of(job)
        asked = self.lists.get((source, shop))
        if asked is None:
            return Done(receipt={"off": True}, heard=False)
        now = self.engine.now()
        try:
            async with asyncio.timeout(_PATIENCE):
                look = await asked.changed(_since(job, now), now, caller(self.session, turn, source, shop))
        except (TooOften, KeyRefused) as held:
            return held.put_off(source, shop)
        except NotListed as error:
            return Done(receipt={"reached": False, "why": str(error)}, heard=False)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError) as error:
            return Done(receipt={"reached": False, "why": type(error).__name__}, heard=False)
        self._found[job.id] = look
        upto = look.upto or now - _OVERLAP
        return Done(receipt={"reached": True, "upto": upto.isoformat(), "more": look.upto is not None})

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        """Keep what was found as if it had been posted, and write the next look."""
        note_refused(outcome, *_of(job), transaction)
        if not isinstance(outcome, Done | Failed):
            return
        found = self._found.pop(job.id, None)
        source, key = _of(job)
        shop = next((one for one in transaction.shops.all() if one.key == key), None)
        if shop is None or (source, key) not in self.lists:
            return
        uow = transaction.of(shop.id)
        if found is None or not isinstance(outcome, Done):
            failures = int(str(job.payload.get("failures", 0))) + 1
            if failures >= _ALARM:
                note_list_reached(source, uow, reached=False)
            _plan(transaction, shop, source, since=job.payload.get("since"), failures=failures)
            return
        for one in found.told:
            keep(transaction, source, key, one)
        note_list_reached(source, uow, reached=True)
        _plan(
            transaction, shop, source, since=outcome.receipt["upto"], soon=found.upto is not None
        )


def plan_order_polls(lists: Iterable[tuple[str, str]], transaction: Transaction) -> None:
    """Begin: a look at once for each list that has none written."""
    shops = {one.key: one for one in transaction.shops.all()}
    for source, key in lists:
        if key in shops and not transaction.jobs.stands(orders_lane(source, key)):
            _plan(transaction, shops[key], source, since=None, soon=True)


def _plan(
    transaction: Transaction, shop: Shop, source: str, *, since: Json, failures: int = 0, soon: bool = False
) -> None:
    """Write a look: at once, or in the shop's own next slot that has had none (a clock may have been put back)."""
    lane, own = orders_lane(source, shop.key), _EPOCH + offset(shop.id, _EVERY)
    slot = own + (transaction.now - own) // _EVERY * _EVERY
    # A look at once is told from its slot's own by where it begins: two processes that begin make one.
    names = [(f"{slot.isoformat()}:{since}", transaction.now)] if soon else []
    names += [(due.isoformat(), due) for due in (slot + _EVERY * (1 + number) for number in range(_SLOTS))]
    for name, due in names:
        if transaction.jobs.stands(lane) or transaction.jobs.add(
            key=f"{lane}:{name}", kind=KIND, lane=lane, due_at=due, shop_id=shop.id,
            payload={"source": source, "shop": shop.key, "since": since, "failures": failures},
        ):
            return
    raise RuntimeError(f"{lane} finds no free slot")


def _of(job: Job) -> tuple[str, str]:
    return str(job.payload["source"]), str(job.payload["shop"])


def _since(job: Job, now: datetime) -> datetime:
    value = job.payload.get("since")
    return datetime.fromisoformat(value) if isinstance(value, str) and value else now - _FIRST
