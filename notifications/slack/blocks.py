"""Words and buttons -> Block Kit, within Slack's published limits. JSON is built here, never templated.

Limits: docs.slack.dev/reference/block-kit/blocks, read 2026-11; the total of about 13,200 characters a message is
undocumented (slackapi/bolt-js#2509).
"""

from __future__ import annotations

import re
from typing import Any, Final

from domain.messages import Chart, ChartKind, Letter, StampedButton, Style, Table
from notifications.catalogue import Words
from notifications.dialect import MRKDWN, clean

Block = dict[str, Any]

SECTION: Final = 3000
BUTTON_LABEL: Final = 75
#: Slack refuses a message of about 13,200 characters; what is over is cut from the body, never from the title
TOTAL: Final = 12_000
_OVERFLOW: Final = 5
_OPTIONS: Final = 100
#: of a menu
_NAME: Final = 150
#: of an actions block
_ELEMENTS: Final = 25
_MAX_BLOCKS: Final = 50
_CHART_LABEL: Final = 20
_CHART_POINTS: Final = 20
_TABLE_ROWS: Final = 100
_TABLE_COLUMNS: Final = 20
#: of all cells of a table together
_TABLE_TEXT: Final = 10_000
_CELL: Final = 200
#: more than a locked phone shows; what a title must say stands at its beginning
_TITLE: Final = 300
_NOTE: Final = 1000
_URL: Final = 3000
_HALF_ESCAPE: Final = re.compile(r"&[a-z]{0,4}$")


def blocks(words: Words, letter: Letter, *, photos: tuple[Block, ...] = (), rich: bool = True) -> list[Block]:
    """The blocks of a message. ``rich``: native charts and tables; False writes them as text, for old workspaces.

    What is too long is cut from the body and the tables, never from title, note and buttons.
    """
    head = [_section(f"*{_inner(words.title)}*")] if words.title else []
    foot: list[Block] = [*photos]
    if words.note:
        foot.append({"type": "context", "elements": [_mrkdwn(cut(str(words.note), _NOTE))]})
    if words.lead:
        # a page whose buttons are what people open it for: they stand above all that is only to be read
        head += [_section(part) for part in _parts(cut(str(words.lead), SECTION))] + _actions(letter.buttons)
    else:
        foot += _actions(letter.buttons)
    left = TOTAL - _length(head) - _length(foot)
    body = [_section(part) for part in _parts(cut(str(words.body), left))]
    left -= _length(body)
    for table in letter.message.tables:
        drawn = _table(table, left, rich=rich)
        left -= _length(drawn)
        body += drawn
    for chart in letter.message.charts:
        body += _chart(chart, rich=rich)
    return [*head, *body][: _MAX_BLOCKS - len(foot)] + foot


def cut(escaped: str, limit: int) -> str:
    """Escaped text of at most ``limit`` characters, never cut inside an escape such as ``&amp;``."""
    if len(escaped) <= limit:
        return escaped
    return _HALF_ESCAPE.sub("", escaped[: max(0, limit - 1)]) + "…"


def beside(words: Words) -> str:
    """The text beside the blocks: what a locked phone shows and a screen reader says. Untitled: how the body begins.

    Source: docs.slack.dev/reference/methods/chat.postMessage, on ``text`` where there are blocks.
    """
    first, _, _ = str(words.body).strip().partition("\n\n")
    return str(MRKDWN.escape(words.plain_title)) or cut(first, _TITLE)


def _length(value: object) -> int:
    """Characters of all texts within blocks."""
    if isinstance(value, dict):
        own = value.get("text")
        return (len(own) if isinstance(own, str) else 0) + sum(map(_length, value.values()))
    return sum(map(_length, value)) if isinstance(value, list) else 0


def confirm_object(button: StampedButton) -> Block | None:
    """Slack's question before a press counts."""
    if button.confirm is None:
        return None
    confirm: Block = {
        "title": _plain("Please confirm", 100),
        "text": _plain(button.confirm.question, 300),
        "confirm": _plain(button.confirm.yes, 30),
        "deny": _plain(button.confirm.no, 30),
    }
    if button.style is Style.DANGER:
        confirm["style"] = "danger"
    return confirm


def _inner(title: str) -> str:
    # The title is bold as a whole; a bold run within it would end that early.
    return cut(title.replace("*", "").replace("\n", " "), _TITLE)


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> Block:
    # verbatim: Slack makes no links or mentions of its own out of bare addresses and names
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _plain(text: str, length: int) -> Block:
    cut = clean(text).strip() or "…"  # nothing but signs that cannot be seen is no label to Slack
    return {"type": "plain_text", "text": cut if len(cut) <= length else cut[: length - 1] + "…", "emoji": True}


