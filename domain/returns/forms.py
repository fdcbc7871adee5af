"""What a person is asked when a decision lacks something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from domain.errors import BadInput
from domain.forms import Field, FieldKind, Form
from domain.messages import Command
from domain.people import APPROVERS, Actor
from domain.ports import UnitOfWork
from domain.returns import cards
from domain.returns.commands import ApproveInPart, DeclineReturn
from domain.returns.decisions import open_return
from domain.returns.model import Reason, Return


def decline_form(command: Command, actor: Actor, uow: UnitOfWork) -> Form:
    """Why not, prefilled with the policy's own reason where the window is over. Conflict if it was decided already."""
    found = _still_open(command, actor, uow)
    facts, window = found.verdict, found.verdict.window_days
    late = facts.delivered_days is not None and facts.delivered_days > window
    return Form(
        title=f"Decline {found.number}", submit="Decline",
        intro=_who_asked(found, uow),
        fields=(
            Field(
                name="reason", label="Reason", kind=FieldKind.MULTILINE, max_length=500,
                initial=f"Our return window of {window} days after delivery is over." if late else None,
            ),
        ),
    )


def in_part_form(command: Command, actor: Actor, uow: UnitOfWork) -> Form:
    """How much and why. Conflict if it was decided already."""
    found = _still_open(command, actor, uow)
    return Form(
        title=f"Refund part of {found.number}", submit="Refund",
        intro=f"Asked for: {found.requested}. A refund cannot be taken back.",
        fields=(
            Field(
                name="amount", label=f"Amount ({found.requested.currency})", kind=FieldKind.MONEY,
                hint=f"At most {found.requested}",
            ),
            Field(
                name="reason", label="Why not all of it?", kind=FieldKind.MULTILINE, max_length=500,
                hint="The customer reads it.",
            ),
        ),
    )


def _who_asked(found: Return, uow: UnitOfWork) -> str:
    if found.reason is Reason.NOT_ARRIVED:
        return f"The desk asked for {found.requested}. {cards.customer_name(found, uow)} hears nothing of it."
    return f"{cards.customer_name(found, uow)} asked for {found.requested} and will read this."


def _still_open(command: Command, actor: Actor, uow: UnitOfWork) -> Return:
    if not isinstance(command, DeclineReturn | ApproveInPart):
        raise BadInput("That form is for returns.")
    actor.require(APPROVERS, "decide returns")
    return open_return(command.return_number, command.version, uow)


FORMS: Final[dict[type[Command], Callable[[Command, Actor, UnitOfWork], Form]]] = {
    DeclineReturn: decline_form,
    ApproveInPart: in_part_form,
}
