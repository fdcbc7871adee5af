"""Who else delivers a SKU, and what they want: its supplier is changed, its card computed anew, nothing ordered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Protocol

from domain.errors import BadInput, Conflict, NotFound
from domain.forms import Choice, Field, FieldKind, Form
from domain.inventory.commands import ChooseSupplier, WhyStock
from domain.inventory.lookup import find_variant
from domain.inventory.model import Supplier, Variant
from domain.inventory.rules import StockFigures
from domain.inventory.watch import evaluate
from domain.messages import Button, Command, Message
from domain.people import BUYERS, Actor
from domain.ports import UnitOfWork

#: Slack's menu takes 100 choices and a phone a handful; who is not among them is named by hand
_OFFERED: Final = 20
#: a typed quantity above this is a slip of the finger
_MOST: Final = 100_000


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A supplier with what they want for one variant, in pieces."""

    supplier: Supplier
    pack_size: int = 1
    minimum_order: int = 1


@dataclass(frozen=True, kw_only=True)
class SupplierChosen(Message):
    """The answer to whoever chose another supplier. ``before``: who it was."""

    figures: StockFigures
    before: str | None = None

    @property
    def buttons(self) -> tuple[Button, ...]:
        """A look behind the figures."""
        return (Button(label="Why these figures?", command=WhyStock(sku=self.figures.sku)),)


class Suppliers(Protocol):
    """The suppliers of one shop."""

    def known_for(self, variant_id: int) -> tuple[Offer, ...]:
        """Who was chosen for that variant before, or ordered from, by name. Without terms of theirs, the variant's."""

    def all(self, limit: int) -> tuple[Supplier, ...]:
        """The shop's, by name."""

    def named(self, name: str) -> Supplier | None:
        """By name, whatever the case."""

    def by_id(self, supplier_id: int) -> Supplier:
        """That one; NotFound."""

    def choose(self, variant_id: int, offer: Offer) -> None:
        """Have the variant come from them, on their terms, which are remembered for the next time."""

    def remember(self, variant_id: int, offer: Offer) -> None:
        """Keep their terms for that variant."""


def choose_supplier(command: ChooseSupplier, actor: Actor, uow: UnitOfWork) -> Message:
    """From now on from somebody else: lead time, minimum and quantity are theirs. Nothing is ordered by it."""
    actor.require(BUYERS, "choose suppliers")
    variant = find_variant(uow, command.sku)
    offer = _wanted(command, variant, uow)
    before = variant.supplier
    if before is not None and offer == Offer(
        supplier=before, pack_size=variant.pack_size, minimum_order=variant.minimum_order
    ):
        raise Conflict(f"{variant.title} comes from {before.name} already.")
    if before is not None:
        uow.suppliers.remember(variant.id, Offer(supplier=before, pack_size=variant.pack_size,
                                                 minimum_order=variant.minimum_order))
    uow.suppliers.choose(variant.id, offer)
    uow.record(actor, "stock.supplier", variant.sku, {
        "before": before.id if before else None, "after": offer.supplier.id, "minimum": offer.minimum_order,
    })
    one = evaluate(uow, variant.id)
    if one is None:
        raise NotFound(f"{variant.title} ({variant.sku}) is sold here, but no stock of it was ever counted.")
    return SupplierChosen(figures=one, before=before.name if before else None)


def supplier_form(command: Command, actor: Actor, uow: UnitOfWork) -> Form:
    """Who delivered it before first, then the shop's others, each with their days; and the least they sell."""
    actor.require(BUYERS, "choose suppliers")
    if not isinstance(command, ChooseSupplier):
        raise BadInput("That form is for suppliers.")
    variant = find_variant(uow, command.sku)
    known = {offer.supplier.id: _label(offer, variant) for offer in uow.suppliers.known_for(variant.id)}
    shop = uow.suppliers.all(_OFFERED + 1)
    offered = known | {one.id: _days(one) for one in shop if one.id not in known}
    fields = [Field(
        name="supplier", label="Supplier", kind=FieldKind.CHOICE, required=len(shop) <= _OFFERED,
        choices=tuple(Choice(value=str(number), label=label[:75])
                      for number, label in list(offered.items())[:_OFFERED]),
    )]
    if len(shop) > _OFFERED:
        fields.append(Field(name="other", label="Or another one, by name", required=False, max_length=80))
    fields.append(Field(name="minimum", label="Smallest order, in pieces", kind=FieldKind.NUMBER, required=False,
                        hint=f"Empty: what was known of them, else {variant.minimum_order} as now"))
    now = f"now from {variant.supplier.name}" if variant.supplier else "no supplier yet"
    return Form(title="Other supplier", submit="Save", fields=tuple(fields),
                intro=f"{variant.title} ({variant.sku}), {now}. Nothing is ordered by this.")


def _wanted(command: ChooseSupplier, variant: Variant, uow: UnitOfWork) -> Offer:
    supplier = _supplier(command, uow)
    own = Offer(supplier=supplier, pack_size=variant.pack_size, minimum_order=variant.minimum_order)
    known = {offer.supplier.id: offer for offer in uow.suppliers.known_for(variant.id)}
    offer = own if variant.supplier is not None and variant.supplier.id == supplier.id else known.get(supplier.id, own)
    if command.minimum is None:
        return offer
    if not 1 <= command.minimum <= _MOST:
        raise BadInput(f"A whole number from 1 to {_MOST:,}, or nothing.", field="minimum")
    return replace(offer, minimum_order=command.minimum)


def _supplier(command: ChooseSupplier, uow: UnitOfWork) -> Supplier:
    name = (command.other or "").strip()
    if name:
        found = uow.suppliers.named(name)
        if found is None:
            raise BadInput(f"I don't know a supplier {name[:40]!r}. They come with the goods' files.", field="other")
        return found
    chosen = (command.supplier or "").strip()
    if not chosen.isascii() or not chosen.isdigit() or len(chosen) > 18:
        raise BadInput("Choose a supplier.", field="supplier")
    return uow.suppliers.by_id(int(chosen))


def _label(offer: Offer, variant: Variant) -> str:
    now = " (now)" if variant.supplier is not None and variant.supplier.id == offer.supplier.id else ""
    return f"{_days(offer.supplier)} · at least {offer.minimum_order}{now}"


def _days(supplier: Supplier) -> str:
    days = "days not known" if supplier.lead_time_days is None else f"{supplier.lead_time_days:g} days"
    return f"{supplier.name[:40]} · {days}"
