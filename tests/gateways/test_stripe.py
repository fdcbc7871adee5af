"""Refunds at Stripe: exactly what was approved, once, whatever breaks on the way. Real HTTP, the sandbox's Stripe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
import stripe

from domain.jobs import Job
from domain.outcomes import Done, Failed, Later, NotNow, Outcome, Superseded, Unknown
from domain.payments import DisputeClosed, DisputeOpened, Refund, RefundSettled, RefundState
from domain.returns.commands import ApproveReturn
from domain.returns.model import ReturnState
from gateways.stripe import ALL, INTENT, RefundCarrier, Trouble, client, facts, payment_intent, probe, refused
from sandbox.faults import read_fault
from sandbox.server import running
from sandbox.world import Settings
from sandbox.world import World as Sandbox
from storage.tables import approvals, refunds
from tests.returns.world import World

pytestmark = pytest.mark.asyncio
KEY = "sk_test_sandbox"


@dataclass
class Bank:
    """A desk with an approved refund, and the Stripe that is to carry it out."""

    world: World
    sandbox: Sandbox
    carrier: RefundCarrier
    intent: str
    number: str

    def claim(self) -> Job:
        """The refund's job, held as the delivery would."""
        with self.world.store.engine.begin() as connection:
            from storage.jobs import JobRows

            rows = JobRows(connection, self.world.now)
            (job,) = rows.claim(kinds=("refund",), owner="test", limit=1, lease=timedelta(seconds=60))
        return job

    async def settle(self, job: Job, outcome: Outcome) -> None:
        await self.world.store.write(lambda transaction: self.carrier.settle(job, outcome, transaction))

    async def at_stripe(self) -> list[stripe.Refund]:
        found = await self.carrier.client.v1.refunds.list_async({"payment_intent": self.intent})
        return list(found.data)

    @property
    def refund(self) -> Refund:
        (row,) = self.world.desk.query(sa.select(refunds.c.id))
        with self.world.begin() as uow:
            found = uow.payments.refund(row.id)
        assert found is not None
        return found

    def breaks(self, kind: str, times: int = 1, **more: Any) -> None:
        asked = {"method": "refunds.create", "kind": kind, "times": times, **more}
        self.sandbox.faults.add(read_fault("stripe", asked))


@pytest.fixture
async def bank(world: World) -> AsyncIterator[Bank]:
    async with running(Settings(start=world.now)) as sandbox, aiohttp.ClientSession() as session:
        await sandbox.stripe.load()  # seconds, and more than a call waits on a slow machine
        speaks = client(KEY, f"{sandbox.address}/stripe", session)
        paid = await speaks.v1.payment_intents.create_async(
            {"amount": 8800, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True}
        )
        found = world.request(world.order(intent=paid.id, paid=8800))
        world.run(ApproveReturn(return_number=found.number, version=found.version), "ada")
        carrier = RefundCarrier(client=speaks, engine=world.store)
        yield Bank(world=world, sandbox=sandbox, carrier=carrier, intent=paid.id, number=found.number)


async def test_exactly_what_was_approved_is_refunded_and_said(bank: Bank) -> None:
    job = bank.claim()
    outcome = await bank.carrier.carry(job)
    assert isinstance(outcome, Done)
    (there,) = await bank.at_stripe()
    assert (there.amount, there.currency, there.status) == (3800, "eur", "succeeded")
    assert there.metadata is not None
    assert there.metadata[INTENT] == bank.refund.id
    await bank.settle(job, outcome)
    assert bank.refund.state is RefundState.SUCCEEDED
    assert bank.world.found(bank.number).state is ReturnState.REFUNDED
    assert outcome.receipt["card"] == "4242"


async def test_carrying_twice_refunds_once(bank: Bank) -> None:
    job = bank.claim()
    first, second = await bank.carrier.carry(job), await bank.carrier.carry(job)
    assert isinstance(first, Done)
    assert first == second
    assert len(await bank.at_stripe()) == 1


async def test_what_is_settled_is_not_sent_again(bank: Bank) -> None:
    job = bank.claim()
    await bank.settle(job, await bank.carrier.carry(job))
    assert isinstance(await bank.carrier.carry(job), Superseded)
    assert len(await bank.at_stripe()) == 1


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "http_500"])
async def test_after_a_broken_line_the_same_refund_is_found_not_made_twice(bank: Bank, kind: str) -> None:
    bank.breaks(kind)
    job = bank.claim()
    assert isinstance(await bank.carrier.carry(job), Unknown)
    assert isinstance(await bank.carrier.carry(job), Done)
    assert len(await bank.at_stripe()) == 1


async def test_after_twenty_hours_it_is_looked_up_and_never_sent_blindly(bank: Bank) -> None:
    bank.breaks("reset_after")
    job = bank.claim()
    assert isinstance(await bank.carrier.carry(job), Unknown)
    bank.world.later(hours=21)
    found = await bank.carrier.carry(job)
    assert isinstance(found, Done)
    assert found.receipt["state"] == "succeeded"
    assert len(await bank.at_stripe()) == 1


