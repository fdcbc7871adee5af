"""The small shops that stories are told in: made once by the real code, then copied for each seed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from functools import cache

import sqlalchemy as sa

from domain.people import Role
from domain.returns.model import Reason
from storage import shop_file
from storage.database import open_engine
from storage.shop_file import ChatRow, StaffRow
from storage.tables import metadata, products, stock_wishes, variants
from storage.unit_of_work import Store
from tests.desk import START, Clock, TestDesk, shop_file_of
from tests.returns.world import World as ReturnWorld

MARIA = 1001
#: captured, in minor units; the smaller one in the story of two returns
PAYMENT, SHORT = 10_000, 5_000
MUGS = 3_800
#: of the story of a late parcel
LATE_ORDER = "1043"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with a Slack account, and what the test itself knows of what they may do."""

    key: str
    user: str
    role: Role | None
    limit: int | None = None
    active: bool = True
    telegram: int | None = None
    team: str = "T0"

    def may_approve(self, amount: int, *, own: int | None) -> bool:
        """The test's own reading of the rules: role, active, not their own return, within their limit."""
        if self.role not in {Role.OWNER, Role.SUPPORT, Role.FINANCE} or not self.active:
            return False
        if own is not None and self.telegram == own:
            return False
        if self.limit is None:
            return self.role in {Role.OWNER, Role.FINANCE}
        return amount <= self.limit


#: mia is the customer herself; gus was let go; rita is staff of the other shop; sven is of another company
PEOPLE = (
    Person(key="ada", user="U0ADA", role=Role.OWNER, telegram=2002),
    Person(key="cleo", user="U0CLEO", role=Role.FINANCE),
    Person(key="ben", user="U0BEN", role=Role.SUPPORT, limit=3000),
    Person(key="finn", user="U0FINN", role=Role.SUPPORT),
    Person(key="dan", user="U0DAN", role=Role.OPS, limit=0),
    Person(key="eve", user="U0EVE", role=Role.VIEWER, limit=0),
    Person(key="mia", user="U0MIA", role=Role.FINANCE, telegram=MARIA),
    Person(key="gus", user="U0GUS", role=Role.OWNER, active=False),
    Person(key="rita", user="U0RITA", role=None),
    Person(key="sven", user="U0ADA", role=None, team="T9"),
)
OTHER_SHOP = Person(key="rita", user="U0RITA", role=Role.OWNER)
NORD, SUED = "nordlicht", "suedwind"
STORIES = (
    "approve", "approve", "receipt", "second", "two_returns", "both_returns", "customer", "stock", "two_shops", "photo",
    "digest", "parcel",
)


def channel(shop: str, topic: str) -> str:
    """Where a shop's topic is heard."""
    return f"C0{topic.upper()}" if shop == NORD else f"C1{topic.upper()}"


def _staff(people: tuple[Person, ...]) -> tuple[StaffRow, ...]:
    return tuple(
        StaffRow(
            key=one.key, name=one.key.title(), role=one.role.value, refund_limit_minor=one.limit, slack_team=one.team,
            slack_user=one.user, telegram_user=one.telegram, active=one.active,
        )
        for one in people if one.role is not None
    )


def _world(store: Store, key: str, people: tuple[Person, ...], returns: dict[str, object]) -> ReturnWorld:
    chats = tuple(
        ChatRow(topic=topic, platform="slack", address=channel(key, topic))
        for topic in ("stock", "parcels", "returns", "daily")
    )
    policies = {"refund_without_return_minor": 4000, "return_cost_minor": 0, "refund_on_receipt": False,
        "answer_within_hours": 7, **returns}
    file = replace(shop_file_of(key, {"returns": policies}), staff=_staff(people), chats=chats)
    with store.engine.begin() as connection:
        shop_file.apply(connection, file)
    return ReturnWorld(desk=TestDesk(store=store, clock=Clock(START.astimezone(UTC)), key=key))


def _ordered(world: ReturnWorld, paid: int = PAYMENT) -> None:
    world.order("1042", paid=paid, intent=f"pi_{world.desk.key}", phone="+49 151 0000 1001")
    world.link("maria", MARIA)


