"""What must be true of a late parcel when all is final: its state, its card, and what the customer was told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.faults.simulator.parcel_people import may_speak
from tests.faults.simulator.shop import LATE_ORDER

if TYPE_CHECKING:
    from tests.faults.simulator.world import World

_TOLD = re.compile(r"[^/]+/told:late_parcel:[^:]+:(?P<case>\d+)@\d+>telegram:")


def check(world: World) -> None:
    """Every invariant of the story."""
    _scans(world)
    _cards(world)
    _tellings(world)


def _rows(world: World, statement: str, *values: Any) -> list[Any]:
    return world.database.raw.execute(statement, values).fetchall()


def _scans(world: World) -> None:
    if not world.oracle.scanned:
        return
    found = _rows(
        world, "SELECT p.milestone FROM parcels p JOIN orders o ON o.id = p.order_id WHERE o.number = ?", LATE_ORDER
    )
    if found != [(world.oracle.scanned,)]:
        world.violation("I5", f"the parcel is {found}, its carrier last said {world.oracle.scanned}")


def _cards(world: World) -> None:
    """One card for a case, at its last version; an open case exactly while the parcel is late."""
    cases = _rows(
        world, "SELECT c.id, s.key, c.subject, c.version, c.state FROM cases c JOIN shops s ON s.id = c.shop_id "
        "WHERE c.kind = 'late_parcel'"
    )
    for number, shop, subject, version, _ in cases:
        card = f"{shop}/card:late_parcel:{subject}:{number}"
        posts = [post for post in world.slack.posts if post.job.startswith(f"{card}@")]
        if not posts:
            world.violation("I4", f"the case {card} has no card")
        elif not posts[-1].versions[-1][0].startswith(f"{card}@{version}>"):
            world.violation("I8", f"{card} is at version {version}, it shows {posts[-1].versions[-1][0]}")
    if world.oracle.scanned == "Delivered" and any(state != "resolved" for *_, state in cases):
        world.violation("I4", "the parcel was delivered, and its case stands open")
    if world.oracle.scanned == "Exception" and not cases:
        world.violation("I4", "the parcel is in trouble, and nobody was told")


def _tellings(world: World) -> None:
    """The customer reads what somebody who may wrote, once for each look at the card."""
    told: dict[tuple[str, int], set[str]] = {}
    lines = {line.job: line for line in world.telegram.lines if _TOLD.match(line.job)}
    for line in lines.values():
        meant = next((one for one in world.oracle.tellings if one.words == line.text), None)
        if meant is None or not may_speak(meant.who):
            world.violation("I3", f"the customer reads {line.text!r}, which nobody wrote who may")
            continue
        told.setdefault((meant.case, meant.version), set()).add(line.job)
    for (case, version), jobs in told.items():
        if len(jobs) > 1:
            world.violation("I6", f"the customer was told {len(jobs)} times from version {version} of case {case}")
    lost = _rows(world, "SELECT key FROM jobs WHERE key LIKE '%/told:late_parcel:%telegram:%' AND state = 'dead'")
    (many,) = _rows(world, "SELECT count(*) FROM audit WHERE action = 'customer.told'")[0]
    if many != len(lines) + len({key for (key,) in lost} - set(lines)):
        world.violation("I4", f"{many} messages were sent to the customer, who reads {len(lines)}; {len(lost)} were given up")
