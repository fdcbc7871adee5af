"""The people: staff who press what stands in Slack, at once, twice, too late; the customer who talks in Telegram."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from handlers.run import Answer, Who
from tests.faults.simulator import parcel_people
from tests.faults.simulator.oracle import Press
from tests.faults.simulator.replica import Killed
from tests.faults.simulator.shop import MARIA, NORD, PEOPLE, SUED, Person, channel

if TYPE_CHECKING:
    from tests.faults.simulator.workspace import Post
    from tests.faults.simulator.world import World

_JOB = re.compile(r"(?P<shop>[^/]+)/card:return:(?P<number>R-\d+)@(?P<version>\d+)>")
_MONEY = re.compile(r"([\d.,]+)")
#: how often a button is pressed, by its first word
_WEIGHTS = {"Approve": 4, "In": 2}


def minor(label: str) -> int | None:
    """"Approve 38.00 EUR" -> 3800."""
    found = _MONEY.search(label)
    return None if found is None else round(float(found[1].replace(",", "")) * 100)


async def approver(world: World, person: Person, shop: str, presses: int) -> None:
    """Looks at the returns channel now and then, and presses something."""
    random, awaited = world.random, 2 if world.swarm.story in {"two_returns", "both_returns"} else 1
    for _ in range(100):
        cards = [post for post in world.slack.in_channel(channel(shop, "returns")) if _JOB.match(post.job)]
        if len(cards) >= awaited:
            break
        await world.sleep(0.5)  # everybody sees it at the same moment
    await world.sleep(0.0 if world.swarm.rush else random.choice((0.0, 0.001, random.uniform(0.5, 20.0))))
    for _ in range(presses):
        cards = [post for post in world.slack.in_channel(channel(shop, "returns")) if _JOB.match(post.job)]
        if cards:
            await _press(world, person, random.choice(cards))
        await world.sleep(random.choice((0.0, 1.0, random.uniform(0.5, 25.0))))


async def _press(world: World, person: Person, card: Post) -> None:
    random = world.random
    # What a person saw may be an older version than what stands there now.
    job, blocks = card.versions[-1] if random.random() < 0.7 else random.choice(card.versions)
    choices = [one for one in card.buttons_of(blocks) if not one[0].startswith("History")]
    if not choices:
        return
    choices = _main(choices) if world.swarm.rush else choices
    label, token = random.choices(choices, weights=[_WEIGHTS.get(one[0].split()[0], 1) for one in choices])[0]
    found = _JOB.match(job)
    assert found is not None
    what = next((word for word in ("approve", "decline", "in part") if label.lower().startswith(word)), "photo")
    amount = minor(label) if what == "approve" else None
    press = Press(
        who=person, shop=found["shop"], number=found["number"], version=int(found["version"]), what=what,
        amount=amount, at=world.now(),
    )
    seen = world.new_id()
    times = 2 if random.random() < 0.2 else 1
    for _ in range(times):  # the same signed bytes, caught and sent again
        await _send(world, person, press, token, seen, channel(found["shop"], "returns"))


def _main(choices: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What most would press."""
    return [one for one in choices if one[0].startswith(("Approve", "Decline"))] or choices


async def _send(world: World, person: Person, press: Press, token: str, seen: str, place: str) -> None:
    replica = world.any_replica()
    if replica is None:
        return
    who = Who(platform="slack", user=person.user, team=person.team, place=place)
    world.trace("presses", person.key, press.what, press.number, press.version)
    world.click.set(seen)
    if press.what == "approve":
        world.oracle.presses.append(press)
    try:
        answer = await replica.desk.pressed(who, token, seen=seen)
        if answer.form is not None:
            await _fill(world, who, press, token, answer)
    except Killed:
        world.trace("no answer", person.key)


async def _fill(world: World, who: Who, press: Press, token: str, answer: Answer) -> None:
    random = world.random
    assert answer.form is not None
    amount = random.choice((1000, 2000, 2600, 3000, 5000, 9000))
    typed = {"amount": f"{amount / 100:.2f}", "reason": "so it is"}
    values = {one.name: typed.get(one.name, "x") for one in answer.form.fields}
    await world.sleep(random.choice((0.0, random.uniform(1.0, 10.0))))
    replica = world.any_replica()
    if replica is None:
        return
    meant = replace(press, amount=amount if press.what == "in part" else None, at=world.now())
    world.oracle.presses.append(meant)
    answer = await replica.desk.submitted(who, token, values)
    world.trace("submitted", press.who.key, press.what, amount, answer.refused)


async def customer(world: World) -> None:
    """Talks to the bot until a return is sent, sometimes pressing twice, or an old button."""
    random = world.random
    await world.sleep(0.5)
    said = Talk(world)
    said.say("/start")
    presses = 0
    for _ in range(60):
        await world.sleep(random.uniform(0.4, 3.0))
        lines = world.telegram.of(MARIA)
        if not lines or lines[-1].number == said.answered:
            continue
        line = lines[-1] if random.random() < 0.9 else random.choice(lines)
        button = _choice(world, line.buttons)
        if button is None:
            continue
        said.answered, presses = lines[-1].number, presses + 1
        said.press(line.number, button)
        if random.random() < 0.15:
            said.press(line.number, button)
        if presses > 14:
            return


