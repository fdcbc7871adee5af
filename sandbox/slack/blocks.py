"""Block Kit as Slack checks it: the blocks of a message, and whole views.

Errors read like Slack's: "must be less than 3001 characters [json-pointer:/blocks/0/text/text]".
Source: npm @slack/types 3.2.0 and docs.slack.dev/reference/block-kit, read 2026-11-23.
"""

import json
from collections.abc import Iterator
from typing import Any

from sandbox.slack import elements
from sandbox.slack.charts import DATA_TABLE, DATA_VISUALIZATION, TABLE, too_many_charts
from sandbox.slack.shapes import (
    Problems,
    anything,
    array,
    at_least_one,
    boolean,
    both,
    exactly_one,
    marked,
    obj,
    one_of,
    plain,
    string,
    typed,
    web_address,
    words,
)

Json = dict[str, Any]

MOST_BLOCKS = {"message": 50, "modal": 100, "home": 100}
#: undocumented sum of text in one message (github.com/slackapi/bolt-js/issues/2509)
MOST_BLOCK_TEXT = 13_200
#: a view is at most 250 KB (docs.slack.dev/reference/methods/views.open)
MOST_VIEW_BYTES = 250_000

_ID = {"block_id": string(255)}
_CARD = both(
    obj(
        {},
        {
            **_ID,
            "title": marked(150),
            "subtitle": marked(150),
            "body": marked(200),
            "icon": typed({"image": elements.IMAGE}),
            "hero_image": typed({"image": elements.IMAGE}),
            "actions": array(typed({"button": elements.BUTTON}), 5),
        },
    ),
    at_least_one(("hero_image", "title", "actions", "body")),
)
_RICH_PARTS = typed(
    {
        "rich_text_section": obj({"elements": array(anything, 1000, 0)}),
        "rich_text_list": obj(
            {"elements": array(anything, 1000, 0), "style": one_of("bullet", "ordered")},
            {"indent": anything, "offset": anything, "border": anything},
        ),
        "rich_text_preformatted": obj(
            {"elements": array(anything, 1000, 0)}, {"border": anything, "language": string(50)}
        ),
        "rich_text_quote": obj({"elements": array(anything, 1000, 0)}, {"border": anything}),
    }
)
_IMAGE_BLOCK = both(
    obj(
        {"alt_text": string(2000)},
        {
            **_ID,
            "image_url": web_address(),
            "slack_file": elements.SLACK_FILE,
            "title": plain(2000),
        },
    ),
    exactly_one("image_url", "slack_file"),
)
_SECTION = both(
    obj(
        {},
        {
            **_ID,
            "text": words(3000),
            "fields": array(words(2000), 10),
            "accessory": elements.IN_SECTION,
            "expand": boolean,
        },
    ),
    at_least_one(("text", "fields")),
)
BLOCKS = {
    "section": _SECTION,
    "context": obj({"elements": array(elements.IN_CONTEXT, 10)}, _ID),
    "actions": obj({"elements": array(elements.IN_ACTIONS, 25)}, _ID),
    "context_actions": obj({"elements": array(elements.IN_CONTEXT_ACTIONS, 5)}, _ID),
    "header": obj({"text": plain(150)}, _ID),
    "divider": obj({}, _ID),
    "image": _IMAGE_BLOCK,
    "input": obj(
        {"label": plain(2000), "element": elements.IN_INPUT},
        {**_ID, "hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
    ),
    "rich_text": obj({"elements": array(_RICH_PARTS, 1000, 0)}, _ID),
    "markdown": obj({"text": string(12_000)}, _ID),
    "alert": obj(
        {"text": words(3000)},
        {**_ID, "level": one_of("default", "info", "warning", "error", "success")},
    ),
    "card": _CARD,
    "data_table": DATA_TABLE,
    "table": TABLE,
    "data_visualization": DATA_VISUALIZATION,
}
_BLOCK = typed(BLOCKS)


def interactive(block: Json) -> Iterator[Json]:
    """The elements of a checked block that a person can use, in order."""
    found = [*(block.get("elements") or []), *(block.get("actions") or [])]
    found += [block[name] for name in ("accessory", "element") if name in block]
    for element in found:
        if element["type"] in elements.INTERACTIVE:
            yield element


def _unique_ids(blocks: list[Any], problems: Problems) -> None:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        block_id = block.get("block_id")
        if isinstance(block_id, str):
            if block_id in seen:
                problems.add(f"/blocks/{index}/block_id", f'`block_id` "{block_id}" already exists')
            seen.add(block_id)
        actions: set[str] = set()
        for element in interactive(block):
            action_id = element.get("action_id")
            if isinstance(action_id, str) and action_id in actions:
                problems.add(
                    f"/blocks/{index}/elements", f'`action_id` "{action_id}" already exists for this block'
                )
            actions.add(str(action_id))


def _one_focus(blocks: list[Any], problems: Problems) -> None:
    used = [one for block in blocks for one in interactive(block)]
    if sum(one.get("focus_on_load") is True for one in used) > 1:
        problems.add("/blocks", "only one element can have focus_on_load")


def _file_inputs(blocks: list[Any], problems: Problems) -> None:
    for index, block in enumerate(blocks):
        if block.get("element", {}).get("type") == "file_input":
            problems.add(f"/blocks/{index}/element/type", "unsupported type: file_input")


def check_blocks(blocks: Any, surface: str) -> list[str]:
    """What is wrong with the blocks of a "message", "modal" or "home"; empty: nothing."""
    problems = Problems()
    array(_BLOCK, MOST_BLOCKS[surface], 0)(blocks, "/blocks", problems)
    if not problems.lines:
        _unique_ids(blocks, problems)
        _one_focus(blocks, problems)
        too_many_charts(blocks, problems)
        if surface != "modal":
            _file_inputs(blocks, problems)
    return problems.lines


def text_length(value: Any) -> int:
    """Characters of all texts in blocks, for the sum that Slack limits."""
    if isinstance(value, dict):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(text_length(item) for item in value.values())
    if isinstance(value, list):
        return sum(text_length(item) for item in value)
    return 0


_VIEW_COMMON = {
    "callback_id": string(255, 0),
    "private_metadata": string(3000, 0),
    "external_id": string(255, 0),
    "blocks": anything,
}
_VIEW = typed(
    {
        "modal": obj(
            {"title": plain(24), "blocks": anything},
            {
                **_VIEW_COMMON,
                "submit": plain(24),
                "close": plain(24),
                "clear_on_close": boolean,
                "notify_on_close": boolean,
                "submit_disabled": boolean,
            },
        ),
        "home": obj({"blocks": anything}, _VIEW_COMMON),
    }
)


def check_view(view: Any, kind: str) -> list[str]:
    """What is wrong with a view of `kind` "modal" or "home"; empty: nothing."""
    problems = Problems()
    _VIEW(view, "/view", problems)
    if not isinstance(view, dict):
        return problems.lines
    if view.get("type") in ("modal", "home") and view["type"] != kind:
        problems.add("/view/type", f"must be of type {kind}")
    for line in check_blocks(view.get("blocks", []), kind):
        problems.lines.append(line.replace("[json-pointer:/blocks", "[json-pointer:/view/blocks"))
    if kind == "modal" and isinstance(view.get("blocks"), list):
        inputs = any(isinstance(one, dict) and one.get("type") == "input" for one in view["blocks"])
        if inputs and "submit" not in view:
            problems.add("/view", "`submit` is required when an `input` is in the `blocks`")
    return problems.lines


def view_size(view: Any) -> int:
    """Bytes of a view as JSON."""
    return len(json.dumps(view, ensure_ascii=False).encode())
