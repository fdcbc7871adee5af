"""What the bot says, as JSON for scripts: digest, late parcels, low stock, returns; of now or of a past moment."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.settings import Settings
from domain.errors import BadInput
from domain.inventory.rules import StockFigures
from domain.inventory.watch import all_figures, low_stock
from domain.metrics import (
    CycleTime,
    DayFigures,
    DigestFigures,
    ReturnRate,
    change_percent,
    digest_figures,
    digest_moment,
)
from domain.ports import UnitOfWork
from domain.shipping.messages import LateParcel
from domain.shipping.watch import late_parcels
from domain.shops import Shop
from domain.time import DAY
from domain.wire import Json, to_json
from storage.database import open_engine, reading
from storage.reports import demand_without_stock, returns_as_of
from storage.shops import ShopRows
from storage.unit_of_work import Store
from storage.upgrade import ensure_current

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  argparse has no public name for it

Report = dict[str, Json]


def digest(engine: sa.Engine, shop: str, day: date | None, *, now: datetime) -> Report:
    """The morning digest's figures of a local day; without one, of the day before ``now``."""
    with reading(engine) as connection:
        found = ShopRows(connection).by_key(shop)
    day = day or found.calendar.today(now) - DAY
    at = digest_moment(found, day, now)
    with _looking(engine, shop, at) as uow:
        low = tuple(one.sku for one in low_stock(uow, at))
        return _digest_json(uow.shop, digest_figures(uow.metrics, uow.shop, day, at=at, low=low))


def _digest_json(shop: Shop, figures: DigestFigures) -> Report:
    day, before, weekday = figures.day, figures.day_before, figures.same_weekday
    return {
        "shop": shop.key,
        "at": figures.at.isoformat(),
        **_day_json(day),
        "compared": {
            name: {
                "date": other.date.isoformat(),
                "orders_placed": other.orders_placed,
                "revenue": to_json(_money(other.revenue.minor, shop)),
                "revenue_change_percent": _rounded(change_percent(day.revenue.minor, other.revenue.minor)),
                "orders_change_percent": _rounded(change_percent(day.orders_placed, other.orders_placed)),
            }
            for name, other in (("day_before", before), ("same_weekday", weekday))
        },
        "parcels": to_json(figures.parcels),
        "return_rate": {"now": _rate_json(figures.return_rate), "usual": _rate_json(figures.usual_return_rate)},
        "approvals": {
            "count": figures.approvals.count, "overdue": figures.approvals.overdue,
            "amount": _money(figures.approvals.amount.minor, shop),
            "oldest_at": to_json(figures.approvals.oldest_at),
        },
        "stock": to_json(figures.stock),
        "to_do": to_json(figures.to_do),
        "chart": [
            {"date": point.date.isoformat(), "orders": point.orders, "revenue_minor": point.revenue.minor}
            for point in figures.chart
        ],
    }


def _day_json(day: DayFigures) -> Report:
    currency = day.payments.currency
    average = day.average_order_value
    return {
        "date": day.date.isoformat(),
        "orders_placed": day.orders_placed,
        "payments": {"amount_minor": day.payments.minor, "currency": currency},
        "revenue": {"amount_minor": day.revenue.minor, "currency": currency},
        "average_order_value": None if average is None else {"amount_minor": average.minor, "currency": currency},
        "sales": {
            "orders": day.sales.orders, "units": day.sales.units,
            "amount_minor": day.sales.amount.minor, "currency": currency,
        },
        "approved": day.approved,
        "handed_to_carrier": day.handed_to_carrier,
        "delivered": day.delivered,
        "delivered_late": day.delivered_late,
        "promised": day.promised,
        "cycle_time_days": {
            "placed_to_shipped": _cycle_json(day.to_shipped), "placed_to_delivered": _cycle_json(day.to_delivered),
        },
        "returns_requested": day.returns_requested,
        "refunds": {"count": day.refunds, "amount_minor": day.refunded.minor, "currency": currency},
    }


def _cycle_json(cycle: CycleTime) -> Report:
    return {"count": cycle.count, "median": _rounded(cycle.median_days), "p90": _rounded(cycle.p90_days)}


def _rate_json(rate: ReturnRate) -> Report:
    return {"days": rate.days, "sold": rate.sold, "returned": rate.returned, "percent": _rounded(rate.percent)}


