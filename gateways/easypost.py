"""EasyPost's tracker events, read into scans.

Source: docs.easypost.com/docs/trackers and EasyPost/examples, event-body.json, read 2026-11-28. Each event carries the
tracker's whole history, so a lost one is made up for by the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.foreign import moment, named, part, rows, word
from domain.messages import Fact
from domain.shipping import Milestone, ParcelScanned, ParcelTracked, Substatus
from domain.wire import Json

_MILESTONES: Final = {
    "pre_transit": Milestone.INFO_RECEIVED,
    "in_transit": Milestone.IN_TRANSIT,
    "out_for_delivery": Milestone.OUT_FOR_DELIVERY,
    "available_for_pickup": Milestone.AVAILABLE_FOR_PICKUP,
    "delivered": Milestone.DELIVERED,
    "return_to_sender": Milestone.EXCEPTION,
    "failure": Milestone.EXCEPTION,
}
#: details that make an exception of a parcel which is otherwise on its way
_EXCEPTIONS: Final = {
    "address_correction": Substatus.WRONG_ADDRESS, "damaged": Substatus.DAMAGED, "delayed": Substatus.EXTERNAL,
    "lost": Substatus.LOST, "refused": Substatus.REJECTED, "weather_delay": Substatus.EXTERNAL,
    "transit_exception": None,
}


def facts(topic: str, event: Mapping[str, Json]) -> tuple[Fact, ...]:
    """All scans of the tracker; none for other events. ValueError, KeyError if it is not as EasyPost writes."""
    if topic != "events" or event.get("description") not in {"tracker.created", "tracker.updated"}:
        return ()
    tracker = part(event.get("result"))
    number = named(tracker["tracking_code"], "tracking_code")
    carrier = word(tracker.get("carrier"))
    read = (_scan(detail, number, carrier) for detail in rows(tracker.get("tracking_details") or []))
    scans = tuple(scan for scan in read if scan is not None)
    return (ParcelTracked(scans=scans),) if scans else ()


def _scan(detail: Mapping[str, Json], number: str, carrier: str | None) -> ParcelScanned | None:
    status, why = word(detail.get("status")) or "", word(detail.get("status_detail")) or ""
    milestone = _MILESTONES.get(status)
    if milestone is None:
        return None  # unknown, cancelled, error: EasyPost cannot tell, so neither can we
    substatus = _EXCEPTIONS.get(why)
    if status == "return_to_sender":
        substatus = Substatus.RETURNING
    if why in _EXCEPTIONS and milestone in {Milestone.IN_TRANSIT, Milestone.OUT_FOR_DELIVERY}:
        milestone = Milestone.EXCEPTION
    if milestone is not Milestone.EXCEPTION:
        substatus = None
    at = moment(detail["datetime"])
    return ParcelScanned(
        order=None, carrier=carrier, tracking_number=number, milestone=milestone, substatus=substatus, at=at,
        place=_place(part(detail.get("tracking_location"))), key=f"easypost:{number}:{at.isoformat()}:{status}:{why}",
    )


def _place(location: Mapping[str, Json]) -> str | None:
    city, state = word(location.get("city")), word(location.get("state"))
    named_place = ", ".join(found for found in (city.title() if city else None, state) if found)
    return named_place or word(location.get("country"))
