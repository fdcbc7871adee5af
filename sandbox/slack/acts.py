"""What a person does in Slack, turned into the requests Slack sends to the app.

Each act returns the answer of its control verb; Refused says what is wrong with the request itself.
Payload forms: docs.slack.dev/reference/interaction-payloads, docs.slack.dev/interactivity/implementing-slash-commands.
"""

import asyncio
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.people import (
    APP,
    BOT_USER,
    SLACK_CHANNELS,
    SLACK_USERS,
    TEAM,
    TEAM_DOMAIN,
    SlackUser,
    names,
    slack_user,
)
from sandbox.slack.calls import SlackError
from sandbox.slack.delivery import VERIFICATION, Ack, send, send_event
from sandbox.slack.responses import say
from sandbox.slack.shown import Json, show_new, view_json
from sandbox.slack.state import Channel, Message

if TYPE_CHECKING:
    from sandbox.world import World

#: longest wait after a message, in real seconds: it may well go unanswered
MESSAGE_PATIENCE = 1.0
QUIET = 0.15


class Refused(Exception):
    """The verb cannot be done; the text is one clear sentence."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


def person(key: Any) -> SlackUser:
    """The user of this id or name. Raises Refused."""
    user = slack_user(str(key or ""))
    if user is None:
        raise Refused(f"There is no Slack user {key!r}; there are {names(SLACK_USERS)}.", 404)
    return user


def place(world: "World", key: Any, user: SlackUser) -> Channel:
    """The channel of this id or name, if `user` is in it; "opsbell" is the user's direct messages."""
    if str(key or "").removeprefix("@") in ("opsbell", "dm", BOT_USER) and user.team == TEAM:
        return world.slack.direct_channel(user.id)
    channel = world.slack.find_channel(str(key or ""))
    if channel is None:
        raise Refused(f"There is no Slack channel {key!r}; there are {names(SLACK_CHANNELS)}.", 404)
    if user.id not in channel.members:
        raise Refused(f"{user.name} is not in #{channel.name}.", 403)
    return channel


def visible(world: "World", entry: Json, user: SlackUser) -> bool:
    """Whether `user` can see this entry of the transcript."""
    if entry.get("platform") != "slack":
        return False
    if entry["kind"] in ("view", "home"):
        return bool(entry["user"] == user.name)
    channel = world.slack.channels.get(entry["channel"])
    if channel is None or user.id not in channel.members:
        return False
    return entry["ephemeral_to"] in (None, user.name)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A point in time: what changed and what the app did before does not count."""

    change: int
    app_acts: int


def mark(world: "World") -> Mark:
    """Now."""
    return Mark(change=world.change, app_acts=world.slack.app_acts)


async def outcome(world: "World", user: SlackUser, since: Mark, at_most: float | None = None) -> Json:
    """Wait until the app has done something and things are quiet; what `user` saw since then.

    Waits as long as the settings' patience, or `at_most` seconds if that is less.
    """
    patience = world.settings.patience
    end = time.monotonic() + (patience if at_most is None else min(at_most, patience))
    while world.slack.app_acts == since.app_acts and time.monotonic() < end:
        await asyncio.sleep(0.01)
    await world.quiet(QUIET, max(QUIET, end - time.monotonic()))
    saw = [entry for entry in world.transcript.since(since.change) if visible(world, entry, user)]
    return {"ok": True, "saw": saw}


def team_json() -> Json:
    """The workspace, as payloads name it."""
    return {"id": TEAM, "domain": TEAM_DOMAIN}


def actor_json(user: SlackUser) -> Json:
    """The person, as interactive payloads name them."""
    return {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team}


def payload_base(world: "World", user: SlackUser, kind: str, view: str | None = None) -> Json:
    """What every interactive payload has; comes with a fresh trigger."""
    return {
        "type": kind,
        "user": actor_json(user),
        "api_app_id": APP,
        "token": VERIFICATION,
        "trigger_id": world.slack.new_trigger(user.id, view).id,
        "team": team_json(),
        "enterprise": None,
        "is_enterprise_install": False,
    }


def escaped(text: str) -> str:
    """What a person types, as Slack passes it on: & < > escaped, @names of people made mentions."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"@opsbell\b", f"<@{BOT_USER}>", text)
    for user in SLACK_USERS:
        text = re.sub(rf"@{user.name}\b", f"<@{user.id}>", text)
    return text


def _command_form(world: "World", user: SlackUser, channel: Channel, name: str, text: str) -> Json:
    state = world.slack
    return {
        "token": VERIFICATION,
        "team_id": user.team,
        "team_domain": TEAM_DOMAIN if user.team == TEAM else "elsewhere",
        "channel_id": channel.id,
        "channel_name": channel.name,
        "user_id": user.id,
        "user_name": user.name,
        "command": name,
        "text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": state.new_response_url(channel.id, user.id),
        "trigger_id": state.new_trigger(user.id).id,
    }


