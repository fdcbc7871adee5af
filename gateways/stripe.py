"""Stripe: refunds out, by intent; refunds and disputes in, as facts.

The intent's id is the idempotency key, one key for ever. Before each call Stripe is asked what it has on the payment: a
refund of this intent is taken for the answer, one that this database does not know stops the call. Stripe forgets keys
after 24 hours, so 20 hours after the first call nothing is sent any more: never a blind second call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp
import stripe

from domain.errors import Conflict, RuleBroken
from domain.jobs import Engine, Job, Transaction
from domain.messages import Fact
from domain.money import Money
from domain.outcomes import Done, Failed, Later, Outcome, Superseded, Turn, Unknown, at_once, retry_after, wait_before
from domain.payments import (
    DisputeClosed,
    DisputeOpened,
    NotApproved,
    Refund,
    RefundSettled,
    RefundState,
    note_refund_settled,
    refund_sent,
    refund_to_send,
)
from domain.wire import Json
from gateways.stripe_amounts import from_stripe, to_stripe

#: every call's lane: held where Stripe asked us to wait or refuses our key
ALL: Final = "stripe:all"
#: Stripe allows 100 calls a second (docs.stripe.com/rate-limits)
GAPS: Final[Mapping[str, timedelta]] = {ALL: timedelta(milliseconds=20)}
#: where Stripe says to wait, but not how long
_BREATH: Final = timedelta(seconds=5)
#: how often a key that Stripe refuses is tried again
_KEY_WAIT: Final = timedelta(seconds=60)
#: our intent's id in the refund's metadata
INTENT: Final = "opsbell_refund"
#: docs.stripe.com/api/idempotent_requests: keys live at least 24 hours; four are left for clocks and queues
_KEY_LIFE: Final = timedelta(hours=20)
_TIMEOUT: Final = 20.0
#: in a currency's smallest part; far beyond what Stripe takes (docs.stripe.com/currencies), far within 64 bits
_LARGEST_FIGURE: Final = 10**15
#: how Stripe's statuses are called here
STATES: Final[dict[str, RefundState]] = {
    "pending": RefundState.PENDING, "requires_action": RefundState.PENDING, "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED, "canceled": RefundState.FAILED,
}


def client(key: str, base_url: str | None, session: aiohttp.ClientSession) -> stripe.StripeClient:
    """A client without retries of its own: a retry is a job's, with the job's key. The session stays the caller's."""
    http = stripe.AIOHTTPClient(timeout=aiohttp.ClientTimeout(total=_TIMEOUT), session=session)
    return stripe.StripeClient(
        key, http_client=http, max_network_retries=0,
        base_addresses={"api": base_url.rstrip("/")} if base_url else {},
    )


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What stands between us and Stripe, in a few words. ``held``: what all must wait for."""

    words: str
    held: Later | None = None


async def probe(key: str, base_url: str | None) -> Trouble | None:
    """What stands between us and Stripe; None if nothing does."""
    try:
        async with aiohttp.ClientSession() as session:
            await client(key, base_url, session).v1.refunds.list_async({"limit": 1})
    except stripe.APIConnectionError:
        return Trouble(words="cannot be reached from here")
    except stripe.StripeError as error:
        return Trouble(words=f"refuses: {error.user_message or error.code or error.http_status}", held=put_off(error))
    return None


def put_off(error: stripe.StripeError) -> Later | None:
    """What every call must wait for: a limit, or our key that is refused. None: it is about this call alone."""
    match error:
        case stripe.RateLimitError() if error.code != "lock_timeout":  # that is one payment's
            wait = retry_after((error.headers or {}).get("retry-after"), usual=_BREATH)
            return Later(wait=wait, reason="Stripe asked us to wait", lane=ALL, counts=False)
        case stripe.AuthenticationError():
            # Nothing was done, and however long it lasts no refund is given up for it: the auditor raises what is late.
            reason = "Stripe refused our key: check OPSBELL_STRIPE_KEY"
            return Later(wait=_KEY_WAIT, reason=reason, lane=ALL, shut=True, counts=False)
    return None


@dataclass(frozen=True, kw_only=True)
class RefundCarrier:
    """Carries ``refund`` jobs."""

    client: stripe.StripeClient
    engine: Engine
    kind: str = "refund"

    def gaps(self, job: Job) -> Mapping[str, timedelta]:  # noqa: ARG002  the Carrier's own signature
        """One payment's refunds follow each other anyway."""
        return GAPS

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:
        """Always: whether it may still be refunded is decided when it is begun."""

    async def carry(self, job: Job, turn: Turn = at_once) -> Outcome:
        """Have Stripe refund exactly what was approved, once."""
        await turn()
        try:
            refund = await self.engine.write(lambda transaction: _begin(transaction, job))
        except NotApproved as error:
            return await self._unapproved(job, error)
        except Conflict as error:
            return Failed(reason=error.sentence)
        if refund is None:
            return Superseded()
        try:
            return await self._refund(job, refund, turn)
        except stripe.StripeError as error:
            return refused(job, error)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Unknown(reason=f"{type(error).__name__} while speaking to Stripe")

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        """Write what Stripe said: block 2 of the refund, in the transaction that closes the job."""
        refund_id = str(job.payload["refund"])
        match outcome:
            case Done():
                receipt = outcome.receipt
                fact = RefundSettled(
                    refund_id=refund_id, stripe_refund=_word(receipt.get("refund")),
                    state=RefundState(str(receipt["state"])), failure=_word(receipt.get("failure")),
                    card_last4=_word(receipt.get("card")),
                )
            case Failed():
                fact = RefundSettled(
                    refund_id=refund_id, stripe_refund=None, state=RefundState.NEEDS_HUMAN, failure=outcome.reason
                )
            case _:
                return
        if job.shop_id is not None:
            note_refund_settled(fact, transaction.of(job.shop_id))

    async def _refund(self, job: Job, refund: Refund, turn: Turn) -> Outcome:
        listed = await self._ours(refund)
        if refund.id in listed:
            return _receipt(listed[refund.id])
        if strange := await self._unknown(job, listed):
            # A database put back from a backup has forgotten what it sent since; a new intent would pay twice.
            return Failed(reason=f"Stripe has {strange} of ours on this payment, which this database does not know")
        first = refund.first_sent_at
        if first is not None and self.engine.now() - first > _KEY_LIFE:
            return Failed(reason="sent more than 20 hours ago, and Stripe shows no such refund")
        try:
            figure = to_stripe(refund.amount)
        except RuleBroken as error:  # nothing was sent: it is decided anew
            return Done(receipt={"refund": None, "state": RefundState.FAILED.value, "failure": error.sentence})
        await turn()
        answer = await self.client.v1.refunds.create_async(
            {
                "payment_intent": refund.payment_intent or "",
                "amount": figure,
                "reason": "requested_by_customer",
                "metadata": {INTENT: refund.id},
                "expand": ["charge"],
            },
            {"idempotency_key": refund.id},
        )
        return _receipt(answer)

    async def _unapproved(self, job: Job, error: NotApproved) -> Outcome:
        """Never sent, and unknown at Stripe: it failed, so that it is decided anew. Else a person must look."""
        refund_id, shop_id = str(job.payload["refund"]), job.shop_id or 0
        refund = await self.engine.read(lambda transaction: transaction.of(shop_id).payments.refund(refund_id))
        if refund is None:
            return Superseded()
        try:
            if refund.first_sent_at is None and refund.id not in await self._ours(refund):
                return Done(receipt={"refund": None, "state": RefundState.FAILED.value, "failure": error.sentence})
        except (stripe.StripeError, aiohttp.ClientError, TimeoutError, OSError) as broken:
            held = put_off(broken) if isinstance(broken, stripe.StripeError) else None
            reason = "Stripe cannot be asked whether it knows this refund"
            return held or Later(wait=wait_before(job.attempts), reason=reason)
        return Failed(reason=error.sentence)

    async def _ours(self, refund: Refund) -> dict[str, stripe.Refund]:
        """What Stripe has on the payment by our doing, by our intents' ids."""
        listed = await self.client.v1.refunds.list_async(
            {"payment_intent": refund.payment_intent or "", "limit": 100, "expand": ["data.charge"]}
        )
        return {one.metadata[INTENT]: one for one in listed.data if one.metadata and INTENT in one.metadata}

    async def _unknown(self, job: Job, listed: Mapping[str, stripe.Refund]) -> str | None:
        """One of those that no intent of ours stands for; None if there is none."""
        shop_id = job.shop_id or 0

        def whole(transaction: Transaction) -> str | None:
            payments = transaction.of(shop_id).payments
            return next((one.id for id_, one in listed.items() if payments.refund(id_) is None), None)

        return await self.engine.read(whole) if listed else None


