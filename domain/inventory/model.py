"""What is stocked, and the port to it: variants, suppliers, levels, and the demand of past days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from domain.money import Money


class MovementKind(StrEnum):
    """Why stock moved."""

    OPENING = "opening"
    SALE = "sale"
    RECEIPT = "receipt"
    CORRECTION = "correction"
    RETURN = "return"
    RESERVATION = "reservation"
    RELEASE = "release"
    ORDER = "order"


@dataclass(frozen=True, kw_only=True)
class Supplier:
    """Who delivers. Lead times in days; None = not known."""

    id: int
    name: str
    lead_time_days: float | None = None
    lead_time_sd_days: float | None = None


@dataclass(frozen=True, kw_only=True)
class Variant:
    """An article as it is stocked and sold. ``reorder_point`` set by hand, None = computed."""

    id: int
    sku: str
    title: str
    price: Money | None = None
    cost: Money | None = None
    supplier: Supplier | None = None
    pack_size: int = 1
    minimum_order: int = 1
    reorder_point: int | None = None


@dataclass(frozen=True, kw_only=True)
class Stock:
    """Levels over all locations, in pieces."""

    on_hand: int = 0
    reserved: int = 0
    incoming: int = 0

    @property
    def available(self) -> int:
        """What can be sold now: on hand minus reserved; negative when oversold."""
        return self.on_hand - self.reserved

    @property
    def projected(self) -> int:
        """Available with what is on the way: what the reorder decision looks at."""
        return self.available + self.incoming


@dataclass(frozen=True, kw_only=True)
class DaySales:
    """Pieces sold on one local day; ``in_stock`` False where the ledger knows that there was nothing to sell."""

    day: date
    units: int
    in_stock: bool = True


@dataclass(frozen=True, kw_only=True)
class StockAsOf:
    """A variant as it was known at a moment: its levels, and its sales of the days before, oldest first."""

    variant: Variant
    stock: Stock
    sales: tuple[DaySales, ...]


@dataclass(frozen=True, kw_only=True)
class Movement:
    """One line of the ledger: what changed, in pieces, at which location. ``key`` makes it count once."""

    variant_id: int
    location: str
    kind: MovementKind
    at: datetime
    key: str
    on_hand: int = 0
    reserved: int = 0
    incoming: int = 0
    reference: str | None = None


@dataclass(frozen=True, kw_only=True)
class OrderedLine:
    """A line of a purchase order; ``unit_cost`` None = not known."""

    variant_id: int
    sku: str
    title: str
    quantity: int
    unit_cost: Money | None = None


@dataclass(frozen=True, kw_only=True)
class PurchaseOrder:
    """Goods ordered from one supplier. ``expected_on`` is the shop's date."""

    number: str
    supplier_id: int | None
    created_by: int | None
    created_at: datetime
    expected_on: date | None
    lines: tuple[OrderedLine, ...]


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A purchase order that came in: how long it really took, in days."""

    number: str
    ordered_at: datetime
    received_at: datetime

    @property
    def days(self) -> float:
        """From order to receipt."""
        return (self.received_at - self.ordered_at).total_seconds() / 86_400


class Inventory(Protocol):
    """The stock of one shop."""

    def by_id(self, variant_id: int) -> Variant:
        """That variant; NotFound."""

    def by_sku(self, sku: str) -> Variant | None:
        """The variant of that SKU, whatever the case."""

    def search(self, text: str, limit: int) -> tuple[Variant, ...]:
        """Variants whose SKU or title contains the text, the shortest title first."""

    def skus(self) -> tuple[str, ...]:
        """Every SKU, for near misses."""

    def as_of(self, at: datetime, variant_ids: frozenset[int] | None = None) -> tuple[StockAsOf, ...]:
        """Every active variant whose stock was ever counted (or those asked for), in a handful of queries.

        Only sales and movements up to ``at`` count; the newest day is the one before the local date of ``at``. Where
        the first count came later than ``at``, that count stands in: nothing earlier is known.
        """

    def move(self, movement: Movement) -> bool:
        """Write the ledger and the level together; False if a movement of that key counted before."""

    def incoming(self, variant_id: int) -> tuple[tuple[str, int], ...]:
        """Locations with goods on the way, with the pieces."""

    def main_location(self, variant_id: int) -> str:
        """Where most of it stands; the shop's first location if nowhere, "main" if there is none."""

    def set_reorder_point(self, variant_id: int, reorder_point: int | None) -> None:
        """Set by hand, or None to have it computed."""

    def add_purchase_order(self, order: PurchaseOrder) -> None:
        """Write a draft purchase order with its lines."""

    def receive(self, variant_id: int, quantity: int, at: datetime) -> tuple[str, ...]:
        """Count a receipt against open purchase orders, oldest first; the numbers of those it completed."""

    def open_purchase_order(self, number: str) -> bool:
        """Whether that purchase order still waits for goods."""

    def deliveries(self, variant_id: int, limit: int) -> tuple[Delivery, ...]:
        """The newest received purchase orders with it."""

    def wished(self) -> frozenset[int]:
        """Variants that a customer waits for."""