def _choice(world: World, buttons: list[tuple[str, str]]) -> str | None:
    """Forward, mostly."""
    words = ("return something", "#1042", "blue mug", "tea towel", "go on", "done", "next", "1", "2", "wrong item", "changed", "send")
    forward = [data for label, data in buttons if any(word in label.lower() for word in words)]
    rest = [data for label, data in buttons if "cancel" not in label.lower()]
    if forward and world.random.random() < 0.9:
        return world.random.choice(forward)
    return world.random.choice(rest) if rest else None


class Talk:
    """A phone."""

    def __init__(self, world: World) -> None:
        self.world, self.numbers, self.answered = world, 0, 0

    def _next(self) -> int:
        self.numbers += 1
        return self.numbers

    def say(self, text: str) -> None:
        """Type something."""
        number = self._next()
        self.world.mail.telegram({
            "update_id": number,
            "message": {"message_id": 1000 + number, "date": 1_790_000_000, "chat": _CHAT, "from": _MARIA, "text": text},
        })

    def press(self, under: int, data: str) -> None:
        """Press a button."""
        number = self._next()
        self.world.mail.telegram({
            "update_id": number,
            "callback_query": {
                "id": f"q{number}", "from": _MARIA, "chat_instance": "1", "data": data,
                "message": {"message_id": under, "date": 1_790_000_000, "chat": _CHAT},
            },
        })


_CHAT = {"id": MARIA, "type": "private"}
_MARIA = {"id": MARIA, "is_bot": False, "first_name": "Maria"}


async def warehouse(world: World) -> None:
    """Unpacks what comes back: mostly as announced."""
    random = world.random
    await world.sleep(random.uniform(1.0, 40.0))
    received = world.oracle.unpacked = random.choice((2, 2, 1))
    world.mail.shop("rr-1", {
        "type": "return.received", "shop": NORD, "at": world.now().isoformat(),
        "data": {
            "return": "R-318", "at": world.now().isoformat(),
            "lines": [{"sku": "BLU-MUG-300", "received": received, "damaged": 0}],
        },
    })


async def stock(world: World) -> None:
    """Pieces come and go."""
    random, on_hand = world.random, 0
    for number in range(random.randint(3, 6)):
        quantity = random.choice((8, 3, -2, -3, 30)) if number else random.choice((5, 12))
        kind = "opening" if not number else ("receipt" if quantity > 0 else "sale")
        if on_hand + quantity < 0:
            continue
        on_hand += quantity
        world.oracle.pieces = on_hand
        world.mail.shop(f"st-{number}", {
            "type": "stock.moved", "shop": NORD, "at": world.now().isoformat(),
            "data": {
                "sku": "BLU-MUG-300", "location": "main", "quantity": abs(quantity) if kind != "opening" else quantity,
                "kind": kind, "at": world.now().isoformat(),
            },
        })
        await world.sleep(random.choice((0.0, 1.0, random.uniform(1.0, 15.0))))


def crew(world: World) -> None:
    """Everybody a story needs."""
    random, story = world.random, world.swarm.story
    if story in {"stock", "digest"}:
        world.spawn(stock(world))
        return
    if story == "parcel":
        parcel_people.crew(world)
        return
    known = [person for person in PEOPLE if person.key != "rita"]
    able = [person for person in known if person.key in {"ada", "cleo", "ben"}]
    if random.random() < 0.25:  # nobody who may is quick enough to stand in the way of those who may not
        some = random.sample([person for person in PEOPLE if person not in able], random.randint(2, 4))
    else:
        some = random.sample(able, 3 if world.swarm.rush else random.randint(2, 3)) + random.sample(known, random.randint(0, 3))
    for person in some:
        world.spawn(approver(world, person, NORD, random.randint(2, 4)))
    if story == "two_shops":
        world.spawn(approver(world, next(one for one in PEOPLE if one.key == "rita"), SUED, 2))
        for person in random.sample(known, 2):
            world.spawn(approver(world, person, SUED, 1))
        world.spawn(approver(world, next(one for one in PEOPLE if one.key == "rita"), NORD, 1))
    if story == "receipt":
        world.spawn(warehouse(world))
    if story == "customer":
        world.spawn(customer(world))
    if story == "photo":
        world.spawn(customer_photo(world))


async def customer_photo(world: World) -> None:
    """Sends a photo whenever one is asked for."""
    said, asked = Talk(world), 0
    for _ in range(20):
        await world.sleep(world.random.uniform(1.0, 5.0))
        wanted = [line for line in world.telegram.of(MARIA) if "photo" in line.text.lower()]
        if len(wanted) > asked:
            asked = len(wanted)
            number = said._next()
            world.mail.telegram({
                "update_id": number,
                "message": {
                    "message_id": 1000 + number, "date": 1_790_000_000, "chat": _CHAT, "from": _MARIA,
                    "photo": [{"file_id": f"photo-{number}", "file_unique_id": f"u{number}", "width": 9, "height": 9}],
                },
            })
