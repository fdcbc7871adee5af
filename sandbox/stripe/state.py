"""The sandbox's Stripe: payments, refunds, disputes, and the rules by which money moves."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from sandbox.demo_shop import build
from sandbox.demo_shop.rows import stripe_id
from sandbox.demo_shop.stripe_seed import SeedPayment, payments_at_stripe
from sandbox.stripe.errors import CardDeclined, Declined, Malformed, no_such
from sandbox.stripe.idempotency import Keys
from sandbox.stripe.objects import Dispute, Json, Payment, Refund, charge_json, dispute_json, intent_json, refund_json
from sandbox.stripe.webhooks import Webhooks

if TYPE_CHECKING:
    from sandbox.world import World

Made = TypeVar("Made")
#: sandbox seconds until a pending refund settles
SETTLES_AFTER = 60.0
#: days that the shop has to answer a dispute
EVIDENCE_DAYS = 21
#: Stripe's test payment methods whose refunds behave so. Source: docs.stripe.com/testing, read 2026-11-23
_REFUND_FAILS, _REFUND_PENDING, _DECLINED = "pm_card_refundFail", "pm_card_pendingRefund", "pm_card_chargeDeclined"
_NO_REQUEST: Json = {"id": None, "idempotency_key": None}
_SYMBOLS = {"eur": "€", "usd": "$", "gbp": "£"}


class State:
    """All that Stripe knows of the shop. The demo shop's payments are read at the first look."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.keys = Keys()
        self.webhooks = Webhooks(world, self.new_id)
        self._loading = asyncio.Lock()
        self.reset()

    def reset(self) -> None:
        """Back to the demo shop's payments; running deliveries are forgotten."""
        self.keys.clear()
        self.webhooks.clear()
        #: True: refunds begin as pending and settle a minute later
        self.refunds_pend = False
        self._payments: dict[str, Payment] | None = None
        self._by_charge: dict[str, Payment] = {}
        self._refunds: dict[str, Payment] = {}
        self._disputes: dict[str, Payment] = {}
        self._created = 0
        self._watching = False
        # to the minute: worlds that start at the real time within a minute share one demo shop
        self.started = self.world.settings.start or self.world.clock.now().replace(second=0, microsecond=0)

    # -- what there is

    @property
    def payments(self) -> dict[str, Payment]:
        """Every payment intent by its id, oldest first."""
        if self._payments is None:
            self._fill(self._read())
        return self._payments or {}

    async def load(self) -> None:
        """Read the demo shop's payments without holding up the other platforms: making it takes seconds."""
        async with self._loading:
            if self._payments is None:
                epoch = self.world.clock.epoch
                found = await beside(self._read)
                if epoch == self.world.clock.epoch:
                    self._fill(found)

    def _read(self) -> list[Payment]:
        return [_seeded(seed) for seed in payments_at_stripe(build(self.started, self.world.settings.seed))]

    def _fill(self, found: list[Payment]) -> None:
        if self._payments is not None:
            return  # somebody could not wait
        self._payments = {}
        for payment in found:
            self._keep(payment)

    def _keep(self, payment: Payment) -> None:
        if self._payments is not None:
            self._payments[payment.id] = payment
        if payment.charge:
            self._by_charge[payment.charge] = payment
        self._refunds.update({refund.id: payment for refund in payment.refunds})

    def payment(self, intent: str, param: str = "intent") -> Payment:
        """That payment intent; Missing."""
        found = self.payments.get(intent)
        if found is None:
            raise no_such("payment_intent", intent, param)
        return found

    def charged(self, charge: str, param: str = "id") -> Payment:
        """The payment of that charge; Missing."""
        found = self._by_charge.get(charge) if self.payments else None
        if found is None:
            raise no_such("charge", charge, param)
        return found

    def refund(self, id_: str, param: str = "id") -> tuple[Payment, Refund]:
        """That refund with its payment; Missing."""
        payment = self._refunds.get(id_) if self.payments else None
        if payment is None:
            raise no_such("refund", id_, param)
        return payment, next(refund for refund in payment.refunds if refund.id == id_)

    def dispute(self, id_: str) -> tuple[Payment, Dispute]:
        """That dispute with its payment; Missing."""
        payment = self._disputes.get(id_)
        if payment is None or payment.dispute is None:
            raise no_such("dispute", id_, "dispute")
        return payment, payment.dispute

    def refunds(self) -> Iterator[tuple[Payment, Refund]]:
        """Every refund, newest first."""
        found = [(payment, refund) for payment in self.payments.values() for refund in payment.refunds]
        # made in the same second: the later one comes first
        found.reverse()
        found.sort(key=lambda pair: pair[1].created, reverse=True)
        return iter(found)

    def disputes(self) -> Iterator[tuple[Payment, Dispute]]:
        """Every dispute, newest first."""
        return ((payment, payment.dispute) for payment in reversed(self._disputes.values()) if payment.dispute)

    # -- time and names

    def unix(self) -> float:
        """Now, in Unix seconds of the sandbox."""
        return self.world.clock.now().timestamp()

    def new_id(self, prefix: str) -> str:
        """An id that was not there before; the same for the same history."""
        self._created += 1
        return stripe_id(prefix, self.world.settings.seed, f"later/{self._created}")

    # -- paying

    def pay(self, payment: Payment, request: Json = _NO_REQUEST) -> None:
        """Confirm a payment intent: the card is charged at once; CardDeclined with the test card that says no."""
        if payment.status == "succeeded":
            raise Declined(
                "You cannot confirm this PaymentIntent because it has already succeeded after being previously "
                "confirmed.",
                code="payment_intent_unexpected_state",
            )
        if payment.payment_method == _DECLINED:
            payment.status = "requires_payment_method"
            raise CardDeclined(
                "Your card was declined.",
                code="card_declined",
                decline_code="generic_decline",
                payment_intent=intent_json(payment),
            )
        payment.status, payment.charge = "succeeded", self.new_id("ch")
        self._keep(payment)
        self.webhooks.emit("charge.succeeded", charge_json(payment), request)
        self.webhooks.emit("payment_intent.succeeded", intent_json(payment), request)
        self._changed(payment)

    def add(self, payment: Payment, request: Json = _NO_REQUEST) -> Payment:
        """A new payment intent, not confirmed yet."""
        self.payments[payment.id] = payment
        self.webhooks.emit("payment_intent.created", intent_json(payment), request)
        return payment

    # -- refunding

    def give_back(
        self, payment: Payment, amount: int | None, reason: str | None, metadata: dict[str, str], request: Json
    ) -> Refund:
        """Refund a charge in part or, with amount None, what is left of it; Declined if that cannot be."""
        self._refundable(payment, amount)
        fails, pends = payment.payment_method == _REFUND_FAILS, payment.payment_method == _REFUND_PENDING
        now = self.unix()
        refund = Refund(
            id=self.new_id("re"),
            amount=payment.left if amount is None else amount,
            created=int(now),
            status="pending" if pends or self.refunds_pend else "succeeded",
            reason=reason,
            metadata=metadata,
            settles_at=now + SETTLES_AFTER if fails or pends or self.refunds_pend else None,
            settles_as="failed" if fails else "succeeded",
        )
        before = {"amount_refunded": payment.refunded}
        payment.refunds.append(refund)
        self._refunds[refund.id] = payment
        self.webhooks.emit("refund.created", refund_json(payment, refund), request)
        self.webhooks.emit("charge.refunded", charge_json(payment), request, before)
        self._changed(payment)
        self._watch()
        return refund

    def _refundable(self, payment: Payment, amount: int | None) -> None:
        if not payment.charge:
            raise Declined(
                f"This PaymentIntent ({payment.id}) does not have a successful charge to refund.",
                code="payment_intent_unexpected_state",
            )
        if payment.dispute and payment.dispute.status not in ("won", "warning_closed"):
            raise Declined(
                f"Charge {payment.charge} has been charged back; cannot issue a refund.", code="charge_disputed"
            )
        if payment.left == 0:
            raise Declined(f"Charge {payment.charge} has already been refunded.", code="charge_already_refunded")
        if amount is not None and amount > payment.left:
            asked, left = _shown(amount, payment.currency), _shown(payment.left, payment.currency)
            raise Declined(
                f"Refund amount ({asked}) is greater than unrefunded amount on charge ({left})", param="amount"
            )

    def settle(self, refund_id: str, status: str, failure_reason: str = "expired_or_canceled_card") -> Refund:
        """A refund's last word: ``succeeded``, ``failed`` (the money comes back to the shop) or ``canceled``."""
        payment, refund = self.refund(refund_id)
        if refund.status == status or refund.status in ("failed", "canceled"):
            raise Malformed(f"Refund {refund_id} is {refund.status} already.")
        before: Json = {"status": refund.status}
        charge_before: Json = {"amount_refunded": payment.refunded}
        refund.status, refund.settles_at = status, None
        if status == "failed":
            refund.failure_reason = failure_reason
        about = refund_json(payment, refund)
        self.webhooks.emit("refund.updated", about, _NO_REQUEST, before)
        self.webhooks.emit("charge.refund.updated", about, _NO_REQUEST, before)
        if status == "failed":
            self.webhooks.emit("refund.failed", about, _NO_REQUEST, before)
        if status != "succeeded":
            self.webhooks.emit("charge.updated", charge_json(payment), _NO_REQUEST, charge_before)
        self._changed(payment)
        return refund

    def _watch(self) -> None:
        """Settle what is pending once its time has come."""
        waits = any(refund.settles_at for _, refund in self.refunds())
        if waits and not self._watching:
            self._watching = True
            self.world.spawn(self._settle_in_time())

    async def _settle_in_time(self) -> None:
        epoch = self.world.clock.epoch
        while self.world.clock.epoch == epoch:
            waiting = [refund for _, refund in self.refunds() if refund.settles_at]
            if not waiting:
                break
            for refund in waiting:
                if refund.settles_at and refund.settles_at <= self.unix():
                    self.settle(refund.id, refund.settles_as)
            await asyncio.sleep(0.1)
        if self.world.clock.epoch == epoch:
            self._watching = False

    # -- disputing

    def open_dispute(self, payment: Payment, reason: str = "product_not_received") -> Dispute:
        """The cardholder disputes all that was not refunded; Declined if there is one or nothing is left."""
        if payment.dispute or payment.left == 0:
            state = "disputed" if payment.dispute else "refunded"
            raise Malformed(f"Payment {payment.id} cannot be disputed: it is {state} already.")
        now = int(self.unix())
        due_by = now - now % 86400 + EVIDENCE_DAYS * 86400 - 1
        dispute = Dispute(id=self.new_id("dp"), amount=payment.left, created=now, reason=reason, due_by=due_by)
        payment.dispute = dispute
        self._disputes[dispute.id] = payment
        self.tell_dispute(payment, "charge.dispute.created")
        return dispute

    def tell_dispute(
        self, payment: Payment, kind: str, request: Json = _NO_REQUEST, before: Json | None = None
    ) -> None:
        """Say that a dispute was created, updated or closed."""
        if payment.dispute:
            self.webhooks.emit(kind, dispute_json(payment, payment.dispute, self.unix()), request, before)
            self._changed(payment)

    def close_dispute(self, id_: str, status: str, request: Json = _NO_REQUEST) -> Dispute:
        """``won`` or ``lost``."""
        payment, dispute = self.dispute(id_)
        if dispute.status in ("won", "lost"):
            raise Malformed(f"This dispute is already {dispute.status}.")
        before = {"status": dispute.status}
        dispute.status = status
        self.tell_dispute(payment, "charge.dispute.closed", request, before)
        return dispute

    def _changed(self, payment: Payment) -> None:
        self.world.changed("stripe", {"payment": payment.id})


