"""Stock as rows: variants, levels with their ledger, purchase orders. A level is the sum of its movements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from domain.errors import NotFound
from domain.inventory import Delivery, Movement, PurchaseOrder, StockAsOf, Supplier, Variant
from domain.money import Money
from domain.shops import Shop
from storage.database import insert
from storage.stock_history import StockHistory
from storage.tables import (
    Instant,
    locations,
    purchase_order_lines,
    purchase_orders,
    stock_levels,
    stock_movements,
    stock_wishes,
    suppliers,
    variants,
)

#: a row of any columns; what they hold is said where it is read
AnyRow: TypeAlias = "sa.Row[*tuple[Any, ...]]"

#: where stock stands until a shop names its locations
_FIRST_LOCATION = "main"
_OPEN_ORDER = ("draft", "ordered")

_VARIANT = (
    sa.select(
        variants.c.id, variants.c.sku, variants.c.title, variants.c.price_minor, variants.c.cost_minor,
        variants.c.pack_size, variants.c.minimum_order, variants.c.reorder_point, variants.c.supplier_id,
        suppliers.c.name.label("supplier"), suppliers.c.lead_time_days, suppliers.c.lead_time_sd_days,
    )
    .select_from(variants.outerjoin(suppliers, suppliers.c.id == variants.c.supplier_id))
)


@dataclass(frozen=True)
class InventoryRows:
    """The stock of one shop."""

    connection: sa.Connection
    shop: Shop
    now: datetime

    def by_id(self, variant_id: int) -> Variant:
        """That variant; NotFound."""
        found = self._variants(variants.c.id == variant_id)
        if not found:
            raise NotFound("That product is gone.")
        return found[0]

    def by_sku(self, sku: str) -> Variant | None:
        """The variant of that SKU; the exact case first, then any."""
        found = self._variants(variants.c.sku == sku) or self._variants(sa.func.lower(variants.c.sku) == sku.lower())
        return found[0] if found else None

    def search(self, text: str, limit: int) -> tuple[Variant, ...]:
        """Active variants whose SKU or title contains the text, the shortest title first."""
        wanted = text.lower()
        fits = sa.or_(
            sa.func.lower(variants.c.sku).contains(wanted, autoescape=True),
            sa.func.lower(variants.c.title).contains(wanted, autoescape=True),
        )
        statement = (
            _VARIANT.where(variants.c.shop_id == self.shop.id, variants.c.active.is_(True), fits)
            .order_by(sa.func.length(variants.c.title), variants.c.sku)
            .limit(limit)
        )
        return tuple(self._variant(row) for row in self.connection.execute(statement))

    def skus(self) -> tuple[str, ...]:
        """Every SKU."""
        mine = sa.select(variants.c.sku).where(variants.c.shop_id == self.shop.id).order_by(variants.c.sku)
        return tuple(self.connection.execute(mine).scalars())

    def as_of(self, at: datetime, variant_ids: frozenset[int] | None = None) -> tuple[StockAsOf, ...]:
        """Active variants whose stock was known then, with the sales before it."""
        history = StockHistory(self.connection, self.shop, at, variant_ids)
        stock = history.stock()
        if not stock:
            return ()
        sales = history.sales(frozenset(stock))
        asked = () if variant_ids is None else (variants.c.id.in_(variant_ids),)
        found = self._variants(variants.c.active.is_(True), *asked)
        return tuple(
            StockAsOf(variant=one, stock=stock[one.id], sales=sales.get(one.id, ())) for one in found if one.id in stock
        )

    def move(self, movement: Movement) -> bool:
        """The ledger's unique key decides; only the first writer changes the level."""
        location_id = self._location(movement.location)
        at = min(movement.at, self.now)
        written = self.connection.execute(
            insert(self.connection, stock_movements)
            .values(
                shop_id=self.shop.id, variant_id=movement.variant_id, location_id=location_id,
                kind=movement.kind.value, on_hand=movement.on_hand, reserved=movement.reserved,
                incoming=movement.incoming, at=at, reference=movement.reference, key=movement.key,
            )
            .on_conflict_do_nothing(index_elements=["shop_id", "key"])
            .returning(stock_movements.c.id)
        ).scalar()
        if written is None:
            return False
        level, moment = stock_levels.c, sa.literal(at, Instant())
        self.connection.execute(
            insert(self.connection, stock_levels)
            .values(
                shop_id=self.shop.id, variant_id=movement.variant_id, location_id=location_id,
                on_hand=movement.on_hand, reserved=movement.reserved, incoming=movement.incoming, changed_at=at,
            )
            .on_conflict_do_update(
                index_elements=["shop_id", "variant_id", "location_id"],
                set_={
                    "on_hand": level.on_hand + movement.on_hand,
                    "reserved": level.reserved + movement.reserved,
                    "incoming": level.incoming + movement.incoming,
                    "changed_at": sa.case((level.changed_at > moment, level.changed_at), else_=moment),
                },
            )
        )
        return True

    def incoming(self, variant_id: int) -> tuple[tuple[str, int], ...]:
        """Locations with goods on the way."""
        rows = self.connection.execute(
            sa.select(locations.c.key, stock_levels.c.incoming)
            .join(locations, locations.c.id == stock_levels.c.location_id)
            .where(self._level_of(variant_id), stock_levels.c.incoming > 0)
            .order_by(locations.c.id)
        )
        return tuple((key, count) for key, count in rows)

    def main_location(self, variant_id: int) -> str:
        """Where most of it stands; the shop's first location; "main"."""
        most = self.connection.execute(
            sa.select(locations.c.key)
            .join(stock_levels, locations.c.id == stock_levels.c.location_id)
            .where(self._level_of(variant_id))
            .order_by(stock_levels.c.on_hand.desc(), locations.c.id)
            .limit(1)
        ).scalar()
        first = sa.select(locations.c.key).where(locations.c.shop_id == self.shop.id).order_by(locations.c.id).limit(1)
        return most or self.connection.execute(first).scalar() or _FIRST_LOCATION

    def set_reorder_point(self, variant_id: int, reorder_point: int | None) -> None:
        """By hand, or None for the computed one."""
        self.connection.execute(
            sa.update(variants)
            .where(variants.c.shop_id == self.shop.id, variants.c.id == variant_id)
            .values(reorder_point=reorder_point)
        )

    def add_purchase_order(self, order: PurchaseOrder) -> None:
        """A draft with its lines."""
        order_id = self.connection.execute(
            sa.insert(purchase_orders)
            .values(
                shop_id=self.shop.id, number=order.number, supplier_id=order.supplier_id, state="draft",
                created_by=order.created_by, created_at=order.created_at, expected_on=order.expected_on,
            )
            .returning(purchase_orders.c.id)
        ).scalar_one()
        self.connection.execute(
            sa.insert(purchase_order_lines),
            [
                {
                    "shop_id": self.shop.id, "purchase_order_id": order_id, "variant_id": line.variant_id,
                    "quantity": line.quantity, "received": 0,
                    "unit_cost_minor": line.unit_cost.minor if line.unit_cost else None,
                }
                for line in order.lines
            ],
        )

    def receive(self, variant_id: int, quantity: int, at: datetime) -> tuple[str, ...]:
        """Oldest open order first; an order is received once every line is."""
        lines = self.connection.execute(
            sa.select(
                purchase_order_lines.c.id, purchase_order_lines.c.quantity, purchase_order_lines.c.received,
                purchase_orders.c.id.label("order_id"),
            )
            .join(purchase_orders, purchase_orders.c.id == purchase_order_lines.c.purchase_order_id)
            .where(
                purchase_orders.c.shop_id == self.shop.id, purchase_orders.c.state.in_(_OPEN_ORDER),
                purchase_order_lines.c.variant_id == variant_id,
                purchase_order_lines.c.received < purchase_order_lines.c.quantity,
            )
            .order_by(purchase_orders.c.created_at, purchase_orders.c.id)
        ).all()
        done = []
        for line in lines:
            taken = min(quantity, line.quantity - line.received)
            if taken <= 0:
                break
            quantity -= taken
            self.connection.execute(
                sa.update(purchase_order_lines)
                .where(purchase_order_lines.c.id == line.id)
                .values(received=purchase_order_lines.c.received + taken)
            )
            done += self._close(line.order_id, at)
        return tuple(done)

    def open_purchase_order(self, number: str) -> bool:
        """Whether it still waits for goods."""
        state = self.connection.execute(
            sa.select(purchase_orders.c.state).where(
                purchase_orders.c.shop_id == self.shop.id, purchase_orders.c.number == number
            )
        ).scalar()
        return state in _OPEN_ORDER

    def deliveries(self, variant_id: int, limit: int) -> tuple[Delivery, ...]:
        """The newest received orders with it."""
        rows = self.connection.execute(
            sa.select(purchase_orders.c.number, purchase_orders.c.created_at, purchase_orders.c.received_at)
            .join(purchase_order_lines, purchase_orders.c.id == purchase_order_lines.c.purchase_order_id)
            .where(
                purchase_orders.c.shop_id == self.shop.id, purchase_orders.c.received_at.is_not(None),
                purchase_order_lines.c.variant_id == variant_id,
            )
            .order_by(purchase_orders.c.received_at.desc())
            .limit(limit)
        )
        return tuple(
            Delivery(number=row.number, ordered_at=row.created_at, received_at=row.received_at) for row in rows
        )

    def wished(self) -> frozenset[int]:
        """Variants that somebody waits for."""
        mine = sa.select(stock_wishes.c.variant_id).where(
            stock_wishes.c.shop_id == self.shop.id, stock_wishes.c.told_at.is_(None)
        )
        return frozenset(self.connection.execute(mine.distinct()).scalars())

    def _close(self, order_id: int, at: datetime) -> list[str]:
        """The order's number, if that was its last missing line."""
        missing = sa.exists().where(
            purchase_order_lines.c.purchase_order_id == purchase_orders.c.id,
            purchase_order_lines.c.received < purchase_order_lines.c.quantity,
        )
        return list(self.connection.execute(
            sa.update(purchase_orders)
            .where(purchase_orders.c.id == order_id, purchase_orders.c.state.in_(_OPEN_ORDER), ~missing)
            .values(state="received", received_at=at)
            .returning(purchase_orders.c.number)
        ).scalars())

    def _location(self, key: str) -> int:
        """The location's row, made where it is new."""
        values = {"shop_id": self.shop.id, "key": key, "name": key.capitalize()}
        self.connection.execute(insert(self.connection, locations).values(**values).on_conflict_do_nothing())
        found: int = self.connection.execute(
            sa.select(locations.c.id).where(locations.c.shop_id == self.shop.id, locations.c.key == key)
        ).scalar_one()
        return found

    def _level_of(self, variant_id: int) -> sa.ColumnElement[bool]:
        return sa.and_(stock_levels.c.shop_id == self.shop.id, stock_levels.c.variant_id == variant_id)

    def _variants(self, *where: sa.ColumnElement[bool]) -> tuple[Variant, ...]:
        statement = _VARIANT.where(variants.c.shop_id == self.shop.id, *where).order_by(variants.c.sku)
        return tuple(self._variant(row) for row in self.connection.execute(statement))

    def _variant(self, row: AnyRow) -> Variant:
        supplier = None
        if row.supplier_id is not None:
            supplier = Supplier(id=row.supplier_id, name=row.supplier, lead_time_days=row.lead_time_days,
                                lead_time_sd_days=row.lead_time_sd_days)
        return Variant(
            id=row.id, sku=row.sku, title=row.title, price=self._money(row.price_minor),
            cost=self._money(row.cost_minor), supplier=supplier, pack_size=row.pack_size,
            minimum_order=row.minimum_order, reorder_point=row.reorder_point,
        )

    def _money(self, minor: int | None) -> Money | None:
        return None if minor is None else self.shop.money(minor)
