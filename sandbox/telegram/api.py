"""The Bot API's HTTP: /telegram/bot<token>/<method> and the download of files."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import MultipartReader, StreamReader, web
from aiohttp.base_protocol import BaseProtocol

from sandbox.faults import Fault, answer_with_fault
from sandbox.telegram import editing, sending, settings_methods, update_methods
from sandbox.telegram.arguments import Arguments, Json, read_arguments, read_json, read_multipart
from sandbox.telegram.errors import ApiError, too_many
from sandbox.telegram.update_methods import Described

if TYPE_CHECKING:
    from sandbox.world import Response, World

Method = Callable[["World", Arguments], Awaitable[Any]]

#: names in small letters: the Bot API does not care for case
METHODS: dict[str, Method] = {
    name.lower(): method
    for name, method in {
        "getMe": settings_methods.get_me,
        "getUpdates": update_methods.get_updates,
        "setWebhook": update_methods.set_webhook,
        "deleteWebhook": update_methods.delete_webhook,
        "getWebhookInfo": update_methods.get_webhook_info,
        "sendMessage": sending.send_message,
        "sendPhoto": sending.send_photo,
        "sendDocument": sending.send_document,
        "sendMediaGroup": sending.send_media_group,
        "sendChatAction": sending.send_chat_action,
        "editMessageText": editing.edit_text,
        "editMessageCaption": editing.edit_caption,
        "editMessageMedia": editing.edit_media,
        "editMessageReplyMarkup": editing.edit_reply_markup,
        "deleteMessage": editing.delete_message,
        "deleteMessages": editing.delete_messages,
        "answerCallbackQuery": editing.answer_callback,
        "setMyCommands": settings_methods.set_my_commands,
        "getMyCommands": settings_methods.get_my_commands,
        "deleteMyCommands": settings_methods.delete_my_commands,
        "setMyName": settings_methods.set_text("name"),
        "getMyName": settings_methods.get_text("name"),
        "setMyDescription": settings_methods.set_text("description"),
        "getMyDescription": settings_methods.get_text("description"),
        "setMyShortDescription": settings_methods.set_text("short_description"),
        "getMyShortDescription": settings_methods.get_text("short_description"),
        "setChatMenuButton": settings_methods.set_menu_button,
        "getChatMenuButton": settings_methods.get_menu_button,
        "getChat": settings_methods.get_chat,
        "getChatMember": settings_methods.get_chat_member,
        "getFile": settings_methods.get_file,
    }.items()
}
TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]{20,}")
#: not logged when nothing came: a long poll of an idle bot
QUIET_METHODS = frozenset({"getupdates"})


async def call(world: "World", name: str, arguments: Arguments) -> Json:
    """Do one method; raises ApiError."""
    method = METHODS.get(name.lower())
    if method is None:
        raise ApiError(404, "Not Found: method not found")
    result = await method(world, arguments)
    if isinstance(result, Described):
        return {"ok": True, "result": result.result, "description": result.description}
    return {"ok": True, "result": result}


async def _logged_call(world: "World", name: str, arguments: Arguments) -> web.Response:
    """Do one method, write it into the call log, and word the answer."""
    try:
        answer = await call(world, name, arguments)
    except ApiError as error:
        world.record("telegram", "in", name, arguments.logged(), str(error.code), error.description)
        return refusal(error)
    if name.lower() not in QUIET_METHODS or answer["result"]:
        world.record("telegram", "in", name, arguments.logged(), "ok")
    return web.json_response(answer)


def refusal(error: ApiError) -> web.Response:
    """An error as the Bot API answers it."""
    headers = {"Retry-After": str(error.parameters["retry_after"])} if "retry_after" in error.parameters else None
    return web.json_response(error.as_json(), status=error.code, headers=headers)


def fault_answer(fault: Fault) -> web.Response:
    """A fault asked for, worded as the Bot API words it.

    `error` may be a whole description such as "Forbidden: bot was blocked by the user".
    """
    if fault.kind == "ratelimit":
        return refusal(too_many(fault.retry_after))
    words = fault.error
    codes = {"Forbidden": 403, "Unauthorized": 401, "Conflict": 409, "Not Found": 404, "Internal Server Error": 500}
    code = fault.status or next((code for name, code in codes.items() if words.startswith(name)), 400)
    if code == 400 and not words.startswith("Bad Request"):
        words = f"Bad Request: {words}"
    return refusal(ApiError(code, words))


def _check_token(world: "World", token: str) -> None:
    """Raises ApiError: 401 for another bot's token, 404 for what is no token."""
    if token != world.settings.telegram_token:
        raise ApiError(401, "Unauthorized") if TOKEN.fullmatch(token) else ApiError(404, "Not Found")


def routes(world: "World") -> list[web.RouteDef]:
    """The Bot API's routes, under /telegram."""

    async def method(request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        try:
            _check_token(world, request.match_info["token"])
            arguments = await read_arguments(request)
        except ApiError as error:
            world.record("telegram", "in", name, {}, str(error.code), error.description)
            return refusal(error)
        fault = world.faults.take("telegram", name)
        if fault:
            world.record("telegram", "in", name, arguments.logged(), f"fault {fault.kind}")
        return await answer_with_fault(request, fault, lambda: _logged_call(world, name, arguments), fault_answer)

    async def download(request: web.Request) -> web.StreamResponse:
        try:
            _check_token(world, request.match_info["token"])
        except ApiError as error:
            return refusal(error)
        stored = world.telegram.files.download(request.match_info["path"])
        if stored is None:
            return refusal(ApiError(404, "Not Found"))
        fault = world.faults.take("telegram", "file")

        world.record("telegram", "in", "file", {"path": stored.path}, f"fault {fault.kind}" if fault else "ok")

        async def send() -> web.Response:
            return web.Response(body=stored.content, content_type="application/octet-stream")

        return await answer_with_fault(request, fault, send, fault_answer)

    one, file = "/telegram/bot{token}/{method}", "/telegram/file/bot{token}/{path:.+}"
    return [web.get(one, method, allow_head=False), web.post(one, method), web.get(file, download)]


async def _read_answer(answer: "Response") -> Arguments:
    """The call inside a webhook's answer, in any of the forms a call may have."""
    arguments = Arguments()
    headers = {name.lower(): value for name, value in answer.headers.items()}
    kind = headers.get("content-type", "")
    if kind.startswith("application/json"):
        read_json(answer.body, arguments)
    elif kind.startswith("multipart/form-data"):
        stream = StreamReader(BaseProtocol(asyncio.get_running_loop()), 2**16)
        stream.feed_data(answer.body)
        stream.feed_eof()
        await read_multipart(MultipartReader({"Content-Type": kind}, stream), arguments)
    return arguments


async def act_on_webhook_answer(world: "World", answer: "Response") -> None:
    """Do the method that a webhook's answer names; its result is lost, and so is its error.

    Source: core.telegram.org/bots/api#making-requests-when-getting-updates.
    """
    if not answer.body.strip():
        return
    try:
        arguments = await _read_answer(answer)
        name = str(arguments.values.pop("method", ""))
        if name:
            await _logged_call(world, name, arguments)
    except ApiError as error:
        world.record("telegram", "in", "answer of the webhook", {}, str(error.code), error.description)