async def beside(work: Callable[[], Made]) -> Made:
    """What ``work`` gives, made in a thread that does not keep the program from ending."""
    loop = asyncio.get_running_loop()
    made: asyncio.Future[Made] = loop.create_future()

    def tell(settle: Callable[[], None]) -> None:
        # nobody waits any more when the loop is closed or the waiting was cancelled
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: None if made.done() else settle())

    def run() -> None:
        try:
            found = work()
        except Exception as error:  # noqa: BLE001 - carried over to whoever waits
            failure = error
            tell(lambda: made.set_exception(failure))
        else:
            tell(lambda: made.set_result(found))

    threading.Thread(target=run, daemon=True, name="demo shop").start()
    return await made


def _seeded(seed: SeedPayment) -> Payment:
    return Payment(
        id=seed["id"],
        charge=seed["charge"],
        amount=seed["amount"],
        currency="eur",
        created=seed["created"],
        last4=seed["last4"],
        country=seed["country"],
        name=seed["name"],
        email=seed["email"],
        description=f"Order #{seed['order']}",
        metadata={"order": seed["order"]},
        refunds=[
            Refund(
                id=refund["id"], amount=refund["amount"], created=refund["created"], reason="requested_by_customer"
            )
            for refund in seed["refunds"]
        ],
    )


def _shown(amount: int, currency: str) -> str:
    """An amount as Stripe words it in refusals; all of the sandbox's currencies have two decimals."""
    return f"{_SYMBOLS.get(currency, currency.upper() + ' ')}{amount / 100:,.2f}"
