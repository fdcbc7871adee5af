"""What people can do about stock. Each use case loads, decides and writes in the caller's transaction."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Final

from domain.cases import Case, CaseState
from domain.errors import BadInput, Conflict, NotFound, RuleBroken
from domain.inventory.cards import OrderedBy, PurchaseOrderNote, Snooze
from domain.inventory.commands import (
    ChangeReorderPoint,
    ListLowStock,
    OrderAllLow,
    OrderOtherQuantity,
    OrderStock,
    ShowStock,
    SnoozeLowStock,
    WhyLowStock,
    WhyStock,
)
from domain.inventory.lookup import find_variant, near_misses, search_variants
from domain.inventory.messages import (
    LowStockList,
    ReorderPointChanged,
    StockMatches,
    StockOrderDone,
    StockReport,
    StockSnoozed,
    StockWhy,
)
from domain.inventory.model import Movement, MovementKind, OrderedLine, PurchaseOrder, Variant
from domain.inventory.rules import StockFigures, by_weekday, in_packs
from domain.inventory.watch import (
    LOW_STOCK,
    LOW_STOCK_SUPPLIER,
    StockCase,
    SummaryCase,
    all_figures,
    evaluate,
    figures_of,
    low_stock,
    show,
    show_summary,
    stock_case,
    summary_of,
)
from domain.messages import Message
from domain.people import ANY_STAFF, BUYERS, DESK, Actor
from domain.ports import UnitOfWork
from domain.wire import object_json

#: a list longer than this is not read in a chat
_LIST: Final = 20
#: a typed quantity above this is a slip of the finger
_MOST: Final = 100_000
_FIRST_ORDER: Final = 1042
_LONGEST_SNOOZE_DAYS: Final = 60


def show_stock(command: ShowStock, actor: Actor, uow: UnitOfWork) -> Message:
    """The figures of one SKU; of several that fit a choice; without one the list of what is low."""
    actor.require(ANY_STAFF, "look at stock")
    if not (command.sku or "").strip():
        return list_low_stock(ListLowStock(), actor, uow)
    text = (command.sku or "").strip()
    found = search_variants(text, uow)
    if not found:
        raise NotFound(near_misses(uow, text))
    if len(found) > 1:
        rows = all_figures(uow, uow.now, frozenset(one.id for one in found))
        if rows:
            return StockMatches(text=text, rows=rows)
    variant = found[0]
    one = _known(uow, variant)
    waiting = len(uow.customers.wishes(variant.id, 1000))
    return StockReport(figures=one, waiting=waiting)


def list_low_stock(command: ListLowStock, actor: Actor, uow: UnitOfWork) -> Message:
    """Everything to order, by sales lost a day."""
    del command
    actor.require(ANY_STAFF, "look at stock")
    found = low_stock(uow, uow.now)
    return LowStockList(rows=found[:_LIST], total=len(found))


def order_stock(command: OrderStock, actor: Actor, uow: UnitOfWork) -> Message:
    """A draft purchase order, once for a version of the case; what is ordered counts as on the way from now on."""
    staff = actor.require(BUYERS, "order stock")
    case = _current(uow, command.case_id, command.version, LOW_STOCK)
    known = stock_case(case)
    variant = uow.inventory.by_id(known.figures.variant_id)
    _check_quantity(command.quantity, variant)
    order, expected = _draft(uow, staff.id, variant.supplier.id if variant.supplier else None,
                             known.figures.lead_time_days, ((variant, command.quantity),))
    _raise_incoming(uow, order)
    ordered = OrderedBy(number=order.number, quantity=command.quantity, by=staff.name, at=uow.now,
                        expected_on=expected, supplier=variant.supplier.name if variant.supplier else None)
    figures = figures_of(uow, variant.id, uow.now) or known.figures
    facts = object_json(StockCase(figures=figures, ordered=ordered))
    changed = uow.cases.change(case, facts=facts, state=CaseState.OPEN)
    show(uow, changed)
    _hand_over(uow, changed, order, ordered.supplier, staff.name)
    uow.record(actor, "stock.ordered", variant.sku,
               {"order": order.number, "quantity": command.quantity, "case": case.id})
    return StockOrderDone(number=order.number, pieces=command.quantity, lines=1, supplier=ordered.supplier,
                          expected_on=expected)


def order_other_quantity(command: OrderOtherQuantity, actor: Actor, uow: UnitOfWork) -> Message:
    """The same with a quantity that was typed."""
    if command.quantity is None:
        raise BadInput("How many pieces? A whole number.", field="quantity")
    asked = OrderStock(case_id=command.case_id, version=command.version, quantity=command.quantity)
    return order_stock(asked, actor, uow)


def order_all_low(command: OrderAllLow, actor: Actor, uow: UnitOfWork) -> Message:
    """One purchase order for everything on a supplier's summary."""
    staff = actor.require(BUYERS, "order stock")
    case = _current(uow, command.case_id, command.version, LOW_STOCK_SUPPLIER)
    known = summary_of(case)
    wanted = tuple((uow.inventory.by_id(row.variant_id), row.suggested_quantity)
                   for row in known.rows if row.suggested_quantity > 0)
    if not wanted:
        raise RuleBroken("Nothing on this list has to be ordered any more.")
    lead = max(row.lead_time_days for row in known.rows)
    order, expected = _draft(uow, staff.id, known.supplier_id, lead, wanted)
    _raise_incoming(uow, order)
    pieces = sum(line.quantity for line in order.lines)
    ordered = OrderedBy(number=order.number, quantity=pieces, by=staff.name, at=uow.now, expected_on=expected,
                        supplier=known.supplier)
    facts = SummaryCase(supplier_id=known.supplier_id, supplier=known.supplier, ordered=ordered,
                        rows=all_figures(uow, uow.now, frozenset(row.variant_id for row in known.rows)))
    changed = uow.cases.change(case, facts=object_json(facts), state=CaseState.OPEN)
    show_summary(uow, changed)
    _hand_over(uow, changed, order, known.supplier, staff.name)
    uow.record(actor, "stock.ordered", case.subject, {"order": order.number, "lines": len(order.lines)})
    return StockOrderDone(number=order.number, pieces=pieces, lines=len(order.lines), supplier=known.supplier,
                          expected_on=expected)


