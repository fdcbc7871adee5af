"""A desk with a shop that has goods and one return, and its doors."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from domain.inventory import MovementKind, StockMoved
from domain.orders import OrderPlaced, PlacedLine
from handlers.jobs import Worker
from handlers.run import Desk, Who
from handlers.telegram import TelegramUpdates
from handlers.webhooks import VENDORS, ShopEvents, StripeEvents, VendorEvents
from storage.tables import products, variants
from tests.desk import TestDesk

ADA = Who(platform="slack", user="U0ADA", team="T0", place="C0STOCK")
EVE = Who(platform="slack", user="U0EVE", team="T0", place="C0STOCK")
STRANGER = Who(platform="slack", user="U0NOBODY", team="T0ELSE", place="C0STOCK")
DAN = Who(platform="telegram", user="2001", place="2001")


@pytest.fixture
def shop(desk: TestDesk) -> TestDesk:
    """With a mug that sells, and an order of Maria's."""
    shop_id = desk.shop.id
    desk.execute(sa.insert(products).values(shop_id=shop_id, external_id="mug", title="Mug"))
    product = desk.query(sa.select(products.c.id))[0].id
    desk.execute(sa.insert(variants).values(shop_id=shop_id, product_id=product, sku="MUG", title="Blue mug", price_minor=1900))
    now = desk.clock.now()
    desk.learn(StockMoved(sku="MUG", location="main", quantity=100, movement=MovementKind.OPENING, at=now - timedelta(days=40), key="open"))
    for day in range(1, 31):
        desk.learn(
            OrderPlaced(
                number=f"{1000 + day}", at=now - timedelta(days=day), currency="EUR", customer_external_id="C-1",
                customer_name="Maria Silva", customer_email=None, customer_phone="+49 151 00001001",
                lines=(PlacedLine(sku="MUG", title="Blue mug", quantity=2, unit_price_minor=1900),),
                payment_intent=f"pi_{day}", paid_minor=3800, promised_on=None,
            )
        )
    return desk


@pytest.fixture
def door(shop: TestDesk) -> Desk:
    """run(), over that shop."""
    return Desk(engine=shop.store, reference=lambda: "7Q2K")


async def _no_sleep(_seconds: float) -> None:
    """Time stands still here."""


@pytest.fixture
def worker(shop: TestDesk) -> Worker:
    """What works off stored events and schedules."""
    return Worker(
        engine=shop.store, owner="w", sleep=_no_sleep,
        sources=(
            TelegramUpdates(username="opsbell_bot"), StripeEvents(live=False), ShopEvents(),
            *(VendorEvents(source=name) for name in VENDORS),
        ),
    )