def _money(minor: int, shop: Shop) -> Report:
    return {"amount_minor": minor, "currency": shop.currency}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def parcels_late(engine: sa.Engine, shop: str, at: datetime) -> Report:
    """Every parcel late or due within days, the worst first, and how the open orders stand."""
    with _looking(engine, shop, at) as uow:
        return {
            "shop": shop, "at": at.isoformat(), "summary": to_json(uow.metrics.parcels()),
            "parcels": [_parcel_json(late) for late in late_parcels(uow, at)],
        }


def _parcel_json(late: LateParcel) -> Report:
    return {
        "order": late.order, "parcel": late.sequence, "rule": late.rule.value, "since": late.since.isoformat(),
        "promised": to_json(late.promised), "days_late": late.days_late, "reason": late.reason,
        "explanation": late.explanation, "carrier": late.carrier, "tracking_number": late.tracking_number,
        "milestone": late.milestone.value, "last_scan_at": to_json(late.last_scan_at),
    }


def stock_low(engine: sa.Engine, shop: str, at: datetime, *, everything: bool = False) -> Report:
    """SKUs at or below their reorder point, the dearest gap first; ``everything`` lists the others as well.

    Of a SKU whose stock was never counted only the demand can be told; then nothing is called low.
    """
    with _looking(engine, shop, at) as uow:
        found = all_figures(uow, at)
        shown = found if everything else low_stock(uow, at)
        counted = frozenset(one.variant_id for one in found)
    with reading(engine) as connection:
        demand = demand_without_stock(connection, uow.shop, at, counted)
    return {
        "shop": shop, "at": at.isoformat(), "stock_known": bool(found),
        "summary": {
            "skus": len(found), "low": sum(one.low for one in found), "empty": sum(one.empty for one in found),
            "stock_unknown": len(demand),
        },
        "skus": [_stock_json(one) for one in shown],
        "demand_only": [
            {
                "sku": one.sku, "title": one.title, "available": None, "daily_demand": round(one.daily, 3),
                "units": one.units, "days": one.days,
                "explanation": f"{one.units} sold in the last {one.days} days; its stock was never imported, "
                "so I cannot say whether it is low.",
            }
            for one in demand
        ],
    }


def _stock_json(one: StockFigures) -> Report:
    return {
        "sku": one.sku, "title": one.title, "available": one.available, "on_hand": one.on_hand,
        "reserved": one.reserved, "incoming": one.incoming, "daily_demand": round(one.daily_demand, 3),
        "lead_time": one.lead_time_days, "lead_time_known": one.lead_time_known, "safety_stock": one.safety_stock,
        "reorder_point": one.reorder_point, "days_of_cover": _rounded(one.days_of_cover),
        "runs_out_on": to_json(one.runs_out_on), "suggested_quantity": one.suggested_quantity,
        "lost_per_day": to_json(one.lost_per_day), "supplier": one.supplier, "low": one.low, "empty": one.empty,
        "explanation": one.explanation,
    }


def returns_list(engine: sa.Engine, shop: str, at: datetime) -> Report:
    """Every return asked for by then, those that wait for a decision first."""
    with _looking(engine, shop, at) as uow:
        approvals = uow.metrics.approvals()
    with reading(engine) as connection:
        rows = returns_as_of(connection, uow.shop, at)
    return {
        "shop": shop, "at": at.isoformat(),
        "summary": {
            "returns": len(rows), "waiting": approvals.count, "overdue": approvals.overdue,
            "waiting_amount": _money(approvals.amount.minor, uow.shop),
        },
        "returns": [to_json(row) for row in rows],
    }


@contextmanager
def _looking(engine: sa.Engine, shop: str, at: datetime) -> Iterator[UnitOfWork]:
    store = Store(engine=engine, now=lambda: at, new_id=str, secret=b"")
    with store.looking(shop, at) as uow:
        yield uow


def moment(text: str | None, shop: Shop, now: datetime) -> datetime:
    """A moment as it is typed: ISO 8601, the shop's local time where it has no offset; without text, now."""
    if text is None:
        return now
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text[:40]!r} is not a moment. Write it like 2018-03-01T00:00, or with an offset.") from None
    if found.tzinfo is None:
        found = shop.calendar.at(found.date(), found.time())
    return found.astimezone(UTC)


