"""Parcels and their scans as rows, as they stand or as they were known at a moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, TypeAlias

import sqlalchemy as sa

from domain.errors import NotFound
from domain.metrics import GIVEN_UP
from domain.shipping import Milestone, ParcelAsOf, Progress, Scan, progress
from domain.shops import Shop
from domain.time import DAY
from storage.database import Upsert
from storage.open_orders import may_be_open, note_until
from storage.tables import Instant, cases, order_lines, orders, parcels, scans

#: a row of any columns; what they hold is said where it is read
AnyRow: TypeAlias = "sa.Row[*tuple[Any, ...]]"

#: what a shop system writes on an order that came, with or without a date
_ARRIVED: Final = "delivered"
_BATCH: Final = 500

_GOODS: Final = sa.exists().where(
    order_lines.c.shop_id == orders.c.shop_id, order_lines.c.order_id == orders.c.id
).label("goods")
_PARCEL: Final = (
    _GOODS,
    orders.c.id.label("order_id"), orders.c.number, orders.c.customer_id, orders.c.placed_at, orders.c.approved_at,
    orders.c.ship_by, orders.c.promised_on, parcels.c.id.label("parcel_id"), parcels.c.sequence, parcels.c.carrier,
    parcels.c.tracking_number, parcels.c.origin, parcels.c.destination, parcels.c.international,
    parcels.c.expected_on, parcels.c.customer_told_at, parcels.c.milestone, parcels.c.substatus, parcels.c.label_at,
    parcels.c.handed_over_at, parcels.c.delivered_at, parcels.c.last_scan_at, parcels.c.last_place,
)


_SHOP: Final[sa.BindParameter[int]] = sa.bindparam("shop")
_WHICH: Final[sa.BindParameter[int]] = sa.bindparam("which")
_AT: Final = sa.bindparam("at", type_=Instant())


@dataclass(frozen=True, kw_only=True)
class _Known:
    """Orders with their parcels, and the scans of these parcels."""

    parcels: sa.Select[*tuple[Any, ...]]
    scans: sa.Select[*tuple[Any, ...]]


def _known(*mine: sa.ColumnElement[bool]) -> _Known:
    """The orders that these name, with the shop's own among them."""
    same = sa.and_(parcels.c.shop_id == orders.c.shop_id, parcels.c.order_id == orders.c.id)
    both = orders.outerjoin(parcels, same)
    wanted = sa.select(parcels.c.id).select_from(both).where(*mine)
    return _Known(
        parcels=sa.select(*_PARCEL).select_from(both).where(*mine).order_by(orders.c.id, parcels.c.sequence),
        scans=sa.select(scans).where(scans.c.shop_id == _SHOP, scans.c.parcel_id.in_(wanted)),
    )


_HEARD_LATER: Final = (
    sa.select(scans.c.id)
    .where(
        scans.c.shop_id == _SHOP, scans.c.parcel_id == parcels.c.id, scans.c.milestone == Milestone.DELIVERED.value,
        scans.c.at <= _AT, scans.c.heard_at > _AT,
    )
    .correlate(parcels).exists()
)
_IS_OPEN: Final = (
    orders.c.kind == "sale", may_be_open(_AT),
    sa.or_(orders.c.status.not_in(GIVEN_UP), orders.c.cancelled_at > _AT),
    sa.or_(parcels.c.delivered_at.is_(None), parcels.c.delivered_at > _AT, _HEARD_LATER),
)
_OPEN: Final = _known(*_IS_OPEN)
_OPEN_AND_NEW: Final = _known(
    *_IS_OPEN, orders.c.placed_at >= sa.bindparam("placed_from"), orders.c.status != _ARRIVED
)
_OF_ORDER: Final = _known(orders.c.shop_id == _SHOP, orders.c.id == _WHICH)
_ORDER_OF_TRACKING: Final = (
    sa.select(parcels.c.order_id)
    .where(parcels.c.shop_id == _SHOP, parcels.c.tracking_number == sa.bindparam("which"))
    .order_by(parcels.c.id.desc())
    .limit(1)
)
_ORDER_OF: Final = sa.select(parcels.c.order_id).where(parcels.c.shop_id == _SHOP, parcels.c.id == _WHICH)
_NUMBERED: Final = (
    sa.select(parcels.c.id, parcels.c.sequence, parcels.c.tracking_number)
    .where(parcels.c.shop_id == _SHOP, parcels.c.order_id == _WHICH)
    .order_by(parcels.c.sequence)
)
_ADD_SCAN: Final = Upsert(
    scans, lambda new: new.on_conflict_do_nothing(index_elements=["shop_id", "key"]).returning(scans.c.id)
)
_SCANS: Final = (
    sa.select(scans).where(scans.c.shop_id == _SHOP, scans.c.parcel_id == _WHICH).order_by(scans.c.at, scans.c.id)
)
_LANE: Final = (
    sa.select(parcels.c.handed_over_at, parcels.c.delivered_at)
    .where(
        parcels.c.shop_id == _SHOP, parcels.c.origin == sa.bindparam("start"),
        parcels.c.destination == sa.bindparam("end"), parcels.c.handed_over_at.is_not(None),
        parcels.c.delivered_at <= _AT,
    )
    .order_by(parcels.c.delivered_at.desc())
    .limit(sa.bindparam("most", type_=sa.Integer()))
)
_CLOSED: Final = (
    sa.select(cases.c.subject, cases.c.facts)
    .where(
        cases.c.shop_id == _SHOP, cases.c.kind == "late_parcel",
        cases.c.subject.in_(sa.bindparam("subjects", expanding=True)), cases.c.resolved_at.is_not(None),
    )
    .order_by(cases.c.id)
)
_PLACES: Final = sa.select(orders.c.country, orders.c.region).where(orders.c.shop_id == _SHOP, orders.c.id == _WHICH)
_ADD: Final = sa.insert(parcels).returning(parcels.c.id)
_CHANGE: Final = sa.update(parcels).where(parcels.c.shop_id == _SHOP, parcels.c.id == _WHICH)


