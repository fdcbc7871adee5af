"""What a person is asked when a parcel command lacks something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from domain.errors import BadInput
from domain.forms import Field, FieldKind, Form
from domain.messages import Command
from domain.people import SPEAKERS, Actor
from domain.ports import UnitOfWork
from domain.shipping import claims, reship
from domain.shipping.actions import reachable, suggested_text
from domain.shipping.commands import TellCustomer
from domain.shipping.watch import parcel_case


def tell_form(command: Command, actor: Actor, uow: UnitOfWork) -> Form:
    """The text as the customer will read it, to be edited; who cannot be reached is said before anybody types."""
    actor.require(SPEAKERS, "write to customers")
    if not isinstance(command, TellCustomer):
        raise BadInput("That form is for messages to customers.")
    case = uow.cases.by_id(command.case_id)
    text = suggested_text(case, uow)
    late = parcel_case(case).late
    customer, _ = reachable(uow, late.order_id, text)
    return Form(
        title=f"Tell {customer.first_name}"[:24], submit="Send", intro=f"Order #{late.order}: {late.reason}.",
        fields=(Field(name="text", label="As they will read it in Telegram", kind=FieldKind.MULTILINE, initial=text,
                      max_length=1500),),
    )


FORMS: Final[dict[type[Command], Form | Callable[[Command, Actor, UnitOfWork], Form]]] = {
    TellCustomer: tell_form, **claims.FORMS, **reship.FORMS,
}
