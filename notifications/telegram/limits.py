"""Every outgoing message against the Bot API's published limits, before it is sent.

Source: core.telegram.org/bots/api (10.3): 4,096 characters of text and 1,024 of a caption after parsing, in UTF-16
units; 1 to 64 bytes of callback data; the tags of #html-style.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from aiogram.types import InlineKeyboardMarkup, ReplyKeyboardMarkup, ReplyKeyboardRemove

from notifications.telegram.texts import CAPTION, TEXT, length

Keyboard = InlineKeyboardMarkup | ReplyKeyboardMarkup | ReplyKeyboardRemove | None

_MOST_BUTTONS: Final = 100
_CALLBACK_BYTES: Final = 64
_TAGS: Final = frozenset({"b", "i", "code", "a", "blockquote"})
_TAG: Final = re.compile(r"<(/?)([a-z]*)((?: [^<>]*)?)>")
_ENTITY: Final = re.compile(r"&(?!(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);)")


def over(html: str, markup: Keyboard, *, caption: bool = False) -> str | None:
    """The first thing that Telegram would refuse; None if all is within the limits."""
    most, size = (CAPTION if caption else TEXT), length(html)
    if size > most:
        return f"the text has {size}, more than {most}"
    if size == 0 and not caption:
        return "the text is empty"
    return _parse(html) or _buttons(markup)


def _parse(html: str) -> str | None:
    left = _TAG.sub("", html)
    if "<" in left or ">" in left:
        return "can't parse entities: a lone angle bracket"
    if _ENTITY.search(left):
        return "can't parse entities: a lone ampersand"
    stack: list[str] = []
    for closing, tag, _ in _TAG.findall(html):
        if tag not in _TAGS:
            return f"can't parse entities: unsupported tag {tag!r}"
        if not closing:
            stack.append(tag)
        elif not stack or stack.pop() != tag:
            return f"can't parse entities: unexpected end of {tag!r}"
    return f"can't parse entities: {stack[-1]!r} is not closed" if stack else None


def _buttons(markup: Keyboard) -> str | None:
    if not isinstance(markup, InlineKeyboardMarkup):
        return None
    buttons = [button for row in markup.inline_keyboard for button in row]
    if len(buttons) > _MOST_BUTTONS:
        return f"{len(buttons)} buttons, more than {_MOST_BUTTONS}"
    for button in buttons:
        if not button.text.strip():
            return "a button without words"
        if button.callback_data is not None and not 1 <= len(button.callback_data.encode()) <= _CALLBACK_BYTES:
            return f"callback data of {len(button.callback_data.encode())} bytes, not 1 to {_CALLBACK_BYTES}"
        if button.url is not None and not urlsplit(button.url).netloc:
            return "a button's address is none"
    return None
