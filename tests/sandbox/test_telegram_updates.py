"""How updates reach a bot, pulled or pushed, and what people do and see through the control API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from tests.sandbox.telegram_stand import MARIA, TOKEN, Hook, Stand, hook, stand
from tests.waiting import LONG, until

ALREADY_ACTIVE = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
OTHER_POLLER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"


@pytest.fixture
async def telegram() -> AsyncIterator[Stand]:
    async with stand() as made:
        yield made


@pytest.fixture
async def pushed(telegram: Stand) -> AsyncIterator[Hook]:
    async with hook() as made:
        await telegram.result("setWebhook", url=made.url, secret_token="Secret_1")
        yield made


async def test_an_offset_confirms_all_updates_before_it(telegram: Stand) -> None:
    for text in ("one", "two", "three"):
        await telegram.act("send", text=text)
    found = await telegram.result("getUpdates", limit=2)
    assert [one["message"]["text"] for one in found] == ["one", "two"]
    assert found[1]["update_id"] == found[0]["update_id"] + 1
    assert await telegram.result("getUpdates", limit=2) == found
    rest = await telegram.result("getUpdates", offset=found[1]["update_id"] + 1)
    assert [one["message"]["text"] for one in rest] == ["three"]
    assert await telegram.result("getUpdates", offset=-1) == rest
    assert await telegram.result("getUpdates", offset=rest[0]["update_id"] + 1) == []


async def test_a_long_poll_waits_for_the_first_update(telegram: Stand) -> None:
    poll = asyncio.create_task(telegram.result("getUpdates", timeout=50))
    await until(lambda: telegram.world.telegram.updates._poller)
    await asyncio.sleep(0.1)
    assert not poll.done()
    await telegram.act("send", text="hello")
    assert [one["message"]["text"] for one in await asyncio.wait_for(poll, LONG)] == ["hello"]


async def test_a_second_poller_ends_the_first(telegram: Stand) -> None:
    first = asyncio.create_task(telegram.call("getUpdates", timeout=50))
    await until(lambda: telegram.world.telegram.updates._poller)
    second = asyncio.create_task(telegram.call("getUpdates", timeout=50))
    assert await asyncio.wait_for(first, LONG) == {"ok": False, "error_code": 409, "description": OTHER_POLLER}
    await telegram.act("send", text="hello")
    assert (await asyncio.wait_for(second, LONG))["result"][0]["message"]["text"] == "hello"


async def test_polling_and_a_webhook_exclude_each_other(telegram: Stand) -> None:
    assert (await telegram.call("setWebhook", url="https://shop.example/hook"))["description"] == "Webhook was set"
    assert (await telegram.call("setWebhook", url="https://shop.example/hook"))["description"] == "Webhook is already set"
    assert await telegram.call("getUpdates") == {"ok": False, "error_code": 409, "description": ALREADY_ACTIVE}
    assert (await telegram.call("deleteWebhook"))["description"] == "Webhook was deleted"
    assert (await telegram.call("deleteWebhook"))["description"] == "Webhook is already deleted"
    assert await telegram.result("getUpdates") == []


async def test_updates_not_wanted_are_not_kept(telegram: Stand) -> None:
    await telegram.result("getUpdates", allowed_updates=["callback_query"])
    await telegram.act("send", text="x")
    assert await telegram.result("getUpdates") == []
    await telegram.result("getUpdates", allowed_updates=[])
    await telegram.act("send", text="y")
    assert len(await telegram.result("getUpdates")) == 1


async def test_updates_are_kept_for_a_day(telegram: Stand) -> None:
    await telegram.act("send", text="x")
    telegram.world.clock.advance(24 * 3600 + 1)
    assert await telegram.result("getUpdates") == []


async def test_dates_are_sandbox_time(telegram: Stand) -> None:
    telegram.world.clock.advance(86_400)
    sent = await telegram.result("sendMessage", chat_id=MARIA, text="x")
    assert abs(sent["date"] - telegram.world.clock.now().timestamp()) < 5


async def test_a_webhook_gets_every_update_with_its_secret(telegram: Stand, pushed: Hook) -> None:
    await telegram.act("send", text="one")
    await telegram.act("send", text="two")
    await pushed.wait_for(2)
    assert [one["message"]["text"] for one in pushed.came] == ["one", "two"]
    assert pushed.secrets == ["Secret_1", "Secret_1"]
    await until(lambda: not telegram.world.telegram.updates.pending)
    assert (await telegram.result("getWebhookInfo"))["pending_update_count"] == 0


async def test_a_refused_update_comes_again_before_the_next_of_its_chat(telegram: Stand, pushed: Hook) -> None:
    pushed.statuses = [500, 302]
    await telegram.act("send", "maria", text="one")
    await telegram.act("send", "maria", text="two")
    await telegram.act("send", "jonas", text="other")
    await pushed.wait_for(5)
    of_maria = [one["message"]["text"] for one in pushed.came if one["message"]["chat"]["id"] == MARIA]
    assert of_maria in (["one", "one", "one", "two"], ["one", "one", "two"])
    assert len({one["update_id"] for one in pushed.came}) == 3
    info = await telegram.result("getWebhookInfo")
    assert info["last_error_message"] in ("Wrong response from the webhook: 500", "Wrong response from the webhook: 302")


async def test_a_chats_updates_are_pushed_one_at_a_time(telegram: Stand, pushed: Hook) -> None:
    pushed.pause = 0.1
    for user in ("maria", "jonas"):
        for text in ("one", "two"):
            await telegram.act("send", user, text=text)
    await pushed.wait_for(4)
    assert pushed.most_open == 1


async def test_a_lost_answer_makes_the_same_update_come_twice(telegram: Stand, pushed: Hook) -> None:
    fault = {"telegram": {"method": "webhook", "kind": "reset_after"}}
    async with telegram.http.post(f"{telegram.world.address}/control/faults", json=fault) as answer:
        assert answer.status == 200
    await telegram.act("send", text="one")
    await pushed.wait_for(2)
    assert pushed.came[0] == pushed.came[1]


async def test_setting_the_webhook_again_tries_refused_updates_at_once(
    telegram: Stand, pushed: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.telegram.updates.FIRST_RETRY", 3600.0)
    pushed.statuses = [500]
    await telegram.act("send", text="one")
    await until(lambda: telegram.world.telegram.updates.webhook.last_error)  # type: ignore[union-attr]
    assert (await telegram.call("setWebhook", url=pushed.url, secret_token="Secret_1"))["description"] == "Webhook is already set"
    await pushed.wait_for(2)
    await telegram.result("setWebhook", url=pushed.url, secret_token="Secret_2")
    await telegram.act("send", text="two")
    await pushed.wait_for(3)
    assert pushed.secrets[-1] == "Secret_2"


async def test_a_webhooks_answer_may_be_a_call(telegram: Stand, pushed: Hook) -> None:
    pushed.answer = {"method": "sendMessage", "chat_id": MARIA, "text": "at once"}
    seen = await telegram.act("send", text="one", wait=LONG)
    assert [one["text"] for one in seen["saw"]] == ["at once"]


async def test_reset_forgets_chats_but_not_the_webhook(telegram: Stand, pushed: Hook) -> None:
    async with telegram.http.post(f"{telegram.world.address}/control/reset", json={}) as answer:
        assert answer.status == 200
    assert (await telegram.call("sendMessage", chat_id=MARIA, text="x"))["error_code"] == 403
    answered = await telegram.act("send", start="R-318")
    assert answered["message_id"] == 1
    await pushed.wait_for(1)
    assert pushed.came[0]["message"]["text"] == "/start R-318"
    assert pushed.came[0]["message"]["entities"] == [{"type": "bot_command", "offset": 0, "length": 6}]


# -- what a person does and sees, with a real aiogram bot behind it


@pytest.fixture
async def shop_bot(telegram: Stand) -> AsyncIterator[Bot]:
    """An aiogram bot that answers a text with two buttons, and a press with an edit."""
    bot = Bot(TOKEN, session=AiohttpSession(api=TelegramAPIServer.from_base(f"{telegram.world.address}/telegram")))
    dispatcher = Dispatcher()

    async def on_text(message: Message) -> None:
        if message.text == "quiet":
            return
        buttons = [InlineKeyboardButton(text=label, callback_data=label) for label in ("Keep", "Toast", "Alert", "Edit")]
        await message.answer(f"You said {message.text}", reply_markup=InlineKeyboardMarkup(inline_keyboard=[buttons]))

    async def on_press(query: CallbackQuery) -> None:
        words = query.data if query.data in ("Toast", "Alert") else None
        await query.answer(words, show_alert=query.data == "Alert")
        if query.data == "Edit" and isinstance(query.message, Message):
            await asyncio.sleep(0.3)
            await query.message.edit_text("Edited")

    dispatcher.message.register(on_text)
    dispatcher.callback_query.register(on_press)
    polling = asyncio.create_task(dispatcher.start_polling(bot, polling_timeout=1, handle_signals=False, close_bot_session=False))
    yield bot
    await dispatcher.stop_polling()
    await polling
    await bot.session.close()


async def test_what_a_person_does_tells_what_the_person_then_saw(
    telegram: Stand, shop_bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.telegram.control.AFTER_EMPTY_ANSWER", LONG)
    said = await telegram.act("send", text="hello", wait=LONG)
    assert [(one["text"], one["from"]) for one in said["saw"]] == [("You said hello", "bot")]
    assert [button["label"] for button in said["saw"][0]["buttons"]] == ["Keep", "Toast", "Alert", "Edit"]
    toast = await telegram.act("press", label="Toast", wait=LONG)
    assert [(one["kind"], one["text"], one["alert"]) for one in toast["saw"]] == [("callback_answer", "Toast", False)]
    alert = await telegram.act("press", label="Alert", message_id=said["saw"][0]["message_id"], wait=LONG)
    assert alert["saw"][0]["alert"] is True
    edited = await telegram.act("press", label="Edit", wait=LONG)
    assert [one["text"] for one in edited["saw"]] == ["Edited"]
    assert edited["saw"][0]["buttons"] == []


async def test_an_action_nobody_answers_says_so(telegram: Stand, shop_bot: Bot) -> None:
    silent = await telegram.act("send", text="quiet", wait=5)
    assert (silent["ok"], silent["saw"]) == (True, [])
    assert silent["note"].startswith("The bot answered nothing")
    await telegram.act("send", text="hello", wait=LONG)
    kept = await telegram.act("press", label="Keep", wait=LONG)
    assert (kept["saw"], kept["answered"], kept["note"]) == ([], True, "The bot answered the press with nothing to see.")


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("send", {"user": "nobody", "text": "x"}, 404, "There is no Telegram user 'nobody'"),
    ("send", {"text": ""}, 400, "Say what to send"),
    ("send", {"text": "x" * 4097}, 400, "Telegram takes at most 4096 characters as text."),
    ("send", {"photo": "data:image/png;base64,aGVsbG8="}, 400, "Telegram would not take this photo"),
    ("send", {"photo": 5}, 400, "photo must be true, a name"),
    ("send", {"text": "x", "reply_to": 99}, 404, "There is no message 99"),
    ("send", {"edit": 99, "text": "x"}, 404, "maria wrote no message 99."),
    ("send", {"text": "x", "chat": "warehouse"}, 404, "maria is in no Telegram chat 'warehouse'."),
    ("send", {"text": "x", "wait": 99}, 400, "wait must be a number of seconds"),
    ("press", {"label": "Yes"}, 404, "There is no button 'Yes'; the newest are: none."),
    ("press", {"label": "Yes", "message_id": 99}, 404, "There is no message 99 of the bot"),
    ("fly", {}, 404, "There is no verb 'fly'"),
]


@pytest.mark.parametrize(("verb", "asked", "status", "words"), REFUSED)
async def test_what_a_person_cannot_do_is_told_in_a_sentence(telegram: Stand, verb: str, asked: dict[str, Any], status: int, words: str) -> None:
    answer = await telegram.act(verb, **asked)
    assert answer["status"] == status
    assert words in answer["error"]


async def test_a_link_button_opens_its_address_and_asks_nothing_of_the_bot(telegram: Stand) -> None:
    markup = {"inline_keyboard": [[{"text": "Track", "url": "https://carrier.example/1"}]]}
    await telegram.result("sendMessage", chat_id=MARIA, text="x", reply_markup=markup)
    assert (await telegram.act("press", label="Track"))["url"] == "https://carrier.example/1"
    assert await telegram.updates() == []


async def test_an_album_of_a_person_comes_as_one_group(telegram: Stand) -> None:
    await telegram.act("send", photos=["mug", "parcel"], caption="both broken")
    one, two = [update["message"] for update in await telegram.updates()]
    assert one["media_group_id"] == two["media_group_id"]
    assert (one["caption"], two.get("caption")) == ("both broken", None)


async def test_a_persons_edit_comes_as_edited_message(telegram: Stand) -> None:
    number = (await telegram.act("send", text="ordr 1001"))["message_id"]
    await telegram.act("send", edit=number, text="order 1001")
    edited = (await telegram.updates())[-1]["edited_message"]
    assert (edited["message_id"], edited["text"]) == (number, "order 1001")
    assert edited["edit_date"]


async def test_the_control_page_shows_the_bot_its_chats_and_its_photos(telegram: Stand) -> None:
    await telegram.act("send", photo="mug")
    photo = telegram.entries()[-1]["photo"]
    async with aiohttp.ClientSession() as http, http.get(photo) as answer:
        assert answer.headers["Content-Type"] == "image/png"
    async with telegram.http.get(f"{telegram.world.address}/control/telegram") as answer:
        shown = await answer.json()
    assert shown["bot"]["username"] == "nordlicht_shop_bot"
    assert {"chat_id": MARIA, "name": "maria", "type": "private", "started": True, "blocked": False, "action": None} in shown["chats"]


async def test_no_token_is_in_the_call_log(telegram: Stand) -> None:
    await telegram.call("sendMessage", chat_id=MARIA, text=f"my token is {TOKEN}")
    assert TOKEN not in str(telegram.world.calls)
