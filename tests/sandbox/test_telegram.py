"""The sandbox's Bot API: what it takes, what it refuses and in which words, and that aiogram can talk to it."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    KeyboardButton,
    LinkPreviewOptions,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    ReplyParameters,
    Update,
)
from PIL import Image

from sandbox.telegram.files import check_photo
from sandbox.telegram.pictures import draw, read_picture, write_png
from sandbox.telegram.state import GROUP, SUPERGROUP
from tests.sandbox.telegram_stand import MARIA, TOKEN, Stand, stand

PNG = draw("mug")[0]


def inline(*buttons: dict[str, Any]) -> dict[str, Any]:
    return {"inline_keyboard": [[button] for button in buttons]}


def aiogram_bot(here: Stand, token: str = TOKEN) -> Bot:
    return Bot(token, session=AiohttpSession(api=TelegramAPIServer.from_base(f"{here.world.address}/telegram")))


@pytest.fixture
async def telegram() -> AsyncIterator[Stand]:
    async with stand() as made:
        yield made


@pytest.fixture
async def bot(telegram: Stand) -> AsyncIterator[Bot]:
    made = aiogram_bot(telegram)
    yield made
    await made.session.close()


#: method, arguments, the words after "Bad Request: "
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("sendMessage", {"text": "x"}, "chat_id is empty"),
    ("sendMessage", {"chat_id": 999, "text": "x"}, "chat not found"),
    ("sendMessage", {"chat_id": "@nobody", "text": "x"}, "chat not found"),
    ("sendMessage", {"chat_id": MARIA}, "message text is empty"),
    ("sendMessage", {"chat_id": MARIA, "text": ""}, "message text is empty"),
    ("sendMessage", {"chat_id": MARIA, "text": " \n "}, "text must be non-empty"),
    ("sendMessage", {"chat_id": MARIA, "text": "<b></b>", "parse_mode": "HTML"}, "text must be non-empty"),
    ("sendMessage", {"chat_id": MARIA, "text": "x" * 4097}, "message is too long"),
    ("sendMessage", {"chat_id": MARIA, "text": "😀" * 2049}, "message is too long"),
    ("sendMessage", {"chat_id": MARIA, "text": "x", "parse_mode": "BBCode"}, "unsupported parse_mode"),
    ("sendMessage", {"chat_id": MARIA, "text": "<b>x", "parse_mode": "HTML"},
     'can\'t parse entities: Can\'t find end tag corresponding to start tag "b"'),
    ("sendMessage", {"chat_id": MARIA, "text": "<p>", "parse_mode": "html"},
     'can\'t parse entities: Unsupported start tag "p" at byte offset 0'),
    ("sendMessage", {"chat_id": MARIA, "text": "x", "reply_parameters": {"message_id": 77}}, "message to be replied not found"),
    ("sendMessage", {"chat_id": MARIA, "text": "x", "message_thread_id": 3}, "message thread not found"),
    ("sendMessage", {"chat_id": MARIA, "text": "x", "reply_markup": "{"}, "can't parse reply keyboard markup JSON object"),
    ("sendMessage", {"chat_id": MARIA, "text": "x", "reply_markup": []}, "object expected as reply markup"),
    ("sendMessage", {"chat_id": MARIA, "text": "x", "reply_markup": {"inline_keyboard": [{"text": "a"}]}},
     'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays'),
    ("sendMessage", {"chat_id": MARIA, "text": "x", "reply_markup": inline({"text": "a"})},
     "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"),
    ("sendMessage", {"chat_id": MARIA, "text": "x", "reply_markup": inline({"callback_data": "a"})},
     'can\'t parse inline keyboard button: Can\'t find field "text"'),
    ("sendMessage", {"chat_id": MARIA, "text": "x", "reply_markup": inline({"text": "a", "callback_data": ""})},
     "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"),
    ("sendMessage", {"chat_id": MARIA, "text": "x", "reply_markup": inline({"text": "a", "callback_data": "é" * 33})},
     "BUTTON_DATA_INVALID"),
    ("sendMessage", {"chat_id": MARIA, "text": "x", "reply_markup": inline({"text": "a", "url": "http://localhost:1/x"})},
     "inline keyboard button URL 'http://localhost:1/x' is invalid: Wrong HTTP URL"),
    ("sendMessage", {"chat_id": GROUP, "text": "x", "reply_markup": {"keyboard": [[{"text": "a", "request_contact": True}]]}},
     "phone number can be requested in private chats only"),
    ("sendMessage", {"chat_id": MARIA, "text": "x", "reply_markup": {"keyboard": [["a"]], "resize_keyboard": "yes"}},
     'field "resize_keyboard" of the ReplyKeyboardMarkup must be of the type Boolean'),
    ("sendMessage", {"chat_id": MARIA, "text": "x", "entities": [{"type": "bold", "offset": 0}]},
     'can\'t parse MessageEntity: Can\'t find field "length"'),
    ("sendMediaGroup", {"chat_id": MARIA, "media": [{"type": "photo", "media": "attach://a"}] * 2}, "can't parse InputMedia: media not found"),
    ("sendMediaGroup", {"chat_id": MARIA, "media": [{"type": "video", "media": "x"}] * 2}, 'can\'t parse InputMedia: type "video" is unsupported'),
    ("sendPhoto", {"chat_id": MARIA}, "there is no photo in the request"),
    ("sendPhoto", {"chat_id": MARIA, "photo": "attach://nothing"}, "there is no photo in the request"),
    ("sendPhoto", {"chat_id": MARIA, "photo": "https://a.example/x.png"}, "failed to get HTTP URL content"),
    ("sendPhoto", {"chat_id": MARIA, "photo": "abc"}, "wrong file identifier/HTTP URL specified"),
    ("sendDocument", {"chat_id": MARIA}, "there is no document in the request"),
    ("sendMediaGroup", {"chat_id": MARIA}, 'parameter "media" is required'),
    ("sendMediaGroup", {"chat_id": MARIA, "media": "["}, "can't parse media JSON object"),
    ("sendMediaGroup", {"chat_id": MARIA, "media": [{}]}, "an album must include 2-10 items"),
    ("sendMediaGroup", {"chat_id": MARIA, "media": [{}] * 11}, "too many messages to send as an album"),
    ("sendChatAction", {"chat_id": MARIA, "action": "sing"}, "wrong parameter action in request"),
    ("editMessageText", {"text": "x"}, "message identifier is not specified"),
    ("editMessageText", {"chat_id": MARIA, "message_id": 99, "text": "x"}, "message to edit not found"),
    ("editMessageText", {"chat_id": MARIA, "message_id": 1, "text": "x"}, "message can't be edited"),
    ("editMessageText", {"chat_id": MARIA, "message_id": 1, "text": "x", "reply_markup": {"remove_keyboard": True}},
     "inline keyboard expected"),
    ("editMessageCaption", {"chat_id": MARIA, "message_id": 99}, "message to edit not found"),
    ("deleteMessage", {"message_id": 1}, "chat identifier is not specified"),
    ("deleteMessage", {"chat_id": MARIA}, "message identifier is not specified"),
    ("deleteMessage", {"chat_id": MARIA, "message_id": 99}, "message to delete not found"),
    ("answerCallbackQuery", {"callback_query_id": "1"},
     "query is too old and response timeout expired or query ID is invalid"),
    ("answerCallbackQuery", {"callback_query_id": "1", "text": "x" * 201}, "MESSAGE_TOO_LONG"),
    ("getFile", {"file_id": "x"}, "wrong file_id or the file is temporarily unavailable"),
    ("getChat", {"chat_id": 5}, "chat not found"),
    ("getChat", {"chat_id": 1003}, "chat not found"),
    ("getChatMember", {"chat_id": GROUP, "user_id": 5}, "user not found"),
    ("setMyCommands", {"commands": [{"command": "Start", "description": "x"}]}, "BOT_COMMAND_INVALID"),
    ("setMyCommands", {"commands": [{"command": "start", "description": ""}]}, "BOT_COMMAND_DESCRIPTION_INVALID"),
    ("setMyCommands", {"commands": [{"command": "start"}]}, 'can\'t parse BotCommand: Can\'t find field "description"'),
    ("setWebhook", {"url": "http://a.example/x"}, "bad webhook: An HTTPS URL must be provided for webhook"),
    ("setWebhook", {"url": "https://a.example:8080/x"},
     "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443"),
    ("setWebhook", {"url": "ftp://a.example"}, "bad webhook: invalid webhook URL specified"),
    ("setWebhook", {"url": "https://a.example", "secret_token": "a b"}, "secret token contains unallowed characters"),
    ("setWebhook", {"url": "https://a.example", "secret_token": "a" * 257}, "secret token is too long"),
]


@pytest.mark.parametrize(("method", "arguments", "words"), REFUSED)
async def test_what_telegram_refuses_is_refused_in_its_words(
    telegram: Stand, method: str, arguments: dict[str, Any], words: str
) -> None:
    before = len(telegram.entries())
    answer = await telegram.call(method, **arguments)
    assert answer == {"ok": False, "error_code": 400, "description": f"Bad Request: {words}"}
    assert len(telegram.entries()) == before


async def test_wrong_token_and_unknown_method_have_their_codes(telegram: Stand) -> None:
    base = f"{telegram.world.address}/telegram"
    cases = [
        (f"{base}/bot123456:{'a' * 35}/getMe", 401, "Unauthorized"),
        (f"{base}/botnonsense/getMe", 404, "Not Found"),
        (f"{base}/bot{TOKEN}/flyAway", 404, "Not Found: method not found"),
        (f"{base}/file/bot{TOKEN}/photos/file_9.png", 404, "Not Found"),
    ]
    for address, code, words in cases:
        async with telegram.http.get(address) as answer:
            assert answer.status == code
            assert await answer.json() == {"ok": False, "error_code": code, "description": words}


async def test_a_call_may_come_as_query_form_json_or_multipart(telegram: Stand) -> None:
    address = f"{telegram.world.address}/telegram/bot{TOKEN}/sendMessage"
    given = {"chat_id": str(MARIA), "text": "hi", "reply_markup": json.dumps(inline({"text": "a", "callback_data": "b"}))}
    form = aiohttp.FormData()
    form.add_field("document", b"not asked for", filename="x.txt")
    for name, value in given.items():
        form.add_field(name, value)
    for way in ({"data": given}, {"json": given}, {"data": form}):
        async with telegram.http.post(address, **way) as answer:
            assert (await answer.json())["result"]["reply_markup"] == inline({"text": "a", "callback_data": "b"})
    async with telegram.http.get(address.replace("sendMessage", "SENDmessage"), params=given) as answer:
        assert (await answer.json())["ok"]


async def test_limits_count_what_is_shown_not_what_was_written(telegram: Stand) -> None:
    text = "<b>" + "&amp;" * 4096 + "</b>"
    message = await telegram.result("sendMessage", chat_id=MARIA, text=text, parse_mode="HTML")
    assert message["text"] == "&" * 4096
    assert message["entities"] == [{"offset": 0, "length": 4096, "type": "bold"}]
    data = "x" * 64
    keyboard = inline({"text": "a", "callback_data": data}, {"text": " ", "callback_data": "dropped"})
    message = await telegram.result("sendMessage", chat_id=MARIA, text="x", reply_markup=keyboard)
    assert message["reply_markup"] == inline({"text": "a", "callback_data": data})


async def test_a_customers_words_that_become_a_link_are_seen_in_the_answer(telegram: Stand) -> None:
    message = await telegram.result("sendMessage", chat_id=MARIA, text="Name: evil.shop @admins /start")
    assert [one["type"] for one in message["entities"]] == ["url", "mention", "bot_command"]
    assert telegram.entries()[-1]["entities"] == message["entities"]


async def test_a_bot_cannot_begin_and_cannot_reach_who_blocked_it(telegram: Stand) -> None:
    new = await telegram.call("sendMessage", chat_id=1003, text="x")
    assert new == {"ok": False, "error_code": 403, "description": "Forbidden: bot can't initiate conversation with a user"}
    await telegram.act("send", "sofia", text="hi")
    assert (await telegram.call("sendMessage", chat_id=1003, text="x"))["ok"]
    await telegram.act("block", "sofia")
    blocked = await telegram.call("sendMessage", chat_id=1003, text="x")
    assert blocked == {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"}
    assert (await telegram.act("send", "sofia", text="hi"))["status"] == 409
    await telegram.act("send", "sofia", start=True)
    assert (await telegram.call("sendMessage", chat_id=1003, text="x"))["ok"]
    changes = [one["my_chat_member"] for one in await telegram.updates() if "my_chat_member" in one]
    assert [one["new_chat_member"]["status"] for one in changes] == ["kicked", "member"]


async def test_edits_keep_and_drop_keyboards_as_telegram_does(telegram: Stand) -> None:
    keyboard = inline({"text": "Yes", "callback_data": "y"})
    number = (await telegram.result("sendMessage", chat_id=MARIA, text="Sure?", reply_markup=keyboard))["message_id"]
    where = {"chat_id": MARIA, "message_id": number}
    same = "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message"
    assert await telegram.refusal("editMessageText", **where, text="Sure?", reply_markup=keyboard) == same
    edited = await telegram.result("editMessageText", **where, text="Sure!")
    assert "reply_markup" not in edited
    assert edited["edit_date"] >= edited["date"]
    assert await telegram.refusal("editMessageReplyMarkup", **where) == same
    assert (await telegram.result("editMessageReplyMarkup", **where, reply_markup=keyboard))["text"] == "Sure!"
    assert await telegram.refusal("editMessageCaption", **where, caption="x") == "Bad Request: there is no caption in the message to edit"
    entry = telegram.entries()[-1]
    assert entry["text"] == "Sure!"
    assert [one["text"] for one in entry["edits"]] == ["Sure?", "Sure!"]
    assert entry["buttons"] == [{"label": "Yes", "data": "y", "url": None, "copy_text": None, "style": None, "row": 0}]


async def test_a_message_with_a_reply_keyboard_cannot_be_edited(telegram: Stand) -> None:
    keys = {"keyboard": [["Share"]], "one_time_keyboard": True}
    number = (await telegram.result("sendMessage", chat_id=MARIA, text="x", reply_markup=keys))["message_id"]
    assert await telegram.refusal("editMessageText", chat_id=MARIA, message_id=number, text="y") == "Bad Request: message can't be edited"


@pytest.mark.parametrize("empty", [{"inline_keyboard": []}, {"inline_keyboard": [[]]}, {"keyboard": []}, {}])
async def test_an_empty_keyboard_is_none(telegram: Stand, empty: dict[str, Any]) -> None:
    number = (await telegram.result("sendMessage", chat_id=MARIA, text="x", reply_markup=empty))["message_id"]
    assert "reply_markup" not in await telegram.result("editMessageText", chat_id=MARIA, message_id=number, text="y")


async def test_messages_can_be_deleted_for_two_days(telegram: Stand) -> None:
    numbers = [(await telegram.result("sendMessage", chat_id=MARIA, text="x"))["message_id"] for _ in range(2)]
    assert await telegram.result("deleteMessage", chat_id=MARIA, message_id=numbers[0]) is True
    assert await telegram.refusal("deleteMessage", chat_id=MARIA, message_id=numbers[0]) == "Bad Request: message to delete not found"
    assert await telegram.refusal("editMessageText", chat_id=MARIA, message_id=numbers[0], text="y") == "Bad Request: message to edit not found"
    telegram.world.clock.advance(48 * 3600 + 1)
    assert await telegram.refusal("deleteMessage", chat_id=MARIA, message_id=numbers[1]) == "Bad Request: message can't be deleted for everyone"


async def test_a_press_is_answered_once_and_in_time(telegram: Stand) -> None:
    keyboard = inline({"text": "Yes", "callback_data": "y"})
    await telegram.result("sendMessage", chat_id=MARIA, text="Sure?", reply_markup=keyboard)
    await telegram.act("press", label="Yes")
    await telegram.act("press", label="Yes")
    first, second = [one["callback_query"] for one in await telegram.updates()]
    assert (first["data"], first["from"]["id"], first["message"]["text"]) == ("y", MARIA, "Sure?")
    assert await telegram.result("answerCallbackQuery", callback_query_id=first["id"], text="Done", show_alert=True) is True
    old = "Bad Request: query is too old and response timeout expired or query ID is invalid"
    assert await telegram.refusal("answerCallbackQuery", callback_query_id=first["id"]) == old
    telegram.world.clock.advance(61)
    assert await telegram.refusal("answerCallbackQuery", callback_query_id=second["id"]) == old
    assert [(one["text"], one["alert"], one["user"]) for one in telegram.entries("callback_answer")] == [("Done", True, "maria")]


async def test_too_many_messages_to_a_chat_are_429_with_the_seconds_to_wait() -> None:
    async with stand(enforce=True) as telegram:
        answers = [await telegram.call("sendMessage", chat_id=MARIA, text="x") for _ in range(8)]
        refused = [one for one in answers if not one["ok"]]
        assert [one["ok"] for one in answers[:5]] == [True] * 5
        assert refused[0]["error_code"] == 429
        wait = refused[0]["parameters"]["retry_after"]
        assert refused[0]["description"] == f"Too Many Requests: retry after {wait}"
        telegram.world.clock.advance(wait)
        assert (await telegram.call("sendMessage", chat_id=MARIA, text="x"))["ok"]


async def test_a_group_takes_twenty_messages_a_minute() -> None:
    async with stand(enforce=True) as telegram:
        for _ in range(20):
            await telegram.result("sendMessage", chat_id=GROUP, text="x")
            telegram.world.clock.advance(1)
        refused = await telegram.call("sendMessage", chat_id=GROUP, text="x")
        assert refused["parameters"]["retry_after"] == 40


async def test_unenforced_limits_are_only_noted(telegram: Stand) -> None:
    for _ in range(8):
        await telegram.result("sendMessage", chat_id=MARIA, text="x")
    assert [one for one in telegram.world.calls if one.verdict == "warning"]


async def test_a_group_that_became_a_supergroup_tells_its_new_id(telegram: Stand) -> None:
    await telegram.result("sendMessage", chat_id=GROUP, text="x")
    await telegram.act("migrate", "dan")
    moved = await telegram.call("sendMessage", chat_id=GROUP, text="x")
    assert moved["description"] == "Bad Request: group chat was upgraded to a supergroup chat"
    assert moved["parameters"] == {"migrate_to_chat_id": SUPERGROUP}
    assert (await telegram.result("sendMessage", chat_id=SUPERGROUP, text="x"))["chat"]["type"] == "supergroup"
    services = [one["message"] for one in await telegram.updates()]
    assert [one.get("migrate_to_chat_id", one.get("migrate_from_chat_id")) for one in services] == [SUPERGROUP, GROUP]


async def test_privacy_mode_keeps_a_groups_talk_from_the_bot(telegram: Stand) -> None:
    for text in ("just talking", "/stock BLU-MUG-300", "hey @nordlicht_shop_bot"):
        assert (await telegram.act("send", "dan", chat="warehouse", text=text))["ok"]
    assert (await telegram.act("send", "maria", chat="warehouse", text="x"))["status"] == 404
    assert [one["message"]["text"] for one in await telegram.updates()] == ["/stock BLU-MUG-300", "hey @nordlicht_shop_bot"]
    await telegram.act("kick", "dan")
    assert await telegram.refusal("sendMessage", chat_id=GROUP, text="x") == "Forbidden: bot was kicked from the group chat"


async def test_faults_are_worded_as_telegram_words_them(telegram: Stand) -> None:
    async def fail(**fault: Any) -> dict[str, Any]:
        async with telegram.http.post(f"{telegram.world.address}/control/faults", json={"telegram": fault}) as answer:
            assert answer.status == 200
        return await telegram.call("sendMessage", chat_id=MARIA, text="x")

    assert (await fail(method="sendMessage", kind="ratelimit", retry_after=7))["parameters"] == {"retry_after": 7}
    assert (await fail(kind="error", error="Forbidden: user is deactivated"))["error_code"] == 403
    assert (await fail(kind="error", error="chat not found"))["description"] == "Bad Request: chat not found"


# -- pictures


def test_drawn_pictures_are_small_whole_and_always_the_same() -> None:
    assert draw("mug") == draw("mug")
    assert len({draw(name)[2] for name in ("mug", "parcel", "towel", "another", "yet another")}) == 5
    for content in draw("mug"):
        picture = read_picture(content)
        assert picture is not None
        assert picture.width * 3 == picture.height * 4
        check_photo(content)
        assert len(content) < 200_000


def test_pictures_of_other_kinds_are_measured_as_a_library_measures_them() -> None:
    for kind in ("PNG", "JPEG", "GIF", "WEBP"):
        out = io.BytesIO()
        Image.new("RGB", (37, 21), "red").save(out, kind)
        picture = read_picture(out.getvalue())
        assert picture is not None
        assert (picture.width, picture.height) == (37, 21)
    with Image.open(io.BytesIO(draw("mug")[1])) as drawn:
        drawn.load()
        assert drawn.size == (320, 240)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "file must be non-empty"),
        (b"hello", "IMAGE_PROCESS_FAILED"),
        (write_png(1, 30, [b"\0\0\0"] * 30), "PHOTO_INVALID_DIMENSIONS"),
        (PNG + b"\0" * 10_485_760, f"file of size {len(PNG) + 10_485_760} bytes is too big for a photo; the maximum size is 10485760 bytes"),
    ],
)
async def test_what_is_no_photo_is_refused(telegram: Stand, content: bytes, words: str) -> None:
    form = aiohttp.FormData({"chat_id": str(MARIA)})
    form.add_field("photo", io.BytesIO(content), filename="x.png")
    async with telegram.http.post(f"{telegram.world.address}/telegram/bot{TOKEN}/sendPhoto", data=form) as answer:
        assert (await answer.json())["description"] == f"Bad Request: {words}"


# -- the real client library


async def test_aiogram_sends_edits_and_deletes(bot: Bot, telegram: Stand) -> None:
    me = await bot.get_me()
    assert me.id == 7000000001
    markup = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Yes", callback_data="y")]])
    sent = await bot.send_message(
        MARIA, "Hi <b>Maria</b> &amp; 😀 <i>you</i>", parse_mode="HTML", reply_markup=markup, protect_content=True,
        link_preview_options=LinkPreviewOptions(is_disabled=True), reply_parameters=ReplyParameters(message_id=1),
    )
    assert sent.text == "Hi Maria & 😀 you"
    assert sent.html_text == "Hi <b>Maria</b> &amp; 😀 <i>you</i>"
    assert sent.reply_to_message
    assert sent.reply_to_message.message_id == 1
    assert sent.has_protected_content
    edited = await bot.edit_message_text("Done", chat_id=MARIA, message_id=sent.message_id)
    assert not isinstance(edited, bool)
    assert edited.text == "Done"
    assert await bot.delete_message(MARIA, sent.message_id)
    entry = telegram.entries()[-1]
    assert (entry["deleted"], entry["protected"], entry["link_preview_disabled"]) == (True, True, False)


async def test_aiogram_uploads_photos_albums_and_documents(bot: Bot, telegram: Stand) -> None:
    photo = await bot.send_photo(MARIA, BufferedInputFile(draw("parcel")[2], "torn.png"), caption="<b>Torn</b>", parse_mode="HTML")
    assert photo.photo
    assert photo.photo[-1].width == 640
    again = await bot.send_photo(MARIA, photo.photo[-1].file_id)
    assert again.photo
    assert again.photo[-1].file_unique_id == photo.photo[-1].file_unique_id
    await bot.edit_message_caption(chat_id=MARIA, message_id=photo.message_id, caption="Mended")
    await bot.edit_message_media(InputMediaPhoto(media=BufferedInputFile(PNG, "mug.png"), caption="Mug"), chat_id=MARIA, message_id=photo.message_id)
    album = await bot.send_media_group(MARIA, [InputMediaPhoto(media=BufferedInputFile(PNG, "a.png")), InputMediaPhoto(media=photo.photo[0].file_id)])
    assert len({one.media_group_id for one in album}) == 1
    document = await bot.send_document(MARIA, BufferedInputFile(b"a,b\n1,2\n", "report.csv"))
    assert document.document
    assert document.document.file_name == "report.csv"
    with pytest.raises(TelegramBadRequest, match="can't use file of type Document as Photo"):
        await bot.send_photo(MARIA, document.document.file_id)
    shown = telegram.entries()[-1]["document"]
    async with telegram.http.get(shown["url"]) as answer:
        assert await answer.read() == b"a,b\n1,2\n"


async def test_aiogram_downloads_what_a_person_sent(bot: Bot, telegram: Stand) -> None:
    await telegram.act("send", photo=True, caption="broken")
    await telegram.act("send", photo="data:image/png;base64," + base64.b64encode(PNG).decode())
    first, second = await bot.get_updates()
    assert first.message
    assert first.message.photo
    assert first.message.caption == "broken"
    assert [size.width for size in first.message.photo] == [92, 320, 640]
    path = (await bot.get_file(first.message.photo[-1].file_id)).file_path
    assert path
    content = await bot.download_file(path)
    assert content
    assert content.read() == draw("mug")[2]
    assert second.message
    assert second.message.photo
    assert second.message.photo[0].file_unique_id == first.message.photo[0].file_unique_id
    telegram.world.clock.advance(3601)
    async with telegram.http.get(f"{telegram.world.address}/telegram/file/bot{TOKEN}/{path}") as answer:
        assert answer.status == 404


async def test_aiogram_sees_each_error_as_its_own_kind(telegram: Stand) -> None:
    bot = aiogram_bot(telegram)
    stranger = aiogram_bot(telegram, "123456:" + "a" * 35)
    try:
        with pytest.raises(TelegramForbiddenError):
            await bot.send_message(1003, "x")
        with pytest.raises(TelegramBadRequest):
            await bot.send_message(5, "x")
        with pytest.raises(TelegramUnauthorizedError):
            await stranger.get_me()
        await telegram.act("migrate", "dan")
        with pytest.raises(TelegramMigrateToChat) as moved:
            await bot.send_message(GROUP, "x")
        assert moved.value.migrate_to_chat_id == SUPERGROUP
        async with telegram.http.post(f"{telegram.world.address}/control/faults", json={"telegram": {"kind": "ratelimit", "retry_after": 3}}):
            pass
        with pytest.raises(TelegramRetryAfter) as busy:
            await bot.send_message(MARIA, "x")
        assert busy.value.retry_after == 3
    finally:
        await bot.session.close()
        await stranger.session.close()


async def test_aiogram_sets_up_the_bot_and_asks_about_chats(bot: Bot, telegram: Stand) -> None:
    commands = [BotCommand(command="start", description="Begin"), BotCommand(command="return", description="Send something back")]
    assert await bot.set_my_commands(commands)
    assert [(one.command, one.description) for one in await bot.get_my_commands()] == [(one.command, one.description) for one in commands]
    assert await bot.get_my_commands(language_code="de") == []
    assert await bot.set_my_description("Ask about your order.", language_code="de")
    assert await bot.set_my_short_description("Orders and returns")
    assert (await bot.get_my_short_description()).short_description == "Orders and returns"
    assert await bot.set_chat_menu_button()
    assert await bot.send_chat_action(MARIA, "typing")
    chat = await bot.get_chat(MARIA)
    assert (chat.first_name, chat.type) == ("Maria", "private")
    assert (await bot.get_chat_member(GROUP, 2001)).status == "creator"
    assert (await bot.get_chat_member(GROUP, 1001)).status == "left"


async def test_aiogram_asks_for_a_phone_number_and_takes_the_keyboard_away(bot: Bot, telegram: Stand) -> None:
    keys = ReplyKeyboardMarkup(keyboard=[[KeyboardButton(text="Share my number", request_contact=True)]], resize_keyboard=True, one_time_keyboard=True)
    await bot.send_message(MARIA, "Who are you?", reply_markup=keys)
    entry = telegram.entries()[-1]
    assert entry["keyboard"] == [{"label": "Share my number", "request_contact": True, "request_location": False, "row": 0}]
    assert entry["keyboard_one_time"]
    assert entry["buttons"] == []
    await telegram.act("press", label="Share my number")
    await telegram.act("send", contact={"phone_number": "+49 151 0000 1002", "first_name": "Jonas", "user_id": 1002})
    await bot.send_message(MARIA, "Thank you", reply_markup=ReplyKeyboardRemove())
    assert telegram.entries()[-1]["keyboard_removed"]
    own, other = [update.message for update in await bot.get_updates()]
    assert own
    assert own.contact
    assert own.from_user
    assert (own.contact.phone_number, own.contact.user_id, own.from_user.id) == ("4915100001001", MARIA, MARIA)
    assert other
    assert other.contact
    assert other.contact.user_id == 1002


def _check(spec: dict[str, Any], kind: str, value: Any, path: str = "") -> None:
    """That every field is of the type, and every required field is there."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            _check(spec, kind.removeprefix("Array of "), one, f"{path}[{index}]")
        return
    if kind not in spec or not isinstance(value, dict):
        return
    fields = {field["name"]: field for field in spec[kind].get("fields", [])}
    if not fields:
        return
    assert not set(value) - set(fields) - {"all_members_are_administrators"}, f"{path} {kind}"
    missing = [name for name, field in fields.items() if field["required"] and name not in value]
    assert not missing, f"{path} {kind} lacks {missing}"
    for name, one in value.items():
        if name in fields:
            _check(spec, fields[name]["types"][0], one, f"{path}.{name}")


