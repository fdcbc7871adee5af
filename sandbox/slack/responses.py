"""Response URLs: up to 5 answers within 30 minutes to a command or a pressed button.

Source: docs.slack.dev/interactivity/handling-user-interaction, "Composing a response with the response_url".
"""

import json
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.faults import Fault, answer_with_fault
from sandbox.people import BOT_USER
from sandbox.slack.calls import Json, SlackError
from sandbox.slack.chat_methods import read_blocks
from sandbox.slack.shown import show_again, show_new
from sandbox.slack.state import RESPONSE_USES, Message, ResponseUrl

if TYPE_CHECKING:
    from sandbox.world import World


def _existing(world: "World", url: ResponseUrl) -> Message | None:
    if url.message_ts is None:
        return None
    message = world.slack.messages.get((url.channel, url.message_ts))
    return None if message is None or message.deleted else message


def _thread_of(world: "World", url: ResponseUrl, given: Json) -> str | None:
    """A thread the answer goes to: the one asked for, or that of the message pressed."""
    if given.get("thread_ts"):
        return str(given["thread_ts"])
    pressed = _existing(world, url)
    return pressed.thread_ts if pressed else None


def say(world: "World", url: ResponseUrl, given: Json, *, default: str = "ephemeral") -> None:
    """Show what the app answered: a new message, or the pressed one replaced or deleted. Raises SlackError."""
    state = world.slack
    message = _existing(world, url)
    if given.get("delete_original") is True and message is not None:
        message.deleted = True
        show_again(message, state)
        return
    text = str(given.get("text") or "")
    blocks = read_blocks(given.get("blocks"), state) or []
    if not text.strip() and not blocks and not given.get("attachments"):
        raise SlackError("no_text")
    if given.get("replace_original") is True and message is not None:
        before, message.text, message.blocks = message.text, text, blocks
        message.edited_ts, message.chosen = state.new_ts(), {}
        show_again(message, state, edited_from=before)
        return
    in_channel = given.get("response_type", default) == "in_channel"
    new = Message(
        channel=url.channel,
        ts=state.new_ts(),
        user=BOT_USER,
        text=text,
        blocks=blocks,
        entry={},
        thread_ts=_thread_of(world, url, given),
        ephemeral_to=None if in_channel else url.user,
        attachments=given.get("attachments") or [],
    )
    show_new(new, state)


def _use(world: "World", key: str) -> ResponseUrl:
    """The response URL, one use counted. Raises SlackError."""
    url = world.slack.response_urls.get(key)
    if url is None:
        raise SlackError("invalid_url")
    if world.clock.now() > url.until:
        raise SlackError("expired_url")
    if url.uses >= RESPONSE_USES:
        raise SlackError("used_url")
    url.uses += 1
    return url


def _payload(body: bytes) -> Json:
    """The JSON object of an answer. Raises SlackError."""
    try:
        value = json.loads(body)
    except ValueError:
        raise SlackError("invalid_payload") from None
    if not isinstance(value, dict):
        raise SlackError("invalid_payload")
    return value


async def _respond(world: "World", request: web.Request) -> web.Response:
    given: Json = {}
    try:
        url = _use(world, request.match_info["key"])
        given = _payload(await request.read())
        say(world, url, given)
    except SlackError as error:
        world.record("slack", "in", "response_url", given, error.code, "; ".join(error.messages))
        status = 404 if error.code.endswith("_url") else 400
        return web.json_response(error.as_json(), status=status)
    world.slack.app_acts += 1
    world.record("slack", "in", "response_url", given, "ok")
    return web.json_response({"ok": True})


def routes(world: "World") -> list[web.RouteDef]:
    """The response URLs' route."""

    def refuse(fault: Fault) -> web.Response:
        if fault.kind == "ratelimit":
            return web.Response(status=429, headers={"Retry-After": str(fault.retry_after)})
        return web.json_response({"ok": False, "error": fault.error}, status=fault.status or 400)

    async def respond(request: web.Request) -> web.StreamResponse:
        fault = world.faults.take("slack", "response_url")
        if fault is not None:
            world.record("slack", "in", "response_url", {}, f"fault:{fault.kind}")
        return await answer_with_fault(request, fault, lambda: _respond(world, request), refuse)

    return [web.post("/slack/response/{key}", respond)]
