"""Telegram's part of the control API: /control/telegram/<verb>, and what the bot's side looks like."""

import asyncio
import copy
import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.telegram.arguments import Arguments, Json
from sandbox.telegram.message import Chat
from sandbox.telegram.people_acts import VERBS, Act, Refused
from sandbox.telegram.update_methods import get_webhook_info

if TYPE_CHECKING:
    from sandbox.world import World

#: how long the bot's answer is waited for unless told, and how long at most, in real seconds
USUAL_WAIT, LONGEST_WAIT = 5.0, 60.0
#: how long nothing must happen before an answer counts as whole
QUIET = 0.15
#: how long something visible may come after an empty answer to a press
AFTER_EMPTY_ANSWER = 1.5
TICK = 0.01


def _seen(world: "World", chat: Chat, since: int, own: set[int]) -> list[Json]:
    """What the chat's people can see new or changed since `since`, without their own messages."""
    return [
        copy.deepcopy(entry)
        for entry in world.transcript.since(since)
        if entry["platform"] == "telegram" and entry.get("chat_id") == chat.id and entry["seq"] not in own
    ]


async def _watch(world: "World", act: Act, since: int, heard: int, longest: float) -> list[Json]:
    """Wait for the bot's answer in the chat and then for quiet; gives what was seen."""
    own = {message.entry["seq"] for message in act.messages}
    chat, loop = act.chat, asyncio.get_running_loop()
    end = loop.time() + longest

    def has_answered() -> bool:
        return world.telegram.heard.get(chat.id, 0) > heard

    while not has_answered() and loop.time() < end:
        await asyncio.sleep(TICK)
    if not has_answered():
        return []
    empty_end = min(end, loop.time() + AFTER_EMPTY_ANSWER)
    while not _seen(world, chat, since, own) and loop.time() < empty_end:
        await asyncio.sleep(TICK)
    await world.quiet(QUIET, max(0.0, end - loop.time()))
    return _seen(world, chat, since, own)


def _silence(world: "World", act: Act, longest: float) -> str:
    """Why nothing may have come in so many seconds."""
    updates = world.telegram.updates
    if act.press and act.press.answered:
        return "The bot answered the press with nothing to see."
    if updates.webhook is None and any(update.lane == act.chat.id for update in updates.pending):
        return "The bot has not fetched the update: no webhook is set and no getUpdates took it."
    if updates.webhook and updates.webhook.last_error and updates.pending:
        return f"The bot's webhook did not take the update: {updates.webhook.last_error}"
    return f"The bot answered nothing within {longest:g} s."


async def _do(world: "World", verb: str, asked: Json) -> Json:
    """Do one verb and wait for what it causes. Raises Refused."""
    if verb not in VERBS:
        raise Refused(f"There is no verb {verb!r}; there are {', '.join(VERBS)}.", 404)
    longest = asked.get("wait", USUAL_WAIT)
    if isinstance(longest, bool) or not isinstance(longest, int | float) or not 0 <= longest <= LONGEST_WAIT:
        raise Refused(f"wait must be a number of seconds from 0 to {LONGEST_WAIT:g}.")
    since, counts = world.change, dict(world.telegram.heard)
    act = await VERBS[verb](world, asked)
    answer: Json = {"ok": True, "chat_id": act.chat.id, "saw": [], **(act.told or {})}
    if act.messages:
        answer["message_id"] = act.messages[-1].id
        answer["sent"] = [copy.deepcopy(message.entry) for message in act.messages]
    if act.waits:
        answer["saw"] = await _watch(world, act, since, counts.get(act.chat.id, 0), longest)
        if act.press:
            answer["answered"] = act.press.answered
        if not answer["saw"]:
            answer["note"] = _silence(world, act, longest)
    return answer


def world_entry(world: "World") -> Json:
    """The bot, the chats and the bot's commands, as the page draws them."""
    state = world.telegram
    return {
        "bot": state.bot(),
        "chats": [state.chat_entry(chat) for chat in state.chats.values() if not chat.migrated_to],
        "commands": state.settings.commands.get(("default", ""), []),
    }


def control_routes(world: "World") -> list[web.RouteDef]:
    """GET /control/telegram, POST /control/telegram/<verb>, and the files people see."""

    async def act(request: web.Request) -> web.Response:
        verb = request.match_info["verb"]
        try:
            return web.json_response(await _do(world, verb, _read(await request.read())))
        except Refused as refused:
            return web.json_response({"error": str(refused)}, status=refused.status)

    async def show(_: web.Request) -> web.Response:
        info = await get_webhook_info(world, Arguments())
        return web.json_response(world_entry(world) | {"webhook": info})

    async def file(request: web.Request) -> web.Response:
        stored = world.telegram.files.by_path.get(request.match_info["path"])
        if stored is None:
            return web.json_response({"error": "There is no such file."}, status=404)
        return web.Response(body=stored.content, content_type=stored.mimetype.partition(";")[0])

    return [
        web.get("/control/telegram", show),
        web.get("/control/telegram/file/{path:.+}", file),
        web.post("/control/telegram/{verb}", act),
    ]


def _read(body: bytes) -> Json:
    try:
        asked: Any = json.loads(body or b"{}")
    except ValueError:
        raise Refused("The body is not JSON.") from None
    if not isinstance(asked, dict):
        raise Refused("The body must be a JSON object.")
    return asked
