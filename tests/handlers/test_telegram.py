"""Telegram's way in: every update stored once, worked off in order, and answered in words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from aiogram import Bot
from aiogram.exceptions import TelegramNetworkError
from aiogram.methods import GetUpdates
from aiogram.types import Update
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from handlers.jobs import Worker
from handlers.telegram import keep, webhook
from handlers.telegram.door import ALLOWED_UPDATES, poll
from storage.tables import customers, inbox, variants
from tests.desk import TestDesk
from tests.handlers.updates import Phone, token
from tests.notifications.line import hear

pytestmark = pytest.mark.asyncio
ADA, DAN, MARIA = 2002, 2001, 1001
GROUP = -100200


@pytest.fixture
def phone(shop: TestDesk, worker: Worker) -> Phone:
    """Phones of staff and customers."""
    return Phone(desk=shop, worker=worker)


# --- the door


@pytest.fixture
async def door_client(shop: TestDesk) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    app = web.Application()
    app.router.add_post("/telegram", webhook(shop.store, ["first-secret", "second-secret"]))
    async with TestClient(TestServer(app, host="127.0.0.1")) as client:
        yield client


@pytest.mark.parametrize("secret", [None, "", "wrong", "first-secre", "première"])
async def test_without_the_secret_nothing_is_stored(
    door_client: TestClient[web.Request, web.Application], shop: TestDesk, secret: str | None
) -> None:
    headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
    answer = await door_client.post("/telegram", json={"update_id": 1}, headers=headers)
    assert answer.status == 401
    assert shop.query(sa.select(inbox)) == []


@pytest.mark.parametrize("secret", ["first-secret", "second-secret"])
async def test_an_update_is_stored_before_it_is_answered_and_once(
    door_client: TestClient[web.Request, web.Application], shop: TestDesk, phone: Phone, secret: str
) -> None:
    update = phone.message(MARIA, "hello")
    for _ in range(3):
        answer = await door_client.post("/telegram", json=update, headers={"X-Telegram-Bot-Api-Secret-Token": secret})
        assert answer.status == 200
    (row,) = shop.query(sa.select(inbox))
    assert json.loads(row.body) == update
    assert [job.lane for job in shop.outbox_rows("learn")] == [f"telegram-in:{MARIA}"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[]", b"null", b"7", b"{}", b'{"update_id": "1"}', b'{"update_id": null, "message": {}}',
     b'{"update_id": 1, "message": 7}', b'{"update_id": 1, "message": {"chat": {}}}', b'{"update_id": true}', b"[" * 100_000,
     b'{"update_id": 1, "message": {"chat": {"id": 1e999}}}', b'{"update_id": ' + b"9" * 400 + b"}"],
    ids=range(15),
)
async def test_what_is_no_update_is_kept_with_its_reason_and_never_breaks(
    door_client: TestClient[web.Request, web.Application], shop: TestDesk, worker: Worker, body: bytes
) -> None:
    headers = {"X-Telegram-Bot-Api-Secret-Token": "first-secret", "Content-Type": "application/json"}
    for _ in range(2):
        assert (await door_client.post("/telegram", data=body, headers=headers)).status == 200
    while await worker.step():
        pass
    (row,) = shop.query(sa.select(inbox))
    assert row.body == body
    assert row.error
    assert [job.state for job in shop.outbox_rows("learn")] == ["done"]


async def test_a_chats_updates_share_a_lane_whatever_they_are(shop: TestDesk) -> None:
    chat = {"id": 5, "type": "private"}
    for number, part in enumerate(
        ({"message": {"chat": chat}}, {"my_chat_member": {"chat": chat}}, {"callback_query": {"from": {"id": 5}, "message": {"chat": chat}}},
         {"callback_query": {"from": {"id": 5}}}, {"poll": {}})
    ):
        await keep(shop.store, json.dumps({"update_id": number, **part}).encode())
    assert [job.lane for job in shop.outbox_rows("learn")] == ["telegram-in:5"] * 4 + ["telegram-in:4"]


class _Bot:
    """Gives updates as getUpdates does, then ends the loop."""

    def __init__(self, *answers: list[dict[str, object]] | Exception) -> None:
        self.answers, self.asked = list(answers), list[dict[str, object]]()

    async def get_updates(self, **asked: object) -> list[Update]:
        self.asked.append(asked)
        if not self.answers:
            raise KeyboardInterrupt
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [Update.model_validate(one) for one in answer]


async def test_polling_moves_on_only_after_storing_and_outlives_a_broken_line(shop: TestDesk, phone: Phone) -> None:
    first, second = phone.message(MARIA, "hello"), phone.message(MARIA, "again")
    broken = TelegramNetworkError(method=GetUpdates(), message="gone")
    bot, slept = _Bot([first], broken, [second]), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    as_bot: Bot = bot  # type: ignore[assignment]  # the one method that polling uses
    with pytest.raises(KeyboardInterrupt):
        await poll(as_bot, shop.store, sleep)
    assert [asked["offset"] for asked in bot.asked] == [None, first["update_id"] + 1, first["update_id"] + 1, second["update_id"] + 1]
    assert all(asked["allowed_updates"] == list(ALLOWED_UPDATES) for asked in bot.asked)
    assert slept == [3]
    assert [json.loads(row.body)["message"]["text"] for row in shop.query(sa.select(inbox).order_by(inbox.c.id))] == ["hello", "again"]


# --- staff


async def test_staff_type_commands_and_are_answered_in_the_same_chat(phone: Phone) -> None:
    (letter,) = await phone.say(ADA, "/stock MUG")
    assert (letter["message"], letter["address"]) == ("stock_report", str(ADA))
    (letter,) = await phone.say(ADA, "/help")
    assert letter["message"] == "help"
    (letter,) = await phone.say(ADA, "/STOCK@Opsbell_Bot low")
    assert letter["message"] == "low_stock_list"
    (letter,) = await phone.say(ADA, "/quiet")
    assert letter["message"] == "my_quiet_hours"


async def test_the_greeting_tells_staff_what_else_they_can_ask(phone: Phone) -> None:
    (letter,) = await phone.say(ADA, "hello")
    assert (letter["message"], letter["fields"]["staff"]) == ("greeting", True)
    (letter,) = await phone.say(MARIA, "hello")
    assert (letter["message"], letter["fields"]["staff"]) == ("greeting", False)


async def test_a_group_hears_answers_to_commands_and_to_nothing_else(phone: Phone) -> None:
    hear(phone.desk, "stock", "telegram", str(GROUP))
    (letter,) = await phone.say(ADA, "/stock MUG", group=GROUP)
    assert letter["address"] == str(GROUP)
    assert letter["message"] != "refused"
    assert await phone.say(ADA, "good morning", group=GROUP) == []
    assert await phone.say(ADA, "/stock@another_bot MUG", group=GROUP) == []
    assert await phone.say(MARIA, "/stock MUG", group=GROUP) == []


async def test_a_group_that_the_shop_file_does_not_name_hears_its_number_and_nothing_of_the_shop(phone: Phone) -> None:
    hear(phone.desk, "stock", "telegram", str(GROUP - 1))
    for command in ("/stock MUG", "/returns", "/ops help"):
        (letter,) = await phone.say(ADA, command, group=GROUP)
        assert (letter["address"], letter["message"]) == (str(GROUP), "refused")
        assert "no chat of" in letter["fields"]["sentence"]
        assert str(GROUP) in letter["fields"]["sentence"]


async def test_bots_are_not_answered(phone: Phone) -> None:
    assert await phone.say(MARIA, "hello", sender={"is_bot": True}) == []


async def test_a_customer_cannot_use_staff_commands(phone: Phone) -> None:
    (letter,) = await phone.say(MARIA, "/stock MUG")
    assert letter["message"] == "stock_is_there", "it is read as a customer's wish"


async def test_a_slip_in_a_command_is_answered_with_what_was_meant(phone: Phone) -> None:
    (letter,) = await phone.say(ADA, "/ops stokc low")
    assert letter["message"] == "refused"
    assert "Did you mean /ops stock low" in letter["fields"]["sentence"]


async def test_a_missing_word_is_asked_for_and_the_next_message_answers(phone: Phone) -> None:
    (question,) = await phone.say(ADA, "/stock why")
    assert question["message"] == "form_question"
    assert question["fields"]["field"]["label"] == "SKU"
    (refused,) = await phone.say(ADA, "   ")
    assert refused["fields"]["sentence"] == "SKU is missing."
    (answer,) = await phone.say(ADA, "MUG")
    assert answer["message"] == "stock_why"
    (letter,) = await phone.say(ADA, "MUG")
    assert letter["message"] != "stock_why", "the question is over"


async def test_a_question_can_be_left(phone: Phone) -> None:
    (question,) = await phone.say(ADA, "/stock why")
    (stopped,) = await phone.press(ADA, token(question, "Cancel"))
    assert stopped["fields"]["sentence"] == "Stopped. Nothing was changed."
    (letter,) = await phone.say(ADA, "MUG")
    assert letter["message"] == "greeting"


async def test_a_button_that_needs_a_form_asks_in_the_chat(phone: Phone, shop: TestDesk) -> None:
    (report,) = await phone.say(ADA, "/stock MUG")
    (question,) = await phone.press(ADA, token(report, "Change reorder point"))
    assert question["fields"]["title"] == "Reorder point"
    (refused,) = await phone.say(ADA, "many")
    assert refused["message"] == "refused"
    assert shop.query(sa.select(variants.c.reorder_point)) == [(None,)]
    (again,) = await phone.press(ADA, token(report, "Change reorder point"))
    (done,) = await phone.say(ADA, "40")
    assert done["message"] == "reorder_point_changed"
    assert shop.query(sa.select(variants.c.reorder_point)) == [(40,)]
    (question,) = await phone.press(ADA, token(report, "Change reorder point"))
    (done,) = await phone.press(ADA, token(question, "Take it as it is"))
    assert done["message"] == "reorder_point_changed"
    (question,) = await phone.press(ADA, token(report, "Change reorder point"))
    await phone.press(ADA, token(question, "Leave empty"))
    assert shop.query(sa.select(variants.c.reorder_point)) == [(None,)]
    assert phone.answers()[-1] is None
    await phone.press(ADA, token(again, "Leave empty"))
    assert phone.answers()[-1] == "That question is over."


# --- buttons


async def test_a_button_of_somebody_else_is_refused_in_an_alert(phone: Phone) -> None:
    (report,) = await phone.say(ADA, "/stock MUG")
    assert await phone.press(DAN, token(report, "Change reorder point")) == []
    assert phone.answers() == ["This button is for somebody else."]


@pytest.mark.parametrize("data", ["", "x", "p:", "p:never-made", "q:abc"])
async def test_unknown_buttons_are_answered(phone: Phone, data: str) -> None:
    assert await phone.press(ADA, data) == []
    (said,) = phone.answers()
    assert said


async def test_ticking_an_item_edits_the_question_in_place(phone: Phone, shop: TestDesk) -> None:
    with shop.begin() as uow:
        known = uow.customers.upsert("C-1", name=None, email=None, phone=None)
        uow.customers.link_telegram(known.id, MARIA, language=None, phone="+4915100001001")
    (menu,) = await phone.say(MARIA, "/start")
    (orders,) = await phone.press(MARIA, token(menu, "Return"))
    (asked,) = await phone.press(MARIA, token(orders, "#1001"))
    (items,) = await phone.press(MARIA, token(asked, "It has arrived"), under=80)
    assert "message_id" not in items
    (ticked,) = await phone.press(MARIA, token(items, "☐"), under=81)
    assert ticked["message_id"] == "81", "the same message, edited"
    assert ticked["message"] == items["message"]


async def test_a_press_under_a_message_too_old_to_be_told_still_counts(phone: Phone) -> None:
    (report,) = await phone.say(ADA, "/stock MUG")
    (letter,) = await phone.press(ADA, token(report, "Why"), under=None)
    assert letter["message"] == "stock_why"


# --- customers


async def test_photos_contacts_and_links_reach_the_conversation(phone: Phone, shop: TestDesk) -> None:
    (letter,) = await phone.say(MARIA, "hello")
    assert letter["message"] == "greeting"
    sizes = [{"file_id": name, "file_unique_id": name, "width": w, "height": w} for name, w in (("s", 90), ("l", 900))]
    (letter,) = await phone.say(MARIA, photo=sizes, caption="broken")
    assert letter["message"] == "greeting"
    (menu,) = await phone.say(MARIA, "/start")
    (asked,) = await phone.press(MARIA, token(menu, "Return"))
    (contact,) = await phone.say(MARIA, "1001")
    assert (asked["message"], contact["message"]) == ("order_number_asked", "contact_asked")
    shared = {"phone_number": "+49 151 00001001", "first_name": "Maria", "user_id": MARIA}
    (letter,) = await phone.say(MARIA, contact=shared)
    assert letter["message"] in {"which_items", "not_arrived"}
    assert shop.query(sa.select(customers.c.telegram_user)) == [(MARIA,)]


async def test_who_blocks_the_bot_is_not_written_to_again(phone: Phone, shop: TestDesk) -> None:
    with shop.begin() as uow:
        known = uow.customers.upsert("C-1", name=None, email=None, phone=None)
        uow.customers.link_telegram(known.id, MARIA, language=None)
    person = {"id": MARIA, "is_bot": False, "first_name": "Maria"}
    bot = {"id": 7, "is_bot": True, "first_name": "Opsbell"}
    change = {
        "chat": {"id": MARIA, "type": "private"}, "from": person, "date": 1,
        "old_chat_member": {"user": bot, "status": "member"},
        "new_chat_member": {"user": bot, "status": "kicked", "until_date": 0},
    }
    await phone.hear({"update_id": 900, "my_chat_member": change})
    with shop.looking() as uow:
        found = uow.customers.by_telegram(MARIA)
    assert found is not None
    assert found.chat is None
    back = change | {"new_chat_member": {"user": bot, "status": "member"}}
    await phone.hear({"update_id": 901, "my_chat_member": back})


async def test_an_update_that_telegram_never_writes_is_kept_with_its_error(phone: Phone, shop: TestDesk) -> None:
    await phone.hear({"update_id": 950, "message": {"chat": {"id": 5}, "text": 7}})
    (row,) = shop.query(sa.select(inbox.c.error, inbox.c.worked_at))
    assert row.error
    assert row.worked_at is not None


async def test_an_update_without_a_person_does_nothing(phone: Phone) -> None:
    update = phone.message(MARIA, "hello")
    del update["message"]["from"]
    assert await phone.brings(update) == []
    assert await phone.brings({"update_id": 960}) == []


async def test_a_shop_that_cannot_be_told_is_said_nowhere_but_kept(phone: Phone, shop: TestDesk) -> None:
    from dataclasses import replace

    from storage import shop_file
    from tests.desk import shop_file_of

    with shop.store.engine.begin() as connection:
        shop_file.apply(connection, replace(shop_file_of("other"), staff=(), chats=()))
    await phone.hear(phone.message(4711, "hello"))
    (row,) = shop.query(sa.select(inbox.c.error))
    assert row.error is not None
    assert "which shop" in row.error
