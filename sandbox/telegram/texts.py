"""Texts and captions of calls: parsed, trimmed, measured, with every entity Telegram would show."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.telegram.arguments import Arguments
from sandbox.telegram.detect import with_found
from sandbox.telegram.errors import ApiError, bad_request
from sandbox.telegram.markup import Entity, checked_link, in_order, parse_html, utf16

#: most UTF-16 units after parsing, core.telegram.org/bots/api#sendmessage and #sendphoto
MOST_TEXT = 4096
MOST_CAPTION = 1024
#: most entities shown; Telegram ignores the others
MOST_ENTITIES = 100
#: characters Telegram turns into spaces or leaves out
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\u2028-\u202e]")
LEFT_OUT = frozenset("\r\u2028\u2029\u202a\u202b\u202c\u202d\u202e")
KINDS = frozenset(
    """mention hashtag cashtag bot_command url email phone_number bold italic underline strikethrough spoiler
    blockquote expandable_blockquote code pre text_link text_mention custom_emoji""".split()
)
FOUND_BY_TELEGRAM = frozenset("mention hashtag cashtag bot_command url email phone_number".split())

UserOf = Callable[[int], dict[str, Any] | None]


@dataclass(frozen=True, kw_only=True)
class Words:
    """A text as people see it, with entities whose offsets count UTF-16 units."""

    text: str = ""
    entities: tuple[Entity, ...] = ()


def _one_entity(given: Any, user_of: UserOf) -> Entity | None:
    """One entity of the `entities` parameter; None: a kind that Telegram finds by itself."""
    if not isinstance(given, dict):
        raise bad_request("can't parse MessageEntity: expected an Object")
    for name in ("offset", "length"):
        if not isinstance(given.get(name), int):
            raise bad_request(f'can\'t parse MessageEntity: Can\'t find field "{name}"')
    kind = given.get("type")
    if not isinstance(kind, str):
        raise bad_request('can\'t parse MessageEntity: Can\'t find field "type"')
    if kind not in KINDS:
        raise bad_request("can't parse MessageEntity: Unsupported type specified")
    if kind in FOUND_BY_TELEGRAM:
        return None
    entity: Entity = {"offset": given["offset"], "length": given["length"], "type": kind}
    if kind == "text_link":
        entity["url"] = checked_link(str(given.get("url", "")))
        if not entity["url"]:
            return None
    elif kind == "text_mention":
        user = given.get("user")
        entity["user"] = user.get("id") if isinstance(user, dict) else None
    elif kind == "pre" and given.get("language"):
        entity["language"] = str(given["language"])
    elif kind == "custom_emoji":
        entity["custom_emoji_id"] = str(given.get("custom_emoji_id", ""))
    return _with_user(entity, user_of)


def _with_user(entity: Entity, user_of: UserOf) -> Entity | None:
    """A mention of a user carries the user; None: Telegram does not know the user."""
    if entity["type"] != "text_mention":
        return entity
    user = user_of(entity["user"]) if isinstance(entity["user"], int) else None
    return {**entity, "user": user} if user else None


def _cleaned(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Without the characters Telegram leaves out; other control characters become spaces; entities moved along."""
    dropped = [utf16(text[: found.start()]) for found in CONTROL.finditer(text) if found.group() in LEFT_OUT]
    clean = CONTROL.sub(lambda found: "" if found.group() in LEFT_OUT else " ", text)
    moved = []
    for entity in entities:
        begin, end = entity["offset"], entity["offset"] + entity["length"]
        before, inside = sum(place < begin for place in dropped), sum(begin <= place < end for place in dropped)
        if entity["length"] > inside:
            moved.append({**entity, "offset": begin - before, "length": entity["length"] - inside})
    return clean, moved


def _trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Without blanks at the end, and at the beginning up to the first entity; entities moved along."""
    text, entities = _cleaned(text, entities)
    first = min((entity["offset"] for entity in entities), default=len(text))
    begin = 0
    while begin < min(first, len(text)) and text[begin] in " \n":
        begin += 1
    kept = text[begin:].rstrip(" \n\u00a0")
    length = utf16(kept)
    moved = []
    for entity in entities:
        offset = entity["offset"] - begin
        size = min(entity["length"], length - offset)
        if offset >= 0 and size > 0:
            moved.append({**entity, "offset": offset, "length": size})
    return kept, moved


def read_words(
    arguments: Arguments, user_of: UserOf, *, name: str = "text", most: int = MOST_TEXT, may_be_empty: bool = False
) -> Words:
    """The words of a call: parameter `name` with `parse_mode` or the entities parameter.

    Raises ApiError: empty, too long after parsing, wrong markup.
    """
    source = arguments.text(name)
    if not source and not may_be_empty:
        raise bad_request("message text is empty")
    mode = arguments.text("parse_mode").lower()
    given = "entities" if name == "text" else "caption_entities"
    if mode in ("", "none"):
        text, entities = source, _given_entities(arguments, given, user_of)
    elif mode == "html":
        text, entities = parse_html(source)
        entities = [entity for raw in entities if (entity := _with_user(raw, user_of))]
    elif mode in ("markdown", "markdownv2"):
        raise bad_request("unsupported parse_mode (the sandbox reads HTML only)")
    else:
        raise bad_request("unsupported parse_mode")
    text, entities = _trimmed(text, entities)
    if not text and not may_be_empty:
        raise bad_request("text must be non-empty")
    if utf16(text) > most:
        raise bad_request("message is too long" if name == "text" else "message caption is too long")
    return Words(text=text, entities=tuple(with_found(text, entities)[:MOST_ENTITIES]))


def _given_entities(arguments: Arguments, name: str, user_of: UserOf) -> list[Entity]:
    try:
        given = arguments.json(name, "")
    except ApiError:
        given = None
    if not isinstance(given, list):
        # Telegram ignores what is no list of entities
        return []
    return in_order([entity for one in given if (entity := _one_entity(one, user_of))])


def plain_words(text: str) -> Words:
    """What a person typed, with what Telegram finds in it."""
    kept, _ = _trimmed(text, [])
    return Words(text=kept, entities=tuple(with_found(kept, [])))
