"""Orders that are over are passed over, and no order that was open at a moment is."""

from __future__ import annotations

import random
from datetime import timedelta

import sqlalchemy as sa

from domain.metrics import ParcelSummary
from domain.orders import OrderPlaced, PlacedLine
from domain.shipping import Milestone, ParcelAsOf, ParcelScanned
from storage.database import open_engine
from storage.open_orders import note_until
from storage.tables import END_OF_TIME, orders
from storage.upgrade import downgrade, upgrade
from tests.desk import START, TestDesk, open_desk

_STEPS = (Milestone.INFO_RECEIVED, Milestone.IN_TRANSIT, Milestone.OUT_FOR_DELIVERY, Milestone.DELIVERED)


def _lives(desk: TestDesk, seed: int) -> None:
    """Orders of three weeks: no parcel, one or two, scanned, heard late, come or not, given up or not."""
    chance = random.Random(seed)
    desk.clock.moment = START - timedelta(days=21)
    news = []
    for number in range(24):
        placed = START - timedelta(days=20) + chance.random() * timedelta(days=10)
        news.append((placed, OrderPlaced(
            number=f"{number}", at=placed, currency="EUR", customer_external_id=f"c{number}", customer_name=None,
            customer_email=None, customer_phone=None, payment_intent=None, paid_minor=2000,
            promised_on=(placed + timedelta(days=4)).date(),
            lines=(PlacedLine(sku="MUG", title="Mug", quantity=1, unit_price_minor=2000),))))
        for parcel in range(chance.choice([0, 1, 1, 1, 2])):
            at = placed + timedelta(days=parcel * 2)
            for step in _STEPS[:chance.choice([1, 3, 4, 4, 4])]:
                at += chance.random() * timedelta(days=2)
                heard = at + chance.choice([timedelta(), timedelta(), timedelta(days=3)])
                news.append((heard, ParcelScanned(
                    order=f"{number}", carrier="DHL", tracking_number=f"{number}/{parcel}", milestone=step, at=at,
                    key=f"{number}/{parcel}/{step}")))
    for heard, fact in sorted(news, key=lambda one: one[0]):
        desk.clock.moment = heard
        desk.learn(fact)
    desk.clock.moment = START + timedelta(days=5)


def _seen(desk: TestDesk) -> list[tuple[tuple[ParcelAsOf, ...], ParcelSummary]]:
    found = []
    for hours in range(-21 * 24, 4 * 24, 7):
        at = START + timedelta(hours=hours)
        with desk.looking(at) as uow:
            found.append((uow.parcels.open_as_of(at), uow.metrics.parcels()))
    return found


def test_what_is_passed_over_was_not_open(desk: TestDesk) -> None:
    _lives(desk, 5)
    quick = _seen(desk)
    ((over,),) = desk.query(sa.select(sa.func.count()).where(orders.c.open_until < END_OF_TIME))
    assert over > 3
    desk.execute(sa.update(orders).values(open_until=END_OF_TIME))
    assert quick == _seen(desk)


def test_an_upgrade_knows_what_is_over(blank_database_url: str) -> None:
    engine = open_engine(blank_database_url)
    upgrade(engine)
    with open_desk(blank_database_url) as desk:
        _lives(desk, 4)
        written = desk.query(sa.select(orders.c.id, orders.c.open_until).order_by(orders.c.id))
    downgrade(engine)
    upgrade(engine)
    with open_desk(blank_database_url) as desk:
        assert desk.query(sa.select(orders.c.id, orders.c.open_until).order_by(orders.c.id)) == written
        with desk.store.engine.begin() as connection:
            note_until(connection, desk.shop.id, [row.id for row in written])
        assert desk.query(sa.select(orders.c.id, orders.c.open_until).order_by(orders.c.id)) == written
    engine.dispose()