def _requested(world: ReturnWorld, user: int = MARIA) -> None:
    with world.begin() as uow:
        order = uow.orders.by_number("1042")
    assert order is not None
    world.request(order, quantity=2, reason=Reason.CHANGED_MIND, photo=None, user=user)


def _stocked(world: ReturnWorld) -> None:
    desk, shop_id = world.desk, world.desk.shop.id
    desk.execute(sa.insert(products).values(shop_id=shop_id, external_id="mug", title="Mug"))
    product = desk.query(sa.select(products.c.id))[0].id
    desk.execute(
        sa.insert(variants).values(
            shop_id=shop_id, product_id=product, sku="BLU-MUG-300", title="Blue mug", price_minor=1900, reorder_point=10
        )
    )
    variant = desk.query(sa.select(variants.c.id))[0].id
    _ordered(world)
    with world.begin() as uow:
        customer = uow.customers.by_telegram(MARIA)
    assert customer is not None
    desk.execute(
        sa.insert(stock_wishes).values(
            shop_id=shop_id, customer_id=customer.id, variant_id=variant, telegram_user=MARIA,
            asked_at=START - timedelta(days=1),
        )
    )


@cache
def template(story: str) -> sqlite3.Connection:
    """The rows a story begins with."""
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    numbers = iter(range(1, 10_000))
    store = Store(engine=engine, now=lambda: START.astimezone(UTC), new_id=lambda: f"t{next(numbers):021d}", secret=b"s" * 32)
    try:
        _BUILD.get(story, _approve)(store)
        copy = sqlite3.connect(":memory:", check_same_thread=False)
        raw = engine.raw_connection()
        raw.dbapi_connection.backup(copy)  # type: ignore[union-attr]
        raw.close()
        return copy
    finally:
        store.close()


def _approve(store: Store) -> None:
    world = _world(store, NORD, PEOPLE, {})
    _ordered(world)
    _requested(world)


def _receipt(store: Store) -> None:
    world = _world(store, NORD, PEOPLE, {"refund_without_return_minor": 0, "refund_on_receipt": True, "return_cost_minor": 0})
    _ordered(world)
    _requested(world)


def _second(store: Store) -> None:
    world = _world(store, NORD, PEOPLE, {"second_approver_above_minor": 2500})
    _ordered(world)
    _requested(world)


def _customer(store: Store) -> None:
    _ordered(_world(store, NORD, PEOPLE, {}))


def _parcel(store: Store) -> None:
    """An order that is on its way to somebody with a chat."""
    world = _world(store, NORD, PEOPLE, {})
    world.order(LATE_ORDER, delivered=None, intent=f"pi_{NORD}")
    world.link("maria", MARIA)


def _two_returns(store: Store) -> None:
    """What was paid is enough for one of them."""
    _returned_twice(store, SHORT)


def _both_returns(store: Store) -> None:
    """What was paid is enough for both."""
    _returned_twice(store, PAYMENT)


def _returned_twice(store: Store, paid: int) -> None:
    world = _world(store, NORD, PEOPLE, {})
    _ordered(world, paid)
    _requested(world)
    with world.begin() as uow:
        order = uow.orders.by_number("1042")
    assert order is not None
    world.request(order, quantity=2, reason=Reason.TOO_LATE, photo=None, user=MARIA)


def _two_shops(store: Store) -> None:
    first = _world(store, NORD, PEOPLE, {})
    other = _world(store, SUED, (OTHER_SHOP,), {})
    for world in (first, other):
        _ordered(world)
        _requested(world)


def _stock(store: Store) -> None:
    _stocked(_world(store, NORD, PEOPLE, {}))


_BUILD: dict[str, Callable[[Store], None]] = {
    "receipt": _receipt, "second": _second, "customer": _customer, "two_shops": _two_shops, "stock": _stock,
    "digest": _stock, "two_returns": _two_returns, "both_returns": _both_returns, "parcel": _parcel,
}

