"""A refund for what never arrived: asked for from the parcel's card, decided where every refund is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from domain.cases import CaseState
from domain.errors import Conflict
from domain.messages import Button, Command, Message, UseCase
from domain.money import Money
from domain.people import DESK, Actor
from domain.ports import UnitOfWork
from domain.returns import ShowReturn
from domain.returns.requests import request_undelivered
from domain.shipping.commands import RefundParcel
from domain.shipping.watch import as_it_stands, show
from domain.wire import object_json


@dataclass(frozen=True, kw_only=True)
class RefundAsked(Message):
    """To whoever asked: the return that waits for a decision now. No money has moved."""

    order: str
    number: str
    amount: Money

    @property
    def buttons(self) -> tuple[Button, ...]:
        """To the return."""
        return (Button(label=f"{self.number} · {self.amount}", command=ShowReturn(return_number=self.number)),)


def refund_parcel(command: RefundParcel, actor: Actor, uow: UnitOfWork) -> Message:
    """A return of all that is left of the order, with nothing to send back; somebody entitled decides it.

    RuleBroken where a return of it waits already, or nothing is left to refund.
    """
    actor.require(DESK, "ask for refunds")
    case = uow.cases.by_id(command.case_id)
    known = as_it_stands(uow, case)
    if known.refund is not None:
        raise Conflict(f"{known.refund} asks for a refund of this order already. It is decided there.")
    if known.reship is not None:
        raise Conflict(f"{known.reship} has it sent again. Goods and money are not both given.")
    if case.state is CaseState.RESOLVED or case.version != command.version:
        raise Conflict("This has changed in the meantime. Look at the card again.")
    order = uow.orders.by_id(known.late.order_id)
    found = request_undelivered(order, known.late.reason, actor, uow)
    changed = uow.cases.change(case, facts=object_json(replace(known, refund=found.number)),
                               snoozed_until=case.snoozed_until)
    show(uow, changed)
    uow.record(actor, "parcel.refund_asked", case.subject, {"case": case.id, "return": found.number})
    return RefundAsked(order=order.number, number=found.number, amount=found.requested)


USE_CASES: Final[dict[type[Command], UseCase]] = {RefundParcel: refund_parcel}
