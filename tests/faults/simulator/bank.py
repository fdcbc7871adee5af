"""Stripe below stripe-python: idempotency keys that live a day, 409 in flight, amounts left, refunds that fail later.

Source of the rules: docs.stripe.com/api/idempotent_requests, docs.stripe.com/refunds, read 2026-11-23.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import stripe

from tests.faults.simulator.network import Reply, WireBroken

if TYPE_CHECKING:
    from tests.faults.simulator.replica import Replica
    from tests.faults.simulator.world import World

#: docs.stripe.com/api/idempotent_requests: keys can be removed once they are at least 24 hours old
_KEY_LIFE = timedelta(hours=24)


@dataclass(eq=False)
class Charge:
    """A captured payment."""

    intent: str
    captured: int
    #: status by dispute: a payment may have several
    disputes: dict[str, str] = field(default_factory=dict)

    @property
    def disputed(self) -> bool:
        """Whether any of them is open or lost."""
        return any(status != "won" for status in self.disputes.values())


@dataclass(eq=False)
class Given:
    """A refund that Stripe made. ``intent``: ours, from its metadata."""

    id: str
    payment: str
    amount: int
    intent: str
    status: str
    at: datetime
    failure: str | None = None

    def body(self) -> dict[str, Any]:
        """As Stripe writes it."""
        found = {
            "id": self.id, "object": "refund", "amount": self.amount, "currency": "eur", "status": self.status,
            "payment_intent": self.payment, "metadata": {"opsbell_refund": self.intent}, "charge": None,
        }
        return found | ({"failure_reason": self.failure} if self.failure else {})


@dataclass(eq=False)
class _Key:
    """A remembered call: its parameters and answer, from ``at`` on; in flight until ``done``."""

    at: datetime
    asked: str
    reply: Reply
    done: datetime


@dataclass
class Bank:
    """The shop's account at Stripe."""

    world: World
    charges: dict[str, Charge] = field(default_factory=dict)
    given: list[Given] = field(default_factory=list)
    keys: dict[str, _Key] = field(default_factory=dict)
    events: int = 0
    calls: int = 0

    def client(self, replica: Replica) -> stripe.StripeClient:
        """The real client of a process, its wire replaced."""
        return stripe.StripeClient("sk_test_simulated", http_client=_Wire(self, replica), max_network_retries=0)

    def left(self, payment: str) -> int:
        """What may still be refunded."""
        kept = sum(one.amount for one in self.given if one.payment == payment and one.status != "failed")
        return self.charges[payment].captured - kept

    def create(self, asked: Mapping[str, str], key: str, job: str) -> Reply:
        """POST /v1/refunds."""
        now = self.world.now()
        self.calls += 1
        form = json.dumps(dict(asked), sort_keys=True)
        known = self.keys.get(key)
        if known is not None and now - known.at >= _KEY_LIFE:
            known = None
        if known is not None:
            if known.asked != form:
                return _error(400, "idempotency_error", "Keys for idempotent requests can only be used with the same parameters")
            if now < known.done:
                return _error(409, "invalid_request_error", "There is currently another in-progress request", "idempotency_key_in_use")
            return known.reply
        reply = self._make(asked, job)
        self.keys[key] = _Key(at=now, asked=form, reply=reply, done=now + timedelta(seconds=self.world.random.choice((0, 0, 3))))
        return reply

    def _make(self, asked: Mapping[str, str], job: str) -> Reply:
        payment, amount = asked["payment_intent"], int(asked["amount"])
        charge = self.charges.get(payment)
        intent = asked.get("metadata[opsbell_refund]", "")
        self.world.oracle.refund_asked(self, payment, amount, intent, job)
        if charge is None:
            return _error(404, "invalid_request_error", f"No such payment_intent: {payment}", "resource_missing")
        if charge.disputed:
            return _error(400, "invalid_request_error", "This charge has been charged back", "charge_disputed")
        if amount > self.left(payment):
            return _error(400, "invalid_request_error", "Refund amount is greater than unrefunded amount", None)
        moods = self.world.swarm.bank
        status = "succeeded"
        if "fails" in moods and self.world.chance(0.5):
            status = "failed"
        elif "pending" in moods and self.world.chance(0.5):
            status = "pending"
        made = Given(
            id=f"re_{len(self.given) + 1}", payment=payment, amount=amount, intent=intent, status=status,
            at=self.world.now(), failure="lost_or_stolen_card" if status == "failed" else None,
        )
        self.given.append(made)
        self.world.trace("refund", made.id, payment, amount, status)
        self.world.oracle.refunded(made)
        self.tell("refund.created", made.body())
        if status == "pending":
            settles = "failed" if "fails" in moods and self.world.chance(0.4) else "succeeded"
            self.world.later(self.world.random.uniform(1, 60), self.becomes, made, settles)
        elif status == "succeeded" and "bounces" in moods and self.world.chance(0.4):
            self.world.later(self.world.random.uniform(1, 60), self.becomes, made, "failed")
        return Reply(status=200, body=made.body())

    def becomes(self, made: Given, status: str) -> None:
        """A refund moves on, and an event says so."""
        made.status = status
        made.failure = "expired_or_canceled_card" if status == "failed" else None
        self.world.trace("becomes", made.id, status)
        if status == "succeeded" and "bounces" in self.world.swarm.bank and self.world.chance(0.4):
            self.world.later(self.world.random.uniform(1, 60), self.becomes, made, "failed")
        self.tell("refund.failed" if status == "failed" else "refund.updated", made.body())

    def dispute(self, payment: str, status: str, *, name: str = "dp_1") -> None:
        """The customer's bank takes a payment into question, or is done with it: then Stripe says so in two events."""
        charge = self.charges[payment]
        over = status in {"won", "lost"}
        charge.disputes[name] = status
        self.world.trace("dispute", payment, name, status)
        thing = {
            "id": name, "object": "dispute", "payment_intent": payment, "status": status,
            "reason": "fraudulent", "amount": charge.captured, "currency": "eur",
            "created": int(self.world.now().timestamp()), "evidence_details": {"due_by": int(self.world.now().timestamp()) + 600_000},
        }
        if over and self.world.chance(0.5):
            self.tell("charge.dispute.updated", thing)
        self.tell("charge.dispute.closed" if over else "charge.dispute.created", thing)

    def list(self, payment: str) -> Reply:
        """GET /v1/refunds of a payment, newest first."""
        data = [one.body() for one in reversed(self.given) if one.payment == payment]
        return Reply(status=200, body={"object": "list", "data": data, "has_more": False, "url": "/v1/refunds"})

    def tell(self, kind: str, thing: dict[str, Any]) -> None:
        """A webhook is on its way."""
        self.events += 1
        event = {"id": f"evt_{self.events}", "object": "event", "livemode": False, "type": kind, "data": {"object": thing}}
        self.world.mail.stripe(event)


