"""Reconciliation over real HTTP: every difference that is planted at the sandbox's Stripe or in our rows is found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

from domain.jobs import Job
from domain.outcomes import Done, Later, NotNow, Outcome, knows_us
from domain.payments import RefundState
from domain.returns.commands import ApproveReturn
from domain.returns.model import ReturnState
from gateways.stripe import ALL, RefundCarrier, client
from gateways.stripe_list import ReconcileCarrier, plan_reconcile
from sandbox.faults import read_fault
from sandbox.server import running
from sandbox.world import Settings
from sandbox.world import World as Sandbox
from storage.jobs import JobRows
from storage.tables import cases, jobs, payments, refunds
from tests.returns.world import World

KEY = "sk_test_sandbox"


@dataclass
class Books:
    """A desk whose refund of 38.00 is settled, and the Stripe that its rows are compared with."""

    world: World
    sandbox: Sandbox
    refunding: RefundCarrier
    carrier: ReconcileCarrier
    session: aiohttp.ClientSession
    intent: str

    def claim(self, kind: str) -> Job:
        with self.world.store.engine.begin() as connection:
            found = JobRows(connection, self.world.now).claim(
                kinds=(kind,), owner="test", limit=1, lease=timedelta(seconds=60)
            )
        (job,) = found
        return job

    async def carry(self, carrier: Any, job: Job) -> Outcome:
        outcome: Outcome = await carrier.carry(job)

        def whole(transaction: Any) -> None:
            assert transaction.jobs.done(job)
            carrier.settle(job, outcome, transaction)

        await self.world.store.write(whole)
        return outcome

    async def look(self) -> list[dict[str, Any]]:
        """Whatever look is due; the differences that were said since the start."""
        outcome = await self.carry(self.carrier, self.claim("reconcile"))
        assert isinstance(outcome, Done)
        return self.said()

    def said(self) -> list[dict[str, Any]]:
        return [one for told in self.world.desk.said("stripe_differs") for one in told["fields"]["differences"]]

    async def at_stripe(self, verb: str, **asked: Any) -> None:
        async with self.session.post(f"{self.sandbox.address}/control/stripe/{verb}", json=asked) as answer:
            assert answer.status == 200, await answer.text()


@pytest.fixture
async def books(world: World) -> AsyncIterator[Books]:
    # On a quick machine a test makes more calls in a second than Stripe's sandbox takes.
    async with running(Settings(start=world.now, enforce_rate_limits=False)) as sandbox, aiohttp.ClientSession() as session:
        await sandbox.stripe.load()  # seconds, and more than a call waits on a slow machine
        speaks = client(KEY, f"{sandbox.address}/stripe", session)
        paid = await speaks.v1.payment_intents.create_async(
            {"amount": 8800, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True}
        )
        found = world.request(world.order(intent=paid.id, paid=8800))
        world.run(ApproveReturn(return_number=found.number, version=found.version), "ada")
        made = Books(
            world=world, sandbox=sandbox, refunding=RefundCarrier(client=speaks, engine=world.store),
            carrier=ReconcileCarrier(client=speaks, engine=world.store), session=session, intent=paid.id,
        )
        await made.carry(made.refunding, made.claim("refund"))
        await world.store.write(plan_reconcile)
        yield made


async def test_where_all_is_alike_nothing_is_said_and_the_next_look_is_written(books: Books) -> None:
    assert await books.look() == []
    rows = books.world.desk.query(sa.select(jobs).where(jobs.c.kind == "reconcile").order_by(jobs.c.due_at))
    assert [row.state for row in rows] == ["done", "open"]
    await books.world.store.write(plan_reconcile)  # another process starts: the next slot stands already
    for minutes, full in ((10, False), (10, False), (24 * 60, True), (10, False)):
        books.world.later(minutes=minutes)
        outcome = await books.carry(books.carrier, books.claim("reconcile"))
        assert isinstance(outcome, Done)
        assert outcome.receipt["full"] is full, minutes
    assert books.said() == []


async def test_a_refund_made_at_stripe_is_found_once_and_counts_on_the_payment(books: Books) -> None:
    await books.carrier.client.v1.refunds.create_async({"payment_intent": books.intent, "amount": 2000})
    (found,) = await books.look()
    assert (found["differs"], found["theirs"]["minor"], found["order"]) == ("unknown", 2000, "1042")
    (row,) = books.world.desk.query(sa.select(payments.c.refunded_minor))
    assert row.refunded_minor == 5800
    books.world.later(minutes=10)
    assert len(await books.look()) == 1, "said once"
    (case,) = books.world.desk.query(sa.select(cases))
    assert case.state == "resolved", "it is ours as well by now"
    assert books.world.desk.said("stripe_differs")[0]["fields"]["names"] == "@Ada, @Cleo"


async def test_another_amount_here_is_found(books: Books) -> None:
    books.world.desk.execute(sa.update(refunds).values(amount_minor=3801))
    (found,) = await books.look()
    assert (found["differs"], found["ours"]["minor"], found["theirs"]["minor"]) == ("amount", 3801, 3800)


async def test_a_refund_that_stripe_does_not_have_is_found(books: Books) -> None:
    (row,) = books.world.desk.query(sa.select(refunds))
    books.world.desk.execute(
        sa.insert(refunds).values({**row._mapping, "id": "ghost", "approval_id": None, "stripe_refund": "re_ghost"})
    )
    (found,) = await books.look()
    assert (found["differs"], found["subject"], found["our_state"]) == ("missing", "re_ghost", "succeeded")


async def test_a_failure_whose_event_was_lost_reopens_the_return_and_tells_staff_and_customer(books: Books) -> None:
    await books.look()
    (there,) = (await books.carrier.client.v1.refunds.list_async({"payment_intent": books.intent})).data
    books.world.later(days=5)
    await books.at_stripe("settle", refund=there.id, status="failed")
    (found,) = await books.look()
    assert (found["differs"], found["our_state"], found["their_state"]) == ("state", "succeeded", "failed")
    assert books.world.found("R-318").state is ReturnState.REFUND_FAILED
    assert "refund_bounced" in books.world.told(1001)
    assert any(one["fields"]["news"] == "refund_bounced" for one in books.world.desk.said("return_news"))
    (row,) = books.world.desk.query(sa.select(payments.c.refunded_minor))
    assert row.refunded_minor == 0


async def test_a_key_that_a_look_finds_refused_stops_refunds_too_and_proves_nothing(books: Books) -> None:
    wrong = ReconcileCarrier(client=client("sk_test_wrong", f"{books.sandbox.address}/stripe", books.session), engine=books.world.store)
    outcome = await books.carry(wrong, books.claim("reconcile"))
    assert isinstance(outcome, Done)
    assert outcome.receipt["reached"] is False
    assert not knows_us(outcome), "as a trial it would open what is shut"
    held = await books.world.store.read(lambda one: one.jobs.closed_lanes([ALL]))
    assert held[ALL].shut
    assert held[ALL].held_until == books.world.now + timedelta(seconds=60)


@pytest.mark.parametrize("calls", [1, 2])
async def test_a_look_asks_its_turn_before_each_call(books: Books, calls: int) -> None:
    """Its list, then each refund of ours that is not in it; and between them somebody may learn of a wait."""
    (row,) = books.world.desk.query(sa.select(refunds))
    books.world.desk.execute(
        sa.insert(refunds).values({**row._mapping, "id": "ghost", "approval_id": None, "stripe_refund": "re_ghost"})
    )
    turns, before = list[int](), len(books.sandbox.calls)

    def asked() -> int:
        # Stripe tells its own news meanwhile.
        return sum(call.direction == "in" for call in books.sandbox.calls[before:])

    async def turn(_lanes: Any = None) -> None:
        turns.append(asked())
        if len(turns) == calls:
            raise NotNow(timedelta(seconds=40))

    with pytest.raises(NotNow):
        await books.carrier.carry(books.claim("reconcile"), turn)
    assert turns == list(range(calls))
    assert asked() == calls - 1


async def test_a_word_that_is_only_late_by_seconds_is_put_right_and_not_said(books: Books) -> None:
    books.world.desk.execute(sa.update(refunds).values(state=RefundState.PENDING.value, settled_at=None))
    assert await books.look() == []
    (row,) = books.world.desk.query(sa.select(refunds.c.state))
    assert row.state == "succeeded"


async def test_stripe_away_is_said_once_and_its_return_once(books: Books) -> None:
    books.sandbox.faults.add(read_fault("stripe", {"method": "refunds.list", "kind": "http_500", "times": 2}))
    assert await books.look() == []
    books.world.later(minutes=10)
    await books.look()
    books.world.later(minutes=10)
    outcome = await books.carry(books.carrier, books.claim("reconcile"))
    assert isinstance(outcome, Done)
    assert outcome.receipt["full"] is True, "the full look was made as soon as it could be"
    told = [one["fields"]["reached"] for one in books.world.desk.said("stripe_reach")]
    assert told == [False, True]


async def test_a_stripe_that_has_had_enough_for_a_second_is_not_away(books: Books) -> None:
    books.sandbox.faults.add(read_fault("stripe", {"method": "refunds.list", "kind": "ratelimit", "times": 1}))
    outcome = await books.carrier.carry(books.claim("reconcile"))
    assert isinstance(outcome, Later)
    assert (outcome.lane, outcome.shut) == (ALL, False)
    assert outcome.counts is False
    assert books.world.desk.said("stripe_reach") == []


async def test_more_than_one_page_is_read_to_its_end(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateways.stripe_list._PAGE", 2)
    monkeypatch.setattr("domain.payments.reconcile._MOST_SHOWN", 3)
    for _ in range(5):
        await books.carrier.client.v1.refunds.create_async({"payment_intent": books.intent, "amount": 100})
    await books.look()
    (told,) = books.world.desk.said("stripe_differs")
    assert (told["fields"]["count"], len(told["fields"]["differences"])) == (5, 3)