def local_day(text: str | None, shop: Shop, now: datetime) -> date | None:
    """A day as it is typed: ISO 8601, today or yesterday."""
    if text in (None, "yesterday"):
        return None
    if text == "today":
        return shop.calendar.today(now)
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise BadInput(f"{str(text)[:40]!r} is not a day. Write it like 2018-03-15.") from None


def add_commands(commands: Commands) -> None:
    """Put the reports on the command line."""
    _report(commands, "digest", "the figures of a day", _digest, "--date")
    parcels = commands.add_parser("parcels", help="parcels").add_subparsers(dest="verb", required=True, metavar="VERB")
    _report(parcels, "late", "what is late, and how open orders stand", _at(parcels_late), "--at")
    stock = commands.add_parser("stock", help="stock").add_subparsers(dest="verb", required=True, metavar="VERB")
    low = _report(stock, "low", "what has to be ordered", _stock_low, "--at")
    low.add_argument("--all", action="store_true", help="the SKUs that are not low as well")
    returns = commands.add_parser("returns", help="returns").add_subparsers(dest="verb", required=True, metavar="VERB")
    _report(returns, "list", "every return, those that wait first", _at(returns_list), "--at")


_Answer = Callable[[sa.Engine, argparse.Namespace, Shop, datetime], Report]


def _report(commands: Commands, name: str, meaning: str, answer: _Answer, when: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=meaning, description=meaning)
    parser.add_argument("--shop", required=True, metavar="KEY")
    parser.add_argument(when, dest="when", default=None, help="without an offset: the shop's local time")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.set_defaults(run=partial(run, answer=answer))
    return parser


def run(parsed: argparse.Namespace, settings: Settings, *, answer: _Answer) -> int:
    """Print one report."""
    engine = open_engine(settings.database_url)
    try:
        ensure_current(engine)
        with reading(engine) as connection:
            shop = ShopRows(connection).by_key(parsed.shop)
        report = answer(engine, parsed, shop, datetime.now(UTC))
    finally:
        engine.dispose()
    print(json.dumps(report, ensure_ascii=False) if parsed.json else in_words(report))
    return 0


def _digest(engine: sa.Engine, parsed: argparse.Namespace, shop: Shop, now: datetime) -> Report:
    return digest(engine, shop.key, local_day(parsed.when, shop, now), now=now)


def _stock_low(engine: sa.Engine, parsed: argparse.Namespace, shop: Shop, now: datetime) -> Report:
    return stock_low(engine, shop.key, moment(parsed.when, shop, now), everything=parsed.all)


def _at(report: Callable[[sa.Engine, str, datetime], Report]) -> _Answer:
    return lambda engine, parsed, shop, now: report(engine, shop.key, moment(parsed.when, shop, now))


def in_words(report: Json, indent: str = "") -> str:
    """The same report to be read: one line for each figure, one for each entry of a list."""
    if not isinstance(report, dict):
        return f"{indent}{report}"
    lines: list[str] = []
    for name, value in report.items():
        title = name.replace("_", " ")
        if isinstance(value, dict) and set(value) == {"amount_minor", "currency"}:
            lines.append(f"{indent}{title}: {_amount(value)}")
        elif isinstance(value, dict):
            lines += [f"{indent}{title}:", in_words(value, f"{indent}  ")]
        elif isinstance(value, list):
            lines.append(f"{indent}{title}: {len(value)}")
            lines += [f"{indent}  - {_entry(item)}" for item in value[:50]]
            if len(value) > 50:
                lines.append(f"{indent}  and {len(value) - 50:,} more (--json has them all)")
        else:
            lines.append(f"{indent}{title}: {'not known' if value is None else value}")
    return "\n".join(lines)


def _amount(value: dict[str, Json]) -> str:
    from domain.money import Money

    minor, currency = value["amount_minor"], value["currency"]
    assert isinstance(minor, int)
    assert isinstance(currency, str)
    return str(Money(minor=minor, currency=currency))


def _entry(item: Json) -> str:
    if not isinstance(item, dict):
        return str(item)
    told = item.get("explanation") or item.get("reason")
    name = item.get("order") or item.get("sku") or item.get("number")
    if name and told:
        return f"{name}: {told}"
    plain = {key: value for key, value in item.items() if not isinstance(value, dict | list)}
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in plain.items())