async def test_every_answer_and_update_has_the_documented_fields(telegram: Stand, shared_fixtures: Path) -> None:
    spec = json.loads((shared_fixtures / "telegram-bot-api-spec" / "api.json").read_text(encoding="utf-8"))["types"]
    keyboard = inline({"text": "Yes", "callback_data": "y"})
    sent = await telegram.result("sendMessage", chat_id=MARIA, text="x a.shop", reply_markup=keyboard, reply_parameters={"message_id": 1})
    await telegram.act("press", label="Yes")
    await telegram.act("send", photo=True)
    await telegram.act("send", contact=True)
    await telegram.act("send", text="again", reply_to=sent["message_id"])
    await telegram.act("send", edit=4, text="new")
    await telegram.act("block")
    await telegram.act("migrate", "ada")
    updates = await telegram.updates()
    assert {next(key for key in one if key != "update_id") for one in updates} >= {"message", "callback_query", "my_chat_member"}
    for update in updates:
        _check(spec, "Update", update)
        Update.model_validate(update)
    _check(spec, "Message", sent)
    _check(spec, "ChatFullInfo", await telegram.result("getChat", chat_id=SUPERGROUP))
    _check(spec, "WebhookInfo", await telegram.result("getWebhookInfo"))
    _check(spec, "User", await telegram.result("getMe"))
