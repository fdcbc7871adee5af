"""What the warehouse tells us: stock moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.errors import NotFound
from domain.inventory.model import Movement, MovementKind, Variant
from domain.inventory.watch import evaluate, figures_of, note_told, tell_waiting
from domain.messages import Fact
from domain.ports import UnitOfWork


@dataclass(frozen=True, kw_only=True)
class StockMoved(Fact):
    """So many pieces of a SKU moved at a location. ``key`` makes it count once, however often it is heard.

    ``quantity``: signed for corrections; a sale always takes away, a receipt and a return always add.
    """

    sku: str
    location: str
    quantity: int
    movement: MovementKind
    reference: str | None = None
    at: datetime
    key: str


def note_stock_moved(fact: StockMoved, uow: UnitOfWork) -> None:
    """Ledger and level, then the variant's case and those who wait. NotFound for a SKU that was never imported."""
    variant = uow.inventory.by_sku(fact.sku)
    if variant is None:
        raise NotFound(f"Stock of {fact.sku} moved, but there is no such SKU here. Import the products first.")
    moved = movement_of(fact, variant)
    if not uow.inventory.move(moved):
        return
    if fact.movement is MovementKind.RECEIPT:
        _arrive(uow, variant, fact)
    told = 0
    one = figures_of(uow, variant.id, uow.now)
    if one is not None and moved.on_hand - moved.reserved > 0:
        told = tell_waiting(uow, one)
    evaluated = evaluate(uow, variant.id, told=told)
    if evaluated is not None:
        note_told(uow, evaluated, told)


def movement_of(fact: StockMoved, variant: Variant) -> Movement:
    """What a fact changes: a sale takes from the shelf, a reservation from what can be promised."""
    size = abs(fact.quantity)
    on_hand = reserved = incoming = 0
    match fact.movement:
        case MovementKind.SALE:
            on_hand = -size
        case MovementKind.RECEIPT | MovementKind.RETURN | MovementKind.OPENING:
            on_hand = size
        case MovementKind.CORRECTION:
            on_hand = fact.quantity
        case MovementKind.RESERVATION:
            reserved = size
        case MovementKind.RELEASE:
            reserved = -size
        case MovementKind.ORDER:
            incoming = size
    return Movement(
        variant_id=variant.id, location=fact.location, kind=fact.movement, at=fact.at, key=fact.key, on_hand=on_hand,
        reserved=reserved, incoming=incoming, reference=fact.reference,
    )


def _arrive(uow: UnitOfWork, variant: Variant, fact: StockMoved) -> None:
    """What came in is no longer on the way, and closes the purchase orders that waited for it."""
    left = abs(fact.quantity)
    for location, waiting in uow.inventory.incoming(variant.id):
        taken = min(left, waiting)
        if taken <= 0:
            continue
        uow.inventory.move(Movement(
            variant_id=variant.id, location=location, kind=MovementKind.RECEIPT, at=fact.at,
            key=f"{fact.key}:arrived:{location}", incoming=-taken, reference=fact.reference,
        ))
        left -= taken
    for number in uow.inventory.receive(variant.id, abs(fact.quantity), fact.at):
        uow.audit.add("shop", "purchase_order.received", number, {"sku": variant.sku})
