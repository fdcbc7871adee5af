"""Stock as rows: variants, levels with their ledger, purchase orders. A level is the sum of its movements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import sqlalchemy as sa

from domain.errors import NotFound
from domain.inventory import Delivery, Movement, PurchaseOrder, StockAsOf, Supplier, Variant
from domain.money import Money
from domain.shops import Shop
from storage.database import Insert, Upsert
from storage.stock_history import StockHistory
from storage.tables import (
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
_FIRST_LOCATION: Final = "main"
_OPEN_ORDER: Final = ("draft", "ordered")

_SHOP: Final[sa.BindParameter[int]] = sa.bindparam("shop")
_WHICH: Final[sa.BindParameter[int]] = sa.bindparam("which")
_SKU: Final = sa.bindparam("sku", type_=sa.String())
_MOST: Final = sa.bindparam("most", type_=sa.Integer())

_VARIANT: Final = (
    sa.select(
        variants.c.id, variants.c.sku, variants.c.title, variants.c.price_minor, variants.c.cost_minor,
        variants.c.pack_size, variants.c.minimum_order, variants.c.reorder_point, variants.c.supplier_id,
        suppliers.c.name.label("supplier"), suppliers.c.lead_time_days, suppliers.c.lead_time_sd_days,
    )
    .select_from(variants.outerjoin(suppliers, suppliers.c.id == variants.c.supplier_id))
    .where(variants.c.shop_id == _SHOP)
)
_BY_ID: Final = _VARIANT.where(variants.c.id == _WHICH)
_BY_SKU: Final = _VARIANT.where(variants.c.sku == _SKU).order_by(variants.c.sku)
_BY_SKU_IN_ANY_CASE: Final = _VARIANT.where(sa.func.lower(variants.c.sku) == _SKU).order_by(variants.c.sku)
_ACTIVE: Final = _VARIANT.where(variants.c.active.is_(True)).order_by(variants.c.sku)
_ACTIVE_AMONG: Final = _ACTIVE.where(variants.c.id.in_(sa.bindparam("among", expanding=True)))
_ACTIVE_ONE: Final = _ACTIVE.where(variants.c.id == _WHICH)
_SKUS: Final = sa.select(variants.c.sku).where(variants.c.shop_id == _SHOP).order_by(variants.c.sku)
_SET_REORDER_POINT: Final = sa.update(variants).where(variants.c.shop_id == _SHOP, variants.c.id == _WHICH)

_MOVE: Final = Upsert(
    stock_movements,
    lambda new: new.on_conflict_do_nothing(index_elements=["shop_id", "key"]).returning(stock_movements.c.id),
)


def _change_level(new: Insert) -> Insert:
    """A level rises or falls by what is inserted, and keeps the newest of its moments."""
    level, moved = stock_levels.c, new.excluded
    return new.on_conflict_do_update(
        index_elements=["shop_id", "variant_id", "location_id"],
        set_={
            "on_hand": level.on_hand + moved.on_hand,
            "reserved": level.reserved + moved.reserved,
            "incoming": level.incoming + moved.incoming,
            "changed_at": sa.case((level.changed_at > moved.changed_at, level.changed_at), else_=moved.changed_at),
        },
    )


_CHANGE_LEVEL: Final = Upsert(stock_levels, _change_level)
_OF_VARIANT: Final = (stock_levels.c.shop_id == _SHOP, stock_levels.c.variant_id == _WHICH)
_INCOMING: Final = (
    sa.select(locations.c.key, stock_levels.c.incoming)
    .join(locations, locations.c.id == stock_levels.c.location_id)
    .where(*_OF_VARIANT, stock_levels.c.incoming > 0)
    .order_by(locations.c.id)
)
_MOST_STOCK: Final = (
    sa.select(locations.c.key)
    .join(stock_levels, locations.c.id == stock_levels.c.location_id)
    .where(*_OF_VARIANT)
    .order_by(stock_levels.c.on_hand.desc(), locations.c.id)
    .limit(1)
)
_FIRST: Final = sa.select(locations.c.key).where(locations.c.shop_id == _SHOP).order_by(locations.c.id).limit(1)
_ADD_LOCATION: Final = Upsert(locations, lambda new: new.on_conflict_do_nothing())
_LOCATION: Final = sa.select(locations.c.id).where(locations.c.shop_id == _SHOP, locations.c.key == sa.bindparam("key"))

_ADD_ORDER: Final = sa.insert(purchase_orders).returning(purchase_orders.c.id)
_ADD_ORDER_LINES: Final = sa.insert(purchase_order_lines)
_AWAITED: Final = (
    sa.select(
        purchase_order_lines.c.id, purchase_order_lines.c.quantity, purchase_order_lines.c.received,
        purchase_orders.c.id.label("order_id"),
    )
    .join(purchase_orders, purchase_orders.c.id == purchase_order_lines.c.purchase_order_id)
    .where(
        purchase_orders.c.shop_id == _SHOP, purchase_orders.c.state.in_(_OPEN_ORDER),
        purchase_order_lines.c.variant_id == _WHICH,
        purchase_order_lines.c.received < purchase_order_lines.c.quantity,
    )
    .order_by(purchase_orders.c.created_at, purchase_orders.c.id)
)
_RECEIVE: Final = (
    sa.update(purchase_order_lines)
    .where(purchase_order_lines.c.id == _WHICH)
    .values(received=purchase_order_lines.c.received + sa.bindparam("taken"))
)
_CLOSE: Final = (
    sa.update(purchase_orders)
    .where(
        purchase_orders.c.id == _WHICH, purchase_orders.c.state.in_(_OPEN_ORDER),
        ~sa.exists().where(
            purchase_order_lines.c.purchase_order_id == purchase_orders.c.id,
            purchase_order_lines.c.received < purchase_order_lines.c.quantity,
        ),
    )
    .values(state="received")
    .returning(purchase_orders.c.number)
)
_ORDER_STATE: Final = sa.select(purchase_orders.c.state).where(
    purchase_orders.c.shop_id == _SHOP, purchase_orders.c.number == sa.bindparam("number")
)
_DELIVERIES: Final = (
    sa.select(purchase_orders.c.number, purchase_orders.c.created_at, purchase_orders.c.received_at)
    .join(purchase_order_lines, purchase_orders.c.id == purchase_order_lines.c.purchase_order_id)
    .where(
        purchase_orders.c.received_at.is_not(None), purchase_order_lines.c.shop_id == _SHOP,
        purchase_order_lines.c.variant_id == _WHICH,
    )
    .order_by(purchase_orders.c.received_at.desc())
    .limit(_MOST)
)
_WISHED: Final = (
    sa.select(stock_wishes.c.variant_id)
    .where(stock_wishes.c.shop_id == _SHOP, stock_wishes.c.told_at.is_(None))
    .distinct()
)


@dataclass(frozen=True)
class InventoryRows:
    """The stock of one shop."""

    connection: sa.Connection
    shop: Shop
    now: datetime

    def by_id(self, variant_id: int) -> Variant:
        """That variant; NotFound."""
        found = self._variants(_BY_ID, which=variant_id)
        if not found:
            raise NotFound("That product is gone.")
        return found[0]

    def by_sku(self, sku: str) -> Variant | None:
        """The variant of that SKU; the exact case first, then any."""
        found = self._variants(_BY_SKU, sku=sku) or self._variants(_BY_SKU_IN_ANY_CASE, sku=sku.lower())
        return found[0] if found else None

    def search(self, text: str, limit: int) -> tuple[Variant, ...]:
        """Active variants whose SKU or title contains the text, the shortest title first."""
        wanted = text.lower()
        fits = sa.or_(
            sa.func.lower(variants.c.sku).contains(wanted, autoescape=True),
            sa.func.lower(variants.c.title).contains(wanted, autoescape=True),
        )
        statement = (
            _VARIANT.where(variants.c.active.is_(True), fits)
            .order_by(sa.func.length(variants.c.title), variants.c.sku)
            .limit(limit)
        )
        return self._variants(statement)

    def skus(self) -> tuple[str, ...]:
        """Every SKU."""
        return tuple(self.connection.execute(_SKUS, {"shop": self.shop.id}).scalars())

    def as_of(self, at: datetime, variant_ids: frozenset[int] | None = None) -> tuple[StockAsOf, ...]:
        """Active variants whose stock was known then, with the sales before it."""
        history = StockHistory(self.connection, self.shop, at, variant_ids)
        stock = history.stock()
        if not stock:
            return ()
        sales = history.sales(frozenset(stock))
        return tuple(
            StockAsOf(variant=one, stock=stock[one.id], sales=sales.get(one.id, ()))
            for one in self._active(variant_ids) if one.id in stock
        )

    def move(self, movement: Movement) -> bool:
        """The ledger's unique key decides; only the first writer changes the level."""
        location_id = self._location(movement.location)
        at = min(movement.at, self.now)
        amounts: dict[str, object] = {
            "shop_id": self.shop.id, "variant_id": movement.variant_id, "location_id": location_id,
            "on_hand": movement.on_hand, "reserved": movement.reserved, "incoming": movement.incoming,
        }
        written = self.connection.execute(_MOVE.on(self.connection), {
            **amounts, "kind": movement.kind.value, "at": at, "reference": movement.reference, "key": movement.key,
        }).scalar()
        if written is None:
            return False
        self.connection.execute(_CHANGE_LEVEL.on(self.connection), {**amounts, "changed_at": at})
        return True

    def incoming(self, variant_id: int) -> tuple[tuple[str, int], ...]:
        """Locations with goods on the way."""
        rows = self.connection.execute(_INCOMING, {"shop": self.shop.id, "which": variant_id})
        return tuple((key, count) for key, count in rows)

    def main_location(self, variant_id: int) -> str:
        """Where most of it stands; the shop's first location; "main"."""
        given = {"shop": self.shop.id, "which": variant_id}
        most = self.connection.execute(_MOST_STOCK, given).scalar()
        return most or self.connection.execute(_FIRST, given).scalar() or _FIRST_LOCATION

    def set_reorder_point(self, variant_id: int, reorder_point: int | None) -> None:
        """By hand, or None for the computed one."""
        self.connection.execute(
            _SET_REORDER_POINT, {"shop": self.shop.id, "which": variant_id, "reorder_point": reorder_point}
        )

    def add_purchase_order(self, order: PurchaseOrder) -> None:
        """A draft with its lines."""
        order_id = self.connection.execute(_ADD_ORDER, {
            "shop_id": self.shop.id, "number": order.number, "supplier_id": order.supplier_id, "state": "draft",
            "created_by": order.created_by, "created_at": order.created_at, "expected_on": order.expected_on,
        }).scalar_one()
        self.connection.execute(_ADD_ORDER_LINES, [
            {
                "shop_id": self.shop.id, "purchase_order_id": order_id, "variant_id": line.variant_id,
                "quantity": line.quantity, "received": 0,
                "unit_cost_minor": line.unit_cost.minor if line.unit_cost else None,
            }
            for line in order.lines
        ])

    def receive(self, variant_id: int, quantity: int, at: datetime) -> tuple[str, ...]:
        """Oldest open order first; an order is received once every line is."""
        lines = self.connection.execute(_AWAITED, {"shop": self.shop.id, "which": variant_id}).all()
        done = []
        for line in lines:
            taken = min(quantity, line.quantity - line.received)
            if taken <= 0:
                break
            quantity -= taken
            self.connection.execute(_RECEIVE, {"which": line.id, "taken": taken})
            done += self._close(line.order_id, at)
        return tuple(done)

    def open_purchase_order(self, number: str) -> bool:
        """Whether it still waits for goods."""
        state = self.connection.execute(_ORDER_STATE, {"shop": self.shop.id, "number": number}).scalar()
        return state in _OPEN_ORDER

    def deliveries(self, variant_id: int, limit: int) -> tuple[Delivery, ...]:
        """The newest received orders with it."""
        rows = self.connection.execute(_DELIVERIES, {"shop": self.shop.id, "which": variant_id, "most": limit})
        return tuple(
            Delivery(number=row.number, ordered_at=row.created_at, received_at=row.received_at) for row in rows
        )

    def wished(self) -> frozenset[int]:
        """Variants that somebody waits for."""
        return frozenset(self.connection.execute(_WISHED, {"shop": self.shop.id}).scalars())

    def _close(self, order_id: int, at: datetime) -> list[str]:
        """The order's number, if that was its last missing line."""
        return list(self.connection.execute(_CLOSE, {"which": order_id, "received_at": at}).scalars())

    def _location(self, key: str) -> int:
        """The location's row, made where it is new."""
        self.connection.execute(
            _ADD_LOCATION.on(self.connection), {"shop_id": self.shop.id, "key": key, "name": key.capitalize()}
        )
        found: int = self.connection.execute(_LOCATION, {"shop": self.shop.id, "key": key}).scalar_one()
        return found

    def _active(self, among: frozenset[int] | None) -> tuple[Variant, ...]:
        if among is None:
            return self._variants(_ACTIVE)
        if len(among) == 1:
            return self._variants(_ACTIVE_ONE, which=next(iter(among)))
        return self._variants(_ACTIVE_AMONG, among=sorted(among))

    def _variants(self, statement: sa.Select[*tuple[Any, ...]], **given: object) -> tuple[Variant, ...]:
        rows = self.connection.execute(statement, {"shop": self.shop.id, **given})
        return tuple(self._variant(row) for row in rows)

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
