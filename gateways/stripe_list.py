"""Reconciliation: every ten minutes Stripe's newest refunds, once a day a month of them, against our rows.

One job for the whole installation, since all its shops share one Stripe account. It writes the next one in the
transaction that closes it, so the chain never breaks, and two processes that start it make one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import aiohttp
import stripe

from domain.jobs import Engine, Job, Transaction
from domain.outcomes import Done, Failed, Outcome, Turn, at_once
from domain.payments import Refund, RefundState, SeenRefund, note_reach, note_reconciled, since_when
from domain.wire import Json
from gateways.stripe import ALL, GAPS, INTENT, STATES, put_off
from gateways.stripe_amounts import from_stripe

_EVERY: Final = timedelta(minutes=10)
_DAY: Final = timedelta(hours=24)
#: below what the delivery gives one job; what does not fit is taken up by the next look
_PATIENCE: Final = 15.0
_PAGE: Final = 100


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one look brought: Stripe's refunds, and ids of ours that it does not have."""

    seen: tuple[SeenRefund, ...]
    gone: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ReconcileCarrier:
    """Carries ``reconcile`` jobs."""

    client: stripe.StripeClient
    engine: Engine
    kind: str = "reconcile"
    #: between the wire and the transaction; a look that is lost with its process is made again
    _found: dict[int, Found] = field(default_factory=dict)

    def gaps(self, job: Job) -> Mapping[str, timedelta]:  # noqa: ARG002  the Carrier's own signature
        """Refunds go first: a look waits for the same gap."""
        return GAPS

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:  # noqa: ARG002  the Carrier's own signature
        """Nothing can have changed that would make a look needless."""
        return None

    async def carry(self, job: Job, turn: Turn = at_once) -> Outcome:
        """Read Stripe's list. Not reaching it is an outcome like another: it is said, and the next look follows."""
        await turn()
        now, last_full = self.engine.now(), _moment(job.payload.get("last_full"))
        full = last_full is None or now - last_full >= _DAY
        since = since_when(now, last_full, full=full)
        try:
            async with asyncio.timeout(_PATIENCE):
                self._found[job.id] = await self._look(since, turn)
        except (stripe.StripeError, aiohttp.ClientError, TimeoutError, OSError) as error:
            held = put_off(error) if isinstance(error, stripe.StripeError) else None
            if held is not None and not held.shut:
                # It is there, and busy with more urgent things: no news, and no attempt.
                return held
            if held is not None:
                await self.engine.write(
                    lambda transaction: transaction.jobs.hold(ALL, until=transaction.now + held.wait, shut=True)
                )
            return Done(receipt={"reached": False, "why": type(error).__name__}, heard=False)
        return Done(receipt={"reached": True, "full": full, "seen": len(self._found[job.id].seen)})

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        """Write what was found in every shop, and the next look."""
        if not isinstance(outcome, Done | Failed):
            return
        found = self._found.pop(job.id, None)
        for shop in transaction.shops.all():
            uow = transaction.of(shop.id)
            note_reach(uow, reached=found is not None)
            if found is not None:
                note_reconciled(found.seen, found.gone, uow)
        full = isinstance(outcome, Done) and outcome.receipt.get("full")
        last_full = transaction.now.isoformat() if full else job.payload.get("last_full")
        _plan(transaction, after=_EVERY, last_full=last_full)

    async def _look(self, since: datetime, turn: Turn) -> Found:
        ours = await self.engine.read(lambda transaction: _to_compare(transaction, since))
        page = await self.client.v1.refunds.list_async({"created": {"gte": int(since.timestamp())}, "limit": _PAGE})
        seen = {one.id: _seen(one) for one in page.data}
        while page.has_more:
            await turn()
            page = await page.next_page_async()
            seen |= {one.id: _seen(one) for one in page.data}
        gone = []
        for refund in ours:
            stripe_refund = refund.stripe_refund or ""
            if stripe_refund in seen:
                continue
            await turn()
            try:
                seen[stripe_refund] = _seen(await self.client.v1.refunds.retrieve_async(stripe_refund))
            except stripe.InvalidRequestError as error:
                if error.http_status != 404:
                    raise
                gone.append(refund.id)
        return Found(seen=tuple(one for one in seen.values() if one is not None), gone=tuple(gone))


def plan_reconcile(transaction: Transaction) -> None:
    """Begin: the first look is a full one, and at once; in a slot that has had its look already, at the next."""
    if not _plan(transaction, after=timedelta(), last_full=None):
        _plan(transaction, after=_EVERY, last_full=None)


def _plan(transaction: Transaction, *, after: timedelta, last_full: Json) -> bool:
    """Write a look; a slot of ten minutes makes it one, whoever writes it. False if it was written before."""
    now = transaction.now
    due = now - timedelta(minutes=now.minute % 10, seconds=now.second, microseconds=now.microsecond) + after
    return transaction.jobs.add(
        key=f"reconcile:{due:%Y%m%dT%H%MZ}", kind="reconcile", lane="reconcile", due_at=due,
        payload={"last_full": last_full},
    )


def _to_compare(transaction: Transaction, since: datetime) -> list[Refund]:
    return [one for shop in transaction.shops.all() for one in transaction.of(shop.id).payments.to_compare(since)]


def _seen(one: stripe.Refund) -> SeenRefund | None:
    """The refund as the domain compares it; None for one without a payment intent, which cannot be ours."""
    intent = one.payment_intent if isinstance(one.payment_intent, str | None) else one.payment_intent.id
    if intent is None:
        return None
    metadata = one.metadata
    state = STATES.get(one.status or "", RefundState.NEEDS_HUMAN)
    return SeenRefund(
        stripe_refund=one.id, payment_intent=intent, amount=from_stripe(one.amount, one.currency),
        refund_id=metadata[INTENT] if metadata and INTENT in metadata else None, state=state,
        failure=one.failure_reason if state is RefundState.FAILED else None,
    )


def _moment(value: Json) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) and value else None