def snooze_low_stock(command: SnoozeLowStock, actor: Actor, uow: UnitOfWork) -> Message:
    """Quiet until the shop's morning so many days on, or of its next working day."""
    staff = actor.require(DESK, "snooze alerts")
    case = _current(uow, command.case_id, command.version, LOW_STOCK, LOW_STOCK_SUPPLIER)
    if not 0 <= command.days <= _LONGEST_SNOOZE_DAYS:
        raise BadInput(f"0 to {_LONGEST_SNOOZE_DAYS} days, please.", field="days")
    until = morning_after(uow, command.days)
    snooze = Snooze(by=staff.name, until=until)
    if case.kind == LOW_STOCK:
        known = stock_case(case)
        after = StockCase(figures=known.figures, ordered=known.ordered, snooze=snooze)
        show(uow, uow.cases.change(case, facts=object_json(after), state=CaseState.SNOOZED, snoozed_until=until))
        what = known.figures.title
    else:
        many = summary_of(case)
        facts = SummaryCase(supplier_id=many.supplier_id, supplier=many.supplier, rows=many.rows,
                            ordered=many.ordered, snooze=snooze)
        show_summary(uow, uow.cases.change(case, facts=object_json(facts), state=CaseState.SNOOZED,
                                           snoozed_until=until))
        what = many.supplier or "Goods without a supplier"
    uow.record(actor, "case.snoozed", case.subject, {"case": case.id, "until": until.isoformat()})
    return StockSnoozed(what=what, until=until)


def why_low_stock(command: WhyLowStock, actor: Actor, uow: UnitOfWork) -> Message:
    """The formula behind a card, with the figures as they are now."""
    actor.require(ANY_STAFF, "look at stock")
    case = uow.cases.by_id(command.case_id)
    if case.kind != LOW_STOCK:
        raise NotFound("That card is not about stock.")
    return _why(uow, uow.inventory.by_id(stock_case(case).figures.variant_id))


def why_stock(command: WhyStock, actor: Actor, uow: UnitOfWork) -> Message:
    """The same for any SKU."""
    actor.require(ANY_STAFF, "look at stock")
    return _why(uow, find_variant(uow, command.sku))


def change_reorder_point(command: ChangeReorderPoint, actor: Actor, uow: UnitOfWork) -> Message:
    """Set by hand, or computed again; the card follows at once."""
    actor.require(BUYERS, "change reorder points")
    variant = find_variant(uow, command.sku)
    if command.reorder_point is not None and not 0 <= command.reorder_point <= _MOST:
        raise BadInput(f"A whole number from 0 to {_MOST:,}, or nothing to have it computed.", field="reorder_point")
    uow.inventory.set_reorder_point(variant.id, command.reorder_point)
    uow.record(actor, "stock.reorder_point", variant.sku,
               {"before": variant.reorder_point, "after": command.reorder_point})
    evaluate(uow, variant.id)
    return ReorderPointChanged(figures=_known(uow, uow.inventory.by_id(variant.id)))


