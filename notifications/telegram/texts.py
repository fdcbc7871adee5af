"""Words and buttons -> a Telegram text with its keyboard, within the Bot API's limits.

Limits: core.telegram.org/bots/api (10.3): 4,096 characters of text after parsing, 1,024 of a caption, 64 bytes of
callback data.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Final

from aiogram.types import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)
from markupsafe import Markup

from domain.messages import Letter, StampedButton, Table
from notifications.catalogue import Words, shorten
from notifications.dialect import HTML, clean

TEXT: Final = 4096
CAPTION: Final = 1024
_LABEL: Final = 60
#: so many buttons beside each other -> the longest label that a phone shows whole
_FITS: Final = {2: 16, 3: 10, 4: 5}
#: callback data is this and the button's token
PRESS: Final = "p:"

#: cells that say that there is nothing to say
_NOTHING: Final = ("", "-", "–")
#: begins with a digit, a sign of a currency, or a currency's code
_FIGURE: Final = re.compile(r"(?:[A-Z]{3}\s)?\W*\d")
_TAG: Final = re.compile(r"<(/?)([a-z]+)[^>]*>")


def text_of(words: Words, letter: Letter, *, limit: int = TEXT) -> str:
    """The HTML of a message, cut at a line's end where it is too long, with every tag closed."""
    parts = [HTML.bold(words.title) if words.title else "", words.lead, words.body, *map(_table, letter.message.tables)]
    if words.note:
        parts.append(HTML.italic(words.note))
    return cut("\n\n".join(str(part) for part in parts if part), limit)


def length(html: str) -> int:
    """Characters as Telegram counts them: UTF-16 units after the tags are gone."""
    return len(unescape(_TAG.sub("", html)).encode("utf-16-le")) // 2


def cut(html: str, limit: int) -> str:
    """The text within the limit: whole lines as far as they fit, and the tags that are still open closed."""
    if length(html) <= limit:
        return html
    kept: list[str] = []
    left = limit - 2
    for line in html.splitlines():
        left -= length(line) + 1
        if left < -1:
            break
        kept.append(line)
    if not kept:
        return str(HTML.escape(shorten(unescape(_TAG.sub("", html)), limit // 2)))
    return "\n".join(kept) + "\n…" + "".join(f"</{tag}>" for tag in _open_tags("\n".join(kept)))


def _open_tags(html: str) -> list[str]:
    stack: list[str] = []
    for closing, tag in _TAG.findall(html):
        if closing and stack:
            stack.pop()
        elif not closing:
            stack.append(tag)
    return stack[::-1]


def keyboard(letter: Letter) -> InlineKeyboardMarkup | ReplyKeyboardMarkup | ReplyKeyboardRemove | None:
    """Buttons under the message; None for none. A wish for a phone number needs Telegram's other keyboard."""
    if letter.message.asks_contact is not None:
        share = KeyboardButton(text=letter.message.asks_contact, request_contact=True)
        return ReplyKeyboardMarkup(keyboard=[[share]], resize_keyboard=True, one_time_keyboard=True)
    return inline(letter.buttons)


def inline(buttons: tuple[StampedButton, ...]) -> InlineKeyboardMarkup | None:
    """The inline keyboard: short labels share a row."""
    rows: list[list[InlineKeyboardButton]] = []
    longest = 0
    for button in buttons:
        label = shorten(clean(button.label).strip() or "…", _LABEL)
        longest = max(longest, len(label))
        if rows and longest <= _FITS.get(len(rows[-1]) + 1, 0):
            rows[-1].append(_inline(button, label))
        else:
            rows.append([_inline(button, label)])
            longest = len(label)
    return InlineKeyboardMarkup(inline_keyboard=rows) if rows else None


def _inline(button: StampedButton, label: str) -> InlineKeyboardButton:
    if button.url is not None:
        return InlineKeyboardButton(text=label, url=button.url)
    return InlineKeyboardButton(text=label, callback_data=f"{PRESS}{button.token}")


def _table(table: Table) -> Markup:
    """A table as lines: each row's first cell bold, the others behind it, a figure with the name of its column.

    On a phone no column stands below another, so that a bare figure would say nothing.
    """
    lines = [HTML.bold(HTML.escape(clean(table.caption)))] if table.caption else []
    for row in table.rows[:40]:
        named = zip(table.headings[1:], row[1:], strict=False)
        cells = [_named(clean(heading), clean(cell)) for heading, cell in named if cell not in _NOTHING]
        lines.append(Markup(" · ").join([HTML.bold(HTML.escape(clean(row[0]))), *cells]) if row else Markup(""))
    return Markup("\n").join(lines)


def _named(heading: str, cell: str) -> Markup:
    return HTML.escape(f"{heading}: {cell}" if heading and _FIGURE.match(cell) else cell)
