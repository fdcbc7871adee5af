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

    #: None where only the carrier's number is known: the order whose parcel has it
    order: str | None
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


@dataclass(frozen=True, kw_only=True)
class ParcelTracked(Fact):
    """A carrier's service told all that is known of one parcel: every scan, the old ones too."""

    scans: tuple[ParcelScanned, ...]


def note_parcel_scanned(fact: ParcelScanned, uow: UnitOfWork) -> None:
    """The scan is written, the parcel's state is made anew from all its scans, and its case follows.

    NotFound for an order, or a tracking number, that is not known here.
    """
    note_parcel_tracked(ParcelTracked(scans=(fact,)), uow)


def note_parcel_tracked(fact: ParcelTracked, uow: UnitOfWork) -> None:
    """The same for many scans of one parcel; its case is looked at once, as it stands after all of them."""
    if not fact.scans:
        return
    first = fact.scans[0]
    order_id = _order_of(first, uow)
    parcel_id = uow.parcels.ensure(order_id, first.carrier, first.tracking_number)
    news = [one for one in fact.scans if uow.parcels.add_scan(parcel_id, _scan(one, uow), key=one.key)]
    for one in news:
        uow.parcels.route(parcel_id, origin=one.origin, destination=one.destination, expected_on=one.expected_on)
    if news:
        uow.parcels.save(parcel_id, progress(uow.parcels.scans(parcel_id)))
        evaluate_order(uow, order_id)


def _scan(fact: ParcelScanned, uow: UnitOfWork) -> Scan:
    """A scan that is dated ahead counts from when it was heard."""
    reason = fact.substatus.value if fact.substatus else None
    return Scan(at=min(fact.at, uow.now), milestone=fact.milestone, substatus=reason, place=fact.place)


def _order_of(fact: ParcelScanned, uow: UnitOfWork) -> int:
    if fact.order is None:
        order_id = uow.parcels.order_of_tracking(fact.tracking_number or "")
        if order_id is None:
            parcel = str(fact.tracking_number)[:40]  # longer ones are nobody's, and would hide what is said of them
            raise NotFound(f"Parcel {parcel} was scanned, but no order here has a parcel of that number.")
        return order_id
    order = uow.orders.by_number(fact.order)
    if order is None:
        raise NotFound(f"A parcel of order {fact.order} was scanned, but there is no such order here.")
    return order.id