def _begin(transaction: Transaction, job: Job) -> Refund | None:
    """The refund to send, with the moment of the first call remembered; None if it is settled already."""
    if job.shop_id is None:
        return None
    uow = transaction.of(job.shop_id)
    refund = refund_to_send(str(job.payload["refund"]), uow)
    return None if refund is None else refund_sent(refund.id, uow)


def _receipt(answer: stripe.Refund) -> Done:
    state = STATES.get(answer.status or "", RefundState.NEEDS_HUMAN)
    # Stripe leaves failure_reason out of a refund that has not failed.
    failure = answer.failure_reason if state is RefundState.FAILED else None
    return Done(receipt={"refund": answer.id, "state": state.value, "failure": failure, "card": _card(answer)})


def _card(answer: stripe.Refund) -> str | None:
    """The last four digits of the card that gets the money; None for other ways of paying."""
    charge = answer.charge
    details = charge.payment_method_details if isinstance(charge, stripe.Charge) else None
    card = details.card if details is not None and details.type == "card" else None
    return card.last4 if card is not None else None


def refused(job: Job, error: stripe.StripeError) -> Outcome:
    """What an error of Stripe's means for a refund. Source: docs.stripe.com/error-handling."""
    if (held := put_off(error)) is not None:
        return held
    words = error.user_message or error.code or type(error).__name__
    match error:
        case stripe.IdempotencyError():
            return Failed(reason=f"Stripe knows this key with other figures: {words}")
        case stripe.RateLimitError():
            return Later(wait=wait_before(job.attempts), reason="Stripe asked us to wait", counts=False)
        case stripe.PermissionError():
            reason = "Stripe does not let our key refund: check OPSBELL_STRIPE_KEY"
            return Later(wait=timedelta(minutes=5), reason=reason, counts=False)
        case stripe.APIConnectionError():
            return Unknown(reason="Stripe cannot be reached")
        case _ if error.http_status == 409:
            return Later(wait=wait_before(job.attempts), reason="the same refund is under way at Stripe")
        case stripe.InvalidRequestError() | stripe.CardError():
            # Stripe has looked at it and done nothing: known for good.
            return Done(receipt={"refund": None, "state": RefundState.FAILED.value, "failure": words[:300]})
    return Unknown(reason=f"Stripe answered {error.http_status}")


