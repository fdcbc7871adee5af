"""Parcels and their scans, and the port to them. Milestones are AfterShip's nine (docs/sources.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Protocol


class Milestone(StrEnum):
    """Where a parcel is, in AfterShip's words."""

    PENDING = "Pending"
    INFO_RECEIVED = "InfoReceived"
    IN_TRANSIT = "InTransit"
    OUT_FOR_DELIVERY = "OutForDelivery"
    ATTEMPT_FAIL = "AttemptFail"
    AVAILABLE_FOR_PICKUP = "AvailableForPickup"
    DELIVERED = "Delivered"
    EXCEPTION = "Exception"
    EXPIRED = "Expired"


class Substatus(StrEnum):
    """Why there is an exception, in AfterShip's words made short."""

    DAMAGED = "damaged"
    LOST = "lost"
    CUSTOMS = "customs"
    WRONG_ADDRESS = "wrong_address"
    HELD_FOR_PAYMENT = "held_for_payment"
    REJECTED = "rejected"
    PICKUP_MISSED = "pickup_missed"
    RETURNING = "returning"
    RETURNED = "returned"
    #: weather, strikes, a closed border
    EXTERNAL = "external"


#: the carrier has not touched it yet
BEFORE_CARRIER: Final = frozenset({Milestone.PENDING, Milestone.INFO_RECEIVED})
#: which of two scans of the same moment is the later news
_RANK: Final = {milestone: number for number, milestone in enumerate((
    Milestone.PENDING, Milestone.INFO_RECEIVED, Milestone.IN_TRANSIT, Milestone.OUT_FOR_DELIVERY,
    Milestone.ATTEMPT_FAIL, Milestone.AVAILABLE_FOR_PICKUP, Milestone.EXCEPTION, Milestone.EXPIRED,
    Milestone.DELIVERED,
))}


@dataclass(frozen=True, kw_only=True)
class Scan:
    """One word of the carrier: what happened, when, where."""

    at: datetime
    milestone: Milestone
    substatus: str | None = None
    place: str | None = None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What a parcel's scans add up to."""

    milestone: Milestone = Milestone.PENDING
    substatus: str | None = None
    #: since when it stands at this milestone and substatus
    since: datetime | None = None
    label_at: datetime | None = None
    handed_over_at: datetime | None = None
    delivered_at: datetime | None = None
    #: the carrier's last scan; a label alone is none
    last_scan_at: datetime | None = None
    last_place: str | None = None


def progress(scans: Iterable[Scan]) -> Progress:
    """The state after all scans, in the order in which they happened, however they were heard.

    A label's news never takes a parcel back from the carrier, and nothing takes back a delivery.
    """
    state = Progress()
    for scan in sorted(scans, key=_when):
        state = _after(state, scan)
    return state


def _when(scan: Scan) -> tuple[datetime, int, str, str]:
    """A whole order, so that two scans of one moment end the same whichever was heard first."""
    return scan.at, _RANK[scan.milestone], scan.substatus or "", scan.place or ""


def _after(state: Progress, scan: Scan) -> Progress:
    if state.milestone is Milestone.DELIVERED:
        return state
    by_carrier = scan.milestone not in BEFORE_CARRIER
    label = state.label_at or (scan.at if scan.milestone is Milestone.INFO_RECEIVED else None)
    backwards = not by_carrier and (state.handed_over_at is not None or _RANK[scan.milestone] < _RANK[state.milestone])
    if backwards:
        return Progress(
            milestone=state.milestone, substatus=state.substatus, since=state.since, label_at=label,
            handed_over_at=state.handed_over_at, last_scan_at=state.last_scan_at, last_place=state.last_place,
        )
    same = (state.milestone, state.substatus) == (scan.milestone, scan.substatus)
    return Progress(
        milestone=scan.milestone, substatus=scan.substatus, since=state.since if same and state.since else scan.at,
        label_at=label, handed_over_at=state.handed_over_at or (scan.at if by_carrier else None),
        delivered_at=scan.at if scan.milestone is Milestone.DELIVERED else None,
        last_scan_at=scan.at if by_carrier else state.last_scan_at, last_place=scan.place or state.last_place,
    )


@dataclass(frozen=True, kw_only=True)
class ParcelAsOf:
    """A parcel with its order as it was known at a moment. ``parcel_id`` None: nothing was packed yet."""

    order_id: int
    order: str
    customer_id: int | None
    placed_at: datetime
    approved_at: datetime | None
    ship_by: datetime | None
    promised_on: date | None
    parcel_id: int | None
    sequence: int
    carrier: str | None
    tracking_number: str | None
    origin: str | None
    destination: str | None
    international: bool
    #: the carrier's own day
    expected_on: date | None
    told_at: datetime | None
    state: Progress
    #: False: an order without a single line, with nothing in it to hand over
    goods: bool = True

    @property
    def subject(self) -> str:
        """What its case is called: order and place within it."""
        return f"{self.order}/{self.sequence}"

    @property
    def tracked(self) -> bool:
        """Whether scans can be expected at all."""
        return self.carrier is not None or self.tracking_number is not None

    @property
    def lane(self) -> tuple[str, str] | None:
        """From where to where; None where either is not known."""
        return (self.origin, self.destination) if self.origin and self.destination else None


@dataclass(frozen=True, kw_only=True)
class OpenCounts:
    """How the open orders stand at a moment. Orders, not parcels; one order may count in several."""

    open: int
    #: promised for a day before today
    overdue: int
    #: approved, past the moment by which it had to be with the carrier, and not there
    handover_overdue: int
    due_in_3_days: int


class Parcels(Protocol):
    """The parcels of one shop."""

    def open_as_of(self, at: datetime, *, placed_from: datetime | None = None) -> tuple[ParcelAsOf, ...]:
        """Every order then open with each parcel then undelivered, by what was known then; in two queries.

        An order that was given up by then is not open. ``placed_from`` leaves out older orders.
        """

    def of_order(self, order_id: int, at: datetime) -> tuple[ParcelAsOf, ...]:
        """All parcels of an order, delivered ones too; one without ``parcel_id`` where nothing was packed."""

    def order_of_tracking(self, tracking_number: str) -> int | None:
        """The order whose parcel has that number."""

    def ensure(self, order_id: int, carrier: str | None, tracking_number: str | None) -> int:
        """The parcel of that order and number, made where it is new."""

    def route(
        self, parcel_id: int, *, origin: str | None, destination: str | None, expected_on: date | None
    ) -> None:
        """Where it goes from and to, and the carrier's own day; None leaves a field as it is."""

    def add_scan(self, parcel_id: int, scan: Scan, *, key: str) -> bool:
        """Write a scan, heard now; False if one of that key was written before."""

    def scans(self, parcel_id: int) -> tuple[Scan, ...]:
        """Everything the carrier said, oldest first."""

    def save(self, parcel_id: int, state: Progress) -> None:
        """Bring the parcel's own row up to date."""

    def told(self, parcel_id: int) -> None:
        """The customer was told of its delay just now."""

    def lane_days(self, origin: str, destination: str, at: datetime, limit: int) -> tuple[float, ...]:
        """Days from handover to delivery of the newest parcels on a lane that had arrived by then."""

    def closed_by_hand(self, subjects: tuple[str, ...]) -> Mapping[str, str]:
        """Subject -> rule at which a person called its newest case resolved."""
