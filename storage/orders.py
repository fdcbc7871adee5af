"""Orders with their lines as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from domain.errors import Conflict, NotFound
from domain.money import Money
from domain.orders import Order, OrderLine, OrderPaid, OrderPlaced
from domain.shops import Shop
from storage.customers import CustomerRows
from storage.database import insert
from storage.tables import order_lines, orders, parcels, payments, variants

#: how the shop's webhook pays: the sandbox and Stripe both mean a card
_METHOD = "card"


@dataclass(frozen=True)
class OrderRows:
    """The orders of one shop."""

    connection: sa.Connection
    shop: Shop
    now: datetime

    def by_id(self, order_id: int) -> Order:
        """That order; NotFound."""
        found = self._select(orders.c.id == order_id)
        if not found:
            raise NotFound("I don't know that order any more.")
        return found[0]

    def by_number(self, number: str) -> Order | None:
        """With or without a leading #, whatever the case; the exact number first."""
        plain = number.strip().removeprefix("#").strip()
        if not plain:
            return None
        found = self._select(orders.c.number.in_([plain, "#" + plain]))
        if not found:
            found = self._select(sa.func.lower(orders.c.number).in_([plain.lower(), "#" + plain.lower()]))
        return found[0] if found else None

    def of_customer(self, customer_id: int, limit: int) -> tuple[Order, ...]:
        """Their newest first."""
        return self._select(orders.c.customer_id == customer_id, orders.c.kind == "sale", limit=limit)

    def count_of_customer(self, customer_id: int) -> int:
        """How many they ever placed."""
        return self.connection.execute(
            sa.select(sa.func.count()).select_from(orders).where(
                orders.c.shop_id == self.shop.id, orders.c.customer_id == customer_id, orders.c.kind == "sale"
            )
        ).scalar_one()

    def add(self, placed: OrderPlaced) -> Order | None:
        """The order with its lines and its payment; the unique number decides whether it is new."""
        customer = CustomerRows(self.connection, self.shop, self.now).upsert(
            placed.customer_external_id, name=placed.customer_name, email=placed.customer_email,
            phone=placed.customer_phone,
        )
        number = placed.number.strip().removeprefix("#")
        goods = sum(line.quantity * line.unit_price_minor for line in placed.lines)
        paid = placed.payment_intent is not None or placed.paid_minor > 0
        order_id = self.connection.execute(
            insert(self.connection, orders)
            .values(
                shop_id=self.shop.id, number=number, kind="sale", status="approved" if paid else "placed",
                customer_id=customer.id, currency=placed.currency, total_minor=placed.paid_minor or goods,
                freight_minor=max(0, placed.paid_minor - goods), placed_at=placed.at,
                approved_at=placed.at if paid else None, promised_on=placed.promised_on,
            )
            .on_conflict_do_nothing(index_elements=["shop_id", "number"])
            .returning(orders.c.id)
        ).scalar()
        if order_id is None:
            return None
        self._add_lines(order_id, placed)
        if paid:
            self._add_payment(order_id, placed.paid_minor, placed.currency, placed.at, placed.payment_intent)
        return self.by_id(order_id)

    def note_paid(self, paid: OrderPaid) -> Order | None:
        """One statement decides whether this is the first that is heard of the payment."""
        order_id = self.connection.execute(
            sa.update(orders)
            .where(
                orders.c.shop_id == self.shop.id, orders.c.number == paid.number.strip().removeprefix("#"),
                orders.c.status == "placed", orders.c.approved_at.is_(None),
            )
            .values(status="approved", approved_at=paid.at)
            .returning(orders.c.id)
        ).scalar()
        if order_id is None:
            return None
        self._add_payment(order_id, paid.paid_minor, paid.currency, paid.at, None)
        return self.by_id(order_id)

    def _add_payment(self, order_id: int, minor: int, currency: str, at: datetime, intent: str | None) -> None:
        """Conflict if another order has that payment: then one of the two is not what its shop says."""
        added = self.connection.execute(
            insert(self.connection, payments)
            .values(
                shop_id=self.shop.id, order_id=order_id, sequence=1, method=_METHOD, amount_minor=minor,
                currency=currency, paid_at=at, payment_intent=intent, refunded_minor=0,
            )
            .on_conflict_do_nothing()
            .returning(payments.c.id)
        ).scalar()
        if added is None and intent is not None:
            raise Conflict(f"Payment {intent} is another order's already.")

    def _add_lines(self, order_id: int, placed: OrderPlaced) -> None:
        if not placed.lines:
            return
        skus = {line.sku for line in placed.lines}
        known = {
            row.sku: row
            for row in self.connection.execute(
                sa.select(variants.c.id, variants.c.sku, variants.c.supplier_id)
                .where(variants.c.shop_id == self.shop.id, variants.c.sku.in_(skus))
            )
        }
        self.connection.execute(sa.insert(order_lines), [
            {
                "shop_id": self.shop.id, "order_id": order_id, "line": place, "kind": "sale",
                "variant_id": known[line.sku].id if line.sku in known else None, "code": line.sku,
                "title": line.title, "quantity": line.quantity, "unit_price_minor": line.unit_price_minor,
                "freight_minor": 0, "supplier_id": known[line.sku].supplier_id if line.sku in known else None,
                "placed_at": placed.at,
            }
            for place, line in enumerate(placed.lines, start=1)
        ])

    def _select(self, *where: sa.ColumnElement[bool], limit: int | None = None) -> tuple[Order, ...]:
        rows = self.connection.execute(
            sa.select(orders).where(orders.c.shop_id == self.shop.id, *where)
            .order_by(orders.c.placed_at.desc(), orders.c.id.desc()).limit(limit)
        ).all()
        numbers = [row.id for row in rows]
        lines, delivered = self._lines(numbers), self._delivered(numbers)
        return tuple(
            Order(
                id=row.id, number=row.number, status=row.status, customer_id=row.customer_id,
                total=Money(minor=row.total_minor, currency=row.currency), placed_at=row.placed_at,
                approved_at=row.approved_at, promised_on=row.promised_on, ship_by=row.ship_by,
                delivered_at=delivered.get(row.id), lines=tuple(lines.get(row.id, ())),
            )
            for row in rows
        )

    def _lines(self, order_ids: Sequence[int]) -> dict[int, list[OrderLine]]:
        """What was sold; postage, fees and returned lines are no goods that could come back."""
        rows = self.connection.execute(
            sa.select(order_lines, orders.c.currency)
            .join(orders, orders.c.id == order_lines.c.order_id)
            .where(
                order_lines.c.shop_id == self.shop.id, order_lines.c.order_id.in_(order_ids),
                order_lines.c.kind == "sale",
            )
            .order_by(order_lines.c.order_id, order_lines.c.line)
        ) if order_ids else ()
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
        rows = self.connection.execute(
            sa.select(
                parcels.c.order_id, sa.func.max(parcels.c.delivered_at).label("last"),
                sa.func.count().label("all"), sa.func.count(parcels.c.delivered_at).label("here"),
            )
            .where(parcels.c.shop_id == self.shop.id, parcels.c.order_id.in_(order_ids))
            .group_by(parcels.c.order_id)
        )
        return {row.order_id: row.last for row in rows if row.all == row.here}