async def test_after_twenty_hours_with_nothing_at_stripe_a_person_is_asked(bank: Bank) -> None:
    bank.breaks("reset_before")
    job = bank.claim()
    assert isinstance(await bank.carrier.carry(job), Unknown)
    bank.world.later(hours=21)
    outcome = await bank.carrier.carry(job)
    assert isinstance(outcome, Failed)
    assert await bank.at_stripe() == []
    await bank.settle(job, outcome)
    assert bank.refund.state is RefundState.NEEDS_HUMAN


async def test_a_database_put_back_from_a_backup_does_not_refund_again(bank: Bank) -> None:
    forgotten = {"payment_intent": bank.intent, "amount": 3800, "metadata": {INTENT: "an intent of yesterday"}}
    await bank.carrier.client.v1.refunds.create_async(forgotten)
    job = bank.claim()
    outcome = await bank.carrier.carry(job)
    assert isinstance(outcome, Failed)
    assert "does not know" in outcome.reason
    assert len(await bank.at_stripe()) == 1
    await bank.settle(job, outcome)
    assert bank.refund.state is RefundState.NEEDS_HUMAN


async def test_somebody_elses_partial_refund_stops_nothing(bank: Bank) -> None:
    await bank.carrier.client.v1.refunds.create_async({"payment_intent": bank.intent, "amount": 1000})
    assert isinstance(await bank.carrier.carry(bank.claim()), Done)
    assert len(await bank.at_stripe()) == 2


async def test_more_than_is_left_is_refused_by_stripe_and_the_return_is_decided_anew(bank: Bank) -> None:
    await bank.carrier.client.v1.refunds.create_async({"payment_intent": bank.intent, "amount": 8000})
    job = bank.claim()
    outcome = await bank.carrier.carry(job)
    assert isinstance(outcome, Done)
    assert outcome.receipt["state"] == "failed"
    await bank.settle(job, outcome)
    assert bank.world.found(bank.number).state is ReturnState.REFUND_FAILED
    assert len(await bank.at_stripe()) == 1


async def test_too_many_calls_wait_without_counting(bank: Bank) -> None:
    bank.breaks("ratelimit")
    outcome = await bank.carrier.carry(bank.claim())
    assert isinstance(outcome, Later)
    assert outcome.counts is False


@pytest.mark.parametrize(
    "broken", [sa.update(approvals).values(amount_minor=3799), sa.update(refunds).values(approval_id=None)],
    ids=["approved for another amount", "approval gone"],
)
async def test_a_refund_without_its_approval_is_never_sent(bank: Bank, broken: sa.Update) -> None:
    bank.world.desk.execute(broken)
    job = bank.claim()
    outcome = await bank.carrier.carry(job)
    assert isinstance(outcome, Done)
    assert await bank.at_stripe() == []
    await bank.settle(job, outcome)
    assert bank.world.found(bank.number).state is ReturnState.REFUND_FAILED, "to be decided anew"


async def test_a_refund_that_lost_its_approval_after_it_was_sent_is_for_a_person(bank: Bank) -> None:
    bank.breaks("reset_after")
    job = bank.claim()
    assert isinstance(await bank.carrier.carry(job), Unknown)
    bank.world.desk.execute(sa.update(approvals).values(mac=""))
    outcome = await bank.carrier.carry(job)
    assert isinstance(outcome, Failed)
    await bank.settle(job, outcome)
    assert bank.refund.state is RefundState.NEEDS_HUMAN


def _job() -> Job:
    moment = datetime(2026, 11, 23, tzinfo=UTC)
    return Job(
        id=1, shop_id=1, key="refund:1", kind="refund", lane="l", payload={}, attempts=1, in_doubt=False, owner="o",
        leased_until=moment, made_at=moment,
    )


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (stripe.IdempotencyError("other figures"), Failed), (stripe.RateLimitError("slow down"), Later),
        (stripe.AuthenticationError("no"), Later), (stripe.PermissionError("no"), Later),
        (stripe.APIConnectionError("away"), Unknown), (stripe.APIError("busy", http_status=409), Later),
        (stripe.InvalidRequestError("no", "amount", http_status=400), Done), (stripe.CardError("no", "x", "y", http_status=402), Done),
        (stripe.APIError("broken", http_status=500), Unknown),
    ],
)
async def test_every_error_of_stripes_has_one_meaning(error: stripe.StripeError, outcome: type) -> None:
    found = refused(_job(), error)
    assert type(found) is outcome
    if isinstance(found, Done):
        assert found.receipt["state"] == "failed"


