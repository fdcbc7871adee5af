"""What vendors' events say: a payload file, and the facts that it is. Nothing of it can lead to money."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.errors import BadInput
from domain.foreign import json_object
from domain.inventory import ItemName, ItemsNamed, LevelChanged, StockLevelTold
from domain.messages import Fact
from domain.order_lists import AppUninstalled
from domain.orders import OrderPaid, OrderPlaced, PlacedLine
from domain.shipping import Milestone, ParcelScanned, ParcelTracked, Scan, Substatus, progress
from handlers.webhooks import TOPICS, VENDORS
from tests.conftest import ROOT

PAYLOADS = ROOT / "tests" / "payloads"
FILES = sorted(path.relative_to(PAYLOADS).as_posix() for path in PAYLOADS.rglob("*.json"))
MUG_12 = PlacedLine(sku="MUG", title="Blue mug", quantity=2, unit_price_minor=1250)


def at(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, second, tzinfo=UTC)


def topic_of(name: str) -> str:
    source, _, file = name.partition("/")
    first = file.partition(".")[0]
    return first if first in TOPICS[source] else TOPICS[source][0]


def read(name: str, changed: Mapping[str, Any] | None = None) -> tuple[Fact, ...]:
    event = json_object((PAYLOADS / name).read_bytes()) | dict(changed or {})
    return VENDORS[name.partition("/")[0]](topic_of(name), event, "Europe/Berlin")


def shopify_order(**changed: Any) -> OrderPlaced:
    known: dict[str, Any] = {
        "number": "#9001", "at": at(20, 17, 43, 1), "currency": "EUR", "customer_external_id": "115310627314723954",
        "customer_name": "Maria Silva", "customer_email": "maria@example.com", "customer_phone": "+49 151 00001001",
        "lines": (MUG_12, PlacedLine(sku="variant 447654529", title="Gift wrap", quantity=1, unit_price_minor=1350)),
        "payment_intent": None, "paid_minor": 4340, "promised_on": None,
    }
    return OrderPlaced(**{**known, **changed})


IN_YEN = shopify_order(
    number="NL-9002", at=at(21, 9), currency="JPY", customer_external_id="guest@example.com",
    customer_email="guest@example.com", customer_phone="+81 3 0000 0000", paid_minor=0,
    lines=(PlacedLine(sku="MUG", title="Blue mug", quantity=2, unit_price_minor=2700),),
)


def fulfilled(
    number: str, of: str = "123456", milestone: Milestone = Milestone.INFO_RECEIVED, when: datetime | None = None
) -> ParcelScanned:
    when = when or at(21, 9)
    return ParcelScanned(
        order="#9001", carrier="DHL", tracking_number=number, milestone=milestone, at=when,
        key=f"shopify:{of}:{number}:{milestone.value}:{when.isoformat()}",
    )


def woo_order(**changed: Any) -> OrderPlaced:
    known: dict[str, Any] = {
        "number": "727", "at": at(20, 15, 28, 2), "currency": "EUR", "customer_external_id": "26",
        "customer_name": "Jonas Weber", "customer_email": "jonas@example.com", "customer_phone": "+49 40 000000",
        "lines": (
            PlacedLine(sku="MUG", title="Blue mug", quantity=3, unit_price_minor=1000),
            PlacedLine(sku="product 23", title="Sticker", quantity=1, unit_price_minor=0),
        ),
        "payment_intent": None, "paid_minor": 0, "promised_on": None,
    }
    return OrderPlaced(**{**known, **changed})


GUEST = woo_order(number="728", customer_external_id="jonas@example.com")


def scans(*told: tuple[Milestone, Substatus | None, datetime, str | None]) -> tuple[tuple[Any, ...], ...]:
    return told


EXPECTED: dict[str, tuple[Any, ...]] = {
    "shopify/orders-create.paid.json": (shopify_order(),),
    "shopify/orders-create.guest-in-yen.json": (IN_YEN,),
    "shopify/orders-create.test-gateway.json": (),
    "shopify/orders-paid.json": (IN_YEN, OrderPaid(number="NL-9002", at=at(21, 12, 30), currency="JPY", paid_minor=5400)),
    "shopify/fulfillments-create.one-parcel.json": (fulfilled("JD014600003SE"),),
    "shopify/fulfillments-create.two-parcels.json": (
        fulfilled("JD014600004SE", "123457"), fulfilled("JD014600005SE", "123457"),
    ),
    "shopify/fulfillments-update.delivered.json": (
        fulfilled("JD014600003SE", milestone=Milestone.DELIVERED, when=at(23, 10, 15)),
    ),
    "shopify/fulfillments-update.cancelled.json": (),
    "shopify/app-uninstalled.json": (AppUninstalled(source="shopify"),),
    "shopify/inventory-levels-update.json": (
        StockLevelTold(source="shopify", item="271878346596884015", place="24826418", available=6, at=at(21, 17)),
    ),
    "shopify/inventory-levels-update.not-counted.json": (),
    "shopify/products-update.two-variants.json": (
        ItemsNamed(source="shopify", items=(
            ItemName(item="271878346596884015", sku="MUG", at=at(21, 17)),
            ItemName(item="271878346596884016", sku=None, at=at(21, 17)),
        )),
    ),
    "woocommerce/order-created.paid.json": (
        woo_order(), OrderPaid(number="727", at=at(20, 15, 28, 8), currency="EUR", paid_minor=3489),
    ),
    "woocommerce/order-created.bank-transfer-of-a-guest.json": (GUEST,),
    "woocommerce/order-updated.paid-later.json": (
        GUEST, OrderPaid(number="728", at=at(22, 8), currency="EUR", paid_minor=3489),
    ),
    "woocommerce/product-updated.json": (LevelChanged(source="woocommerce", item="799"),),
    "woocommerce/product-updated.variation.json": (LevelChanged(source="woocommerce", item="802"),),
    "woocommerce/product-updated.deleted.json": (),
    "woocommerce/product-updated.not-counted.json": (),
    "woocommerce/product-updated.counted-at-its-product.json": (),
    "woocommerce/product-created.json": (LevelChanged(source="woocommerce", item="804"),),
    "woocommerce/order-created.draft.json": (),
    "woocommerce/order-updated.deleted.json": (),
    "easypost/tracker-created.json": scans((Milestone.INFO_RECEIVED, None, at(21, 9), "DE")),
    "easypost/tracker-updated.delivered.json": scans(
        (Milestone.INFO_RECEIVED, None, at(21, 9), "DE"), (Milestone.IN_TRANSIT, None, at(21, 17, 30), "Berlin, BE"),
        (Milestone.OUT_FOR_DELIVERY, None, at(23, 6, 40), "Potsdam"), (Milestone.DELIVERED, None, at(23, 10, 15), "Potsdam"),
    ),
    "easypost/tracker-updated.damaged.json": scans(
        (Milestone.INFO_RECEIVED, None, at(21, 9), "DE"), (Milestone.IN_TRANSIT, None, at(21, 17, 30), "Berlin, BE"),
        (Milestone.EXCEPTION, Substatus.DAMAGED, at(22, 8), "Leipzig, SN"),
    ),
    "easypost/tracker-updated.returning.json": scans(
        (Milestone.IN_TRANSIT, None, at(21, 17, 30), "Berlin, BE"), (Milestone.EXCEPTION, Substatus.RETURNING, at(22, 9), "Leipzig"),
    ),
    "easypost/batch-created.json": (),
    "aftership/info-received.json": scans((Milestone.INFO_RECEIVED, None, at(21, 9), "Germany")),
    "aftership/delivered.json": scans(
        (Milestone.INFO_RECEIVED, None, at(21, 9), "Germany"), (Milestone.IN_TRANSIT, None, at(21, 17, 30), "Berlin"),
        (Milestone.OUT_FOR_DELIVERY, None, at(23, 6, 40), "Potsdam"), (Milestone.DELIVERED, None, at(23, 10, 15), "Potsdam"),
    ),
    "aftership/held-in-customs.json": scans(
        (Milestone.IN_TRANSIT, None, at(21, 17, 30), "Berlin"), (Milestone.EXCEPTION, Substatus.CUSTOMS, at(22, 8), "Leipzig"),
    ),
    "aftership/failed-attempt-then-lost.json": scans(
        (Milestone.ATTEMPT_FAIL, None, at(22, 11), "Potsdam"), (Milestone.EXCEPTION, Substatus.LOST, at(23, 7), "Germany"),
    ),
    "aftership/new-estimate.json": (),
}


@pytest.mark.parametrize("name", FILES)
def test_a_payload_is_these_facts(name: str) -> None:
    found = read(name)
    if name.startswith(("easypost", "aftership")) and found:
        (tracked,) = found
        assert isinstance(tracked, ParcelTracked)
        assert {(one.order, one.tracking_number) for one in tracked.scans} == {(None, "JD014600003SE")}
        assert len({one.key for one in tracked.scans}) == len(tracked.scans)
        found = tuple((one.milestone, one.substatus, one.at, one.place) for one in tracked.scans)  # type: ignore[misc]
    assert found == EXPECTED[name]


def test_every_source_has_three_payloads_or_more() -> None:
    for source in VENDORS:
        assert len([name for name in FILES if name.startswith(source)]) >= 3
    assert set(EXPECTED) == set(FILES)


def test_no_vendor_names_a_payment_that_stripe_could_refund() -> None:
    harmless = (OrderPlaced, OrderPaid, ParcelScanned, ParcelTracked, StockLevelTold, ItemsNamed, AppUninstalled, LevelChanged)
    for name in FILES:
        for fact in read(name):
            assert isinstance(fact, harmless)
            assert not isinstance(fact, OrderPlaced) or fact.payment_intent is None


@pytest.mark.parametrize(
    ("name", "changed", "error"),
    [
        ("shopify/orders-create.paid.json", {"currency": "EURO"}, "ISO 4217"), ("shopify/orders-create.paid.json", {"total_price": "43.405"}, "not an amount in EUR"),
        ("shopify/orders-create.paid.json", {"total_price": "1E+999999999"}, "not an amount"), ("shopify/orders-create.paid.json", {"line_items": {}}, "list of objects"),
        ("shopify/orders-create.paid.json", {"created_at": "2026-11-20T18:43:01"}, "no time zone"), ("shopify/orders-create.paid.json", {"created_at": "9999-12-31T23:59:59-12:00"}, "out of time"),
        ("shopify/fulfillments-create.one-parcel.json", {"name": "9001"}, "names no order"), ("woocommerce/order-created.paid.json", {"total": True}, "not an amount"),
        ("easypost/tracker-created.json", {"result": {"tracking_code": ["x"]}}, "must be a text"), ("aftership/delivered.json", {"msg": {"tracking_number": "1", "checkpoints": [7]}}, "list of objects"),
    ],
)
def test_what_is_not_as_its_vendor_writes_it_is_no_fact(name: str, changed: dict[str, Any], error: str) -> None:
    with pytest.raises((ValueError, BadInput), match=error):
        read(name, changed)


def test_easyposts_own_sample_is_read(shared_fixtures: Path) -> None:
    cassette = (shared_fixtures / "easypost-python/tests/cassettes/test_tracker_retrieve.yaml").read_text()
    raw = " ".join(line.strip() for line in cassette[cassette.rindex("string: '") + 9 : cassette.rindex("}'") + 1].splitlines())
    event = {"description": "tracker.updated", "result": json.loads(raw)}
    (tracked,) = VENDORS["easypost"]("events", event, "UTC")
    assert isinstance(tracked, ParcelTracked)
    assert [(one.milestone, one.place) for one in tracked.scans] == [
        (Milestone.INFO_RECEIVED, None), (Milestone.INFO_RECEIVED, "Houston, TX"),
    ]


def test_in_whatever_order_six_scans_are_heard_a_parcel_ends_the_same() -> None:
    """All 720 orders; two of the scans are of the same moment."""
    told = [
        Scan(at=at(21, 9), milestone=Milestone.INFO_RECEIVED), Scan(at=at(21, 18), milestone=Milestone.IN_TRANSIT, place="Berlin"),
        Scan(at=at(22, 8), milestone=Milestone.EXCEPTION, substatus="damaged", place="Leipzig"),
        Scan(at=at(22, 8), milestone=Milestone.EXCEPTION, substatus="customs", place="Halle"),
        Scan(at=at(23, 8), milestone=Milestone.OUT_FOR_DELIVERY), Scan(at=at(23, 11), milestone=Milestone.DELIVERED),
    ]
    assert len({progress(order) for order in itertools.permutations(told)}) == 1
    assert len({progress(order) for order in itertools.permutations(told[:4])}) == 1
    assert progress(told).milestone is Milestone.DELIVERED
