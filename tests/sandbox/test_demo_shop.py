"""The demo shop's files: the same bytes for the same seed, in the template's form, and coherent in themselves."""

from __future__ import annotations

import csv
import json
import re
import tomllib
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.demo_shop import build
from sandbox.demo_shop.catalogue import gtin, products
from sandbox.demo_shop.days import add_working, holidays, is_working, working_days_ago
from sandbox.demo_shop.files import write
from sandbox.demo_shop.rows import Demo
from sandbox.demo_shop.stock import daily_sales, reorder_point
from sandbox.demo_shop.stripe_seed import payments_at_stripe

START = datetime.fromisoformat("2026-11-23T09:05:00+01:00")
TEMPLATE = Path(__file__).parents[2] / "docs" / "import-template.md"
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def demo() -> Demo:
    return build(START, 1)


@pytest.fixture(scope="module")
def folder(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo")
    write(demo, path)
    return path


def rows(folder: Path, name: str) -> Rows:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_seed_and_moment_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    build.cache_clear()
    write(build(START, 1), tmp_path)
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_another_seed_gives_another_shop_with_the_same_story() -> None:
    one, other = build(START, 1), build(START, 2)
    assert [order.total for order in one.orders] != [order.total for order in other.orders]
    for shop in (one, other):
        assert [line.sku for line in shop.order("1042").lines] == ["BLU-MUG-300", "TEA-TOWEL"]
        assert shop.returns[-1].number == "R-317"


def test_every_file_has_exactly_the_columns_that_the_template_describes(folder: Path) -> None:
    sections = re.split(r"^## (\w+)\.csv", TEMPLATE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    described = {}
    for name, text in zip(sections[1::2], sections[2::2], strict=True):
        cells = re.findall(r"^\| (.+?) \|", text.split("\n## ")[0], flags=re.MULTILINE)
        described[name] = {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}
    written = {path.stem: set(rows(folder, path.stem)[0]) for path in folder.glob("*.csv")}
    assert written == described


def test_rows_refer_only_to_rows_that_are_there(folder: Path) -> None:
    skus = {row["sku"] for row in rows(folder, "products")}
    orders = {row["order"] for row in rows(folder, "orders")}
    parcels = {(row["order"], row["parcel"]) for row in rows(folder, "parcels")}
    assert {row["supplier"] for row in rows(folder, "products")} <= {row["supplier"] for row in rows(folder, "suppliers")}
    assert {row["sku"] for row in rows(folder, "stock")} == skus
    assert {row["customer"] for row in rows(folder, "orders")} <= {row["customer"] for row in rows(folder, "customers")}
    for name in ("order_lines", "returns"):
        assert {row["sku"] for row in rows(folder, name)} <= skus
    for name in ("order_lines", "payments", "parcels", "returns"):
        assert {row["order"] for row in rows(folder, name)} <= orders
    assert {(row["order"], row["parcel"]) for row in rows(folder, "scans")} == parcels


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("products", ("sku",)), ("suppliers", ("supplier",)), ("stock", ("sku", "location")), ("customers", ("customer",)),
        ("orders", ("order",)), ("order_lines", ("order", "line")), ("payments", ("order", "sequence")),
        ("parcels", ("order", "parcel")), ("scans", ("order", "parcel", "at", "milestone")), ("returns", ("return", "sku")),
    ],
)
def test_keys_name_one_row_each(folder: Path, name: str, key: tuple[str, ...]) -> None:
    seen = Counter(tuple(row[part] for part in key) for row in rows(folder, name))
    assert [one for one, count in seen.items() if count > 1] == []


def test_tracking_numbers_and_payment_intents_are_unique(folder: Path) -> None:
    for name, column in (("parcels", "tracking_number"), ("payments", "payment_intent"), ("returns", "refund")):
        values = [row[column] for row in rows(folder, name) if row[column]]
        assert len(values) == len(set(values)), column


def test_every_order_is_paid_what_its_lines_and_postage_sum_to(demo: Demo) -> None:
    assert all(order.payment.amount == order.total for order in demo.orders)


def test_nothing_happens_after_the_end_or_out_of_order(demo: Demo) -> None:
    for order in demo.orders:
        scans = order.parcel.scans if order.parcel else ()
        moments = [order.placed_at, *([order.approved_at] if order.approved_at else []), *(scan.at for scan in scans)]
        assert moments == sorted(moments), order.number
        assert moments[-1] <= demo.until


def test_no_moment_falls_into_an_hour_that_daylight_saving_skips_or_repeats(folder: Path) -> None:
    for path in folder.glob("*.csv"):
        night = re.findall(r"20\d\d-(?:03|10)-\d\d 02:\d\d:\d\d", path.read_text(encoding="utf-8"))
        sundays = [text for text in night if datetime.fromisoformat(text).weekday() == 6 and int(text[8:10]) >= 25]
        assert sundays == [], path.name


def test_status_follows_from_the_carriers_words(demo: Demo) -> None:
    for order in demo.orders:
        milestones = {scan.milestone for scan in order.parcel.scans} if order.parcel else set()
        if order.status == "delivered":
            assert "Delivered" in milestones
        elif order.status == "shipped":
            assert milestones - {"InfoReceived"}
            assert "Delivered" not in milestones
        else:
            assert milestones <= {"InfoReceived"}