@dataclass(frozen=True)
class ParcelRows:
    """The parcels of one shop."""

    connection: sa.Connection
    shop: Shop
    now: datetime

    def open_as_of(self, at: datetime, *, placed_from: datetime | None = None) -> tuple[ParcelAsOf, ...]:
        """Every open order with its undelivered parcels: two queries, whatever the number.

        With ``placed_from`` older orders are left out, and so are orders that the shop calls delivered without a date.
        """
        given: dict[str, object] = {} if placed_from is None else {"placed_from": placed_from}
        found = self._as_of(_OPEN if placed_from is None else _OPEN_AND_NEW, at, **given)
        return tuple(one for one in found if one.state.milestone is not Milestone.DELIVERED)

    def of_order(self, order_id: int, at: datetime) -> tuple[ParcelAsOf, ...]:
        """All parcels of an order, delivered ones too."""
        return self._as_of(_OF_ORDER, at, which=order_id)

    def order_of_tracking(self, tracking_number: str) -> int | None:
        """The newest order with that tracking number."""
        return self.connection.execute(
            _ORDER_OF_TRACKING, {"shop": self.shop.id, "which": tracking_number}
        ).scalar()

    def ensure(self, order_id: int, carrier: str | None, tracking_number: str | None) -> int:
        """By its number; else the parcel that has none yet; else a new one at the end."""
        rows = self.connection.execute(_NUMBERED, {"shop": self.shop.id, "which": order_id}).all()
        if tracking_number is None and rows:
            return int(rows[0].id)
        for row in rows:
            if row.tracking_number == tracking_number:
                return int(row.id)
        for row in rows:
            if row.tracking_number is None:
                self._update(row.id, {"tracking_number": tracking_number, "carrier": carrier})
                return int(row.id)
        return self._add(order_id, rows[-1].sequence + 1 if rows else 1, carrier, tracking_number)

    def route(
        self, parcel_id: int, *, origin: str | None, destination: str | None, expected_on: date | None
    ) -> None:
        """What is given is written, the rest stays."""
        given = {"origin": origin, "destination": destination, "expected_on": expected_on}
        known: dict[str, object] = {name: value for name, value in given.items() if value is not None}
        if known:
            self._update(parcel_id, known)

    def add_scan(self, parcel_id: int, scan: Scan, *, key: str) -> bool:
        """The unique key decides."""
        row = self.connection.execute(_ADD_SCAN.on(self.connection), {
            "shop_id": self.shop.id, "parcel_id": parcel_id, "at": scan.at, "heard_at": self.now,
            "milestone": scan.milestone.value, "substatus": scan.substatus, "place": scan.place, "key": key,
        }).scalar()
        return row is not None

    def scans(self, parcel_id: int) -> tuple[Scan, ...]:
        """Everything the carrier said, oldest first."""
        rows = self.connection.execute(_SCANS, {"shop": self.shop.id, "which": parcel_id})
        return tuple(_scan(row) for row in rows)

    def save(self, parcel_id: int, state: Progress) -> None:
        """The parcel's own row; what an import knew beyond the scans stays."""
        given = {
            "label_at": state.label_at, "handed_over_at": state.handed_over_at, "delivered_at": state.delivered_at,
            "last_scan_at": state.last_scan_at, "last_place": state.last_place,
        }
        known: dict[str, object] = {name: value for name, value in given.items() if value is not None}
        self._update(parcel_id, {"milestone": state.milestone.value, "substatus": state.substatus, **known})
        if state.delivered_at is not None:
            of = self.connection.execute(_ORDER_OF, {"shop": self.shop.id, "which": parcel_id}).scalar_one()
            note_until(self.connection, self.shop.id, (of,))

    def told(self, parcel_id: int) -> None:
        """The customer knows."""
        self._update(parcel_id, {"customer_told_at": self.now})

    def lane_days(self, origin: str, destination: str, at: datetime, limit: int) -> tuple[float, ...]:
        """Days from handover to delivery, the newest deliveries first."""
        rows = self.connection.execute(
            _LANE, {"shop": self.shop.id, "start": origin, "end": destination, "at": at, "most": limit}
        )
        return tuple(max(0.0, (row.delivered_at - row.handed_over_at) / DAY) for row in rows)

    def closed_by_hand(self, subjects: tuple[str, ...]) -> dict[str, str]:
        """From the newest resolved case of each subject, if a person resolved it."""
        found: dict[str, str] = {}
        for start in range(0, len(subjects), _BATCH):
            rows = self.connection.execute(
                _CLOSED, {"shop": self.shop.id, "subjects": subjects[start:start + _BATCH]}
            )
            for subject, facts in rows:
                found.pop(subject, None)
                if facts.get("closed_by"):
                    found[subject] = str(facts["late"]["rule"])
        return found

    def _as_of(self, known: _Known, at: datetime, **given: object) -> tuple[ParcelAsOf, ...]:
        wanted = {"shop": self.shop.id, "at": at, **given}
        rows = self.connection.execute(known.parcels, wanted).all()
        heard: dict[int, list[AnyRow]] = {}
        for scan in self.connection.execute(known.scans, wanted):
            heard.setdefault(scan.parcel_id, []).append(scan)
        return tuple(_parcel(row, heard.get(row.parcel_id), at) for row in rows)

    def _add(self, order_id: int, sequence: int, carrier: str | None, tracking_number: str | None) -> int:
        order = self.connection.execute(_PLACES, {"shop": self.shop.id, "which": order_id}).first()
        if order is None:
            raise NotFound("I don't know that order any more.")
        home = self.shop.calendar.country.partition("-")[0]
        added: int = self.connection.execute(_ADD, {
            "shop_id": self.shop.id, "order_id": order_id, "sequence": sequence, "carrier": carrier,
            "tracking_number": tracking_number, "milestone": Milestone.PENDING.value,
            "destination": order.region or order.country,
            "international": bool(home and order.country and order.country != home),
        }).scalar_one()
        note_until(self.connection, self.shop.id, (order_id,))
        return added

    def _update(self, parcel_id: int, values: dict[str, object]) -> None:
        self.connection.execute(_CHANGE, {"shop": self.shop.id, "which": parcel_id, **values})


