"""Every message about stock and parcels has words on both platforms, without gaps and without unescaped input."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from domain.inventory import (
    BackInStock,
    LowStockCard,
    LowStockList,
    LowStockSummary,
    OrderedBy,
    OrderedLine,
    PurchaseOrder,
    PurchaseOrderNote,
    ReorderPointChanged,
    Snooze,
    Stock,
    StockAsOf,
    StockChoices,
    StockFigures,
    StockIsThere,
    StockMatches,
    StockOrderDone,
    StockOrdered,
    StockRecovered,
    StockReport,
    StockSnoozed,
    StockStillLow,
    StockWhy,
    StockWishSaved,
    Supplier,
    Variant,
    WaitersTold,
    figures,
)
from domain.inventory.model import DaySales
from domain.messages import Message
from domain.money import Money
from domain.shipping import (
    CustomerTold,
    DelayRule,
    LaneGuess,
    LateParcel,
    LateParcelCard,
    LateParcelList,
    LateParcelsRest,
    Milestone,
    ParcelAsOf,
    ParcelChoices,
    ParcelDelayTold,
    ParcelDone,
    ParcelLine,
    ParcelQuiet,
    ParcelReport,
    ParcelSettled,
    ParcelStatus,
    ParcelStillLate,
    ParcelWhy,
    ParcelWorse,
    Progress,
    Quiet,
    Scan,
    Told,
)
from domain.shops import Shop, StockPolicy
from domain.time import Calendar
from domain.wire import from_json, object_json
from notifications.catalogue import Catalogue

SHOP = Shop(id=1, key="nordlicht", name="Nordlicht Shop", currency="EUR", language="en",
            calendar=Calendar(time_zone="Europe/Berlin", country="DE"))
AT = datetime(2026, 11, 23, 8, 14, tzinfo=UTC)
HOSTILE = "<!channel> *Mug* <b>&"


def some_figures(title: str = "Blue mug 300 ml", **changes: object) -> StockFigures:
    """The mug of cards.md: 18 available, 5.2 a day, 9 days."""
    variant = Variant(id=7, sku="BLU-MUG-300", title=title, price=Money(minor=2000, currency="EUR"),
                      cost=Money(minor=900, currency="EUR"), pack_size=12,
                      supplier=Supplier(id=1, name="Nordkeramik", lead_time_days=9.0))
    units = [5, 5, 5, 6, 5] * 12
    sales = tuple(DaySales(day=date.fromordinal(date(2026, 11, 22).toordinal() - 59 + n), units=sold)
                  for n, sold in enumerate(units))
    known = StockAsOf(variant=variant, stock=Stock(on_hand=24, reserved=6, incoming=0), sales=sales)
    return replace(figures(known, StockPolicy(), date(2026, 11, 23)), **changes)  # type: ignore[arg-type]


ONE = some_figures()
ORDERED = OrderedBy(number="PO-1042", quantity=72, by="Ada", at=AT, expected_on=date(2026, 12, 4),
                    supplier="Nordkeramik")
LATE = LateParcel(
    order="1042", rule=DelayRule.NO_SCAN, since=AT, promised=date(2026, 11, 27), days_late=0,
    reason="no scan for 4 working days", explanation="Last scan Mon 16 Nov 09:00 at Leipzig hub.", order_id=1,
    parcel_id=1, sequence=1, customer_id=1, carrier="DHL", tracking_number="0034 0434", origin="Leipzig",
    destination="Porto", milestone=Milestone.IN_TRANSIT, substatus=None, last_scan_at=AT, last_place="Leipzig hub",
)
GUESS = LaneGuess(expected_on=date(2026, 12, 2), parcels=40, low_on=date(2026, 11, 30), high_on=date(2026, 12, 4))
PARCEL = ParcelAsOf(
    order_id=1, order="1042", customer_id=1, placed_at=AT, approved_at=AT, ship_by=None, promised_on=date(2026, 11, 27),
    parcel_id=1, sequence=1, carrier="DHL", tracking_number="0034", origin=None, destination=None, international=False,
    expected_on=None, told_at=None,
    state=Progress(milestone=Milestone.IN_TRANSIT, handed_over_at=AT, last_scan_at=AT, last_place="Leipzig"),
)
TOLD = Told(by="Ben", at=AT, text="Hi Maria, ...", version=1)
ORDER = PurchaseOrder(number="PO-1042", supplier_id=1, created_by=1, created_at=AT, expected_on=date(2026, 12, 4),
                      lines=(OrderedLine(variant_id=7, sku="BLU-MUG-300", title="Blue mug", quantity=72),))


def low(**changes: object) -> LowStockCard:
    """The card of cards.md."""
    return replace(LowStockCard(case_id=1, version=1, figures=ONE), **changes)  # type: ignore[arg-type]


def late(**changes: object) -> LateParcelCard:
    """The card of cards.md."""
    card = LateParcelCard(case_id=1, version=1, late=LATE, customer="Maria S.", first_name="Maria", orders=2, guess=GUESS)
    return replace(card, **changes)  # type: ignore[arg-type]


def status(state: Progress, **changes: object) -> ParcelStatus:
    """To the customer."""
    message = ParcelStatus(order="1042", promised_on=date(2026, 11, 27), delivered=False, approved=True,
                           parcels=(replace(PARCEL, state=state),))
    return replace(message, **changes)  # type: ignore[arg-type]


MESSAGES: list[tuple[Message, str, str]] = [
    (low(), "🟠 Blue mug 300 ml runs out on Thu 26 Nov", "18 available (24 on hand, 6 reserved, 0 on the way)"),
    (low(), "🟠", "Sells 5.2 a day, supplier Nordkeramik needs 9 days: short by 29 before a delivery can come."),
    (low(), "🟠", "If nothing is done: about €103.93 of sales lost a day from Thu 26 Nov."),
    (low(figures=some_figures(available=0)), "🔴 Blue mug 300 ml is out of stock", "of sales are lost a day"),
    (low(snooze=Snooze(by="Ben", until=AT), ordered=ORDERED), "🟠", "are not enough any more"),
    (low(figures=some_figures(daily_demand=0.0, runs_out_on=None, by_hand=True)), "is down to 18 pieces", "on hand"),
    (StockOrdered(case_id=1, figures=ONE, ordered=ORDERED),
     "✅ 72 ordered from Nordkeramik by Ada, 09:14 · expected Fri 4 Dec · PO-1042", "before the delivery comes"),
    (StockRecovered(figures=some_figures(available=140, reorder_point=52), told=11),
     "✅ Back above 52, 140 available · 11 customers told they can buy again", "Blue mug 300 ml"),
    (StockRecovered(figures=ONE, told=0, ordered=ORDERED), "18 available", "BLU-MUG-300"),
    (StockStillLow(title="Mug", available=3), "Mug is still low, 3 available", ""),
    (WaitersTold(title="Mug", told=1), "1 customer told", ""),
    (PurchaseOrderNote(order=ORDER, supplier="Nordkeramik", by="Ada"), "PO-1042: 72 pieces from Nordkeramik", "draft"),
    (StockOrderDone(number="PO-1042", pieces=72, lines=1, supplier=None, expected_on=None), "PO-1042 is drafted", "file"),
    (LowStockSummary(case_id=1, version=1, supplier="Nordkeramik", rows=(ONE, ONE)), "2 SKUs are low at Nordkeramik",
     "costs €"),
    (LowStockSummary(case_id=1, version=1, supplier=None, rows=(ONE,), ordered=ORDERED), "72 pieces ordered", ""),
    (LowStockSummary(case_id=1, version=1, supplier=None, rows=(ONE,), over=True), "is back above", ""),
    (StockReport(figures=ONE, waiting=2), "Blue mug 300 ml: 18 available, enough for 3.5 days", "2 customers wait"),
    (StockReport(figures=some_figures(daily_demand=0.0, days_of_cover=None), waiting=0), "18 available", "No sales"),
    (LowStockList(rows=(ONE,), total=3), "3 SKUs have to be ordered", "2 more are not shown"),
    (LowStockList(rows=(), total=0), "Nothing has to be ordered", "above its reorder point"),
    (StockMatches(text="mug", rows=(ONE, ONE)), "2 products fit", "Blue mug 300 ml · 18 available"),
    (StockWhy(figures=ONE, by_weekday=(5.0,) * 7, deliveries=(("PO-9", 8.0),)), "has to be ordered", "PO-9 took 8 days"),
    (ReorderPointChanged(figures=some_figures(by_hand=True)), "set by hand", "18 available"),
    (StockSnoozed(what="Mug", until=AT), "quiet until Mon 23 Nov 09:14", ""),
    (StockChoices(text="mug", choices=((1, "Blue mug"),)), "Which one", ""),
    (StockWishSaved(title="Mug"), "as soon as Mug is back", "once"),
    (StockWishSaved(title="Mug", again=True), "on the list", "once"),
    (StockIsThere(title="Mug", available=3), "right now", "Only 3 left"),
    (BackInStock(first_name="Maria", title="Mug", available=2), "Mug is back", "Hi Maria"),
    (late(), "🟠 Order #1042 may miss Fri 27 Nov: no scan for 4 working days", "Leipzig → Porto · last seen Leipzig hub"),
    (late(), "🟠", "Maria S. · 2nd order · not told yet"),
    (late(), "🟠", "Likely Wed 2 Dec: of 40 past parcels"),
    (late(late=replace(LATE, days_late=2, rule=DelayRule.OVERDUE, reason="promised for Fri 20 Nov")),
     "🔴 Order #1042 is 2 days late: promised for Fri 20 Nov", "not told yet"),
    (late(late=replace(LATE, promised=None, carrier=None, tracking_number=None, last_scan_at=None), customer=None,
          guess=None), "🟠 Order #1042: no scan", "No customer is known"),
    (late(told=TOLD, quiet=Quiet(by="Ben", until=AT), claim_until=date(2026, 12, 28)), "🟠", "Told Mon 23 Nov 09:14 by Ben"),
    (ParcelSettled(late=LATE, delivered_at=AT, told=TOLD), "✅ Order #1042 was delivered Mon 23 Nov 09:14", "was told"),
    (ParcelSettled(late=LATE, by="Ben"), "Ben has taken care of it", "It was late"),
    (ParcelSettled(late=LATE, on_track=True), "on its way again", "It was late"),
    (ParcelSettled(late=LATE), "not waited for any more", "It was late"),
    (ParcelWorse(late=LATE), "It got worse", "Last scan"),
    (ParcelStillLate(late=LATE), "still late", ""),
    (CustomerTold(by="Ben", at=AT, text="Hi Maria"), "Told 09:14 by Ben", "Hi Maria"),
    (LateParcelsRest(total=7, overdue=3, rows=(LATE,)), "7 more parcels are late, 3 past their day", "counted"),
    (LateParcelsRest(total=0, overdue=0, rows=()), "No late parcels", ""),
    (LateParcelList(open=184, overdue=7, handover_overdue=1, due_in_3_days=2, total=9, rows=(LATE,)),
     "7 orders are late of 184", "1 not handed over in time"),
    (LateParcelList(open=1, overdue=0, handover_overdue=0, due_in_3_days=0, total=0, rows=()), "none is late", ""),
    (ParcelReport(order="1042", placed_at=AT, promised_on=date(2026, 11, 27), customer="Maria S.",
                  parcels=(ParcelLine(parcel=PARCEL, late=LATE),)), "Order #1042, placed Mon 23 Nov", "last seen Leipzig"),
    (ParcelReport(order="1042", placed_at=AT, promised_on=None, customer=None,
                  parcels=(ParcelLine(parcel=replace(PARCEL, parcel_id=None, state=Progress()), late=None),)),
     "Order #1042", "Nothing has left"),
    (ParcelWhy(late=LATE, rules=("Because.",), guess=GUESS, scans=(Scan(at=AT, milestone=Milestone.IN_TRANSIT),)),
     "counts as late", "InTransit"),
    (ParcelWhy(late=LATE, rules=(), guess=None, scans=()), "counts as late", "No rule holds any more"),
    (ParcelQuiet(order="1042", until=AT), "quiet until", ""),
    (ParcelDone(order="1042"), "resolved", "unless it gets worse"),
    (ParcelDone(order="1042", told="Maria S."), "Sent to Maria S.", ""),
    (ParcelDelayTold(text="Hi Maria, it is late.", order_id=1), "", "Hi Maria, it is late."),
    (status(PARCEL.state), "should come by Fri 27 Nov", "last seen in Leipzig"),
    (status(Progress(milestone=Milestone.DELIVERED, delivered_at=AT), delivered=True), "was delivered", "Delivered Mon"),
    (status(Progress(milestone=Milestone.EXCEPTION), late=True), "later than we promised", "looking into it"),
    (status(Progress(), expected_on=date(2026, 12, 2), late=True), "should come by Wed 2 Dec", "We are packing it"),
    (status(Progress(), approved=False), "", "wait for the payment"),
    (status(Progress(milestone=Milestone.OUT_FOR_DELIVERY, handed_over_at=AT)), "", "out for delivery today"),
    (ParcelChoices(choices=((1, "1042", date(2026, 11, 1)),)), "Which order", ""),
]


@pytest.mark.parametrize("platform", ["slack", "telegram", "plain"])
@pytest.mark.parametrize(("message", "title", "body"), MESSAGES, ids=lambda one: getattr(one, "kind", ""))
def test_a_message_says_what_happened_first_and_the_figures_after(
    message: Message, title: str, body: str, platform: str
) -> None:
    words = Catalogue().words(message, SHOP, platform)
    assert title in words.plain_title
    if platform == "plain":
        assert body in words.body
        assert "None" not in f"{words.title}{words.body}{words.note}"
    lines = str(words.body).splitlines()
    assert all(not line.startswith((" ", ".", ",")) for line in lines)
    assert from_json(type(message), object_json(message)) == message


@pytest.mark.parametrize("platform", ["slack", "telegram"])
def test_nothing_in_a_title_or_a_text_becomes_markup(platform: str) -> None:
    for message in (low(figures=some_figures(HOSTILE)), late(told=replace(TOLD, text=HOSTILE)),
                    ParcelDelayTold(text=HOSTILE, order_id=1)):
        words = Catalogue().words(message, SHOP, platform)
        whole = f"{words.title}{words.body}{words.note}"
        assert "<!channel>" not in whole
        assert "<b>&" not in whole