def test_marias_order_is_the_one_of_the_walk_through(demo: Demo) -> None:
    order = demo.order("1042")
    assert (order.customer.name, order.customer.phone) == ("Maria Silva", "+49 151 0000 1001")
    assert [(line.sku, line.quantity, line.unit_price) for line in order.lines] == [
        ("BLU-MUG-300", 4, 1900),
        ("TEA-TOWEL", 1, 950),
    ]
    assert order.payment.last4 == "4242"
    assert (order.payment.intent or "").startswith("pi_")
    assert order.delivered_at is not None
    assert (demo.until.date() - order.delivered_at.date()).days == 6
    assert len(list(demo.of_customer("C-1001"))) == 3
    assert not any(row.order.customer.key == "C-1001" for row in demo.returns)


def test_stock_is_healthy_but_for_the_few_that_the_story_needs(demo: Demo) -> None:
    low = set()
    sold = daily_sales(demo.orders, demo.until.date())
    for product, level in zip(demo.products, demo.levels, strict=True):
        point = reorder_point(product, sold)
        if level.on_hand - level.reserved + level.incoming <= point:
            low.add(product.sku)
    assert low == {"TEA-TOWEL", "WHT-BOWL-16", "BLU-PLATE-22", "CANDLE-CEDAR", "SPICE-RACK"}
    levels = {level.sku: level for level in demo.levels}
    assert levels["TEA-TOWEL"].on_hand == levels["TEA-TOWEL"].reserved
    mug = levels["BLU-MUG-300"]
    near = mug.on_hand - mug.reserved - reorder_point(products()[0], sold)
    assert 0 < near < 12


def test_reserved_is_what_accepted_orders_wait_for(demo: Demo) -> None:
    waiting = Counter[str]()
    for order in demo.orders:
        if order.status == "approved":
            waiting.update({line.sku: line.quantity for line in order.lines})
    assert {level.sku: level.reserved for level in demo.levels if level.reserved} == dict(waiting)


def test_parcels_and_returns_stand_in_every_state(demo: Demo) -> None:
    last = [order.parcel.scans[-1] for order in demo.orders if order.parcel]
    assert {scan.milestone for scan in last} >= {
        "InfoReceived", "InTransit", "OutForDelivery", "AvailableForPickup", "Delivered", "Exception",
    }
    assert {scan.substatus for scan in last if scan.milestone == "Exception"} >= {"customs", "damaged", "wrong_address"}
    newest = [row for row in demo.returns if int(row.number[2:]) >= 300]
    assert {row.state for row in newest} == {
        "requested", "photo_asked", "approved", "declined", "received", "refunded", "cancelled",
    }
    for row in demo.returns:
        moments = [row.requested_at, row.decided_at, row.received_at, row.refunded_at]
        known = [moment for moment in moments if moment]
        assert known == sorted(known), row.number
        assert known[-1] <= demo.until
        assert row.order.delivered_at is not None
        assert row.order.delivered_at < row.requested_at


def test_returns_are_given_back_at_stripe_and_never_more_than_was_paid(demo: Demo) -> None:
    seeds = {payment["id"]: payment for payment in payments_at_stripe(demo)}
    refunded = [row for row in demo.returns if row.state == "refunded"]
    assert {row.refund for row in refunded} == {refund["id"] for seed in seeds.values() for refund in seed["refunds"]}
    assert all(sum(refund["amount"] for refund in seed["refunds"]) <= seed["amount"] for seed in seeds.values())


def test_stripe_json_holds_every_payment_intent_of_the_payments_file(folder: Path) -> None:
    intents = [row["payment_intent"] for row in rows(folder, "payments") if row["payment_intent"]]
    assert [seed["id"] for seed in json.loads((folder / "stripe.json").read_text(encoding="utf-8"))] == intents


def test_business_grows_and_has_its_weekdays_and_seasons(demo: Demo) -> None:
    daily = Counter(order.placed_at.date() for order in demo.orders)
    end = demo.until.date()
    last_month = [daily[end - timedelta(days=number)] for number in range(1, 29)]
    first_month = [daily[end - timedelta(days=number)] for number in range(700, 728)]
    assert min(last_month) >= 40
    assert max(last_month) <= 110
    assert sum(last_month) > 3 * sum(first_month)
    by_weekday = Counter[int]()
    for day, count in daily.items():
        by_weekday[day.weekday()] += count
    assert by_weekday[6] > by_weekday[5]
    assert 15_000 <= len(demo.orders) <= 30_000


def test_the_shop_file_names_staff_of_every_role_with_their_limits(folder: Path) -> None:
    shop = tomllib.loads((folder / "shop.toml").read_text(encoding="utf-8"))
    assert {person["role"] for person in shop["staff"]} == {"owner", "finance", "support", "ops", "viewer"}
    limits = {person["key"]: person.get("refund_limit_minor") for person in shop["staff"]}
    assert limits == {"ada": None, "ben": 5000, "cleo": None, "dan": None, "eve": None, "finn": 5000}
    assert shop["shop"]["currency"] == "EUR"


@pytest.mark.parametrize(("digits", "check"), [("400638133393", "1"), ("978014300723", "4")])
def test_gtin_ends_in_its_check_digit(digits: str, check: str) -> None:
    assert gtin(digits) == digits + check


@pytest.mark.parametrize("day", [date(2025, 4, 18), date(2025, 4, 21), date(2026, 4, 6), date(2026, 5, 25), date(2026, 12, 25)])
def test_easter_and_fixed_holidays_are_no_working_days(day: date) -> None:
    assert day in holidays(day.year)
    assert not is_working(day)


def test_working_days_forward_and_back_agree() -> None:
    friday, monday = date(2026, 11, 20), date(2026, 11, 23)
    assert add_working(friday, 1) == monday
    assert working_days_ago(monday, 1) == friday
    assert add_working(date(2026, 11, 21), 0) == monday
