"""Telegram's files, updates and the webhook: asked for by no letter, and yet within no wait and by no refused token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from aiogram import Bot

from bot.platforms import fetched, username
from domain.messages import Chat, Photo
from domain.returns.messages import ReturnCard
from handlers.telegram.door import poll
from notifications.direct import TOKEN_WAIT, Barred
from notifications.telegram.calls import ALL, direct
from notifications.telegram.carrier import TelegramCarrier
from sandbox.telegram.pictures import draw
from storage.tables import inbox, lanes
from tests.desk import TestDesk
from tests.notifications.anything import any_message
from tests.notifications.line import Line, line, low

MARIA = Chat(platform="telegram", address="1001")
TOKEN = {"kind": "error", "error": "Unauthorized"}


@dataclass
class Phone:
    """A line whose photos are fetched from Telegram."""

    line: Line
    bot: Bot
    photo: str

    @property
    def desk(self) -> TestDesk:
        return self.line.desk

    def asked(self, *methods: str) -> int:
        """How many calls of the desk Telegram got."""
        calls = [one for one in self.line.world.calls if one.platform == "telegram" and one.direction == "in"]
        return len([one for one in calls if not methods or one.name in methods])

    def lane(self) -> Any:
        [row] = self.desk.query(sa.select(lanes).where(lanes.c.key == ALL))
        return row

    def tell(self, number: int) -> None:
        with self.desk.begin() as uow:
            uow.outbox.tell(MARIA, low(f"SKU-{number}"), once=f"t{number}")

    async def hold(self, seconds: float, *, shut: bool = False) -> None:
        """As another process learned it."""
        await self.desk.store.write(lambda one: one.jobs.hold(ALL, until=one.now + timedelta(seconds=seconds), shut=shut))

    def shown(self) -> list[dict[str, Any]]:
        return [one for one in self.line.entries("slack") if one["channel"] == "C0RETURNS"]

    def pictures(self) -> int:
        return sum("slack_file" in str(one) for one in self.line.world.slack.messages.values())


@pytest_asyncio.fixture
async def phone(desk: TestDesk) -> AsyncIterator[Phone]:
    bots = list[Bot]()

    async def fetch(photo: Photo) -> bytes:
        return await fetched(bots[0], direct(desk.store), photo.file_id)

    async with line(desk, fetch=fetch) as made:
        carrier = made.delivery.carriers["say.telegram"]
        assert isinstance(carrier, TelegramCarrier)
        bots.append(carrier.bot)
        kept = made.world.telegram.files.keep_photo([draw("mug")[0]])
        with desk.begin() as uow:
            card = replace(any_message(ReturnCard, "R-1"), photo=kept.largest.file_id)  # type: ignore[type-var]
            uow.outbox.card("return:R-1", card, version=1)  # type: ignore[arg-type]
        yield Phone(made, carrier.bot, kept.largest.file_id)


@pytest.mark.parametrize(("method", "asks"), [("getFile", 1), ("file", 2)])
@pytest.mark.parametrize(("fault", "wait"), [({"kind": "ratelimit", "retry_after": 90}, 90), (TOKEN, 60)], ids=["429", "token"])
async def test_a_photo_comes_when_the_wait_is_over_and_the_words_do_not_wait(
    phone: Phone, method: str, asks: int, fault: dict[str, Any], wait: int
) -> None:
    await phone.line.fault("telegram", method, **fault)
    phone.tell(0)
    await phone.line.until_quiet(within=timedelta(seconds=2))
    assert (len(phone.shown()), phone.pictures()) == (1, 0)
    assert phone.lane().shut is (fault is TOKEN)
    phone.tell(1)
    asked = phone.asked()
    assert phone.asked("getFile", "file") == asks
    await phone.line.until_quiet(within=timedelta(seconds=wait - 8))
    assert phone.asked() == asked, "nothing at all, be it a letter"
    await phone.line.until_quiet()
    assert (len(phone.shown()), phone.pictures()) == (1, 1)
    assert set(phone.line.states()) == {"done"}
    assert {row.attempts for row in phone.desk.outbox_rows()} == {1}, "waiting is no attempt"
    assert not phone.lane().shut


async def test_a_hold_that_a_letter_learned_keeps_files_updates_and_names_back(phone: Phone) -> None:
    await phone.hold(40)
    for _ in range(3):
        with pytest.raises(Barred):
            await fetched(phone.bot, direct(phone.desk.store), phone.photo)
        assert await username(phone.bot, phone.desk.store) == ""
    assert phone.asked() == 0
    phone.desk.clock.move(seconds=41)
    assert await fetched(phone.bot, direct(phone.desk.store), phone.photo) == draw("mug")[0]


async def test_a_picture_that_nobody_has_is_no_limit(phone: Phone) -> None:
    await phone.hold(0, shut=True)
    with pytest.raises(LookupError):
        await fetched(phone.bot, direct(phone.desk.store), "AgACnobody")
    assert not phone.lane().shut, "it knows us"


@pytest.mark.parametrize("fault", [{"kind": "ratelimit", "retry_after": 45}, TOKEN], ids=["429", "token"])
async def test_polling_waits_as_long_as_telegram_says_and_letters_with_it(phone: Phone, fault: dict[str, Any]) -> None:
    """And the other way round: a poll is the trial of a shut lane where no letter waits."""
    slept, looks = list[float](), list[int]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        looks.append(phone.asked("getUpdates"))
        if len(slept) == 1:
            phone.tell(1)
            await phone.line.delivery.step()
            assert phone.asked("sendMessage", "getFile") == 0
        phone.desk.clock.move(seconds=seconds)

    await phone.line.fault("telegram", "getUpdates", **fault, times=2)
    polling = asyncio.create_task(poll(phone.bot, phone.desk.store, sleep))
    async with asyncio.timeout(60):
        while not phone.desk.query(sa.select(inbox.c.id)):  # Maria's and Jonas's first words wait there
            await asyncio.sleep(0.01)
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)
    wait = 45 if fault is not TOKEN else TOKEN_WAIT.total_seconds()
    assert [round(one) for one in slept] == [wait, wait]
    assert looks == [1, 2]
    first, trial = phone.line.calls("telegram", "getUpdates")[:2]
    assert (int(first.arguments["timeout"]), int(trial.arguments["timeout"])) == (25, 0), "a trial is over at once"
    assert not phone.lane().shut
    await phone.line.until_quiet()
    assert phone.asked("sendMessage", "sendPhoto") >= 1


async def test_of_many_that_ask_at_once_one_tries_a_refused_token(phone: Phone) -> None:
    await phone.line.fault("telegram", "*", **TOKEN, times=50)
    first = 0
    for minute in range(3):
        found = await asyncio.gather(
            *(username(phone.bot, phone.desk.store) for _ in range(6)), phone.line.delivery.step()
        )
        assert set(found[:6]) == {""}
        if phone.line.delivery._under_way:
            await asyncio.wait(set(phone.line.delivery._under_way))
        if minute:  # the first of all did not know
            assert phone.asked() == minute + first
        else:
            first = phone.asked()
            assert phone.lane().shut
        phone.desk.clock.move(seconds=TOKEN_WAIT.total_seconds() + 3)
