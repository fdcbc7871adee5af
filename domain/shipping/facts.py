"""What carriers tell us: a parcel was scanned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from domain.errors import NotFound
from domain.messages import Fact
from domain.ports import UnitOfWork
from domain.shipping.model import Milestone, Scan, Substatus, progress
from domain.shipping.watch import evaluate_order


@dataclass(frozen=True, kw_only=True)
class ParcelScanned(Fact):
    """A carrier scanned a parcel of an order. ``key`` makes it count once; it may be heard late and out of order.

    ``origin`` and ``destination`` name its lane, ``expected_on`` is the carrier's own day of delivery; None leaves what
    is known of the parcel as it is.
    """

    order: str
    carrier: str | None
    tracking_number: str | None
    milestone: Milestone
    substatus: Substatus | None = None
    at: datetime
    place: str | None = None
    key: str
    origin: str | None = None
    destination: str | None = None
    expected_on: date | None = None


def note_parcel_scanned(fact: ParcelScanned, uow: UnitOfWork) -> None:
    """The scan is written, the parcel's state is made anew from all its scans, and its case follows.

    NotFound for an order that is not known here.
    """
    order = uow.orders.by_number(fact.order)
    if order is None:
        raise NotFound(f"A parcel of order {fact.order} was scanned, but there is no such order here.")
    parcel_id = uow.parcels.ensure(order.id, fact.carrier, fact.tracking_number)
    reason = fact.substatus.value if fact.substatus else None
    scan = Scan(at=min(fact.at, uow.now), milestone=fact.milestone, substatus=reason, place=fact.place)
    if not uow.parcels.add_scan(parcel_id, scan, key=fact.key):
        return
    uow.parcels.route(parcel_id, origin=fact.origin, destination=fact.destination, expected_on=fact.expected_on)
    uow.parcels.save(parcel_id, progress(uow.parcels.scans(parcel_id)))
    evaluate_order(uow, order.id)
