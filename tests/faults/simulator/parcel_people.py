"""The story of a late parcel: a carrier whose scans overtake each other, staff who tell the customer, wait or settle."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from domain.people import Role
from handlers.run import Who
from tests.faults.simulator.oracle import Telling
from tests.faults.simulator.replica import Killed
from tests.faults.simulator.shop import LATE_ORDER, NORD, PEOPLE, Person, channel

if TYPE_CHECKING:
    from tests.faults.simulator.workspace import Post
    from tests.faults.simulator.world import World

_CARD = re.compile(rf"{NORD}/card:late_parcel:(?P<subject>[^:]+):(?P<case>\d+)@(?P<version>\d+)>")
#: the test's own reading of who may write to customers
SPEAKERS = frozenset({Role.OWNER, Role.OPS, Role.SUPPORT})


def may_speak(person: Person) -> bool:
    """Whether that person may write to customers of the shop."""
    return person.role in SPEAKERS and person.active


async def carrier(world: World) -> None:
    """Scans one parcel: in transit, in trouble, perhaps in worse, perhaps delivered."""
    random = world.random
    scans = [("InTransit", None), ("Exception", random.choice(("customs", "external", "held_for_payment")))]
    if random.random() < 0.5:
        scans.append(("Exception", random.choice(("damaged", "lost"))))
    if random.random() < 0.4:
        scans.append(("Delivered", None))
    first = world.now() - timedelta(hours=len(scans))
    for number, (milestone, substatus) in enumerate(scans):
        world.oracle.scanned = milestone
        world.mail.shop(f"scan-{number}", {
            "type": "parcel.scanned", "shop": NORD, "at": world.now().isoformat(),
            "data": {
                "order": LATE_ORDER, "carrier": "dhl", "tracking_number": "00340434161094042557", "milestone": milestone,
                "substatus": substatus, "at": (first + timedelta(hours=number)).isoformat(), "place": "Leipzig",
            },
        })
        await world.sleep(random.choice((0.0, 1.0, random.uniform(5.0, 25.0))))


async def speaker(world: World, person: Person, presses: int) -> None:
    """Looks at the parcels channel now and then, and does something about what is late."""
    random = world.random
    for _ in range(100):
        if _cards(world):
            break
        await world.sleep(0.5)  # everybody sees it at the same moment
    await world.sleep(0.0 if world.swarm.rush else random.choice((0.0, 0.001, random.uniform(0.5, 20.0))))
    for _ in range(presses):
        if cards := _cards(world):
            await _press(world, person, random.choice(cards))
        await world.sleep(random.choice((0.0, 1.0, random.uniform(0.5, 20.0))))


def _cards(world: World) -> list[Post]:
    return [post for post in world.slack.in_channel(channel(NORD, "parcels")) if _CARD.match(post.job)]


async def _press(world: World, person: Person, card: Post) -> None:
    random = world.random
    job, blocks = card.versions[-1] if random.random() < 0.7 else random.choice(card.versions)
    found = _CARD.match(job)
    choices = card.buttons_of(blocks)
    if not choices or found is None:
        return
    speaks = [one for one in choices if one[0].startswith(("Tell", "Write again"))]
    label, token = random.choice(speaks if speaks and random.random() < 0.7 else choices)
    who = Who(platform="slack", user=person.user, team=person.team, place=channel(NORD, "parcels"))
    replica = world.any_replica()
    if replica is None:
        return
    world.trace("presses", person.key, label, found["subject"], found["version"])
    seen = world.new_id()
    world.click.set(seen)
    try:
        answer = await replica.desk.pressed(who, token, seen=seen)
        if answer.form is None:
            return
        words = f"Words {len(world.oracle.tellings) + 1} of {person.key}"
        world.oracle.tellings.append(Telling(who=person, words=words, case=found["case"], version=int(found["version"])))
        await world.sleep(0.0 if world.swarm.rush else random.choice((0.0, random.uniform(1.0, 10.0))))
        if (replica := world.any_replica()) is not None:
            sent = await replica.desk.submitted(who, token, {"text": words})
            world.trace("submitted", person.key, words, sent.refused)
    except Killed:
        world.trace("no answer", person.key)


def crew(world: World) -> None:
    """The carrier, and some of the staff; not all of them may."""
    world.spawn(carrier(world))
    known = [person for person in PEOPLE if person.key != "rita"]
    for person in world.random.sample(known, world.random.randint(2, 5)):
        world.spawn(speaker(world, person, world.random.randint(1, 3)))
