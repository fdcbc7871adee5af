"""Every outgoing payload against Slack's published limits, before it is sent.

A payload over a limit would be refused as a whole (``invalid_blocks``). Blocks are built within the limits
(notifications.slack.blocks); this is the second pair of eyes, and knows only the published figures.
Source: npm @slack/types 3.2.0 and docs.slack.dev/reference/block-kit, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_MOST_BLOCKS: Final = 50
#: undocumented: github.com/slackapi/bolt-js/issues/2509
_MOST_TEXT: Final = 13_200
_MOST_FALLBACK: Final = 40_000
#: (type, field) -> most characters, or most items of a list
MOST: Final[Mapping[tuple[str, str], int]] = {
    ("mrkdwn", "text"): 3000, ("plain_text", "text"): 3000, ("actions", "elements"): 25, ("context", "elements"): 10,
    ("button", "text"): 75, ("button", "value"): 2000, ("button", "url"): 3000, ("button", "action_id"): 255,
    ("overflow", "options"): 5, ("static_select", "options"): 100, ("static_select", "placeholder"): 150,
    ("overflow", "action_id"): 255, ("option", "text"): 75, ("option", "value"): 75,
    ("confirm", "title"): 100, ("confirm", "text"): 300, ("confirm", "confirm"): 30, ("confirm", "deny"): 30,
    ("image", "alt_text"): 2000, ("data_table", "rows"): 101, ("data_visualization", "title"): 50,
}
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "section": ("text",), "actions": ("elements",), "context": ("elements",), "button": ("text", "action_id"),
    "overflow": ("options", "action_id"), "static_select": ("options", "action_id", "placeholder"),
    "image": ("alt_text",), "mrkdwn": ("text",), "plain_text": ("text",),
    "data_table": ("rows", "caption"), "data_visualization": ("title", "chart"), "option": ("text", "value"),
    "confirm": ("title", "text", "confirm", "deny"),
}
#: objects without a type of their own, by the field that holds them
_UNTYPED: Final[Mapping[str, str]] = {"options": "option", "confirm": "confirm"}
_BLOCKS: Final = frozenset({"section", "actions", "context", "image", "data_table", "data_visualization"})


def over(content: Mapping[str, Any]) -> str | None:
    """The first thing that Slack would refuse, with where it stands; None if all is within the limits."""
    if len(content["text"]) > _MOST_FALLBACK:
        return f"/text has more than {_MOST_FALLBACK} characters"
    found = content["blocks"]
    if len(found) > _MOST_BLOCKS:
        return f"/blocks has more than {_MOST_BLOCKS}"
    if sum(_text(block) for block in found) > _MOST_TEXT:
        return f"/blocks has more than {_MOST_TEXT} characters in all"
    problems = (problem for number, block in enumerate(found) for problem in _problems(block, f"/blocks/{number}"))
    return next(problems, None)


def _problems(block: Mapping[str, Any], where: str) -> Iterator[str]:
    kind = block.get("type")
    if kind not in _BLOCKS:
        yield f"{where} is a {kind}, which is no block of a message"
        return
    ids = [element.get("action_id") for element in block.get("elements", ()) if "action_id" in element]
    if len(ids) != len(set(ids)):
        yield f"{where} has an action_id twice"
    yield from _object(block, str(kind), where)


def _object(value: Mapping[str, Any], kind: str, where: str) -> Iterator[str]:
    for name in _NEEDED.get(kind, ()):
        if not value.get(name):
            yield f"{where}/{name} is empty"
    for name, inner in value.items():
        most = MOST.get((kind, name))
        size = len(inner["text"]) if isinstance(inner, Mapping) and "text" in inner else inner
        size = len(size) if isinstance(size, str | list) else size
        if most is not None and isinstance(size, int) and size > most:
            yield f"{where}/{name} has {size}, more than {most}"
        for number, one in enumerate(inner if isinstance(inner, list) else [inner]):
            if isinstance(one, Mapping):
                named = str(one.get("type", "")) if name != "confirm" or kind == "confirm" else ""
                yield from _object(one, named or _UNTYPED.get(name, ""), f"{where}/{name}/{number}")


def _text(value: object) -> int:
    if isinstance(value, Mapping):
        own = value.get("text")
        return (len(own) if isinstance(own, str) else 0) + sum(map(_text, value.values()))
    return sum(map(_text, value)) if isinstance(value, list) else 0
