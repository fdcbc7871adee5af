"""The Slack part of the control API: what people do, and what a workspace admin may change."""

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.people import APP, BOT, BOT_USER, SLACK_USERS, TEAM, TEAM_NAME
from sandbox.slack import acts, presses
from sandbox.slack.acts import Refused
from sandbox.slack.delivery import repeat
from sandbox.slack.manifest import BadManifest, read_manifest
from sandbox.slack.shown import Json
from sandbox.slack.state import Channel

if TYPE_CHECKING:
    from sandbox.world import World

Verb = Callable[["World", Json], Awaitable[Json]]


async def _channel(world: "World", asked: Json) -> Json:
    """Archive or open a channel, let people or the bot join or leave, or make a channel."""
    name = str(asked.get("channel", "")).removeprefix("#")
    channel = world.slack.find_channel(name)
    if channel is None:
        if asked.get("create") is not True or not name:
            raise Refused(f"There is no Slack channel {name!r}; say create to make it.", 404)
        channel = Channel(
            id=world.slack.new_id("C0"), name=name, members={BOT_USER}, is_shared=False
        )
        world.slack.channels[channel.id] = channel
    if "archived" in asked:
        channel.is_archived = bool(asked["archived"])
    for key in asked.get("invite") or []:
        channel.members.add(BOT_USER if key == "bot" else acts.person(key).id)
    for key in asked.get("remove") or []:
        channel.members.discard(BOT_USER if key == "bot" else acts.person(key).id)
    world.changed("channel", channel_entry(channel))
    return {"ok": True, "channel": channel_entry(channel)}


async def _disconnect(world: "World", asked: Json) -> Json:
    """Tell every socket of the app to reconnect, as Slack does now and then."""
    reason = str(asked.get("reason", "refresh_requested"))
    sockets = list(world.slack.sockets)
    for socket in sockets:
        await socket.disconnect(reason)
    return {"ok": True, "sockets": len(sockets)}


async def _manifest(world: "World", asked: Json) -> Json:
    """Install the app's manifest: from then on only its commands, events and scopes count."""
    try:
        world.slack.installation = read_manifest(asked.get("manifest", asked))
    except BadManifest as error:
        raise Refused(str(error)) from error
    installed = world.slack.installation
    world.changed("world", {"commands": [one.__dict__ for one in installed.commands]})
    return {"ok": True, "commands": [one.command for one in installed.commands], "events": sorted(installed.events)}


async def _again(world: "World", asked: Json) -> Json:
    """Send the last HTTP request to the app once more, byte for byte."""
    user = acts.person(asked.get("user", "ada"))
    since = acts.mark(world)
    try:
        ack = await repeat(world)
    except LookupError as error:
        raise Refused(str(error), 409) from error
    answer = {**await acts.outcome(world, user, since), "ack": ack.body}
    return {**answer, "ok": False, "error": ack.error} if ack.error else answer


VERBS: dict[str, Verb] = {
    "command": acts.command,
    "message": acts.message,
    "home": acts.home,
    "press": presses.press,
    "submit": presses.submit,
    "close": presses.close,
    "again": _again,
    "channel": _channel,
    "disconnect": _disconnect,
    "manifest": _manifest,
}


def channel_entry(channel: Channel) -> Json:
    """A channel as the page draws it."""
    return {
        "id": channel.id,
        "name": channel.name,
        "members": sorted(channel.members),
        "is_shared": channel.is_shared,
        "is_archived": channel.is_archived,
    }


def world_entry(world: "World") -> Json:
    """The workspace as the page draws it (GET /control/world, "slack")."""
    return {
        "team": {"id": TEAM, "name": TEAM_NAME},
        "app": {"id": APP, "bot_id": BOT, "bot_user": BOT_USER, "name": "Opsbell"},
        "users": [
            {
                "id": user.id,
                "name": user.name,
                "real_name": user.real_name,
                "role": user.role,
                "team": user.team,
                "is_restricted": user.is_restricted,
            }
            for user in SLACK_USERS
        ],
        "channels": [
            channel_entry(channel) for channel in world.slack.channels.values() if not channel.id.startswith("D")
        ],
        "commands": [one.__dict__ for one in world.slack.installation.commands],
        "sockets": len(world.slack.sockets),
    }


async def read_json(request: web.Request) -> dict[str, Any]:
    """The JSON object of a control request. Raises Refused."""
    try:
        asked = json.loads(await request.read() or b"{}")
    except ValueError:
        raise Refused("The body is not JSON.") from None
    if not isinstance(asked, dict):
        raise Refused("The body must be a JSON object.")
    return asked


def routes(world: "World") -> list[web.RouteDef]:
    """POST /control/slack/<verb>."""

    async def act(request: web.Request) -> web.Response:
        name = request.match_info["verb"]
        if name not in VERBS:
            text = f"There is no verb {name!r}; there are {', '.join(VERBS)}."
            return web.json_response({"error": text}, status=404)
        try:
            return web.json_response(await VERBS[name](world, await read_json(request)))
        except Refused as refused:
            return web.json_response({"error": str(refused)}, status=refused.status)

    return [web.post("/control/slack/{verb}", act)]
