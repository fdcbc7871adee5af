"""AfterShip's tracking events, read into scans.

Source: aftership.com/docs/tracking/webhook/webhook-specifications and enum/delivery-sub-statuses, read 2026-11-28. Each
event carries all checkpoints, so a lost one is made up for by the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.foreign import moment, named, part, rows, word
from domain.messages import Fact
from domain.shipping import Milestone, ParcelScanned, ParcelTracked, Substatus
from domain.wire import Json

_SUBSTATUSES: Final = {
    "Exception_002": Substatus.WRONG_ADDRESS,  # customer moved
    "Exception_003": Substatus.REJECTED,  # by the customer
    "Exception_004": Substatus.CUSTOMS,
    "Exception_005": Substatus.EXTERNAL,
    "Exception_006": Substatus.HELD_FOR_PAYMENT,
    "Exception_007": Substatus.WRONG_ADDRESS,
    "Exception_008": Substatus.PICKUP_MISSED,
    "Exception_009": Substatus.REJECTED,  # by the carrier
    "Exception_010": Substatus.RETURNING,
    "Exception_011": Substatus.RETURNED,
    "Exception_012": Substatus.DAMAGED,
    "Exception_013": Substatus.LOST,
    "Exception_016": Substatus.EXTERNAL,
    "Exception_017": Substatus.EXTERNAL,
    "Exception_018": Substatus.CUSTOMS,
    "Exception_019": Substatus.EXTERNAL,
}


def facts(topic: str, event: Mapping[str, Json], *, zone: str) -> tuple[Fact, ...]:
    """All scans of the parcel; none for other events. ``zone``: of checkpoints that tell no offset, as many do.

    ValueError, KeyError if it is not as AfterShip writes.
    """
    if topic != "events" or event.get("event") != "tracking_update":
        return ()
    tracking = part(event.get("msg"))
    number = named(tracking["tracking_number"], "tracking_number")
    carrier = word(tracking.get("slug"))
    read = (_scan(one, number, carrier, zone) for one in rows(tracking.get("checkpoints") or []))
    scans = tuple(scan for scan in read if scan is not None)
    return (ParcelTracked(scans=scans),) if scans else ()


def _scan(checkpoint: Mapping[str, Json], number: str, carrier: str | None, zone: str) -> ParcelScanned | None:
    tag, subtag = word(checkpoint.get("tag")) or "", word(checkpoint.get("subtag")) or ""
    if tag not in set(Milestone):
        return None
    milestone = Milestone(tag)
    at = moment(checkpoint["checkpoint_time"], local=zone)
    return ParcelScanned(
        order=None, carrier=carrier, tracking_number=number, milestone=milestone,
        substatus=_SUBSTATUSES.get(subtag) if milestone is Milestone.EXCEPTION else None, at=at,
        place=word(checkpoint.get("city")) or word(checkpoint.get("location")) or word(checkpoint.get("country_name")),
        key=f"aftership:{number}:{at.isoformat()}:{tag}:{subtag}",
    )
