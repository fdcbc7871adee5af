"""S10 in Telegram: a press on old buttons is refused with how it stands now, and the message loses them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from domain.returns import AskForPhoto, DeclineReturn
from handlers.jobs import Worker
from handlers.telegram import TelegramUpdates
from storage import shop_file
from storage.tables import cards, dialogues, jobs, returns
from tests.desk import shop_file_of
from tests.handlers.updates import Phone, token
from tests.notifications.line import GROUP, Line, hear, line
from tests.returns.world import World, world_on

ADA, DAN = 2002, 2001


@dataclass
class Group:
    """A return's card in a group of staff, before a real delivery and the sandbox's Telegram."""

    world: World
    line: Line
    phone: Phone

    async def card(self) -> tuple[int, dict[str, Any]]:
        """The card as it stands in the group: its message, and what its last job carried."""
        await self.line.until_quiet()
        [row] = self.world.desk.query(sa.select(cards).where(cards.c.platform == "telegram"))
        return int(row.message_id), self.letters("return_card")[-1]

    def letters(self, kind: str) -> list[dict[str, Any]]:
        rows = self.world.desk.outbox_rows("say.telegram")
        return [row.payload for row in rows if row.payload["message"] == kind and row.payload["address"] in (GROUP, str(ADA))]

    async def press(self, user: int, letter: dict[str, Any], label: str, under: int, *, group: bool = True) -> None:
        await self.phone.press(user, token(letter, label), under=under, group=int(GROUP) if group else None)
        await self.line.until_quiet()

    def shown(self, number: int, chat: str = GROUP) -> Any:
        return self.line.world.telegram.chats[int(chat)].messages[number]

    def labels(self, number: int, chat: str = GROUP) -> list[str]:
        markup = self.shown(number, chat).markup
        return [one["text"] for row in markup.rows for one in row] if markup else []

    def tokens(self, number: int) -> set[str]:
        return {one["callback_data"].removeprefix("p:") for row in self.shown(number).markup.rows for one in row}

    def last(self, chat: str = GROUP) -> int:
        return max(self.line.world.telegram.chats[int(chat)].messages)


@pytest.fixture
def world(migrated_file: Path, tmp_path: Path) -> Iterator[World]:
    path = tmp_path / "group.db"
    path.write_bytes(migrated_file.read_bytes())
    with world_on(f"sqlite:///{path}") as made:
        yield made


@pytest_asyncio.fixture
async def group(world: World) -> AsyncIterator[Group]:
    hear(world.desk, "returns", "telegram", GROUP)
    worker = Worker(engine=world.store, owner="w", sleep=asyncio.sleep, sources=(TelegramUpdates(),))
    async with line(world.desk) as made:
        world.request(world.order())
        yield Group(world, made, Phone(desk=world.desk, worker=worker))


async def test_the_refusal_comes_before_the_question_and_the_card_is_drawn_anew(group: Group) -> None:
    number, old = await group.card()
    message = group.shown(number)
    text, markup = message.text, message.markup
    group.world.run(AskForPhoto(return_number="R-318", version=1), "ben")
    await group.line.until_quiet()
    message.text, message.markup = text, markup  # whatever became of the edit: the old buttons stand there
    for _ in range(3):
        await group.press(ADA, old, "Approve", number)
    assert set(group.phone.answers()) == {
        "R-318 has changed since you looked: the customer was asked for a photo. Press the button of the new card."
    }
    assert "waits for a photo" in message.text.text
    assert not {one["token"] for one in old["buttons"]} & group.tokens(number)
    assert group.labels(number)[0] == "Approve €38.00"
    assert group.letters("are_you_sure") == []
    assert len([row for row in group.world.desk.outbox_rows("say.telegram") if "#" in row.key]) == 1


async def test_a_yes_to_a_question_that_is_over_takes_its_buttons_away(group: Group) -> None:
    number, old = await group.card()
    await group.press(ADA, old, "Approve", number)
    question, under = group.letters("are_you_sure")[-1], group.last()
    group.world.run(DeclineReturn(return_number="R-318", version=1, reason="no"), "cleo")
    await group.line.until_quiet()
    await group.press(ADA, question, "Refund", under)
    assert "Cleo declined this at 09:05." in str(group.phone.answers()[-1])
    assert "Cleo declined this at 09:05." in group.shown(under).text.text
    assert group.labels(under) == []
    assert group.labels(number) == ["History"]
    assert group.world.outbox("refund") == []


async def test_a_copy_in_somebodys_own_chat_becomes_the_case_as_it_stands(group: Group) -> None:
    await group.card()
    await group.phone.say(ADA, "/ops returns R-318")
    await group.line.until_quiet()
    copy, under = group.letters("return_card")[-1], group.last(str(ADA))
    assert copy["address"] == str(ADA)
    group.world.run(DeclineReturn(return_number="R-318", version=1, reason="no"), "cleo")
    await group.press(ADA, copy, "Ask for another photo", under, group=False)
    assert "Cleo declined this at 09:05." in str(group.phone.answers()[-1])
    assert group.labels(under, str(ADA)) == ["History"]
    assert group.last(str(ADA)) == under, "nothing new is said"


async def test_a_form_whose_case_is_over_takes_no_more_answers(group: Group) -> None:
    number, old = await group.card()
    await group.press(ADA, old, "Decline…", number)
    assert len(group.world.desk.query(sa.select(dialogues))) == 1
    group.world.run(AskForPhoto(return_number="R-318", version=1), "ben")
    await group.line.until_quiet()
    assert group.phone.answers() == ["I have asked you in our own chat."]
    assert [one["address"] for one in group.letters("form_question")] == [str(ADA)]
    await group.phone.say(ADA, "because")
    await group.line.until_quiet()
    assert "has changed since you looked" in group.shown(group.last(str(ADA)), str(ADA)).text.text
    assert group.world.desk.query(sa.select(dialogues)) == []
    assert "waits for a photo" in group.shown(number).text.text


async def test_who_is_staff_of_two_shops_answers_the_one_that_asked(group: Group) -> None:
    with group.world.store.engine.begin() as connection:
        shop_file.apply(connection, replace(shop_file_of("suedwind"), chats=()))
    _, old = await group.card()
    await group.press(ADA, old, "Decline…", group.last())
    await group.phone.say(ADA, "worn")
    await group.line.until_quiet()
    assert {one.state: one.decision_note for one in group.world.desk.query(sa.select(returns))} == {"declined": "worn"}
    await group.phone.say(ADA, "/returns")  # which shop's is not guessed
    await group.line.until_quiet()
    assert "can't tell which shop" in group.shown(group.last(str(ADA)), str(ADA)).text.text


async def test_who_may_not_decide_hears_only_that(group: Group) -> None:
    number, old = await group.card()
    group.world.run(DeclineReturn(return_number="R-318", version=1, reason="no"), "cleo")
    await group.line.until_quiet()
    before = group.shown(number).edit_date
    for user in (DAN, 1001):
        await group.press(user, old, "Approve", number)
    assert all("Cleo" not in str(one) for one in group.phone.answers())
    assert group.shown(number).edit_date == before


async def test_a_card_of_several_parts_is_drawn_anew_from_its_beginning(group: Group) -> None:
    number, old = await group.card()
    group.world.run(DeclineReturn(return_number="R-318", version=1, reason="no"), "cleo")
    await group.line.until_quiet()
    [row] = [one for one in group.world.desk.outbox_rows("say.telegram") if one.payload.get("version") == 2]
    whole = {**row.payload, "posted": str(number), "extras_done": 1}
    group.world.desk.execute(sa.update(jobs).where(jobs.c.id == row.id).values(payload=whole))
    before = len(group.line.calls("telegram", "editMessageText"))
    await group.press(ADA, old, "Ask for another photo", number)
    assert len(group.line.calls("telegram", "editMessageText")) == before + 1
