"""How messages and views look: to the app (Slack's JSON) and to people (entries of the transcript)."""

import copy
from collections.abc import Iterator
from typing import Any

from sandbox.people import APP, BOT, BOT_USER, TEAM, slack_name, slack_user
from sandbox.slack.blocks import interactive
from sandbox.slack.state import File, Message, State, View

Json = dict[str, Any]
_SELECTS = ("select", "picker", "checkboxes", "radio_buttons")


def stamped(blocks: list[Json], state: State) -> list[Json]:
    """A copy of the blocks in which every block_id and action_id is filled in, as Slack does."""
    blocks = copy.deepcopy(blocks)
    for block in blocks:
        block.setdefault("block_id", state.new_id("", 5))
        for element in interactive(block):
            element.setdefault("action_id", state.new_id("", 5))
    return blocks


def used(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Every (block, element) a person can use, in order."""
    for block in blocks:
        for element in interactive(block):
            yield block, element


def options_of(element: Json) -> list[Json]:
    """The options of a select, overflow, checkboxes or radio buttons; groups laid flat."""
    flat = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        flat.extend(group.get("options") or [])
    return flat


def _label(block: Json, element: Json) -> str:
    """What a person reads on the element."""
    for holder in (element.get("text"), element.get("placeholder"), block.get("label")):
        if isinstance(holder, dict):
            return str(holder.get("text", ""))
    return str(element.get("accessibility_label", ""))


def _kind(element: Json) -> str:
    kind = str(element.get("type"))
    if kind in ("button", "workflow_button", "icon_button", "feedback_buttons"):
        return "button"
    if kind == "overflow":
        return "overflow"
    return "select" if any(word in kind for word in _SELECTS) else "input"


def buttons(blocks: list[Json]) -> list[Json]:
    """Everything a person can press or choose, flat, for the transcript."""
    return [
        {
            "label": _label(block, element),
            "action_id": element.get("action_id"),
            "block_id": block.get("block_id"),
            "value": element.get("value"),
            "style": element.get("style"),
            "url": element.get("url"),
            "kind": _kind(element),
            "type": element.get("type"),
            "options": [
                {"label": option.get("text", {}).get("text"), "value": option.get("value")}
                for option in options_of(element)
            ],
            "confirm": _confirm(element.get("confirm")),
        }
        for block, element in used(blocks)
    ]


def _confirm(confirm: Json | None) -> Json | None:
    if confirm is None:
        return None
    words = ("title", "text", "confirm", "deny")
    return {name: confirm[name]["text"] for name in words} | {"style": confirm.get("style")}


def file_entry(file: File, address: str) -> Json:
    """A file as the transcript shows it."""
    return {
        "id": file.id,
        "name": file.name,
        "title": file.title,
        "url": f"{address}/slack/files/{file.id}/{file.name}",
        "mimetype": file.mimetype,
        "alt_text": file.alt_text,
        "size": file.length,
    }


def message_entry(message: Message, state: State) -> Json:
    """The transcript's entry of a message as it now is, without seq, at and edits."""
    channel = state.channels[message.channel]
    return {
        "platform": "slack",
        "kind": "message",
        "channel": channel.id,
        "channel_name": channel.name,
        "ts": message.ts,
        "thread_ts": message.thread_ts,
        "broadcast": message.broadcast,
        "user": slack_name(message.user),
        "ephemeral_to": slack_name(message.ephemeral_to) if message.ephemeral_to else None,
        "text": message.text,
        "blocks": message.blocks,
        "attachments": message.attachments,
        "buttons": buttons(message.blocks),
        "files": [file_entry(file, state.world.address) for file in message.files],
        "metadata": message.metadata,
        "reactions": message.reactions,
        "deleted": message.deleted,
    }


def show_new(message: Message, state: State) -> None:
    """Put a new message into the workspace and the transcript."""
    state.messages[message.channel, message.ts] = message
    if message.thread_ts and message.ephemeral_to is None:
        state.replies.setdefault((message.channel, message.thread_ts), []).append(message)
    message.entry.update(message_entry(message, state))
    message.entry["edits"] = []
    state.world.transcript.add(message.entry)


def show_again(message: Message, state: State, *, edited_from: str | None = None) -> None:
    """Show a message that changed; `edited_from` is its text before an edit."""
    if edited_from is not None:
        message.entry["edits"].append({"at": state.world.clock.now().isoformat(), "text": edited_from})
    message.entry.update(message_entry(message, state))
    state.world.transcript.touch(message.entry)


def file_json(file: File, state: State) -> Json:
    """A file as the Web API gives it."""
    url = f"{state.world.address}/slack/files/{file.id}/{file.name}"
    return {
        "id": file.id,
        "name": file.name,
        "title": file.title,
        "alt_txt": file.alt_text,
        "mimetype": file.mimetype,
        "filetype": file.name.rpartition(".")[2] or "binary",
        "size": file.length,
        "user": BOT_USER,
        "mode": "hosted",
        "is_external": False,
        "url_private": url,
        "url_private_download": f"{url}?download=1",
        "permalink": url,
        "channels": list(file.shares),
        "shares": {"public": {key: [{"ts": ts}] for key, ts in file.shares.items()}},
    }


def _thread(message: Message, state: State) -> Json:
    replies = [one for one in state.replies.get((message.channel, message.ts), ()) if not one.deleted]
    if not replies:
        return {"thread_ts": message.thread_ts} if message.thread_ts else {}
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": sorted({one.user for one in replies}),
        "latest_reply": max(one.ts for one in replies),
    }