def _show_ack(world: "World", ack: Ack, response_url: str) -> None:
    """Show what came in the ack of a command. Raises SlackError."""
    url = world.slack.response_urls[response_url.rpartition("/")[2]]
    if ack.body or ack.text.strip():
        world.slack.app_acts += 1
    if ack.body is not None:
        if ack.body.keys() & {"text", "blocks", "attachments"}:
            say(world, url, ack.body)
    elif ack.text.strip():
        say(world, url, {"text": ack.text})


async def command(world: "World", asked: Json) -> Json:
    """Type a slash command."""
    user = person(asked.get("user"))
    channel = place(world, asked.get("channel"), user)
    typed = str(asked.get("text", "")).strip()
    name, _, text = typed.partition(" ")
    if name not in [one.command for one in world.slack.installation.commands]:
        raise Refused(f"{name} is not a valid command.")
    since = mark(world)
    form = _command_form(world, user, channel, name, text.strip())
    ack = await send(world, "slash_commands", form, name=f"command {name}")
    if ack.error is None:
        try:
            _show_ack(world, ack, form["response_url"])
        except SlackError as error:
            ack = Ack(error=error.code)
    if ack.error:
        seen = await outcome(world, user, since, QUIET)
        return {**seen, "ok": False, "error": f'{name} failed with the error "{ack.error}"'}
    return await outcome(world, user, since)


def _message_event(message: Message, user: SlackUser, channel: Channel) -> Json:
    event: Json = {
        "type": "message",
        "channel": channel.id,
        "channel_type": "im" if channel.id.startswith("D") else "channel",
        "user": user.id,
        "user_team": user.team,
        "team": user.team,
        "text": message.text,
        "ts": message.ts,
        "event_ts": message.ts,
    }
    return event | ({"thread_ts": message.thread_ts} if message.thread_ts else {})


async def _tell(world: "World", message: Message, user: SlackUser, channel: Channel) -> list[str]:
    """Send the events of a message that the app subscribes to; their names."""
    direct = channel.id.startswith("D")
    event = _message_event(message, user, channel)
    kinds = {"message.im" if direct else "message.channels": event}
    if f"<@{BOT_USER}>" in message.text and not direct:
        mention = {key: value for key, value in event.items() if key != "channel_type"}
        kinds["app_mention"] = {**mention, "type": "app_mention"}
    told = [name for name in kinds if name in world.slack.installation.events]
    for name in told:
        await send_event(world, kinds[name])
    return told


async def message(world: "World", asked: Json) -> Json:
    """Write a message in a channel, a thread, or to the bot."""
    user = person(asked.get("user"))
    channel = place(world, asked.get("channel"), user)
    text = escaped(str(asked.get("text", "")))
    thread = asked.get("thread_ts")
    if not text.strip():
        raise Refused("A message needs a text.")
    if thread and (channel.id, str(thread)) not in world.slack.messages:
        raise Refused(f"There is no message {thread} in #{channel.name}.", 404)
    new = Message(
        channel=channel.id,
        ts=world.slack.new_ts(),
        user=user.id,
        text=text,
        blocks=[],
        entry={},
        is_bot=False,
        thread_ts=str(thread) if thread else None,
    )
    since = mark(world)
    show_new(new, world.slack)
    told = await _tell(world, new, user, channel)
    answer = await outcome(world, user, since, MESSAGE_PATIENCE if told else QUIET)
    return {**answer, "ts": new.ts, "events": told}


async def home(world: "World", asked: Json) -> Json:
    """Open the app's Home tab."""
    user = person(asked.get("user"))
    if user.team != TEAM:
        raise Refused(f"{user.name} is of another team and has no Home tab of the app.", 403)
    state = world.slack
    if not state.installation.has_home:
        raise Refused("The app has no Home tab (features.app_home.home_tab_enabled).", 403)
    event: Json = {
        "type": "app_home_opened",
        "user": user.id,
        "channel": state.direct_channel(user.id).id,
        "tab": "home",
        "event_ts": state.new_ts(),
    }
    if user.id in state.homes:
        event["view"] = view_json(state.homes[user.id])
    since = mark(world)
    if "app_home_opened" not in state.installation.events:
        shown = state.homes.get(user.id)
        return {"ok": True, "saw": [], "home": shown.entry if shown else None}
    ack = await send_event(world, event)
    answer = await outcome(world, user, since, QUIET if ack.error else None)
    if ack.error and user.id not in state.homes:
        return {**answer, "ok": False, "error": f"The Home tab stays empty ({ack.error})."}
    shown = state.homes.get(user.id)
    return {**answer, "home": shown.entry if shown else None}
