"""What becomes of an order: approval, packing, the carrier's scans, and now and then a mishap.

The whole future of a parcel is drawn first and then cut at "now", so that the parcels on the way are in every state.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random

from sandbox.demo_shop.days import add_working
from sandbox.demo_shop.rows import Customer, Parcel, Scan

#: working days promised from the order to the door, and the fewest and most that the carrier takes
_PROMISE = {"DE": 5, "AT": 7, "NL": 7, "FR": 8, "CH": 9, "IT": 9, "PT": 9, "IE": 9, "JP": 14}
_TRANSIT = {
    "DE": (1, 2),
    "AT": (2, 3),
    "NL": (2, 3),
    "FR": (2, 4),
    "CH": (3, 5),
    "IT": (3, 5),
    "PT": (3, 5),
    "IE": (3, 5),
    "JP": (6, 9),
}
#: parcels older than this many days keep only handover and delivery, as shops' exports do
FULL_SCANS_DAYS = 45


@dataclass(frozen=True, kw_only=True)
class Mishap:
    """What goes wrong on the way; nothing by default."""

    #: working days that the parcel lies in a hub
    held_days: int = 0
    #: "customs", "wrong_address", "damaged": the carrier says so and delivers ``held_days`` later
    exception: str | None = None
    #: nobody at home; fetched from the shop next door so many days later, 0 = met at the door
    pickup_days: int = 0
    #: never seen again after the first hub
    lost: bool = False


def promised_on(placed_at: datetime, country: str) -> date:
    """The day that the shop promises at the order."""
    return add_working(placed_at.date(), _PROMISE[country])


def ship_by(placed_at: datetime) -> datetime:
    """By when it must be with the carrier: the end of the second working day."""
    return datetime.combine(add_working(placed_at.date(), 2), time(18))


def handover(approved_at: datetime, waits: int, rng: Random) -> datetime:
    """When the carrier takes it: the same evening if approved before two, else the next working day's.

    Packing is sometimes behind; ``waits`` are further working days.
    """
    behind = waits + rng.choices((0, 1, 2), (86, 11, 3))[0]
    late = approved_at.hour >= 14
    day = add_working(approved_at.date() + timedelta(days=1 if late else 0), behind)
    return datetime.combine(day, time(17, rng.randint(20, 59), rng.randint(0, 59)))


def mishap(country: str, rng: Random) -> Mishap:
    """One parcel in twenty has a story."""
    draw = rng.random()
    if draw < 0.018:
        return Mishap(held_days=rng.randint(3, 6))
    if draw < 0.02:
        return Mishap(exception="wrong_address", held_days=rng.randint(2, 4))
    if country in ("CH", "JP") and draw < 0.12:
        return Mishap(exception="customs", held_days=rng.randint(2, 5))
    if draw < 0.045:
        return Mishap(pickup_days=rng.randint(1, 4))
    return Mishap()


def journey(
    number: str, customer: Customer, *, label_at: datetime, handed_at: datetime, trouble: Mishap, rng: Random
) -> Parcel:
    """The parcel with all its scans to the end, those of the future too."""
    abroad = customer.country != "DE"
    shortest, longest = _TRANSIT[customer.country]
    days = rng.randint(shortest, longest)
    carrier = "DHL" if abroad or rng.random() < 0.7 else rng.choice(("DPD", "GLS"))
    digits = f"{rng.randrange(10**10):010d}"
    return Parcel(
        carrier=carrier,
        tracking_number=f"00340434{digits}{int(number):06d}"[:20],
        destination=customer.city,
        international=abroad,
        expected_on=add_working(handed_at.date(), days),
        scans=tuple(_scans(customer, label_at=label_at, handed_at=handed_at, days=days, trouble=trouble, rng=rng)),
    )


def _scans(
    customer: Customer, *, label_at: datetime, handed_at: datetime, days: int, trouble: Mishap, rng: Random
) -> list[Scan]:
    scans = [
        Scan(at=label_at, milestone="InfoReceived", place="Leipzig warehouse"),
        Scan(at=handed_at, milestone="InTransit", place="Leipzig hub"),
    ]
    if trouble.lost:
        return scans
    if customer.country != "DE":
        scans += [
            Scan(
                at=_at(handed_at, step, (4, 9), rng),
                milestone="InTransit",
                place="Frankfurt hub" if step == 1 else "abroad",
            )
            for step in range(1, days)
        ]
    if trouble.exception:
        scans.append(
            Scan(
                at=_at(handed_at, days, (6, 9), rng),
                milestone="Exception",
                place=customer.city,
                substatus=trouble.exception,
            )
        )
    arrival = days + trouble.held_days
    # a hub says now and then that a parcel still lies there
    for step in range(days + 2, arrival, 3):
        scans.append(Scan(at=_at(handed_at, step, (9, 14), rng), milestone="InTransit", place=f"{customer.city} hub"))
    scans.append(Scan(at=_at(handed_at, arrival, (4, 7), rng), milestone="InTransit", place=f"{customer.city} hub"))
    scans.append(Scan(at=_at(handed_at, arrival, (8, 9), rng), milestone="OutForDelivery", place=customer.city))
    return scans + _doorstep(customer.city, handed_at, arrival, trouble.pickup_days, rng)


def _doorstep(city: str, handed_at: datetime, arrival: int, pickup_days: int, rng: Random) -> list[Scan]:
    if not pickup_days:
        return [Scan(at=_at(handed_at, arrival, (10, 17), rng), milestone="Delivered", place=city)]
    return [
        Scan(at=_at(handed_at, arrival, (12, 15), rng), milestone="AttemptFail", place=city),
        Scan(at=_at(handed_at, arrival, (17, 18), rng), milestone="AvailableForPickup", place=f"{city} parcel shop"),
        Scan(
            at=_at(handed_at, arrival + pickup_days, (10, 18), rng),
            milestone="Delivered",
            place=f"{city} parcel shop",
        ),
    ]


def _at(handed_at: datetime, working_days: int, hours: tuple[int, int], rng: Random) -> datetime:
    """Some moment of that working day, from the first hour to the end of the last."""
    first, last = hours
    seconds = first * 3600 + int(rng.random() * (last - first + 1) * 3600)
    return datetime.combine(add_working(handed_at.date(), working_days), time(0)) + timedelta(seconds=seconds)


def thinned(scans: tuple[Scan, ...], until: datetime) -> tuple[Scan, ...]:
    """The scans heard by ``until``; of old parcels only handover and delivery."""
    heard = tuple(scan for scan in scans if scan.at <= until)
    if heard and (until - heard[-1].at).days > FULL_SCANS_DAYS and heard[-1].milestone == "Delivered":
        return heard[1], heard[-1]
    return heard