def _scan(row: AnyRow) -> Scan:
    return Scan(at=row.at, milestone=Milestone(row.milestone), substatus=row.substatus, place=row.place)


def _state(
    row: AnyRow, heard: Iterable[AnyRow] | None, at: datetime
) -> Progress:
    """From the scans known then; a parcel that was imported without scans is known by its row's own moments."""
    if row.parcel_id is None:
        return Progress()
    if heard is not None:
        return progress(_scan(one) for one in heard if one.at <= at and one.heard_at <= at)
    steps = (
        (Milestone.INFO_RECEIVED, row.label_at, None), (Milestone.IN_TRANSIT, row.handed_over_at, None),
        (Milestone.IN_TRANSIT, row.last_scan_at, row.last_place), (Milestone.DELIVERED, row.delivered_at, None),
    )
    state = progress(Scan(at=moment, milestone=milestone, place=place)
                     for milestone, moment, place in steps if moment is not None and moment <= at)
    latest = row.last_scan_at is not None and row.last_scan_at <= at and state.milestone is not Milestone.DELIVERED
    return replace(state, milestone=Milestone(row.milestone), substatus=row.substatus) if latest else state


def _parcel(
    row: AnyRow, heard: Iterable[AnyRow] | None, at: datetime
) -> ParcelAsOf:
    told = row.customer_told_at
    return ParcelAsOf(
        order_id=row.order_id, order=row.number, customer_id=row.customer_id, placed_at=row.placed_at,
        approved_at=row.approved_at, ship_by=row.ship_by, promised_on=row.promised_on, parcel_id=row.parcel_id,
        sequence=row.sequence or 1, carrier=row.carrier, tracking_number=row.tracking_number, origin=row.origin,
        destination=row.destination, international=bool(row.international), expected_on=row.expected_on,
        told_at=told if told is not None and told <= at else None, state=_state(row, heard, at), goods=bool(row.goods),
    )