def message_json(message: Message, state: State, *, with_metadata: bool = True) -> Json:
    """A message as the Web API and the payloads give it."""
    shown: Json = {
        "type": "message",
        "user": message.user,
        "ts": message.ts,
        "text": message.text,
        "team": TEAM,
    }
    if message.is_bot:
        shown |= {"bot_id": BOT, "app_id": APP}
    else:
        user = slack_user(message.user)
        shown["user_team"] = shown["team"] = user.team if user else TEAM
    if message.blocks:
        shown["blocks"] = message.blocks
    if message.attachments:
        shown["attachments"] = message.attachments
    if message.files:
        shown["files"] = [file_json(file, state) for file in message.files]
    if message.edited_ts:
        shown["edited"] = {"user": message.user, "ts": message.edited_ts}
    if message.metadata and with_metadata:
        shown["metadata"] = message.metadata
    if message.broadcast:
        shown["subtype"] = "thread_broadcast"
    if message.reactions:
        shown["reactions"] = [
            {"name": name, "users": users, "count": len(users)} for name, users in message.reactions.items()
        ]
    return shown | _thread(message, state)


def view_json(view: View) -> Json:
    """A view as the Web API and the payloads give it."""
    given = view.definition
    return {
        "id": view.id,
        "team_id": TEAM,
        "type": view.kind,
        "blocks": given["blocks"],
        "private_metadata": given.get("private_metadata", ""),
        "callback_id": given.get("callback_id", ""),
        "state": {"values": view.values},
        "hash": view.hash,
        "title": given.get("title"),
        "clear_on_close": given.get("clear_on_close", False),
        "notify_on_close": given.get("notify_on_close", False),
        "close": given.get("close"),
        "submit": given.get("submit"),
        "previous_view_id": view.previous,
        "root_view_id": view.root,
        "app_id": APP,
        "external_id": given.get("external_id", ""),
        "app_installed_team_id": TEAM,
        "bot_id": BOT,
    }


def view_entry(view: View) -> Json:
    """The transcript's entry of a modal or an App Home as it now is."""
    given = view.definition
    blocks = given["blocks"]
    entry: Json = {
        "platform": "slack",
        "kind": "home" if view.kind == "home" else "view",
        "view_id": view.id,
        "user": slack_name(view.user),
        "callback_id": given.get("callback_id", ""),
        "blocks": blocks,
        "buttons": buttons(blocks),
        "values": view.values,
        "state": view.state,
    }
    if view.kind == "modal":
        entry |= {
            "title": given["title"]["text"],
            "submit": (given.get("submit") or {}).get("text"),
            "close": (given.get("close") or {}).get("text", "Cancel"),
            "previous_view_id": view.previous,
        }
    return entry
