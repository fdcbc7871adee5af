"""Orders with their lines as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from domain.errors import Conflict, NotFound
from domain.money import Money
from domain.orders import Order, OrderLine, OrderPaid, OrderPlaced
from domain.shops import Shop
from storage.customers import CustomerRows
from storage.database import Upsert
from storage.tables import order_lines, orders, parcels, payments, variants

#: how the shop's webhook pays: the sandbox and Stripe both mean a card
_METHOD: Final = "card"

_SHOP: Final[sa.BindParameter[int]] = sa.bindparam("shop")
_WHICH: Final[sa.BindParameter[int]] = sa.bindparam("which")
_MANY: Final[sa.BindParameter[int]] = sa.bindparam("many", expanding=True)

_ORDERS: Final = sa.select(orders).where(orders.c.shop_id == _SHOP)
_ORDER: Final = _ORDERS.where(orders.c.id == _WHICH)
#: not sorted here: for the sake of an order, SQLite would walk through all that were ever placed
_BY_NUMBER: Final = _ORDERS.where(orders.c.number.in_(sa.bindparam("numbers", expanding=True)))
_BY_ANY_CASE: Final = _ORDERS.where(
    sa.func.lower(orders.c.number).in_(sa.bindparam("numbers", type_=sa.String(), expanding=True))
)
_OF_CUSTOMER: Final = (
    _ORDERS.where(orders.c.customer_id == _WHICH, orders.c.kind == "sale")
    .order_by(orders.c.placed_at.desc(), orders.c.id.desc())
    .limit(sa.bindparam("most", type_=sa.Integer()))
)
_COUNT_OF_CUSTOMER: Final = sa.select(sa.func.count()).select_from(orders).where(
    orders.c.shop_id == _SHOP, orders.c.customer_id == _WHICH, orders.c.kind == "sale"
)
_ADD: Final = Upsert(
    orders, lambda new: new.on_conflict_do_nothing(index_elements=["shop_id", "number"]).returning(orders.c.id)
)
_NOTE_PAID: Final = (
    sa.update(orders)
    .where(
        orders.c.shop_id == _SHOP, orders.c.number == sa.bindparam("which"), orders.c.status == "placed",
        orders.c.approved_at.is_(None),
    )
    .returning(orders.c.id)
)
_ADD_PAYMENT: Final = Upsert(payments, lambda new: new.on_conflict_do_nothing().returning(payments.c.id))
_HAS: Final = sa.select(
    sa.exists().where(orders.c.shop_id == sa.bindparam("shop"), orders.c.number == sa.bindparam("number"))
)
_KNOWN: Final = sa.select(variants.c.id, variants.c.sku, variants.c.supplier_id).where(
    variants.c.shop_id == _SHOP, variants.c.sku.in_(sa.bindparam("skus", expanding=True))
)
_ADD_LINES: Final = sa.insert(order_lines)
_LINES: Final = (
    sa.select(order_lines, orders.c.currency)
    .join(orders, orders.c.id == order_lines.c.order_id)
    .where(order_lines.c.shop_id == _SHOP, order_lines.c.order_id.in_(_MANY), order_lines.c.kind == "sale")
    .order_by(order_lines.c.order_id, order_lines.c.line)
)
_DELIVERED: Final = (
    sa.select(
        parcels.c.order_id, sa.func.max(parcels.c.delivered_at).label("last"),
        sa.func.count().label("all"), sa.func.count(parcels.c.delivered_at).label("here"),
    )
    .where(parcels.c.shop_id == _SHOP, parcels.c.order_id.in_(_MANY))
    .group_by(parcels.c.order_id)
)


@dataclass(frozen=True)
class OrderRows:
    """The orders of one shop."""

    connection: sa.Connection
    shop: Shop
    now: datetime

    def by_id(self, order_id: int) -> Order:
        """That order; NotFound."""
        found = self._select(_ORDER, which=order_id)
        if not found:
            raise NotFound("I don't know that order any more.")
        return found[0]

    def by_number(self, number: str) -> Order | None:
        """With or without a leading #, whatever the case; the exact number first."""
        plain = number.strip().removeprefix("#").strip()
        if not plain:
            return None
        found = self._select(_BY_NUMBER, numbers=[plain, "#" + plain])
        if not found and plain.lower() != plain.upper():
            found = self._select(_BY_ANY_CASE, numbers=[plain.lower(), "#" + plain.lower()])
        return max(found, key=lambda order: (order.placed_at, order.id), default=None)

    def of_customer(self, customer_id: int, limit: int) -> tuple[Order, ...]:
        """Their newest first."""
        return self._select(_OF_CUSTOMER, which=customer_id, most=limit)

    def count_of_customer(self, customer_id: int) -> int:
        """How many they ever placed."""
        return self.connection.execute(
            _COUNT_OF_CUSTOMER, {"shop": self.shop.id, "which": customer_id}
        ).scalar_one()

    def add(self, placed: OrderPlaced) -> Order | None:
        """The order with its lines and its payment; the unique number decides whether it is new."""
        number = placed.number.strip().removeprefix("#")
        if self.connection.execute(_HAS, {"shop": self.shop.id, "number": number}).scalar():
            return None  # nor is its customer written: who was erased does not come back with a change of an old order
        # The number stays with the order: it may be somebody else's who ordered under this customer's address.
        customer = CustomerRows(self.connection, self.shop, self.now).upsert(
            placed.customer_external_id, name=placed.customer_name, email=placed.customer_email, phone=None
        )
        goods = sum(line.quantity * line.unit_price_minor for line in placed.lines)
        paid = placed.payment_intent is not None or placed.paid_minor > 0
        order_id = self.connection.execute(_ADD.on(self.connection), {
            "shop_id": self.shop.id, "number": number, "kind": "sale", "status": "approved" if paid else "placed",
            "customer_id": customer.id, "currency": placed.currency, "total_minor": placed.paid_minor or goods,
            "freight_minor": max(0, placed.paid_minor - goods), "placed_at": placed.at,
            "approved_at": placed.at if paid else None, "promised_on": placed.promised_on,
            "phone": placed.customer_phone or "",
        }).scalar()
        if order_id is None:
            return None
        self._add_lines(order_id, placed)
        if paid:
            self._add_payment(order_id, placed.paid_minor, placed.currency, placed.at, placed.payment_intent)
        return self.by_id(order_id)

    def note_paid(self, paid: OrderPaid) -> Order | None:
        """One statement decides whether this is the first that is heard of the payment."""
        order_id = self.connection.execute(_NOTE_PAID, {
            "shop": self.shop.id, "which": paid.number.strip().removeprefix("#"), "status": "approved",
            "approved_at": paid.at,
        }).scalar()
        if order_id is None:
            return None
        self._add_payment(order_id, paid.paid_minor, paid.currency, paid.at, None)
        return self.by_id(order_id)

    def _add_payment(self, order_id: int, minor: int, currency: str, at: datetime, intent: str | None) -> None:
        """Conflict if another order has that payment: then one of the two is not what its shop says."""
        added = self.connection.execute(_ADD_PAYMENT.on(self.connection), {
            "shop_id": self.shop.id, "order_id": order_id, "sequence": 1, "method": _METHOD, "amount_minor": minor,
            "currency": currency, "paid_at": at, "payment_intent": intent, "refunded_minor": 0,
        }).scalar()
        if added is None and intent is not None:
            raise Conflict(f"Payment {intent} is another order's already.")

    def _add_lines(self, order_id: int, placed: OrderPlaced) -> None:
        if not placed.lines:
            return
        skus = {line.sku for line in placed.lines}
        known = {
            row.sku: row for row in self.connection.execute(_KNOWN, {"shop": self.shop.id, "skus": sorted(skus)})
        }
        self.connection.execute(_ADD_LINES, [
            {
                "shop_id": self.shop.id, "order_id": order_id, "line": place, "kind": "sale",
                "variant_id": known[line.sku].id if line.sku in known else None, "code": line.sku,
                "title": line.title, "quantity": line.quantity, "unit_price_minor": line.unit_price_minor,
                "freight_minor": 0, "supplier_id": known[line.sku].supplier_id if line.sku in known else None,
                "placed_at": placed.at,
            }
            for place, line in enumerate(placed.lines, start=1)
        ])

    def _select(self, statement: sa.Select[*tuple[Any, ...]], **given: object) -> tuple[Order, ...]:
        rows = self.connection.execute(statement, {"shop": self.shop.id, **given}).all()
        numbers = [row.id for row in rows]
        lines, delivered = self._lines(numbers), self._delivered(numbers)
        return tuple(
            Order(
                id=row.id, number=row.number, status=row.status, customer_id=row.customer_id, phone=row.phone,
                total=Money(minor=row.total_minor, currency=row.currency), placed_at=row.placed_at,
                approved_at=row.approved_at, promised_on=row.promised_on, ship_by=row.ship_by,
                delivered_at=delivered.get(row.id), lines=tuple(lines.get(row.id, ())),
            )
            for row in rows
        )

    def _lines(self, order_ids: Sequence[int]) -> dict[int, list[OrderLine]]:
        """What was sold; postage, fees and returned lines are no goods that could come back."""
        rows = self.connection.execute(_LINES, {"shop": self.shop.id, "many": order_ids}) if order_ids else ()
        found: dict[int, list[OrderLine]] = {}
        for row in rows:
            found.setdefault(row.order_id, []).append(OrderLine(
                id=row.id, line=row.line, variant_id=row.variant_id, sku=row.code, title=row.title,
                quantity=row.quantity, unit_price=Money(minor=row.unit_price_minor, currency=row.currency),
            ))
        return found

    def _delivered(self, order_ids: Sequence[int]) -> dict[int, datetime]:
        """When the last parcel of an order came; nothing while one is still on its way."""
        if not order_ids:
            return {}
        rows = self.connection.execute(_DELIVERED, {"shop": self.shop.id, "many": order_ids})
        return {row.order_id: row.last for row in rows if row.all == row.here}
