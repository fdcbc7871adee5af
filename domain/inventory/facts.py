"""What the warehouse tells us: stock moved."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    known = uow.levels.holds_until(variant.id, fact.location)
    told_already = known is not None and fact.at <= known
    if known is not None and fact.at <= known:
        _take_back(uow, moved, known)
    elif fact.movement is MovementKind.RECEIPT:
        arrive(uow, variant.id, variant.sku, moved, abs(fact.quantity))
    look_again(uow, variant.id, rose=moved.on_hand - moved.reserved > 0 and not told_already)


def look_again(uow: UnitOfWork, variant_id: int, *, rose: bool) -> None:
    """The variant's case as its stock is now; where it rose, those who wait are told."""
    told = 0
    one = figures_of(uow, variant_id, uow.now)
    if one is not None and rose:
        told = tell_waiting(uow, one)
    evaluated = evaluate(uow, variant_id, told=told)
    if evaluated is not None:
        note_told(uow, evaluated, told)


def _take_back(uow: UnitOfWork, moved: Movement, known: datetime) -> None:
    """What moved before a level was told is in that level: it is booked, and changes nothing that can be sold."""
    change = moved.on_hand - moved.reserved
    if change:
        uow.inventory.move(replace(
            moved, kind=MovementKind.CORRECTION, at=known, key=f"{moved.key}:told", on_hand=-change, reserved=0,
            incoming=0,
        ))


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


def arrive(uow: UnitOfWork, variant_id: int, sku: str, moved: Movement, pieces: int) -> None:
    """What came in is no longer on the way, and closes the purchase orders that waited for it."""
    left = pieces
    for location, waiting in uow.inventory.incoming(variant_id):
        taken = min(left, waiting)
        if taken <= 0:
            continue
        uow.inventory.move(Movement(
            variant_id=variant_id, location=location, kind=MovementKind.RECEIPT, at=moved.at,
            key=f"{moved.key}:arrived:{location}", incoming=-taken, reference=moved.reference,
        ))
        left -= taken
    for number in uow.inventory.receive(variant_id, pieces, moved.at):
        uow.audit.add("shop", "purchase_order.received", number, {"sku": sku})