def _parts(body: str) -> list[str]:
    """The body in pieces that fit a section, cut at line ends, never inside an escape such as ``&amp;``."""
    parts: list[str] = []
    current = ""
    for whole in body.splitlines():
        line = whole
        while len(line) > SECTION:
            head = _HALF_ESCAPE.sub("", line[:SECTION])
            head = head[: head.rfind(" ")] if " " in head[1:] else head
            parts += [current, head] if current else [head]
            current, line = "", line[len(head) :]
        if len(current) + len(line) + 1 > SECTION:
            parts.append(current)
            current = ""
        current = f"{current}\n{line}" if current else line
    parts.append(current)
    return [part for part in parts if part.strip()]


def _actions(stamped: tuple[StampedButton, ...]) -> list[Block]:
    # An option of a menu can neither ask a question of its own nor open a page: that is a button, behind the others.
    alone = [one for one in stamped if one.confirm is not None or one.url is not None]
    plain = sorted((one for one in stamped if one in alone or not (one.more or one.menu)), key=lambda one: one.more)
    named: dict[str, list[StampedButton]] = {}
    for one in stamped:
        if one not in plain:
            named.setdefault(one.menu, []).append(one)
    more = named.pop("", [])
    menus = [_menu(group, name) for name, group in named.items()] + ([_menu(more)] if more else [])
    elements = [_button(button) for button in plain[: _ELEMENTS - len(menus)]] + menus
    return [{"type": "actions", "elements": elements}] if elements else []


def _button(button: StampedButton) -> Block:
    built: Block = {"type": "button", "text": _plain(button.label, BUTTON_LABEL)}
    if button.url is not None:
        built |= {"url": button.url[:_URL], "action_id": f"url:{button.label[:100]}"}
    else:
        built |= {"action_id": f"press:{button.token}", "value": button.token}
    if button.style is not Style.PLAIN:
        built["style"] = button.style.value
    question = confirm_object(button)
    return built | ({"confirm": question} if question else {})


def _menu(group: list[StampedButton], name: str = "") -> Block:
    """A menu that says its name; without one "…", of which a card has one at most: two could not be told apart.

    Slack takes two to five options in a "…", else it is a menu named More. One that is alone is a button.
    """
    if len(group) == 1:
        return _button(group[0])
    options = [{"text": _plain(one.label, BUTTON_LABEL), "value": one.token} for one in group[:_OPTIONS]]
    if not name and len(options) <= _OVERFLOW:
        return {"type": "overflow", "action_id": "more", "options": options}
    # Another id with every edit of the card, or Slack goes on showing what was chosen last.
    return {
        "type": "static_select", "action_id": f"menu:{group[0].token}", "placeholder": _plain(name or "More…", _NAME),
        "options": options,
    }


def _table(table: Table, left: int, *, rich: bool) -> list[Block]:
    """The table as far as ``left`` characters allow."""
    rows, left = [table.headings], min(left, _TABLE_TEXT) - sum(map(len, table.headings))
    for row in table.rows[:_TABLE_ROWS]:
        left -= sum(len(clean(cell)[:_CELL]) or 1 for cell in row[:_TABLE_COLUMNS])
        if left < 0:
            break
        rows.append(row)
    if not rich or len(rows) < 2:
        lines = [" · ".join(clean(cell)[:_CELL] for cell in row) for row in rows]
        return [_section(part) for part in _parts(_escape("\n".join(lines)))]
    rows = [row[:_TABLE_COLUMNS] for row in rows]
    cells = [[{"type": "raw_text", "text": clean(cell)[:_CELL] or "–"} for cell in row] for row in rows]
    return [{"type": "data_table", "caption": clean(table.caption)[:150] or "Table", "rows": cells, "page_size": 10}]


def _chart(chart: Chart, *, rich: bool) -> list[Block]:
    labels = chart.labels[-_CHART_POINTS:]
    if not rich or not labels:
        lines = [clean(chart.title)]
        lines += [f"{one.name}: {', '.join(f'{value:g}' for value in one.values[-7:])}" for one in chart.series]
        return [_section(cut(_escape("\n".join(lines)), SECTION))]
    series = [
        {
            "name": clean(one.name)[:_CHART_LABEL],
            "data": [
                {"label": clean(label)[:_CHART_LABEL], "value": value}
                for label, value in zip(labels, one.values[-_CHART_POINTS:], strict=True)
            ],
        }
        for one in chart.series[:6]
    ]
    kind = "bar" if chart.kind is ChartKind.BAR else "line"
    drawn: Block = {
        "type": kind, "series": series,
        "axis_config": {"categories": [clean(label)[:_CHART_LABEL] for label in labels]},
    }
    if chart.unit:
        drawn["axis_config"]["y_label"] = clean(chart.unit)[:50]
    return [{"type": "data_visualization", "title": clean(chart.title)[:50] or "Chart", "chart": drawn}]


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
