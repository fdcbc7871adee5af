"""What a person is asked when a stock command lacks something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from domain.errors import BadInput
from domain.forms import Field, FieldKind, Form
from domain.inventory.commands import ChangeReorderPoint, ChooseSupplier, FindStock, OrderOtherQuantity
from domain.inventory.lookup import find_variant
from domain.inventory.suppliers import supplier_form
from domain.inventory.watch import LOW_STOCK, figures_of, stock_case
from domain.messages import Command
from domain.people import BUYERS, Actor
from domain.ports import UnitOfWork


def reorder_point_form(command: Command, actor: Actor, uow: UnitOfWork) -> Form:
    """Asks for a number; the present one is said, and stands there where it was set by hand."""
    actor.require(BUYERS, "change reorder points")
    if not isinstance(command, ChangeReorderPoint):
        raise BadInput("That form is for reorder points.")
    variant = find_variant(uow, command.sku)
    now = None if variant.reorder_point is None else str(variant.reorder_point)
    figures = figures_of(uow, variant.id, uow.now)
    how = "computed" if now is None else "set by hand"
    said = "" if figures is None else f", now {figures.reorder_point} ({how})"
    return Form(
        title="Reorder point", submit="Save", intro=f"{variant.title} ({variant.sku}){said}",
        fields=(Field(name="reorder_point", label="Reorder at this many pieces", kind=FieldKind.NUMBER, initial=now,
                      required=False, hint="Empty: computed from sales and lead time"),),
    )


def quantity_form(command: Command, actor: Actor, uow: UnitOfWork) -> Form:
    """Asks how many; the suggestion stands there."""
    actor.require(BUYERS, "order stock")
    if not isinstance(command, OrderOtherQuantity):
        raise BadInput("That form is for orders.")
    case = uow.cases.by_id(command.case_id)
    if case.kind != LOW_STOCK:
        raise BadInput("That card is not about stock.")
    one = stock_case(case).figures
    packs = f"In packs of {one.pack_size}, at least {one.minimum_order}"
    return Form(
        title="Order stock", submit="Order", intro=f"{one.title} ({one.sku}) from {one.supplier or 'no supplier'}",
        fields=(Field(name="quantity", label="Pieces", kind=FieldKind.NUMBER, initial=str(one.suggested_quantity),
                      hint=packs),),
    )


FORMS: Final[dict[type[Command], Form | Callable[[Command, Actor, UnitOfWork], Form]]] = {
    ChangeReorderPoint: reorder_point_form,
    OrderOtherQuantity: quantity_form,
    ChooseSupplier: supplier_form,
    FindStock: Form(
        title="Tell me when it is back", submit="Look for it",
        fields=(Field(name="text", label="Which product?", hint="A part of its name is enough", max_length=80),),
    ),
}
