"""What people ask about stock, and the forms for what they have to type."""

from __future__ import annotations

from dataclasses import dataclass

from domain.messages import Command


@dataclass(frozen=True, kw_only=True)
class ShowStock(Command):
    """How much there is of a SKU, and for how long; without one, everything that is low."""

    sku: str | None = None


@dataclass(frozen=True, kw_only=True)
class ListLowStock(Command):
    """Everything that should be ordered, by sales lost a day."""


@dataclass(frozen=True, kw_only=True)
class OrderStock(Command):
    """Order so many from the supplier: a draft purchase order, once for a version of the case."""

    case_id: int
    version: int
    quantity: int


@dataclass(frozen=True, kw_only=True)
class OrderOtherQuantity(Command):
    """The same with a quantity that the person types."""

    case_id: int
    version: int
    quantity: int | None = None


@dataclass(frozen=True, kw_only=True)
class OrderAllLow(Command):
    """Order everything on a supplier's summary, in one purchase order."""

    case_id: int
    version: int


@dataclass(frozen=True, kw_only=True)
class SnoozeLowStock(Command):
    """Be quiet about it for some days; 0: until the shop's next working day."""

    case_id: int
    version: int
    days: int = 1


@dataclass(frozen=True, kw_only=True)
class WhyLowStock(Command):
    """The rule with its figures."""

    case_id: int


@dataclass(frozen=True, kw_only=True)
class WhyStock(Command):
    """The same for any SKU, low or not."""

    sku: str


@dataclass(frozen=True, kw_only=True)
class ChangeReorderPoint(Command):
    """Set the reorder point by hand; left empty, it is computed again."""

    sku: str
    reorder_point: int | None = None


@dataclass(frozen=True, kw_only=True)
class ChooseSupplier(Command):
    """Have a SKU come from another supplier: ``supplier`` the number of one, or ``other`` the name of one.

    ``minimum``: pieces that an order there has at least; None: as it was with them before.
    """

    sku: str
    supplier: str | None = None
    other: str | None = None
    minimum: int | None = None


@dataclass(frozen=True, kw_only=True)
class FindStock(Command):
    """A customer looks for a product to be told about; ``text`` is part of its name or its SKU."""

    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class AskForStock(Command):
    """A customer wants to be told when a variant is back."""

    variant_id: int
