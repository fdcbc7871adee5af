"""Web API: chat.* and reactions.

Source: docs.slack.dev/reference/methods, read 2026-11-23.
"""

import json
from typing import Any

from sandbox.people import BOT_USER, TEAM, TEAM_DOMAIN, slack_user
from sandbox.slack.blocks import MOST_BLOCK_TEXT, check_blocks, text_length
from sandbox.slack.calls import Call, Json, Method, SlackError
from sandbox.slack.shown import message_json, show_again, show_new, stamped
from sandbox.slack.state import Channel, Message, State

#: chat.postMessage cuts text here (docs.slack.dev/changelog/2018-04-truncating-really-long-messages)
MOST_TEXT = 40_000
#: chat.update and chat.postEphemeral refuse more
MOST_EDITED_TEXT = 4_000
MOST_MARKDOWN = 12_000
MOST_METADATA_BYTES = 16_000


def channel_for(
    call: Call, name: str = "channel", *, posting: bool = False, anywhere: bool = False
) -> Channel:
    """The channel an argument names. Raises channel_not_found, not_in_channel, is_archived.

    `anywhere`: with the scope chat:write.public the bot need not be in it.
    """
    state = call.world.slack
    key = call.text(name)
    channel = state.find_channel(key)
    user = slack_user(key) if key.startswith("U") else None
    if channel is None and posting and user and user.team == TEAM:
        channel = state.direct_channel(user.id)
    if channel is None:
        raise SlackError("channel_not_found")
    if posting and channel.is_archived:
        raise SlackError("is_archived")
    may = BOT_USER in channel.members or (anywhere and state.installation.posts_anywhere())
    if posting and not may:
        raise SlackError("not_in_channel")
    return channel


def _known_files(blocks: Any, state: State) -> list[str]:
    """Errors for slack_file references to files that are not there."""
    wrong = []

    def look(value: Any, pointer: str) -> None:
        if isinstance(value, list):
            for index, item in enumerate(value):
                look(item, f"{pointer}/{index}")
        elif isinstance(value, dict):
            if isinstance(value.get("slack_file"), dict):
                wanted = value["slack_file"]
                ids = [one.id for one in state.files.values() if one.completed]
                key = str(wanted.get("id") or wanted.get("url") or "")
                if key not in ids and not any(f"/slack/files/{one}/" in key for one in ids):
                    wrong.append(f"invalid slack file [json-pointer:{pointer}/slack_file]")
            for name, item in value.items():
                look(item, f"{pointer}/{name}")

    look(blocks, "/blocks")
    return wrong


def read_blocks(given: Any, state: State) -> list[Json] | None:
    """The blocks of a message, checked and stamped; None: the argument is absent. Raises SlackError."""
    if given is None or given == "":
        return None
    if not isinstance(given, list):
        raise SlackError("invalid_blocks_format")
    wrong = check_blocks(given, "message") + _known_files(given, state)
    if wrong:
        raise SlackError("invalid_blocks", *wrong)
    if text_length(given) > MOST_BLOCK_TEXT:
        raise SlackError("msg_blocks_too_long")
    return stamped(given, state)


def _read_metadata(given: Any) -> Json | None:
    """Message metadata, checked; None: absent, {}: to be removed."""
    if given is None or given == {}:
        return None if given is None else {}
    if not isinstance(given, dict):
        raise SlackError("invalid_metadata_format")
    right = isinstance(given.get("event_type"), str) and isinstance(given.get("event_payload"), dict)
    if not right or set(given) - {"event_type", "event_payload"}:
        raise SlackError("invalid_metadata_schema")
    if len(json.dumps(given)) > MOST_METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return given


def read_text(call: Call) -> str | None:
    """The text or markdown_text; None: neither is given. Raises markdown_text_conflict, msg_too_long."""
    markdown = call.arguments.get("markdown_text")
    if markdown is None:
        return None if call.arguments.get("text") is None else call.text("text")
    if call.arguments.get("text") or call.arguments.get("blocks"):
        raise SlackError("markdown_text_conflict")
    if len(str(markdown)) > MOST_MARKDOWN:
        raise SlackError("msg_too_long")
    return str(markdown)


def _attachments(given: Any) -> list[Json]:
    if given in (None, ""):
        return []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise SlackError("invalid_attachments")
    if len(given) > 100:
        raise SlackError("too_many_attachments")
    return given


def _thread(call: Call, channel: Channel) -> str | None:
    """The parent's ts. Slack quietly posts to the channel when the parent is not there; we refuse."""
    wanted = call.text("thread_ts")
    if not wanted:
        return None
    parent = call.world.slack.messages.get((channel.id, wanted))
    if parent is None or parent.ephemeral_to is not None:
        raise SlackError("cannot_reply_to_message")
    return parent.thread_ts or parent.ts


