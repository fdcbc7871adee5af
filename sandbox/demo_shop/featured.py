"""The orders that the demo tells its stories with: those of the six on Telegram, and one of every trouble."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from sandbox.demo_shop.catalogue import products
from sandbox.demo_shop.customers import NAMED
from sandbox.demo_shop.days import working_days_ago
from sandbox.demo_shop.parcels import Mishap
from sandbox.demo_shop.rows import Customer, Line, Scan
from sandbox.demo_shop.sales import Wish, with_freight

#: Maria's order, the one that the walk-through returns
MARIA_ORDER = "1042"


def wishes(until: datetime, crowd: Sequence[Customer]) -> list[Wish]:
    """All featured orders; ``crowd`` are the others, newest last."""
    return [*_histories(until), *_maria(until), *_on_the_way(until), *_troubles(until, crowd)]


def _lines(customer: Customer, *wanted: tuple[str, int]) -> tuple[Line, ...]:
    known = {product.sku: product for product in products()}
    lines = [
        Line(sku=sku, title=known[sku].title, quantity=quantity, unit_price=known[sku].price)
        for sku, quantity in wanted
    ]
    return with_freight(lines, customer.country)


def _at(day: date, hour: int, minute: int) -> datetime:
    return datetime.combine(day, time(hour, minute, (hour * 7 + minute) % 60))


def _histories(until: datetime) -> list[Wish]:
    """What the six bought before: long delivered."""
    bought = (
        ("maria", 402, 20, 12, "4242", (("TEA-TOWEL", 2), ("SOAP-LAVENDER", 3))),
        ("maria", 168, 21, 5, "4242", (("CANDLE-FIG", 1), ("BLU-BOWL-16", 2))),
        ("jonas", 240, 19, 40, "5556", (("CUTTING-BOARD-L", 1),)),
        ("jonas", 33, 12, 31, "5556", (("STORAGE-JAR-700", 6),)),
        ("sofia", 95, 22, 18, "1117", (("TABLECLOTH-180", 1), ("NAPKIN-SET-4", 1))),
        ("sofia", 20, 18, 55, "1117", (("CUSHION-BLUE", 2), ("WOOL-THROW", 1))),
        ("liam", 71, 9, 26, "0005", (("WHT-MUG-300", 6), ("TEAPOT-900", 1))),
        ("yuki", 130, 8, 2, "0505", (("VASE-TALL", 1),)),
        ("omar", 210, 13, 44, "9424", (("DESK-LAMP-BLK", 1),)),
        ("omar", 16, 17, 9, "9424", (("WINE-GLASS-2", 2), ("CARAFE-1L", 1))),
    )
    return [
        Wish(
            placed_at=_at(until.date() - timedelta(days=ago), hour, minute),
            customer=NAMED[who],
            lines=_lines(NAMED[who], *lines),
            last4=last4,
            trouble=Mishap(),
        )
        for who, ago, hour, minute, last4, lines in bought
    ]


def _maria(until: datetime) -> list[Wish]:
    """Order 1042: four blue mugs and a tea towel, delivered six days ago."""
    maria, today = NAMED["maria"], until.date()
    delivered = today - timedelta(days=6)
    handed = working_days_ago(delivered, 4)
    placed = _at(handed - timedelta(days=1), 19, 42)
    scans = (
        Scan(at=_at(handed, 15, 31), milestone="InfoReceived", place="Leipzig warehouse"),
        Scan(at=_at(handed, 17, 38), milestone="InTransit", place="Leipzig hub"),
        Scan(at=_at(handed + timedelta(days=1), 5, 14), milestone="InTransit", place="Frankfurt hub"),
        Scan(at=_at(delivered - timedelta(days=1), 6, 50), milestone="InTransit", place="Porto hub"),
        Scan(at=_at(delivered, 8, 21), milestone="OutForDelivery", place="Porto"),
        Scan(at=_at(delivered, 11, 47), milestone="Delivered", place="Porto"),
    )
    lines = _lines(maria, ("BLU-MUG-300", 4), ("TEA-TOWEL", 1))
    return [Wish(placed_at=placed, customer=maria, lines=lines, last4="4242", number=MARIA_ORDER, scans=scans)]


def _on_the_way(until: datetime) -> list[Wish]:
    """Jonas' and Omar's parcels are fine, Liam's has not moved for days, Yuki's is with the customs."""
    today = until.date()
    yesterday, before = working_days_ago(today, 1), working_days_ago(today, 2)
    stalled, abroad = working_days_ago(today, 7), working_days_ago(today, 6)
    return [
        _told("jonas", _at(before, 20, 16), (("BLU-BOWL-16", 4), ("CANDLE-CEDAR", 1)), "5556", _start(yesterday)),
        _told(
            "omar", _at(before, 7, 58), (("SPICE-RACK", 1),), "9424", (*_start(before), _hub(yesterday, "Paris hub"))
        ),
        _told(
            "liam", _at(stalled, 10, 3), (("WHT-PLATE-22", 4),), "0005", (*_start(stalled), _hub(abroad, "Köln hub"))
        ),
        _told(
            "yuki",
            _at(stalled, 6, 34),
            (("TRAY-OAK", 1), ("SOAP-LAVENDER", 2)),
            "0505",
            (
                *_start(stalled),
                _hub(working_days_ago(today, 4), "Frankfurt hub"),
                Scan(at=_at(yesterday, 3, 12), milestone="Exception", place="Osaka customs", substatus="customs"),
            ),
        ),
    ]


def _told(
    who: str, placed: datetime, lines: tuple[tuple[str, int], ...], last4: str, scans: tuple[Scan, ...]
) -> Wish:
    customer = NAMED[who]
    return Wish(placed_at=placed, customer=customer, lines=_lines(customer, *lines), last4=last4, scans=scans)


def _start(day: date) -> tuple[Scan, Scan]:
    return (
        Scan(at=_at(day, 15, 44), milestone="InfoReceived", place="Leipzig warehouse"),
        Scan(at=_at(day, 17, 51), milestone="InTransit", place="Leipzig hub"),
    )


def _hub(day: date, place: str) -> Scan:
    return Scan(at=_at(day, 6, 27), milestone="InTransit", place=place)


def _troubles(until: datetime, crowd: Sequence[Customer]) -> list[Wish]:
    """One of each: lost, never scanned, never packed, carrier reports damage, wrong address, in a parcel shop."""
    today = until.date()
    germans = [customer for customer in crowd if customer.country == "DE"][-6:]
    ago = {count: working_days_ago(today, count) for count in (1, 2, 3, 4, 5, 6, 7, 8, 9)}
    label = Scan(at=_at(ago[5], 15, 20), milestone="InfoReceived", place="Leipzig warehouse")
    shop = Scan(at=_at(ago[1], 17, 25), milestone="AvailableForPickup", place="Parcel shop")
    damaged = Scan(at=_at(ago[1], 9, 40), milestone="Exception", place="Hannover hub", substatus="damaged")
    address = Scan(at=_at(ago[1], 12, 2), milestone="Exception", place="Hamburg", substatus="wrong_address")
    told: tuple[tuple[int, str, tuple[Scan, ...] | None], ...] = (
        (9, "VASE-TALL", _start(ago[8])),
        (6, "COAT-HOOKS-5", (label,)),
        (5, "TRAY-OAK", None),
        (4, "CARAFE-1L", (*_start(ago[3]), damaged)),
        (4, "APRON-LINEN", (*_start(ago[3]), _hub(ago[2], "Hamburg hub"), address)),
        (4, "CANDLE-FIG", (*_start(ago[3]), _hub(ago[2], "Bremen hub"), shop)),
    )
    return [
        Wish(
            placed_at=_at(ago[days], 9 + place, 11),
            customer=customer,
            lines=_lines(customer, (sku, 1)),
            packing_days=0 if scans else 9,
            scans=scans,
        )
        for place, (customer, (days, sku, scans)) in enumerate(zip(germans, told, strict=False))
    ]
