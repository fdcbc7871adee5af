"""A shop that has been at it for years: closed orders, parcels, returns and cases by the thousand, and work of today."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from domain.inventory import MovementKind, StockMoved
from domain.orders import OrderPlaced, PlacedLine
from domain.payments import RefundState
from domain.shipping import Milestone, ParcelScanned
from storage.database import is_sqlite
from storage.open_orders import note_until
from storage.tables import (
    approvals,
    audit,
    buttons,
    cards,
    cases,
    customers,
    dialogues,
    inbox,
    jobs,
    order_lines,
    orders,
    parcels,
    payments,
    products,
    proofs,
    purchase_order_lines,
    purchase_orders,
    refunds,
    return_lines,
    returns,
    scans,
    stock_movements,
    stock_wishes,
    suppliers,
    variants,
)
from tests.desk import TestDesk

SKUS: Final = tuple(f"SKU-{number}" for number in range(8))
#: days that looks back reach (the usual return rate is a year's); what lies before must cost nothing
RECENT: Final = 400
_A_DAY: Final = 3
#: every such order came back
_RETURNED: Final = 5
#: every such order made the shop order goods
_ORDERED: Final = 31

#: PostgreSQL: what this connection has read so far and not yet handed on
_READ: Final = """
    SELECT (coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0) + (
        SELECT coalesce(sum(pg_stat_get_xact_tuples_returned(indexrelid)), 0) FROM pg_stat_user_indexes
    ))::bigint FROM pg_stat_xact_user_tables
