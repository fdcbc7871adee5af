"""Web API: conversations.*, read side.

Source: docs.slack.dev/reference/methods, read 2026-11-23.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

from sandbox.people import BOT_USER, OTHER_TEAM, TEAM, slack_user
from sandbox.slack.calls import Call, Json, Method, SlackError
from sandbox.slack.chat_methods import channel_for
from sandbox.slack.shown import message_json
from sandbox.slack.state import Channel, Message

_TS = re.compile(r"\d{1,12}(\.\d{1,6})?")


def channel_json(channel: Channel) -> Json:
    """A channel as conversations.info gives it."""
    direct = channel.id.startswith("D")
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not direct,
        "is_im": direct,
        "is_group": False,
        "is_mpim": False,
        "is_private": direct,
        "is_archived": channel.is_archived,
        "is_general": channel.id == "C0GENERAL",
        "is_shared": channel.is_shared,
        "is_ext_shared": channel.is_shared,
        "is_org_shared": False,
        "is_member": BOT_USER in channel.members,
        "created": 1700000000,
        "creator": "U0ADA",
        "context_team_id": TEAM,
        "shared_team_ids": [TEAM, OTHER_TEAM] if channel.is_shared else [TEAM],
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }


def _page(call: Call, things: Sequence[Any], limit: int) -> tuple[Sequence[Any], str]:
    """One page of `things` and the cursor of the next ("" at the end). Raises invalid_cursor."""
    start = 0
    if call.text("cursor"):
        try:
            start = int(base64.b64decode(call.text("cursor"), validate=True).decode().removeprefix("next:"))
        except (binascii.Error, ValueError):
            raise SlackError("invalid_cursor") from None
    end = start + limit
    cursor = base64.b64encode(f"next:{end}".encode()).decode() if end < len(things) else ""
    return things[start:end], cursor


def _info(call: Call) -> Json:
    channel = channel_for(call)
    shown = channel_json(channel)
    if call.flag("include_num_members"):
        shown["num_members"] = len(channel.members)
    return {"channel": shown}


def _list(call: Call) -> Json:
    shut = call.flag("exclude_archived")
    channels = [
        channel_json(channel)
        for channel in call.world.slack.channels.values()
        if not channel.id.startswith("D") and not (shut and channel.is_archived)
    ]
    page, cursor = _page(call, channels, call.whole("limit", 100, 1, 1000))
    return {"channels": list(page), "response_metadata": {"next_cursor": cursor}}


def _members(call: Call) -> Json:
    channel = channel_for(call)
    page, cursor = _page(call, sorted(channel.members), call.whole("limit", 100, 1, 1000))
    return {"members": list(page), "response_metadata": {"next_cursor": cursor}}


def _open(call: Call) -> Json:
    given = call.arguments.get("users")
    users = [str(one) for one in given] if isinstance(given, list) else call.text("users").split(",")
    if users in ([], [""]):
        raise SlackError("users_list_not_supplied")
    user = slack_user(users[0])
    if user is None or user.id != users[0]:
        raise SlackError("user_not_found")
    if len(users) > 1 or user.team != TEAM:
        raise SlackError("method_not_supported_for_channel_type")
    channel = call.world.slack.direct_channel(user.id)
    return {"channel": channel_json(channel) if call.flag("return_im") else {"id": channel.id}}


def _between(call: Call, messages: list[Message]) -> list[Message]:
    """The messages between oldest and latest; both ends count if inclusive. Raises invalid_ts_*."""
    for name in ("oldest", "latest"):
        if call.text(name) and not _TS.fullmatch(call.text(name)):
            raise SlackError(f"invalid_ts_{name}")
    oldest = float(call.text("oldest") or 0)
    latest = float(call.text("latest") or "inf")
    ends = {oldest, latest} if call.flag("inclusive") else set()
    return [one for one in messages if oldest < float(one.ts) < latest or float(one.ts) in ends]


def _public(call: Call, channel: Channel) -> list[Message]:
    if BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    return [
        one
        for one in call.world.slack.messages.values()
        if one.channel == channel.id and one.ephemeral_to is None and not one.deleted
    ]


def _answer(call: Call, messages: Sequence[Message], default: int) -> Json:
    page, cursor = _page(call, messages, call.whole("limit", default, 1, 999))
    with_metadata = call.flag("include_all_metadata")
    answer: Json = {
        "messages": [message_json(one, call.world.slack, with_metadata=with_metadata) for one in page],
        "has_more": bool(cursor),
    }
    return answer | ({"response_metadata": {"next_cursor": cursor}} if cursor else {})


def _history(call: Call) -> Json:
    channel = channel_for(call)
    seen = [
        one
        for one in _public(call, channel)
        if one.thread_ts in (None, one.ts) or one.broadcast
    ]
    newest_first = sorted(_between(call, seen), key=lambda one: one.ts, reverse=True)
    return {**_answer(call, newest_first, 100), "pin_count": 0}


def _replies(call: Call) -> Json:
    channel = channel_for(call)
    all_there = _public(call, channel)
    wanted = call.text("ts")
    asked = next((one for one in all_there if one.ts == wanted), None)
    if asked is None:
        raise SlackError("thread_not_found")
    root = asked.thread_ts or asked.ts
    replies = sorted(
        (one for one in all_there if one.thread_ts == root and one.ts != root), key=lambda one: one.ts
    )
    parent = [one for one in all_there if one.ts == root]
    return _answer(call, [*parent, *_between(call, replies)], 1000 - 1)


METHODS = (
    Method(name="conversations.info", act=_info, tier=3, required=("channel",), takes_json=False),
    Method(name="conversations.list", act=_list, tier=2, takes_json=False),
    Method(name="conversations.members", act=_members, tier=4, required=("channel",), takes_json=False),
    Method(name="conversations.open", act=_open, tier=3),
    Method(name="conversations.history", act=_history, tier=3, required=("channel",)),
    Method(
        name="conversations.replies", act=_replies, tier=3, required=("channel", "ts"), takes_json=False
    ),
)