def _error(status: int, kind: str, words: str, code: str | None = None) -> Reply:
    return Reply(status=status, body={"error": {"type": kind, "message": words} | ({"code": code} if code else {})})


class _Wire(stripe.HTTPClient):
    """stripe-python's HTTP client, replaced."""

    name: ClassVar[str] = "simulated"

    def __init__(self, bank: Bank, replica: Replica) -> None:
        super().__init__()
        self.bank, self.replica = bank, replica

    async def request_async(  # type: ignore[override]
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[str, int, Mapping[str, str]]:
        world = self.bank.world
        job = world.job.get()
        key = job.key if job else "?"
        world.oracle.sends(self.replica, job, f"stripe.{method}", {})

        def act() -> Reply:
            if method.lower() == "post":
                asked = {name: values[0] for name, values in parse_qs(post_data or "").items()}
                return self.bank.create(asked, headers.get("Idempotency-Key", ""), key)
            payment = parse_qs(urlsplit(url).query).get("payment_intent", [""])[0]
            return self.bank.list(payment)

        try:
            reply = await world.network.call(
                self.replica, "stripe", "stripe", act, timeout=20.0,
                busy=lambda _seconds: _error(429, "invalid_request_error", "Too many requests", "rate_limit"),
            )
        except WireBroken as broken:
            world.oracle.unknown(job, broken.how)
            self._a_day_later(method)
            raise stripe.APIConnectionError(f"{broken.how} (simulated)") from None
        if reply.status >= 500:
            world.oracle.unknown(job, "5xx")
            self._a_day_later(method)
            reply = _error(reply.status, "api_error", "Something went wrong on Stripe's end")
        else:
            world.oracle.answered(job)
        return json.dumps(reply.body), reply.status, {"Request-Id": "req_1"}

    def _a_day_later(self, method: str) -> None:
        """A refund of unknown outcome is looked at again when Stripe has forgotten its key."""
        world = self.bank.world
        if method.lower() == "post" and world.swarm.forgets and not world.calm:
            world.jumps.append(90_000.0)
            world.later(0.3, world.jump_soon)

    def sleep_async(self, secs: float) -> Any:
        return self.replica.sleep(secs)

    async def close_async(self) -> None:
        """Nothing is open."""
