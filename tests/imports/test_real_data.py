"""Both real data sets, imported whole: every figure that was computed independently comes out exactly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.cli_import import Order, import_
from bot.cli_reports import digest, parcels_late, stock_low
from domain.time import Calendar
from storage.database import open_engine
from storage.upgrade import upgrade

pytestmark = [pytest.mark.data, pytest.mark.timeout(900)]
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
BRAZIL = Calendar(time_zone="America/Sao_Paulo")


def _imported(folder: Path, mapping: str, data: Path, shop: str) -> tuple[sa.Engine, dict]:
    engine = open_engine(f"sqlite:///{folder / mapping}.db")
    upgrade(engine)
    order = Order(mapping=mapping, paths=(data / mapping,), shop=shop, rejects_folder=folder)
    return engine, import_(engine, order, now=NOW, seconds=time.monotonic)


@pytest.fixture(scope="module")
def olist(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[sa.Engine, dict]]:
    engine, result = _imported(tmp_path_factory.mktemp("olist"), "olist", shared_data, "olist")
    yield engine, result
    engine.dispose()


@pytest.fixture(scope="module")
def retail(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[sa.Engine, dict]]:
    engine, result = _imported(tmp_path_factory.mktemp("uci"), "online_retail", shared_data, "uci")
    yield engine, result
    engine.dispose()


def one(engine: sa.Engine, sql: str) -> object:
    with engine.connect() as connection:
        return connection.execute(sa.text(sql)).scalar()


def test_olist_comes_in_whole_without_a_reject(olist):
    engine, result = olist
    assert (result["rejected"], result["rejects_file"]) == (0, None)
    assert one(engine, "SELECT count(*) FROM orders") == 73_577
    assert one(engine, "SELECT count(*) FROM order_lines") == 83_306
    assert one(engine, "SELECT count(*) FROM parcels WHERE delivered_at IS NOT NULL") == 71_124


def test_olist_sums_are_exact_to_the_centavo(olist):
    engine, _ = olist
    assert one(engine, "SELECT sum(amount_minor) FROM payments") == 1_173_701_419
    assert one(engine, "SELECT sum(quantity * unit_price_minor) FROM order_lines") == 997_966_316
    assert one(engine, "SELECT sum(freight_minor) FROM order_lines") == 162_922_819
    assert one(engine, "SELECT sum(total_minor) FROM orders") == 997_966_316 + 162_922_819


def test_olist_late_deliveries_by_date_and_by_moment(olist):
    engine, _ = olist
    with engine.connect() as connection:
        rows = connection.execute(sa.text(
            "SELECT p.delivered_at, o.promised_on FROM parcels p JOIN orders o ON o.id = p.order_id "
            "WHERE p.delivered_at IS NOT NULL"
        )).all()
    local = [
        (BRAZIL.local(datetime.fromtimestamp(at / 1_000_000, UTC)).replace(tzinfo=None).isoformat(), promised)
        for at, promised in rows
    ]
    assert sum(at[:10] > promised for at, promised in local) == 5_420
    assert sum(at > f"{promised}T00:00:00" for at, promised in local) == 6_252


def test_olist_handovers_after_the_earliest_shipping_limit(olist):
    engine, _ = olist
    handed = "FROM parcels p JOIN orders o ON o.id = p.order_id WHERE p.handed_over_at IS NOT NULL AND o.ship_by IS NOT NULL"
    assert one(engine, f"SELECT count(*) {handed}") == 72_094
    assert one(engine, f"SELECT count(*) {handed} AND p.handed_over_at > o.ship_by") == 6_850


def test_olist_digest_of_a_day(olist):
    engine, _ = olist
    told = digest(engine, "olist", datetime(2018, 3, 15).date(), now=NOW)  # noqa: DTZ001
    assert {name: told[name] for name in (
        "date", "orders_placed", "payments", "approved", "handed_to_carrier", "delivered", "delivered_late", "promised",
    )} == {
        "date": "2018-03-15", "orders_placed": 290, "payments": {"amount_minor": 5_193_536, "currency": "BRL"},
        "approved": 282, "handed_to_carrier": 231, "delivered": 278, "delivered_late": 36, "promised": 412,
    }
    assert told["cycle_time_days"]["placed_to_delivered"]["count"] == 278
    assert told["stock"]["known"] is False


def test_olist_open_orders_as_of_a_past_moment(olist):
    engine, _ = olist
    told = parcels_late(engine, "olist", BRAZIL.at(datetime(2018, 3, 1).date()))  # noqa: DTZ001
    assert told["summary"] == {"open": 4_844, "overdue": 1_226, "handover_overdue": 548, "due_in_3_days": 56}
    overdue = [parcel for parcel in told["parcels"] if parcel["rule"] == "overdue"]
    assert len(overdue) == 1_226
    assert all(parcel["since"] <= told["at"] and parcel["explanation"] for parcel in told["parcels"])


def test_online_retail_comes_in_whole_without_a_reject(retail):
    engine, result = retail
    assert (result["rows"], result["imported"], result["rejected"]) == (525_461, 525_461, 0)
    lines = one(engine, "SELECT count(*) FROM order_lines")
    corrections = one(engine, "SELECT count(*) FROM stock_movements WHERE kind = 'correction'")
    assert lines + corrections == 525_461
    charges = one(engine, "SELECT count(*) FROM order_lines WHERE kind = 'charge'")
    assert 525_461 - charges == 522_363


def test_online_retail_a_second_time_changes_nothing(retail, shared_data, tmp_path):
    engine, _ = retail
    order = Order(mapping="online_retail", paths=(shared_data / "online_retail",), shop="uci", rejects_folder=tmp_path)
    again = import_(engine, order, now=NOW, seconds=time.monotonic)
    assert (again["rows"], again["imported"], again["unchanged"], again["rejected"]) == (525_461, 0, 525_461, 0)


def test_online_retail_sales_and_returns_are_exact(retail):
    engine, _ = retail
    sale, back = "FROM order_lines WHERE kind = 'sale'", "FROM order_lines WHERE kind = 'return'"
    assert one(engine, f"SELECT count(DISTINCT code) {sale}") == 4_064
    assert one(engine, f"SELECT count(*) {sale}") == 509_151
    assert one(engine, f"SELECT sum(quantity) {sale}") == 5_825_386
    assert one(engine, f"SELECT sum(quantity * unit_price_minor) {sale}") == 983_794_466
    assert one(engine, f"SELECT count(*) {back}") == 9_581
    assert one(engine, f"SELECT sum(quantity) {back}") == 209_860


def test_online_retail_digest_of_a_day(retail):
    engine, _ = retail
    told = digest(engine, "uci", datetime(2010, 11, 18).date(), now=NOW)  # noqa: DTZ001
    assert told["sales"] == {"orders": 104, "units": 21_422, "amount_minor": 4_412_464, "currency": "GBP"}
    assert told["orders_placed"] == 104


def test_online_retail_says_that_stock_is_unknown(retail):
    engine, _ = retail
    told = stock_low(engine, "uci", datetime(2010, 11, 18, tzinfo=UTC))
    assert told["stock_known"] is False
    assert told["skus"] == []
    assert told["demand_only"][0]["units"] > 0