def new_message(call: Call, channel: Channel, *, ephemeral_to: str | None = None) -> tuple[Message, list[str]]:
    """A message from the call's arguments, not yet shown, and warnings. Raises SlackError."""
    state = call.world.slack
    text = read_text(call)
    blocks = read_blocks(call.arguments.get("blocks"), state)
    attachments = _attachments(call.arguments.get("attachments"))
    metadata = _read_metadata(call.arguments.get("metadata"))
    if not (text and text.strip()) and not blocks and not attachments:
        raise SlackError("no_text")
    text = text or ""
    warnings = []
    if len(text) > MOST_TEXT:
        if ephemeral_to:
            raise SlackError("msg_too_long")
        text = text[:MOST_TEXT]
        warnings.append("message_truncated")
    message = Message(
        channel=channel.id,
        ts=state.new_ts(),
        user=BOT_USER,
        text=text,
        blocks=blocks or [],
        entry={},
        thread_ts=_thread(call, channel),
        ephemeral_to=ephemeral_to,
        metadata=metadata or None,
        attachments=attachments,
        broadcast=call.flag("reply_broadcast") and bool(call.text("thread_ts")),
    )
    return message, warnings


def _post_message(call: Call) -> Json:
    channel = channel_for(call, posting=True, anywhere=True)
    message, warnings = new_message(call, channel)
    show_new(message, call.world.slack)
    answer: Json = {
        "channel": channel.id,
        "ts": message.ts,
        "message": message_json(message, call.world.slack),
    }
    if warnings:
        answer |= {"warning": ",".join(warnings), "response_metadata": {"warnings": warnings}}
    return answer


def _post_ephemeral(call: Call) -> Json:
    channel = channel_for(call, posting=True)
    user = slack_user(call.text("user"))
    if user is None or user.id not in channel.members:
        raise SlackError("user_not_in_channel")
    message, _ = new_message(call, channel, ephemeral_to=user.id)
    show_new(message, call.world.slack)
    return {"message_ts": message.ts}


def message_for(call: Call, channel: Channel, name: str = "ts") -> Message:
    """The message an argument names. Ephemeral and deleted ones do not count. Raises message_not_found."""
    message = call.world.slack.messages.get((channel.id, call.text(name)))
    if message is None or message.ephemeral_to is not None or message.deleted:
        raise SlackError("message_not_found")
    return message


def _update(call: Call) -> Json:
    state = call.world.slack
    channel = channel_for(call, posting=True)
    message = message_for(call, channel)
    if message.user != BOT_USER:
        raise SlackError("cant_update_message")
    text = read_text(call)
    blocks = read_blocks(call.arguments.get("blocks"), state)
    metadata = _read_metadata(call.arguments.get("metadata"))
    attachments = call.arguments.get("attachments")
    if text is None and blocks is None and attachments is None:
        raise SlackError("no_text")
    if len(text or "") > MOST_EDITED_TEXT:
        raise SlackError("msg_too_long")
    left = message.blocks if blocks is None else blocks
    if not (text if text is not None else message.text).strip() and not left and not attachments:
        raise SlackError("no_text")
    before = message.text
    message.text = message.text if text is None else text
    message.blocks = left
    if metadata is not None:
        message.metadata = metadata or None
    if attachments is not None:
        message.attachments = _attachments(attachments)
    message.edited_ts = state.new_ts()
    message.chosen = {}
    show_again(message, state, edited_from=before)
    shown = message_json(message, state)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


def _delete(call: Call) -> Json:
    channel = channel_for(call)
    message = message_for(call, channel)
    if message.user != BOT_USER:
        raise SlackError("cant_delete_message")
    message.deleted = True
    show_again(message, call.world.slack)
    return {"channel": channel.id, "ts": message.ts}


def permalink(message: Message) -> str:
    """The address of a message in Slack's web client."""
    link = f"https://{TEAM_DOMAIN}.slack.com/archives/{message.channel}/p{message.ts.replace('.', '')}"
    return link + (f"?thread_ts={message.thread_ts}&cid={message.channel}" if message.thread_ts else "")


def _get_permalink(call: Call) -> Json:
    channel = channel_for(call)
    return {"channel": channel.id, "permalink": permalink(message_for(call, channel, "message_ts"))}


def _react(call: Call) -> Json:
    channel = channel_for(call, posting=True)
    name = call.text("name").strip(":")
    if not name.replace("_", "").replace("-", "").replace("+", "").isalnum():
        raise SlackError("invalid_name")
    message = message_for(call, channel, "timestamp")
    people = message.reactions.setdefault(name, [])
    if BOT_USER in people:
        raise SlackError("already_reacted")
    people.append(BOT_USER)
    show_again(message, call.world.slack)
    return {}


METHODS = (
    Method(name="chat.postMessage", act=_post_message, tier=5, required=("channel",)),
    Method(name="chat.postEphemeral", act=_post_ephemeral, tier=4, required=("channel", "user")),
    Method(name="chat.update", act=_update, tier=3, required=("channel", "ts")),
    Method(name="chat.delete", act=_delete, tier=3, required=("channel", "ts")),
    Method(
        name="chat.getPermalink",
        act=_get_permalink,
        tier=5,
        required=("channel", "message_ts"),
        takes_json=False,
    ),
    Method(name="reactions.add", act=_react, tier=3, required=("channel", "name", "timestamp")),
)