def morning_after(uow: UnitOfWork, days: int) -> datetime:
    """The shop's digest hour, so many local days on; 0 days: on its next working day."""
    calendar, today = uow.shop.calendar, uow.shop.calendar.today(uow.now)
    day = today + timedelta(days=days) if days else calendar.add_working_days(today, 1)
    return calendar.at(day, uow.shop.digest_at)


def _why(uow: UnitOfWork, variant: Variant) -> Message:
    known = uow.inventory.as_of(uow.now, frozenset({variant.id}))
    one = _known(uow, variant)
    deliveries = tuple((done.number, round(done.days, 1)) for done in uow.inventory.deliveries(variant.id, 3))
    return StockWhy(figures=one, by_weekday=by_weekday(known[0].sales), deliveries=deliveries)


def _known(uow: UnitOfWork, variant: Variant) -> StockFigures:
    one = figures_of(uow, variant.id, uow.now)
    if one is None:
        raise NotFound(f"{variant.title} ({variant.sku}) is sold here, but no stock of it was ever counted.")
    return one


def _current(uow: UnitOfWork, case_id: int, version: int, *kinds: str) -> Case:
    """The case, if it is open and stands where the button was made; Conflict says what happened meanwhile."""
    case = uow.cases.by_id(case_id)
    if case.kind not in kinds:
        raise NotFound("That card is not about stock.")
    ordered = stock_case(case).ordered if case.kind == LOW_STOCK else summary_of(case).ordered
    if ordered is not None and case.version != version:
        at = uow.shop.calendar.local(ordered.at)
        raise Conflict(f"{ordered.by} ordered {ordered.quantity} at {at:%H:%M} ({ordered.number}).")
    if case.state is CaseState.RESOLVED:
        raise Conflict("Stock is back above the reorder point; there is nothing to order.")
    if case.version != version:
        raise Conflict("The figures have changed in the meantime. Look at the card again.")
    return case


def _check_quantity(quantity: int, variant: Variant) -> None:
    """BadInput with the nearest quantity that the supplier takes."""
    if not 1 <= quantity <= _MOST:
        raise BadInput(f"A whole number from 1 to {_MOST:,}, please.", field="quantity")
    fits = in_packs(max(quantity, variant.minimum_order), variant.pack_size)
    if fits != quantity:
        packs = f"packs of {variant.pack_size}" if variant.pack_size > 1 else "single pieces"
        least = f", at least {variant.minimum_order}" if variant.minimum_order > 1 else ""
        raise BadInput(f"{variant.title} comes in {packs}{least}. {fits} would do.", field="quantity")


def _draft(
    uow: UnitOfWork, staff_id: int, supplier_id: int | None, lead_days: float,
    wanted: tuple[tuple[Variant, int], ...],
) -> tuple[PurchaseOrder, date]:
    """A numbered draft; expected on the working day on which the lead time is over."""
    expected = uow.shop.calendar.today(uow.now) + timedelta(days=math.ceil(lead_days))
    if not uow.shop.calendar.is_working(expected):
        expected = uow.shop.calendar.add_working_days(expected, 1)
    order = PurchaseOrder(
        number=f"PO-{uow.numbers.next('purchase_order', first=_FIRST_ORDER)}", supplier_id=supplier_id,
        created_by=staff_id, created_at=uow.now, expected_on=expected,
        lines=tuple(OrderedLine(variant_id=variant.id, sku=variant.sku, title=variant.title, quantity=quantity,
                                unit_cost=variant.cost) for variant, quantity in wanted),
    )
    uow.inventory.add_purchase_order(order)
    return order, expected


def _raise_incoming(uow: UnitOfWork, order: PurchaseOrder) -> None:
    for line in order.lines:
        uow.inventory.move(Movement(
            variant_id=line.variant_id, location=uow.inventory.main_location(line.variant_id),
            kind=MovementKind.ORDER, at=uow.now, key=f"order:{order.number}:{line.sku}", incoming=line.quantity,
            reference=order.number,
        ))


def _hand_over(uow: UnitOfWork, case: Case, order: PurchaseOrder, supplier: str | None, by: str) -> None:
    note = PurchaseOrderNote(order=order, supplier=supplier, by=by)
    uow.outbox.note(case.card, note, once=f"purchase_order:{order.number}")
