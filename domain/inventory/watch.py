"""When a card about stock opens, changes and resolves: one case for a variant, a summary where many are low at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.cases import Case, CaseState
from domain.inventory.cards import (
    LowStockCard,
    LowStockSummary,
    OrderedBy,
    Snooze,
    StockOrdered,
    StockRecovered,
    StockStillLow,
    WaitersTold,
)
from domain.inventory.messages import BackInStock
from domain.inventory.model import StockAsOf
from domain.inventory.rules import StockFigures, figures, rank
from domain.messages import Message
from domain.ports import UnitOfWork
from domain.wire import from_json, object_json

LOW_STOCK: Final = "low_stock"
LOW_STOCK_SUPPLIER: Final = "low_stock_supplier"
#: a sweep opens at most so many cards of their own, the rest goes into summaries
NEW_CARDS: Final = 5
#: so many of one supplier that get low at once are one card with one order
SEVERAL: Final = 3


@dataclass(frozen=True, kw_only=True)
class StockCase:
    """What a case remembers: the figures its card shows, who ordered, who asked for quiet."""

    figures: StockFigures
    ordered: OrderedBy | None = None
    snooze: Snooze | None = None


@dataclass(frozen=True, kw_only=True)
class SummaryCase:
    """What a summary remembers."""

    supplier_id: int | None
    supplier: str | None
    rows: tuple[StockFigures, ...]
    ordered: OrderedBy | None = None
    snooze: Snooze | None = None


def sweep_stock(uow: UnitOfWork) -> None:
    """Look at every variant with known stock: cards open, change, resolve; snoozes end; waiting customers are told."""
    wake(uow)
    found = {one.sku: one for one in all_figures(uow, uow.now)}
    told = _tell_all(uow, found.values())
    own = {case.subject: case for case in uow.cases.open_all(LOW_STOCK)}
    summaries = uow.cases.open_all(LOW_STOCK_SUPPLIER)
    for sku, case in own.items():
        if sku in found:
            update(uow, case, found[sku], told=told.get(found[sku].variant_id, 0))
    listed = {row.sku for case in summaries for row in summary_of(case).rows}
    fresh = rank([one for one in found.values() if one.low and one.sku not in own and one.sku not in listed])
    together = _together(fresh, summaries)
    alone = [one for one in fresh if one not in together]
    for one in alone[:NEW_CARDS]:
        open_card(uow, one)
    _update_summaries(uow, summaries, found, [*together, *alone[NEW_CARDS:]])


def evaluate(uow: UnitOfWork, variant_id: int, *, told: int = 0) -> StockFigures | None:
    """Look at one variant after its stock moved; None where nothing is known of its stock."""
    one = figures_of(uow, variant_id, uow.now)
    if one is None:
        return None
    case = uow.cases.open_one(LOW_STOCK, one.sku)
    if case is not None:
        update(uow, case, one, told=told)
        return one
    summary = _summary_with(uow, one)
    if summary is not None:
        _update_summaries(uow, (summary,), {row.sku: row for row in _fresh_rows(uow, summary)}, ())
        if one.low and one.supplier_id != summary_of(summary).supplier_id:
            open_card(uow, one)
    elif one.low:
        open_card(uow, one)
    return one


def low_stock(uow: UnitOfWork, at: datetime) -> tuple[StockFigures, ...]:
    """Everything that should be ordered, as it was known at a moment, ranked by sales lost a day."""
    return rank([one for one in all_figures(uow, at) if one.low])


def all_figures(uow: UnitOfWork, at: datetime, only: frozenset[int] | None = None) -> tuple[StockFigures, ...]:
    """The figures of every variant whose stock was known then."""
    return tuple(_figures(uow, known, at) for known in uow.inventory.as_of(at, only))


def figures_of(uow: UnitOfWork, variant_id: int, at: datetime) -> StockFigures | None:
    """The figures of one variant; None where its stock was not known."""
    found = all_figures(uow, at, frozenset({variant_id}))
    return found[0] if found else None


def open_card(uow: UnitOfWork, one: StockFigures) -> None:
    """A new case with its card, unless somebody was faster."""
    case = uow.cases.open(LOW_STOCK, one.sku, object_json(StockCase(figures=one)))
    if case is not None:
        show(uow, case)


def update(uow: UnitOfWork, case: Case, one: StockFigures, *, told: int = 0) -> None:
    """Bring an open case up to date: resolved where stock recovered, edited where its figures changed."""
    before = stock_case(case)
    if _recovered(uow, before, one):
        resolve(uow, case, before, one, told=told)
        return
    after = StockCase(figures=one, ordered=before.ordered, snooze=before.snooze)
    if after != before:
        show(uow, uow.cases.change(case, facts=object_json(after), snoozed_until=case.snoozed_until))


def resolve(uow: UnitOfWork, case: Case, before: StockCase, one: StockFigures, *, told: int) -> None:
    """Close it, with how much there is and how many customers were told."""
    facts = object_json(StockCase(figures=one, ordered=before.ordered))
    closed = uow.cases.change(case, facts=facts, state=CaseState.RESOLVED)
    message = StockRecovered(figures=one, told=told, ordered=before.ordered)
    uow.outbox.card(closed.card, message, version=closed.version)
    uow.audit.add("clock", "stock.recovered", one.sku, {"case": case.id, "available": one.available, "told": told})


def show(uow: UnitOfWork, case: Case) -> None:
    """The card of a case in its present state."""
    uow.outbox.card(case.card, card_of(case), version=case.version)


def card_of(case: Case) -> Message:
    """What the card of an open case says: low, or ordered and waiting."""
    known = stock_case(case)
    if known.ordered is not None and not known.figures.low:
        return StockOrdered(case_id=case.id, figures=known.figures, ordered=known.ordered)
    return LowStockCard(
        case_id=case.id, version=case.version, figures=known.figures, ordered=known.ordered,
        snooze=known.snooze if case.state is CaseState.SNOOZED else None,
    )


def show_summary(uow: UnitOfWork, case: Case) -> None:
    """The card of a summary in its present state."""
    known = summary_of(case)
    uow.outbox.card(case.card, LowStockSummary(
        case_id=case.id, version=case.version, supplier=known.supplier, rows=known.rows, ordered=known.ordered,
        snooze=known.snooze if case.state is CaseState.SNOOZED else None, over=case.state is CaseState.RESOLVED,
    ), version=case.version)


def stock_case(case: Case) -> StockCase:
    """What a case remembers."""
    return from_json(StockCase, case.facts)


def summary_of(case: Case) -> SummaryCase:
    """What a summary remembers."""
    return from_json(SummaryCase, case.facts)


def tell_waiting(uow: UnitOfWork, one: StockFigures) -> int:
    """Tell as many waiting customers as there are pieces, oldest first, each once; how many were told now.

    The next ones follow when the stock is looked at again. Source: docs/sources.md.
    """
    if one.available < max(1, uow.shop.policies.stock.back_in_stock_from):
        return 0
    told = 0
    for wish in uow.customers.wishes(one.variant_id, one.available):
        customer = uow.customers.by_id(wish.customer_id)
        if not uow.customers.wish_told(wish.id) or customer.chat is None:
            continue
        message = BackInStock(first_name=customer.first_name, title=one.title, available=one.available)
        uow.outbox.tell(customer.chat, message, once=f"wish:{wish.id}", repeat=False)
        told += 1
    return told


def wake(uow: UnitOfWork) -> None:
    """End the snoozes whose time is over, with a line in the thread, since an edited card rings nobody."""
    for case in uow.cases.snoozed_due():
        if case.kind == LOW_STOCK:
            known = stock_case(case)
            facts = object_json(StockCase(figures=known.figures, ordered=known.ordered))
            awake = uow.cases.change(case, facts=facts, state=CaseState.OPEN)
            show(uow, awake)
            note = StockStillLow(title=known.figures.title, available=known.figures.available)
            uow.outbox.note(awake.card, note, once=f"awake:{awake.card}@{awake.version}")
        elif case.kind == LOW_STOCK_SUPPLIER:
            many = summary_of(case)
            facts = object_json(SummaryCase(
                supplier_id=many.supplier_id, supplier=many.supplier, rows=many.rows, ordered=many.ordered,
            ))
            show_summary(uow, uow.cases.change(case, facts=facts, state=CaseState.OPEN))


def _recovered(uow: UnitOfWork, before: StockCase, one: StockFigures) -> bool:
    """Above the line; where it was ordered from here, the goods must have come as well."""
    if one.low:
        return False
    if before.ordered is None or one.available > one.reorder_point:
        return True
    return not uow.inventory.open_purchase_order(before.ordered.number)


def _figures(uow: UnitOfWork, known: StockAsOf, at: datetime) -> StockFigures:
    return figures(known, uow.shop.policies.stock, uow.shop.calendar.today(at))


def _tell_all(uow: UnitOfWork, found: Iterable[StockFigures]) -> dict[int, int]:
    wished = uow.inventory.wished()
    told = {one.variant_id: tell_waiting(uow, one) for one in found if one.variant_id in wished}
    return {number: count for number, count in told.items() if count}


def _summary_with(uow: UnitOfWork, one: StockFigures) -> Case | None:
    for case in uow.cases.open_all(LOW_STOCK_SUPPLIER):
        if any(row.sku == one.sku for row in summary_of(case).rows):
            return case
    return None


def _fresh_rows(uow: UnitOfWork, case: Case) -> tuple[StockFigures, ...]:
    numbers = frozenset(row.variant_id for row in summary_of(case).rows)
    return all_figures(uow, uow.now, numbers)


def _together(fresh: Sequence[StockFigures], summaries: Sequence[Case]) -> tuple[StockFigures, ...]:
    """Those that share a card: several of one supplier at once, or one more of a supplier whose summary is open."""
    count = Counter(one.supplier_id for one in fresh)
    listed = {summary_of(case).supplier_id for case in summaries}
    return tuple(one for one in fresh if count[one.supplier_id] >= SEVERAL or one.supplier_id in listed)


def _update_summaries(
    uow: UnitOfWork, open_ones: Sequence[Case], found: dict[str, StockFigures], fresh: Sequence[StockFigures]
) -> None:
    """Edit, resolve and open summaries: one for each supplier."""
    new: dict[int | None, list[StockFigures]] = {}
    for one in fresh:
        new.setdefault(one.supplier_id, []).append(one)
    for case in open_ones:
        known = summary_of(case)
        kept = [found[row.sku] for row in known.rows if row.sku in found and _stays(uow, known, found[row.sku])]
        _update_summary(uow, case, known, rank([*kept, *new.pop(known.supplier_id, [])]))
    for supplier_id, rows in new.items():
        facts = SummaryCase(supplier_id=supplier_id, supplier=rows[0].supplier, rows=rank(rows))
        case_or_none = uow.cases.open(LOW_STOCK_SUPPLIER, str(supplier_id or 0), object_json(facts))
        if case_or_none is not None:
            show_summary(uow, case_or_none)


def _stays(uow: UnitOfWork, known: SummaryCase, one: StockFigures) -> bool:
    """What comes from another supplier now has left it."""
    same = one.supplier_id == known.supplier_id
    return same and not _recovered(uow, StockCase(figures=one, ordered=known.ordered), one)


def _update_summary(uow: UnitOfWork, case: Case, known: SummaryCase, rows: tuple[StockFigures, ...]) -> None:
    over = not rows
    #: what was ordered is not enough any more, or others came to it: the button comes back
    ordered = None if any(row.low for row in rows) else known.ordered
    after = SummaryCase(
        supplier_id=known.supplier_id, supplier=known.supplier, rows=rows or known.rows, ordered=ordered,
        snooze=known.snooze,
    )
    if over:
        show_summary(uow, uow.cases.change(case, facts=object_json(after), state=CaseState.RESOLVED))
    elif after != known:
        show_summary(uow, uow.cases.change(case, facts=object_json(after), snoozed_until=case.snoozed_until))


def note_told(uow: UnitOfWork, one: StockFigures, told: int) -> None:
    """A line in the open card's thread about customers who were told while the case stays open."""
    case = uow.cases.open_one(LOW_STOCK, one.sku)
    if case is not None and told:
        uow.outbox.note(case.card, WaitersTold(title=one.title, told=told), once=f"told:{case.card}@{case.version}")
