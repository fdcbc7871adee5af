"""What Slack may ask of us, read strictly from a verified body before Bolt sees it: four kinds, all else is left.

Sources: docs.slack.dev/interactivity/implementing-slash-commands, reference/interaction-payloads (block_actions,
view_submission) and apis/events-api, read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from typing import Final, TypeAlias
from urllib.parse import parse_qsl

from domain.foreign import Unreadable, json_object, part, sound, word
from domain.wire import Json
from handlers.run import Who
from notifications.slack.modals import CALLBACK

#: fields of a form; Slack's commands have about fifteen
_MOST_FIELDS: Final = 100
#: characters of an id or a token; Slack's own are far shorter
_LONGEST_ID: Final = 300

Body: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, kw_only=True)
class Typed:
    """A slash command."""

    who: Who
    name: str
    text: str
    trigger: str


@dataclass(frozen=True, kw_only=True)
class Pressed:
    """A pressed button or a chosen item of a menu; ``token`` None: a plain link."""

    who: Who
    token: str | None
    trigger: str
    response_url: str | None
    in_home: bool


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """A form sent off. It was opened by a button (``token``) or by a typed command (``path``); never by both."""

    who: Who
    token: str | None
    path: str | None
    #: what was typed, by field; an empty field is an empty text
    values: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Opened:
    """App Home was opened."""

    who: Who
    event_id: str


Asked: TypeAlias = Typed | Pressed | Submitted | Opened


def body_of(raw: bytes, kind: str) -> dict[str, Json]:
    """The body as Slack meant it: JSON, a form, or a form with JSON in its ``payload``. Unreadable if it is none."""
    if kind == "application/json":
        return json_object(raw)
    try:
        fields = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, strict_parsing=bool(raw), errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:  # UnicodeDecodeError is one
        raise Unreadable("That is not a form.") from None
    found: dict[str, Json] = dict(fields)
    if len(found) != len(fields):
        raise Unreadable("A field comes twice.")
    if not all(sound(name) and sound(value) for name, value in fields):
        raise Unreadable("A field holds half a character or NUL.")
    payload = found.get("payload")
    return found if payload is None else json_object(str(payload).encode())


def asked(body: Body) -> Asked | None:
    """What is asked; None for what we don't work with. Unreadable if it is not as Slack writes it."""
    kind = body.get("type")
    if kind == "block_actions":
        return pressed(body)
    if kind == "view_submission":
        return submitted(body) if part(body.get("view")).get("callback_id") == CALLBACK else None
    if kind == "event_callback":
        return opened(body)
    return typed(body) if kind is None and "command" in body else None


def typed(body: Body) -> Typed:
    """A slash command's fields."""
    place = _optional(body, "channel_id")
    return Typed(
        who=Who(platform="slack", user=_id(body, "user_id"), team=_id(body, "team_id"), place=place),
        name=_id(body, "command").removeprefix("/"), text=str(body.get("text") or ""), trigger=_id(body, "trigger_id"),
    )


def pressed(body: Body) -> Pressed:
    """A block action's fields; the first action is the one that was done."""
    actions = body.get("actions")
    action = part(actions[0]) if isinstance(actions, list) and actions else {}
    _id(action, "action_id")  # Bolt looks it up
    chosen = action if action.get("type") == "button" else part(action.get("selected_option"))
    value = word(chosen.get("value"))
    return Pressed(
        who=_who(body), token=value[:_LONGEST_ID] if value else None, trigger=_id(body, "trigger_id"),
        response_url=word(body.get("response_url")), in_home=part(body.get("view")).get("type") == "home",
    )


def submitted(body: Body) -> Submitted:
    """A form's fields, and what it was opened for."""
    view = part(body.get("view"))
    _id(view, "type")  # Bolt looks it up
    metadata = json_object(str(view.get("private_metadata") or "{}").encode())
    token, path = _optional(metadata, "token"), _optional(metadata, "path")
    if (token is None) == (path is None):
        raise Unreadable("The form does not say what it is for.")
    fields = part(part(view.get("state")).get("values"))
    return Submitted(
        who=_who(body, _optional(metadata, "place")), token=token, path=path,
        values={name: _value(part(block)) for name, block in fields.items()},
    )


def _value(block: Body) -> str:
    """What the block's one element holds."""
    element = part(next(iter(block.values()), None))
    chosen = part(element.get("selected_option")).get("value")
    return word(chosen) or word(element.get("value")) or word(element.get("selected_date")) or ""


def opened(body: Body) -> Opened | None:
    """App Home opened at its own tab; None for any other event."""
    event = part(body.get("event"))
    if event.get("type") != "app_home_opened" or event.get("tab", "home") != "home":
        return None
    who = Who(platform="slack", user=_id(event, "user"), team=_id(body, "team_id"))
    return Opened(who=who, event_id=_id(body, "event_id"))


def seen(body: Body, raw: bytes) -> str:
    """The same signed bytes are the same click, however often they come; and a form that was opened is sent off once.

    Socket Mode has no bytes of its own: there it is the payload, which names its trigger and moment. A form that was
    refused does not count: nothing of it is kept.
    """
    if body.get("type") == "view_submission":
        return f"view:{_id(part(body.get('view')), 'id')}"
    return sha256(raw or dumps(body, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


def _who(body: Body, place: str | None = None) -> Who:
    user = part(body.get("user"))
    team = _optional(user, "team_id") or _id(part(body.get("team")), "id")
    channel = _optional(part(body.get("channel")), "id") or _optional(part(body.get("container")), "channel_id")
    return Who(platform="slack", user=_id(user, "id"), team=team, place=channel or place)


def _id(found: Body, name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID:
        raise Unreadable(f"The request lacks {name!r}.")
    return value


def _optional(found: Body, name: str) -> str | None:
    return None if found.get(name) in (None, "") else _id(found, name)
