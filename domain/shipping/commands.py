"""What people ask about parcels."""

from __future__ import annotations

from dataclasses import dataclass

from domain.messages import Command


@dataclass(frozen=True, kw_only=True)
class ShowParcels(Command):
    """The parcels of an order, by its number or a tracking number; without one, everything that is late."""

    order: str | None = None


@dataclass(frozen=True, kw_only=True)
class ListLateParcels(Command):
    """Everything that is late, the worst first."""


@dataclass(frozen=True, kw_only=True)
class TellCustomer(Command):
    """Write to the customer whose parcel is late; ``text`` is previewed and edited first."""

    case_id: int
    version: int
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class SnoozeParcel(Command):
    """Be quiet about it for some days (0: until the next working day), unless it gets worse."""

    case_id: int
    version: int
    days: int = 1


@dataclass(frozen=True, kw_only=True)
class ResolveParcel(Command):
    """Somebody has taken care of it: quiet for good, unless it gets worse."""

    case_id: int
    version: int


@dataclass(frozen=True, kw_only=True)
class WhyParcel(Command):
    """The rule with its figures, and every scan."""

    case_id: int


@dataclass(frozen=True, kw_only=True)
class OpenClaim(Command):
    """Claim a lost or damaged parcel from its carrier; it is filed by hand, by a deadline."""

    case_id: int
    version: int


@dataclass(frozen=True, kw_only=True)
class FileClaim(Command):
    """The carrier has the claim; ``reference`` is its number there."""

    case_id: int
    version: int
    reference: str | None = None


@dataclass(frozen=True, kw_only=True)
class CloseClaim(Command):
    """How a claim ended: paid, refused or dropped."""

    case_id: int
    version: int
    end: str | None = None


@dataclass(frozen=True, kw_only=True)
class RefundParcel(Command):
    """Ask for the order's money back, to be decided like every return."""

    case_id: int
    version: int


@dataclass(frozen=True, kw_only=True)
class ReshipParcel(Command):
    """Send all of the order's pieces again; ``note`` is for the warehouse."""

    case_id: int
    version: int
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReshipLeft(Command):
    """The second parcel has left the warehouse."""

    case_id: int
    version: int
    tracking_number: str | None = None
    carrier: str | None = None


@dataclass(frozen=True, kw_only=True)
class CancelReship(Command):
    """It is not sent again after all."""

    case_id: int
    version: int


@dataclass(frozen=True, kw_only=True)
class WhereIsMyParcel(Command):
    """A customer asks where their own order is; without one they choose."""

    order_id: int | None = None
