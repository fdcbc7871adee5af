"""Whatever is pressed, heard and received, in any order: money and states keep their promises."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain.errors import Conflict, OpsError
from domain.messages import Command
from domain.payments import DisputeClosed, DisputeOpened, RefundSettled, RefundState, refund_to_send
from domain.payments.settlement import CONTRADICTION
from domain.returns import (
    ApproveInPart,
    ApproveReturn,
    AskForPhoto,
    CancelReturn,
    DeclineReturn,
    Reason,
    ReceivedLine,
    ReturnReceived,
    ReturnState,
)
from domain.returns.model import may_become
from tests.returns.world import NOW, World, world_on

NUMBERS = st.sampled_from(["R-318", "R-319", "R-320", "R-321"])
STAFF = st.sampled_from(["ada", "ben", "cleo", "dan", "eve", "finn"])
VERSIONS = st.none() | st.integers(1, 6)
WORDS = st.sampled_from([RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED, RefundState.NEEDS_HUMAN])
PAID = 9000


class Desk(RuleBasedStateMachine):
    """One order of 4 mugs and a towel, paid with 90.00; a second approver above 50.00."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.world: World = self.stack.enter_context(world_on("sqlite://", {"second_approver_above_minor": 5000}))
        self.order = self.world.order(paid=PAID)
        self.states: dict[str, ReturnState] = {}

    def teardown(self) -> None:
        self.stack.close()

    def _try(self, command: Command, who: str | int) -> None:
        with suppress(OpsError):
            self.world.run(command, who)

    @rule(quantity=st.integers(1, 4), reason=st.sampled_from(Reason))
    def request(self, quantity: int, reason: Reason) -> None:
        with suppress(OpsError):
            self.world.request(self.order, quantity=quantity, reason=reason)

    @rule(number=NUMBERS, who=STAFF, version=VERSIONS, amount=st.none() | st.integers(-1, PAID + 1))
    def approve(self, number: str, who: str, version: int | None, amount: int | None) -> None:
        self._try(ApproveReturn(return_number=number, version=version, amount_minor=amount), who)

    @rule(number=NUMBERS, who=STAFF, amount=st.sampled_from(["1.00", "12.50", "99.99", "x"]))
    def in_part(self, number: str, who: str, amount: str) -> None:
        self._try(ApproveInPart(return_number=number, amount=amount, reason="used"), who)

    @rule(number=NUMBERS, who=STAFF, version=VERSIONS)
    def decline(self, number: str, who: str, version: int | None) -> None:
        self._try(DeclineReturn(return_number=number, version=version, reason="no"), who)

    @rule(number=NUMBERS, who=STAFF)
    def photo(self, number: str, who: str) -> None:
        self._try(AskForPhoto(return_number=number), who)

    @rule(number=NUMBERS)
    def cancel(self, number: str) -> None:
        self._try(CancelReturn(return_number=number), 1001)

    @rule(number=NUMBERS, count=st.integers(0, 4), damaged=st.integers(0, 1))
    def receive(self, number: str, count: int, damaged: int) -> None:
        lines = (ReceivedLine(sku="BLU-MUG-300", received=count, damaged=damaged),)
        self.world.learn(ReturnReceived(number=number, lines=lines, at=NOW))

    @rule(place=st.integers(0, 5), word=WORDS)
    def stripe_says(self, place: int, word: RefundState) -> None:
        jobs = self.world.outbox("refund")
        if place < len(jobs):
            refund = str(jobs[place]["refund"])
            self.world.learn(RefundSettled(refund_id=refund, stripe_refund=f"re_{place}", state=word))

    @rule()
    def dispute(self) -> None:
        self.world.learn(DisputeOpened(
            stripe_dispute="du_1", payment_intent="pi_1042", state="needs_response", reason="fraudulent",
            amount_minor=PAID, currency="EUR", at=NOW, due_by=NOW + timedelta(days=8),
        ))

    @rule(state=st.sampled_from(["won", "lost"]))
    def settle_dispute(self, state: str) -> None:
        self.world.learn(DisputeClosed(
            stripe_dispute="du_1", payment_intent="pi_1042", state=state, reason="fraudulent", amount_minor=PAID,
            currency="EUR", at=NOW,
        ))

    @invariant()
    def money_holds(self) -> None:
        with self.world.begin() as uow:
            (payment,) = uow.payments.of_order(self.order.id)
            returns = uow.returns.of_order(self.order.id)
            refunds = [refund for one in returns for refund in uow.payments.refunds_of_return(one.id)]
            for one in returns:
                approvals = {approval.id: approval for approval in uow.returns.approvals(one.id)}
                held = [
                    refund for refund in uow.payments.refunds_of_return(one.id) if refund.state is not RefundState.FAILED
                ]
                sure = [refund for refund in held if refund.failure != CONTRADICTION]
                assert len(sure) <= 1, "one live refund for each return"
                if len(held) > 1 and (intended := [r for r in sure if r.state is RefundState.INTENDED]):
                    with pytest.raises(Conflict):
                        refund_to_send(intended[0].id, uow)
                for refund in held:
                    approval = approvals[refund.approval_id or 0]
                    staff = uow.people.by_id(approval.staff_id)
                    assert approval.amount == refund.amount <= one.requested
                    assert staff.role.value in {"owner", "finance", "support"}
                    if staff.role.value == "support":
                        assert staff.refund_limit is not None
                        assert refund.amount <= staff.refund_limit
                    if refund.amount.minor > 5000:
                        same = {one.staff_id for one in approvals.values() if one.amount == refund.amount}
                        assert len(same) >= 2, "two people above the bound"
            live = sum(refund.amount.minor for refund in refunds if refund.state is not RefundState.FAILED)
        assert payment.refunded.minor == live <= PAID
        assert len(self.world.outbox("refund")) == len(refunds)

    @invariant()
    def pieces_and_states_hold(self) -> None:
        with self.world.begin() as uow:
            returns = uow.returns.of_order(self.order.id)
            assert uow.returns.taken(self.order.id).get(self.order.lines[0].id, 0) <= 4
        for one in returns:
            before = self.states.get(one.number, ReturnState.REQUESTED)
            assert may_become(before, one.state) or (before, one.state) == (ReturnState.REQUESTED, ReturnState.RECEIVED)
            self.states[one.number] = one.state


TestDeskMachine = Desk.TestCase
TestDeskMachine.settings = settings(
    max_examples=8, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
