"""Letters to Telegram over real HTTP, whatever breaks on the way: once or marked, in the right chat, or raised."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from domain.answers import Noted
from domain.digest import Digest
from domain.inventory.cards import PurchaseOrderNote
from domain.messages import Chat
from domain.returns.messages import ReturnCard
from storage.tables import cards, chats, customers, jobs, lanes
from tests.desk import TestDesk, open_desk
from tests.notifications.anything import any_message
from tests.notifications.line import GROUP, Line, hear, line, low

MARIA = Chat(platform="telegram", address="1001")
JONAS = Chat(platform="telegram", address="1002")
SEND = "sendMessage"


@pytest.fixture
def small_desk(migrated_file: Path, tmp_path: Path) -> Iterator[TestDesk]:
    path = tmp_path / "line.db"
    path.write_bytes(migrated_file.read_bytes())
    with open_desk(f"sqlite:///{path}") as made:
        made.execute(sa.delete(chats).where(chats.c.topic == "stock"))
        hear(made, "stock", "telegram", GROUP)
        made.execute(sa.insert(customers).values(shop_id=made.shop.id, external_id="C-1", name="Maria Silva", telegram_user=1001))
        yield made


@pytest_asyncio.fixture
async def telegram(small_desk: TestDesk) -> AsyncIterator[Line]:
    async with line(small_desk) as made:
        yield made


def told(telegram: Line, chat: str = "1001") -> list[dict[str, Any]]:
    return [one for one in telegram.entries("telegram") if str(one["chat_id"]) == chat and one["from"] == "bot" and not one["service"]]


def tell(telegram: Line, words: str = "hello", *, chat: Chat = MARIA, once: str = "t1", **more: Any) -> None:
    with telegram.desk.begin() as uow:
        uow.outbox.tell(chat, any_message(Noted, words), once=once, **more)


async def test_a_letter_arrives(telegram: Line) -> None:
    tell(telegram)
    await telegram.until_quiet()
    assert (len(told(telegram)), telegram.states()) == (1, ["done"])


@pytest.mark.parametrize("fault", [{"kind": "reset_after"}, {"kind": "slow", "seconds": 300}])
async def test_what_must_arrive_is_said_again_after_an_unknown_outcome_and_marked(small_desk: TestDesk, fault: dict[str, Any]) -> None:
    async with line(small_desk, call_seconds=3.0) as telegram:  # long enough for every other call, on a slow machine too
        tell(telegram)
        await telegram.fault("telegram", SEND, **fault)
        await telegram.until_quiet()
        first, again = told(telegram)
        assert "(repeat)" not in first["text"]
        assert again["text"].startswith("(repeat)")


@pytest.mark.parametrize("fault", [{"kind": "reset_after"}, {"kind": "http_500", "status": 502}, {"kind": "reset_before"}])
async def test_what_must_not_repeat_is_given_up_after_an_unknown_outcome(telegram: Line, fault: dict[str, Any]) -> None:
    tell(telegram, repeat=False)
    await telegram.fault("telegram", SEND, **fault)
    await telegram.until_quiet()
    assert telegram.states() == ["dead"]
    assert [one.verdict for one in telegram.calls("telegram", SEND)].count("ok") == len(told(telegram)) <= 1
    assert "nobody knows" in telegram.desk.outbox_rows()[0].error


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_proxys_page_of_html_is_an_unknown_outcome(telegram: Line, status: int) -> None:
    tell(telegram)
    await telegram.fault("telegram", SEND, "http_500", status=status)
    await telegram.until_quiet(within=timedelta(seconds=1))
    assert telegram.desk.outbox_rows()[0].sending
    await telegram.until_quiet()
    assert [one["text"][:8] for one in told(telegram)] == ["(repeat)"]


async def test_telegram_out_of_reach_means_nothing_was_sent(telegram: Line) -> None:
    from aiogram.client.telegram import TelegramAPIServer

    tell(telegram, repeat=False)
    session = telegram.delivery.carriers["say.telegram"].bot.session  # type: ignore[attr-defined]
    right, session.api = session.api, TelegramAPIServer.from_base("http://127.0.0.1:9")
    await telegram.until_quiet(within=timedelta(seconds=1))
    [row] = telegram.desk.outbox_rows()
    assert (row.sending, row.error) == (False, "Telegram cannot be reached")
    session.api = right
    await telegram.until_quiet()
    assert [one["text"][:8] != "(repeat)" for one in told(telegram)] == [True]


async def test_retry_after_holds_that_chat_exactly_and_no_other(telegram: Line) -> None:
    tell(telegram)
    await telegram.fault("telegram", SEND, "ratelimit", retry_after=77)
    began = telegram.desk.clock.now()
    await telegram.until_quiet(within=timedelta(seconds=1))
    tell(telegram, chat=JONAS, once="t2")
    await telegram.until_quiet(within=timedelta(seconds=20))
    assert len(told(telegram, "1002")) == 1
    [held] = telegram.desk.query(sa.select(lanes).where(lanes.c.held_until.is_not(None)))
    assert held.key == "telegram:chat:1001"
    assert timedelta(seconds=77) <= held.held_until - began < timedelta(seconds=78)
    await telegram.until_quiet()
    [row, _] = telegram.desk.outbox_rows()
    assert timedelta() <= row.done_at - held.held_until < timedelta(seconds=2)


async def test_two_chats_limited_at_once_mean_the_whole_bot(telegram: Line) -> None:
    tell(telegram)
    tell(telegram, chat=JONAS, once="t2")
    await telegram.fault("telegram", SEND, "ratelimit", retry_after=60, times=2)
    await telegram.until_quiet(within=timedelta(seconds=5))
    held = {row.key for row in telegram.desk.query(sa.select(lanes).where(lanes.c.held_until.is_not(None)))}
    assert "telegram:all" in held
    telegram.card()
    await telegram.until_quiet(within=timedelta(seconds=20))
    assert len(telegram.calls("telegram", SEND)) == 2
    await telegram.until_quiet()
    assert len(told(telegram, GROUP)) == 1


async def test_words_that_telegram_cannot_parse_go_out_once_as_plain_text_and_are_counted(telegram: Line) -> None:
    tell(telegram, "words")
    await telegram.fault("telegram", SEND, "error", error="Bad Request: can't parse entities: Can't find end tag")
    await telegram.until_quiet()
    assert len(told(telegram)) == 1
    assert telegram.defects.counts == {("telegram", "noted"): 1}
    assert telegram.desk.outbox_rows()[0].outcome["plain"].startswith("Bad Request: can't parse")


async def test_plain_text_says_too_what_stands_above_the_buttons(telegram: Line) -> None:
    with telegram.desk.begin() as uow:
        uow.outbox.tell(MARIA, any_message(Digest, "x"), once="d")
    await telegram.fault("telegram", SEND, "error", error="Bad Request: can't parse entities: Can't find end tag")
    await telegram.until_quiet()
    assert "To do first:" in str(told(telegram)[0])


async def test_a_customer_who_blocked_us_is_marked_and_staff_hear_it_in_the_cases_thread(telegram: Line) -> None:
    with telegram.desk.begin() as uow:
        uow.outbox.card("return:R-1", any_message(ReturnCard, "R-1"), version=1)
    await telegram.until_quiet()
    telegram.world.telegram.chats[1001].blocked = True
    tell(telegram, about="return:R-1")
    await telegram.until_quiet()
    [customer] = telegram.desk.query(sa.select(customers))
    assert customer.unreachable_at is not None
    in_slack = telegram.entries("slack")
    assert "Maria S. did not get the last message" in str(in_slack[-1])
    assert in_slack[-1]["thread_ts"] == in_slack[0]["ts"]
    [dead] = [row for row in telegram.desk.outbox_rows() if row.state == "dead"]
    assert dead.raised_at is not None  # staff know: the auditor need not say it again


async def test_a_group_that_threw_us_out_sends_the_letter_to_the_owner(telegram: Line) -> None:
    telegram.world.telegram.chats[int(GROUP)].kicked = True
    async with telegram.http.post(f"{telegram.world.address}/control/telegram/send", json={"user": "ada", "start": True, "wait": 0}):
        pass
    telegram.card()
    await telegram.until_quiet()
    assert "dead" in telegram.states()
    instead = [row for row in telegram.desk.outbox_rows() if row.payload.get("instead_of")]
    assert [row.payload["address"] for row in instead] == ["2002"]


async def test_a_group_that_became_a_supergroup_gets_its_letters_under_the_new_id(telegram: Line) -> None:
    telegram.card(1)
    await telegram.until_quiet()
    telegram.world.telegram.migrate(telegram.world.telegram.chats[int(GROUP)])
    telegram.card(2)
    telegram.card(3)
    await telegram.until_quiet()
    assert telegram.states() == ["done"] * 3
    assert len(told(telegram, "-1001000004001")) == 2
    assert {row.address for row in telegram.desk.query(sa.select(cards.c.address))} == {"-1001000004001"}
    assert [row.address for row in telegram.desk.query(sa.select(chats.c.address).where(chats.c.topic == "stock"))] == ["-1001000004001"]


async def test_a_refused_token_stops_everything_and_loses_nothing(telegram: Line) -> None:
    tell(telegram, repeat=False)
    tell(telegram, chat=JONAS, once="t2")
    await telegram.fault("telegram", SEND, "error", error="Unauthorized", times=2)
    await telegram.until_quiet(within=timedelta(seconds=50))
    assert telegram.states() == ["open", "open"]
    await telegram.until_quiet()
    assert telegram.states() == ["done", "done"]


async def test_with_a_refused_token_one_letter_a_minute_asks_whatever_it_carries(telegram: Line) -> None:
    for method in (SEND, "answerCallbackQuery"):
        await telegram.fault("telegram", method, "error", error="Unauthorized", times=1000)
    tell(telegram)
    await telegram.until_quiet(within=timedelta(seconds=50))
    for number in range(8):
        tell(telegram, chat=JONAS if number % 2 else MARIA, once=f"more{number}")
    with telegram.desk.begin() as uow:
        uow.outbox.later("answer.telegram", {"callback": "1"}, once="answer", due_at=uow.now)
    before = len(telegram.world.calls)
    await telegram.until_quiet(within=timedelta(minutes=30))
    assert 25 <= len(telegram.world.calls) - before <= 31
    assert set(telegram.states()) == {"open"}
    telegram.world.faults.clear()
    await telegram.until_quiet(within=timedelta(minutes=10))
    assert set(telegram.states()) == {"done"}
    assert [one.verdict for one in telegram.calls("telegram", SEND)].count("ok") == 9


async def test_a_card_whose_picture_telegram_does_not_take_comes_in_words_that_say_so(telegram: Line) -> None:
    hear(telegram.desk, "returns", "telegram", GROUP)
    with telegram.desk.begin() as uow:
        uow.outbox.card("return:R-1", any_message(ReturnCard, "R-1"), version=1)
    await telegram.until_quiet()
    assert set(telegram.states()) == {"done"}
    [shown] = [one for one in telegram.entries("telegram") if "cannot be shown" in one["text"]]
    assert "R-1" in shown["text"]
    assert telegram.defects.counts["telegram", "return_card"] == 1


async def test_a_file_after_the_words_is_sent_once_though_its_limit_was_met(telegram: Line) -> None:
    with telegram.desk.begin() as uow:
        uow.outbox.tell(MARIA, any_message(PurchaseOrderNote, "words"), once="po")
    await telegram.fault("telegram", "sendDocument", "ratelimit", retry_after=5)
    await telegram.until_quiet()
    assert telegram.states() == ["done"]
    assert [one.verdict for one in telegram.calls("telegram", SEND)].count("ok") == 1
    assert [one.verdict for one in telegram.calls("telegram", "sendDocument")].count("ok") == 1


async def test_a_group_hears_twenty_a_minute_and_a_person_bursts_of_three(telegram: Line) -> None:
    for number in range(4):
        telegram.card(number)
    for number in range(5):
        tell(telegram, once=f"b{number}")
    await telegram.until_quiet()
    rows = telegram.desk.query(sa.select(jobs.c.lane, jobs.c.done_at).order_by(jobs.c.done_at))
    group = [row.done_at for row in rows if GROUP in row.lane]
    assert all(later - earlier >= timedelta(seconds=2.9) for earlier, later in pairwise(group))
    person = [row.done_at for row in rows if "1001" in row.lane]
    assert person[2] - person[0] < timedelta(seconds=1)
    assert person[4] - person[0] >= timedelta(seconds=1.9)


async def test_an_edit_in_doubt_is_simply_made_again(telegram: Line) -> None:
    telegram.card()
    await telegram.until_quiet()
    telegram.card(version=2, message=low("second"))
    await telegram.fault("telegram", "editMessageText", "reset_after")
    await telegram.until_quiet()
    assert telegram.states() == ["done", "done"]
    [seen] = told(telegram, GROUP)
    assert "(repeat)" not in seen["text"]


async def test_plain_text_that_repeats_is_marked_too(telegram: Line) -> None:
    tell(telegram)
    await telegram.fault("telegram", SEND, "reset_after")
    await telegram.until_quiet(within=timedelta(seconds=1))
    await telegram.fault("telegram", SEND, "error", error="Bad Request: can't parse entities: Can't find end tag")
    await telegram.until_quiet()
    assert [one["text"].startswith("(repeat)") for one in told(telegram)] == [False, True]
    assert "plain" in telegram.desk.outbox_rows()[0].outcome