"""
#: rows that come later are numbered from there on
_GO_ON: Final = "SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"


@dataclass
class Years:
    """Rows of closed matters, so many a day, each table in one statement."""

    desk: TestDesk
    rows: dict[sa.Table, list[dict[str, Any]]] = field(default_factory=dict)
    number: int = 0

    def goods(self) -> None:
        """Eight variants of one supplier, plenty of most, one short, one of which there is nothing."""
        shop, now = self.desk.shop.id, self.desk.clock.now()
        supplier = self._one(sa.insert(suppliers).values(
            shop_id=shop, external_id="s", name="Nordkeramik", lead_time_days=9.0).returning(suppliers.c.id))
        for sku in SKUS:
            product = self._one(sa.insert(products).values(
                shop_id=shop, external_id=sku, title=sku).returning(products.c.id))
            self._one(sa.insert(variants).values(
                shop_id=shop, product_id=product, sku=sku, title=f"Mug {sku}", price_minor=2000, cost_minor=900,
                supplier_id=supplier, pack_size=6, minimum_order=1, active=True).returning(variants.c.id))
        for place, sku in enumerate(SKUS):
            self.desk.learn(StockMoved(
                sku=sku, location="main", quantity=(1, 3)[place] if place < 2 else 50_000, movement=MovementKind.OPENING,
                at=now - timedelta(days=4000), key=f"in:{sku}"))

        self.desk.learn(StockMoved(
            sku=SKUS[0], location="main", quantity=1, movement=MovementKind.SALE, at=now - timedelta(days=2), key="last"))

    def pass_days(self, first: int, last: int) -> None:
        """So many closed orders on each of these days before today, whatever follows of an order included."""
        self.rows = {}
        for day in range(last, first - 1, -1):
            for hour in range(_A_DAY):
                self._order(self.desk.clock.now() - timedelta(days=day, hours=hour, minutes=7))
        with self.desk.store.engine.begin() as connection:
            for table, rows in self.rows.items():
                connection.execute(sa.insert(table), rows)
            if not is_sqlite(connection):
                for table in self.rows:
                    if isinstance(table.c[0].type, sa.Integer):
                        connection.exec_driver_sql(_GO_ON.format(table=table.name))
            numbers = [row["id"] for row in self.rows[orders]]
            for start in range(0, len(numbers), 500):
                note_until(connection, self.desk.shop.id, numbers[start:start + 500])

    def today(self) -> None:
        """An order of today, one that is late, and a return that waits."""
        for number, back in (("T-1", 0), ("T-2", 20)):
            at = self.desk.clock.now() - timedelta(days=back, hours=1)
            self.desk.learn(OrderPlaced(
                number=number, at=at, currency="EUR", customer_external_id="maria", customer_name="Maria Silva",
                customer_email="maria@example.com", customer_phone="+49 151 0000 1001",
                lines=(PlacedLine(sku=SKUS[2], title="Mug", quantity=2, unit_price_minor=2000),),
                payment_intent=f"pi_{number}", paid_minor=4000, promised_on=(at + timedelta(days=5)).date()))
        late = self.desk.clock.now() - timedelta(days=15)
        for milestone, at in ((Milestone.INFO_RECEIVED, late), (Milestone.IN_TRANSIT, late + timedelta(days=1))):
            self.desk.learn(ParcelScanned(
                order="T-2", carrier="DHL", tracking_number="T2", milestone=milestone, at=at, key=f"t2:{milestone}"))

    def _one(self, statement: Any) -> int:
        with self.desk.store.engine.begin() as connection:
            return int(connection.execute(statement).scalar_one())

    def _add(self, table: sa.Table, **values: Any) -> None:
        self.rows.setdefault(table, []).append(values)

    def _order(self, at: datetime) -> None:
        self.number += 1
        n, shop = self.number, 1
        place = n % len(SKUS)
        self._add(customers, id=n, shop_id=shop, external_id=f"c{n}", name=f"Customer {n}", email=f"c{n}@example.com",
                  phone=f"+4915{n:09d}", telegram_user=10_000 + n, language="de")
        self._add(orders, id=n, shop_id=shop, number=f"{n}", kind="sale", status="delivered", customer_id=n,
                  currency="EUR", total_minor=2000, freight_minor=0, placed_at=at, approved_at=at,
                  promised_on=(at + timedelta(days=6)).date())
        self._add(order_lines, id=n, shop_id=shop, order_id=n, line=1, kind="sale", variant_id=place + 1,
                  code=SKUS[place], title="Mug", quantity=1, unit_price_minor=2000, freight_minor=0, placed_at=at)
        self._add(payments, id=n, shop_id=shop, order_id=n, sequence=1, method="card", amount_minor=2000,
                  currency="EUR", paid_at=at, payment_intent=f"pi_{n}", refunded_minor=0, disputed=False)
        self._add(stock_movements, shop_id=shop, variant_id=place + 1, location_id=1, kind="sale", on_hand=0,
                  reserved=0, incoming=0, at=at, key=f"sale:{n}")
        self._add(parcels, id=n, shop_id=shop, order_id=n, sequence=1, carrier="DHL", tracking_number=f"JD{n:012d}",
                  milestone="Delivered", international=False, label_at=at, handed_over_at=at + timedelta(hours=9),
                  delivered_at=at + timedelta(days=2), last_scan_at=at + timedelta(days=2), last_place="Leipzig")
        for step, milestone in enumerate(("InfoReceived", "InTransit", "Delivered")):
            self._add(scans, shop_id=shop, parcel_id=n, at=at + timedelta(days=step), heard_at=at + timedelta(days=step),
                      milestone=milestone, key=f"scan:{n}:{step}")
        self._said(n, shop, at)
        self._sent(n, shop, at)
        if n % _RETURNED == 0:
            self._return(n, shop, at + timedelta(days=8))

    def _sent(self, n: int, shop: int, at: datetime) -> None:
        """What was heard of it, worked off and said; rows of a month and more are kept, here all of them are."""
        row: dict[str, Any] = {
            "shop_id": shop, "payload": {}, "made_at": at, "due_at": at, "done_at": at, "state": "done",
            "final_by": at + timedelta(hours=1), "attempts": 1, "sending": False,
        }
        for event in range(5):
            self._add(inbox, shop_id=shop, source="shop", key=f"in{n}.{event}", heard_at=at, body=b"{}", headers={},
                      worked_at=at)
        self._add(jobs, **row, key=f"learn{n}", kind="learn", lane=f"learn{n}", card=None, message=None)
        for place, (chat, kind) in enumerate(
            (("slack:C0PARCELS", "say.slack"), ("slack:C0STOCK", "say.slack"), ("slack:C0DAILY", "say.slack"),
             (f"telegram:{n}", "say.telegram"))
        ):
            self._add(jobs, **row, key=f"{kind}{n}:{place}", kind=kind, lane=chat, card=f"late_parcel:{n}",
                      message="late_parcel_card")

    def _said(self, n: int, shop: int, at: datetime) -> None:
        """A case that was resolved with its card, a conversation, a code, a wish, a trail; an order at the supplier."""
        self._add(cases, id=n, shop_id=shop, kind="late_parcel", subject=f"{n}/1", state="resolved", version=3, facts={},
                  opened_at=at, changed_at=at, resolved_at=at + timedelta(days=2))
        self._add(cards, shop_id=shop, key=f"late_parcel:{n}", platform="slack", address="C0PARCELS",
                  message_id=f"{n}.1", version=3)
        self._add(dialogues, shop_id=shop, platform="telegram", address=str(10_000 + n), name="dialogue", state={},
                  changed_at=at)
        self._add(proofs, shop_id=shop, address=f"telegram:{10_000 + n}", order_id=n, code_hash="x", tries=0, made_at=at,
                  expires_at=at + timedelta(minutes=15), used_at=at)
        self._add(stock_wishes, shop_id=shop, customer_id=n, variant_id=n % len(SKUS) + 1, telegram_user=10_000 + n,
                  asked_at=at, told_at=at)
        if n % _ORDERED == 0:
            self._ordered(n, shop, at)
        for action in ("order.placed", "parcel.late", "parcel.resolved"):
            self._add(audit, shop_id=shop, at=at, actor="shop", action=action, subject=str(n), detail={},
                      previous_hash="x", hash="x")
        if at > self.desk.clock.now() - timedelta(days=120):
            self._add(buttons, token=f"token{n}", shop_id=shop, command="show_stock", fields={}, shown_in="x", once=True,
                      made_at=at, expires_at=at + timedelta(days=120))

    def _ordered(self, n: int, shop: int, at: datetime) -> None:
        self._add(purchase_orders, id=n, shop_id=shop, number=f"PO-{n}", supplier_id=1, state="received", created_by=1,
                  created_at=at, received_at=at + timedelta(days=9))
        self._add(purchase_order_lines, shop_id=shop, purchase_order_id=n, variant_id=n % len(SKUS) + 1, quantity=6,
                  received=6, unit_cost_minor=900)

    def _return(self, n: int, shop: int, at: datetime) -> None:
        self._add(returns, id=n, shop_id=shop, number=f"OLD-{n}", order_id=n, customer_id=n, state="refunded", version=4,
                  reason="damaged", telegram_user=10_000 + n, requested_minor=2000, approved_minor=2000, cost_minor=0,
                  currency="EUR", goods="keep", verdict={}, requested_at=at, answer_by=at + timedelta(hours=7),
                  decided_by=1, decided_at=at, closed_at=at)
        self._add(return_lines, shop_id=shop, return_id=n, order_line_id=n, quantity=1, received=0, damaged=0)
        self._add(approvals, id=n, shop_id=shop, return_id=n, version=1, amount_minor=2000, currency="EUR", staff_id=1,
                  at=at, counted_on=at.date(), mac="x")
        self._add(refunds, id=f"refund{n}", shop_id=shop, payment_id=n, return_id=n, approval_id=n, amount_minor=2000,
                  currency="EUR", state=RefundState.SUCCEEDED.value, stripe_refund=f"re_{n}", decided_at=at,
                  first_sent_at=at, settled_at=at, mac="x")


def effort(desk: TestDesk, work: Callable[[], object]) -> int:
    """What a database does for it, the same for the same rows, whatever else runs here.

    On SQLite hundreds of its machine's steps, on PostgreSQL tens of rows and index entries that were read.
    """
    if is_sqlite(desk.store.engine):
        return _steps(desk.store.engine, work)
    return _rows_read(desk.store.engine, work)


def _steps(engine: sa.Engine, work: Callable[[], object]) -> int:
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    drivers: list[Any] = []

    def begun(connection: sa.Connection) -> None:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(step, 100)
        drivers.append(driver)

    sa.event.listen(engine, "begin", begun)
    try:
        work()
    finally:
        sa.event.remove(engine, "begin", begun)
        for driver in drivers:
            driver.set_progress_handler(None, 0)
    return count


def _rows_read(engine: sa.Engine, work: Callable[[], object]) -> int:
    count = 0

    def begins(connection: sa.Connection) -> None:
        nonlocal count
        count -= connection.exec_driver_sql(_READ).scalar_one()

    def ends(connection: sa.Connection) -> None:
        nonlocal count
        count += connection.exec_driver_sql(_READ).scalar_one()

    listeners = (("begin", begins), ("commit", ends), ("rollback", ends))
    for name, heard in listeners:
        sa.event.listen(engine, name, heard)
    try:
        work()
    finally:
        for name, heard in listeners:
            sa.event.remove(engine, name, heard)
    return count // 10
