"""What is answered about stock: to whoever of the staff asked, and to customers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from domain.inventory.cards import low_table
from domain.inventory.commands import AskForStock, ChangeReorderPoint, ChooseSupplier, FindStock, ShowStock, WhyStock
from domain.inventory.rules import StockFigures
from domain.messages import Button, Chart, ChartKind, Message, Series, Table

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, kw_only=True)
class StockOrderDone(Message):
    """The answer to whoever ordered."""

    number: str
    pieces: int
    lines: int
    supplier: str | None
    expected_on: date | None


@dataclass(frozen=True, kw_only=True)
class StockReport(Message):
    """The answer about one SKU."""

    figures: StockFigures
    waiting: int

    @property
    def buttons(self) -> tuple[Button, ...]:
        """A look behind the figures."""
        return (Button(label="Why these figures?", command=WhyStock(sku=self.figures.sku)),
                Button(label="Change reorder point", command=ChangeReorderPoint(sku=self.figures.sku), more=True),
                Button(label="Other supplier", command=ChooseSupplier(sku=self.figures.sku), more=True))


@dataclass(frozen=True, kw_only=True)
class LowStockList(Message):
    """Everything that should be ordered; ``more``: how many the table leaves out."""

    rows: tuple[StockFigures, ...]
    total: int

    @property
    def more(self) -> int:
        """Left out of the table."""
        return self.total - len(self.rows)

    @property
    def tables(self) -> tuple[Table, ...]:
        """By sales lost a day."""
        return (low_table(self.rows),) if self.rows else ()

    @property
    def buttons(self) -> tuple[Button, ...]:
        """The first few, to look at one by one."""
        return tuple(Button(label=row.title[:40], menu="Look at one…", command=ShowStock(sku=row.sku))
                     for row in self.rows[:3])


@dataclass(frozen=True, kw_only=True)
class StockMatches(Message):
    """Several variants fit what was typed."""

    text: str
    rows: tuple[StockFigures, ...]

    @property
    def buttons(self) -> tuple[Button, ...]:
        """One for each."""
        return tuple(Button(label=f"{row.title} · {row.sku}"[:60], command=ShowStock(sku=row.sku))
                     for row in self.rows[:5])


@dataclass(frozen=True, kw_only=True)
class StockWhy(Message):
    """The formula with its figures, demand by weekday, and how long the supplier really took."""

    figures: StockFigures
    by_weekday: tuple[float, ...]
    #: the last deliveries: number and real days
    deliveries: tuple[tuple[str, float], ...] = ()

    @property
    def charts(self) -> tuple[Chart, ...]:
        """Pieces sold on a Monday, a Tuesday, ..."""
        return (Chart(title=f"{self.figures.title}: sold by weekday", kind=ChartKind.BAR, labels=_WEEKDAYS,
                      series=(Series(name="pieces a day", values=self.by_weekday),), unit="pieces"),)


@dataclass(frozen=True, kw_only=True)
class ReorderPointChanged(Message):
    """The answer to whoever changed it."""

    figures: StockFigures


@dataclass(frozen=True, kw_only=True)
class StockSnoozed(Message):
    """The answer to whoever asked for quiet."""

    what: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class StockChoices(Message):
    """To a customer: several products fit, which one is meant."""

    text: str
    #: variant number and title
    choices: tuple[tuple[int, str], ...]

    @property
    def buttons(self) -> tuple[Button, ...]:
        """One for each, or another word."""
        found = [Button(label=title[:60], command=AskForStock(variant_id=number)) for number, title in self.choices]
        return (*found, Button(label="Look for something else", command=FindStock(), more=True))


@dataclass(frozen=True, kw_only=True)
class StockWishSaved(Message):
    """To a customer: you will be told. ``again``: they had asked already."""

    title: str
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class StockIsThere(Message):
    """To a customer: no need to wait, it can be bought now."""

    title: str
    available: int


@dataclass(frozen=True, kw_only=True)
class BackInStock(Message):
    """To a customer who waited: it is back."""

    first_name: str
    title: str
    available: int
