"""Cards about stock, their later states, and what goes into their threads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from domain.inventory.commands import (
    ChangeReorderPoint,
    ChooseSupplier,
    OrderAllLow,
    OrderOtherQuantity,
    OrderStock,
    SnoozeLowStock,
    WhyLowStock,
)
from domain.inventory.model import PurchaseOrder
from domain.inventory.rules import StockFigures
from domain.messages import Attachment, Button, Confirm, Counted, Message, Style, Table, Topic
from domain.money import Money

_LOW = Counted(one="low stock", many="low stock", shown_by="/stock low")
_LOW_AT_SUPPLIER = Counted(one="supplier with low stock", many="suppliers with low stock", shown_by="/stock low")


@dataclass(frozen=True, kw_only=True)
class OrderedBy:
    """Who ordered how many, when, and under which number."""

    number: str
    quantity: int
    by: str
    at: datetime
    expected_on: date | None
    supplier: str | None


@dataclass(frozen=True, kw_only=True)
class Snooze:
    """Who asked for quiet, and until when."""

    by: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class LowStockCard(Message, topic=Topic.STOCK, counted=_LOW):
    """A variant has to be ordered. ``ordered`` is an earlier order that turned out not to be enough."""

    case_id: int
    version: int
    figures: StockFigures
    snooze: Snooze | None = None
    ordered: OrderedBy | None = None

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Order what is suggested, or be quiet; the rest under More."""
        one, case, version = self.figures, self.case_id, self.version
        order = OrderStock(case_id=case, version=version, quantity=one.suggested_quantity)
        return (
            Button(label=f"Order {one.suggested_quantity}", command=order, style=Style.PRIMARY, once=True,
                   confirm=_confirm_order(one)),
            _snooze(case, version, 1, "Snooze 1 day"),
            Button(label="Why?", command=WhyLowStock(case_id=case), more=True),
            Button(label="Order another quantity", more=True,
                   command=OrderOtherQuantity(case_id=case, version=version)),
            _snooze(case, version, 0, "Snooze until next working day"),
            _snooze(case, version, 7, "Snooze 7 days"),
            Button(label="Change reorder point", command=ChangeReorderPoint(sku=one.sku), more=True),
            Button(label="Other supplier", command=ChooseSupplier(sku=one.sku), more=True),
        )


@dataclass(frozen=True, kw_only=True)
class StockOrdered(Message, topic=Topic.STOCK):
    """The card once it is ordered: no buttons that change anything, the figures as they stand now."""

    case_id: int
    figures: StockFigures
    ordered: OrderedBy

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Only a look behind the figures."""
        return (Button(label="Why?", command=WhyLowStock(case_id=self.case_id), more=True),)


@dataclass(frozen=True, kw_only=True)
class StockRecovered(Message, topic=Topic.STOCK):
    """The card once stock is back above the reorder point. ``told``: customers who had waited."""

    figures: StockFigures
    told: int
    ordered: OrderedBy | None = None


@dataclass(frozen=True, kw_only=True)
class StockStillLow(Message, topic=Topic.STOCK):
    """In the card's thread, when the quiet is over and nothing got better."""

    title: str
    available: int


@dataclass(frozen=True, kw_only=True)
class WaitersTold(Message, topic=Topic.STOCK):
    """In the card's thread: so many customers were told that it is back."""

    title: str
    told: int


@dataclass(frozen=True, kw_only=True)
class PurchaseOrderNote(Message, topic=Topic.STOCK):
    """The draft order as a file, in the card's thread."""

    order: PurchaseOrder
    supplier: str | None
    by: str

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The order as CSV, ready to be sent to the supplier."""
        title = f"{self.order.number} {self.supplier or ''}".strip()
        return (Attachment(name=f"{self.order.number}.csv", title=title, content=as_csv(self.order)),)

    @property
    def pieces(self) -> int:
        """Over all lines."""
        return sum(line.quantity for line in self.order.lines)


@dataclass(frozen=True, kw_only=True)
class LowStockSummary(Message, topic=Topic.STOCK, counted=_LOW_AT_SUPPLIER):
    """Many variants of one supplier that are low at once: one card for them all."""

    case_id: int
    version: int
    supplier: str | None
    rows: tuple[StockFigures, ...]
    snooze: Snooze | None = None
    ordered: OrderedBy | None = None
    #: all of them recovered
    over: bool = False

    @property
    def total(self) -> Money | None:
        """What ordering everything costs; None where a cost is not known."""
        costs = [row.order_cost for row in self.rows]
        known = [cost for cost in costs if cost is not None]
        if not known or len(known) < len(costs):
            return None
        return Money(minor=sum(cost.minor for cost in known), currency=known[0].currency)

    @property
    def lost_per_day(self) -> Money | None:
        """Sales lost a day once all of them are out."""
        known = [row.lost_per_day for row in self.rows if row.lost_per_day is not None]
        return Money(minor=sum(one.minor for one in known), currency=known[0].currency) if known else None

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Order all, or be quiet."""
        if self.over or self.ordered is not None:
            return ()
        total = f" ({self.total})" if self.total is not None else ""
        question = f"Draft one order of {len(self.rows)} SKUs from {self.supplier or 'no supplier'}{total}?"
        return (
            Button(label=f"Order all {len(self.rows)}{total}", style=Style.PRIMARY, once=True,
                   command=OrderAllLow(case_id=self.case_id, version=self.version),
                   confirm=Confirm(question=question, yes="Order all")),
            _snooze(self.case_id, self.version, 1, "Snooze 1 day"),
            _snooze(self.case_id, self.version, 0, "Snooze until next working day"),
            _snooze(self.case_id, self.version, 7, "Snooze 7 days"),
        )

    @property
    def tables(self) -> tuple[Table, ...]:
        """One row for each SKU, the dearest gap first."""
        return () if self.over else (low_table(self.rows),)


def low_table(rows: tuple[StockFigures, ...]) -> Table:
    """One row for each SKU."""
    return Table(
        caption="To order",
        headings=("SKU", "Product", "Available", "Lasts", "Order", "Lost a day"),
        rows=tuple(
            (row.sku, row.title, str(row.available), lasts(row), str(row.suggested_quantity),
             str(row.lost_per_day) if row.lost_per_day else "not known")
            for row in rows
        ),
    )


def lasts(row: StockFigures) -> str:
    """How long it lasts, in days."""
    if row.available <= 0:
        return "out"
    return "no sales" if row.days_of_cover is None else f"{row.days_of_cover:.1f} days"


def as_csv(order: PurchaseOrder) -> str:
    """The order's lines as CSV with a header. A cell that a spreadsheet would run as a formula gets a quote."""
    lines = ["purchase_order,sku,title,quantity,unit_cost,currency"]
    for line in order.lines:
        cost = (str(line.unit_cost.decimal), line.unit_cost.currency) if line.unit_cost else ("", "")
        lines.append(",".join(_cell(text) for text in (order.number, line.sku, line.title, str(line.quantity), *cost)))
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    if text.startswith(("=", "+", "-", "@", "\t", "\r")):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\n\r') else text


def _confirm_order(one: StockFigures) -> Confirm:
    cost = f" for about {one.order_cost}" if one.order_cost is not None else ""
    source = f" from {one.supplier}" if one.supplier else ""
    return Confirm(question=f"Draft an order of {one.suggested_quantity} x {one.title}{source}{cost}?",
                   yes=f"Order {one.suggested_quantity}")


def _snooze(case: int, version: int, days: int, label: str) -> Button:
    return Button(label=label, menu="Snooze…", once=True,
                  command=SnoozeLowStock(case_id=case, version=version, days=days))