@pytest.mark.parametrize("error", [stripe.AuthenticationError("no"), stripe.PermissionError("no"), stripe.RateLimitError("slow")])
async def test_no_refund_is_given_up_because_stripe_does_not_let_us_in(error: stripe.StripeError) -> None:
    found = refused(_job(), error)
    assert isinstance(found, Later)
    assert not found.counts


@pytest.mark.parametrize(("error", "lane", "shut"), [
    (stripe.RateLimitError("slow"), ALL, False), (stripe.AuthenticationError("no"), ALL, True),
    (stripe.RateLimitError("locked", code="lock_timeout"), "", False), (stripe.PermissionError("no"), "", False),
])
async def test_what_concerns_every_call_holds_every_call(error: stripe.StripeError, lane: str, shut: bool) -> None:
    found = refused(_job(), error)
    assert isinstance(found, Later)
    assert (found.lane, found.shut) == (lane, shut)


@pytest.mark.parametrize(("headers", "seconds"), [({"retry-after": "42"}, 42), ({}, 5), (None, 5)])
async def test_stripe_is_left_alone_for_as_long_as_it_says(headers: dict[str, str] | None, seconds: int) -> None:
    found = refused(_job(), stripe.RateLimitError("slow", headers=headers))
    assert isinstance(found, Later)
    assert (found.wait, found.lane) == (timedelta(seconds=seconds), ALL)


async def test_a_refund_asks_its_turn_before_the_call_that_moves_money(bank: Bank) -> None:
    turns = list[int]()

    async def turn(_lanes: Any = None) -> None:
        turns.append(1)
        if len(turns) == 2:
            raise NotNow(timedelta(seconds=40))

    job = bank.claim()
    with pytest.raises(NotNow):
        await bank.carrier.carry(job, turn)
    assert await bank.at_stripe() == []
    assert isinstance(await bank.carrier.carry(job), Done)
    assert len(await bank.at_stripe()) == 1


def _event(kind: str, **thing: Any) -> dict[str, Any]:
    return {"id": "evt_1", "type": kind, "data": {"object": thing}}


@pytest.mark.parametrize("kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"])
async def test_a_refunds_events_say_where_it_stands(kind: str) -> None:
    thing = {"id": "re_1", "status": "failed", "failure_reason": "lost_or_stolen_card", "metadata": {INTENT: "intent-1"}}
    assert facts(_event(kind, **thing)) == (
        RefundSettled(refund_id="intent-1", stripe_refund="re_1", state=RefundState.FAILED, failure="lost_or_stolen_card"),
    )


async def test_a_status_that_we_do_not_know_is_for_a_person() -> None:
    (fact,) = facts(_event("refund.updated", id="re_1", status="teleported", metadata=None))
    assert isinstance(fact, RefundSettled)
    assert (fact.state, fact.refund_id) == (RefundState.NEEDS_HUMAN, None)


async def test_disputes_open_change_and_close() -> None:
    thing = {
        "id": "dp_1", "payment_intent": "pi_1", "status": "needs_response", "reason": "fraudulent", "amount": 500,
        "currency": "eur", "created": 1_790_000_000, "evidence_details": {"due_by": 1_790_600_000},
    }
    for kind in ("charge.dispute.created", "charge.dispute.updated"):
        (opened,) = facts(_event(kind, **thing))
        assert isinstance(opened, DisputeOpened)
        assert opened.due_by == datetime.fromtimestamp(1_790_600_000, UTC)
    (opened,) = facts(_event("charge.dispute.created", **{**thing, "evidence_details": None}))
    assert isinstance(opened, DisputeOpened)
    assert opened.due_by is None
    (closed,) = facts(_event("charge.dispute.closed", **{**thing, "status": "won"}))
    assert isinstance(closed, DisputeClosed)
    assert (closed.state, closed.currency) == ("won", "EUR")


async def test_other_events_mean_nothing_and_misshapen_ones_are_refused() -> None:
    assert facts(_event("customer.created", id="cus_1")) == ()
    for event in ({}, {"type": "refund.created"}, {"type": "refund.created", "data": []}, {"data": {"object": 5}}):
        with pytest.raises(ValueError, match=r"data\.object"):
            facts(event)  # type: ignore[arg-type]
    assert payment_intent(_event("refund.created", payment_intent="pi_1")) == "pi_1"
    for event in ({}, {"data": 5}, {"data": {"object": None}}, _event("x", payment_intent=None)):
        assert payment_intent(event) is None  # type: ignore[arg-type]


async def test_the_probe_tells_a_good_key_from_a_bad_one_and_from_no_answer(bank: Bank) -> None:
    address = f"{bank.sandbox.address}/stripe"
    assert await probe(KEY, address) is None
    told = await probe("sk_test_wrong", address)
    assert told is not None
    assert told.words.startswith("refuses")
    assert told.held is not None
    assert told.held.shut
    assert await probe(KEY, "http://127.0.0.1:9") == Trouble(words="cannot be reached from here")