def mode_of(key: str) -> bool | None:
    """Whether a key moves real money: True for sk_live_ and rk_live_, False for test keys, None for neither."""
    prefix, kind, *_ = [*key.split("_"), "", ""]
    return {"live": True, "test": False}.get(kind) if prefix in {"sk", "rk"} else None


def foreign(event: Mapping[str, Json], *, live: bool | None, account: str = "") -> str | None:
    """Why an event is not this desk's, in a sentence; None if it is.

    A test event must move nothing on a live desk, nor a live one on a test desk; an event of a connected account is
    about somebody else's money. Source: docs.stripe.com/api/events/object (livemode, account).
    """
    if live is None or event.get("livemode") is not live:
        ours = {True: "live", False: "test"}.get(live, "unknown") if live is not None else "unknown"
        return f"This event is not of our Stripe key's mode ({ours})."
    if event.get("account") not in (None, account or None):
        return "This event is about another Stripe account."
    return None


def facts(event: Mapping[str, Json]) -> tuple[Fact, ...]:
    """The facts of a webhook event; none for kinds that mean nothing here. ValueError if it is not as Stripe writes."""
    kind, data = str(event.get("type", "")), event.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    if not isinstance(thing, dict):
        raise ValueError("a Stripe event carries data.object")
    if kind in {"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"}:
        return (_settled(thing),)
    if kind in {"charge.dispute.created", "charge.dispute.updated"}:
        return (_opened(thing),)
    if kind == "charge.dispute.closed":
        return (_closed(thing),)
    return ()


def payment_intent(event: Mapping[str, Json]) -> str | None:
    """The payment that an event is about: it tells whose shop it is."""
    data = event.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    return _word(thing.get("payment_intent")) if isinstance(thing, dict) else None


def _settled(thing: Mapping[str, Json]) -> RefundSettled:
    metadata = thing.get("metadata")
    ours = metadata.get(INTENT) if isinstance(metadata, dict) else None
    return RefundSettled(
        refund_id=_word(ours), stripe_refund=_word(thing.get("id")),
        state=STATES.get(str(thing.get("status")), RefundState.NEEDS_HUMAN),
        failure=_word(thing.get("failure_reason")),
    )


def _opened(thing: Mapping[str, Json]) -> DisputeOpened:
    evidence = thing.get("evidence_details")
    due = evidence.get("due_by") if isinstance(evidence, dict) else None
    amount = _amount(thing)
    return DisputeOpened(
        stripe_dispute=str(thing["id"]), payment_intent=str(thing["payment_intent"]), state=str(thing["status"]),
        reason=str(thing["reason"]), amount_minor=amount.minor, currency=amount.currency,
        at=_moment(thing["created"]), due_by=_moment(due) if due else None,
    )


def _closed(thing: Mapping[str, Json]) -> DisputeClosed:
    amount = _amount(thing)
    return DisputeClosed(
        stripe_dispute=str(thing["id"]), payment_intent=str(thing["payment_intent"]), state=str(thing["status"]),
        reason=str(thing["reason"]), amount_minor=amount.minor, currency=amount.currency,
        at=_moment(thing["created"]),
    )


def _amount(thing: Mapping[str, Json]) -> Money:
    figure = int(str(thing["amount"]))
    if not 0 <= figure < _LARGEST_FIGURE:
        raise ValueError(f"{figure} is not an amount of Stripe's")
    return from_stripe(figure, str(thing["currency"]))


def _moment(value: Json) -> datetime:
    return datetime.fromtimestamp(int(str(value)), UTC)


def _word(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None
