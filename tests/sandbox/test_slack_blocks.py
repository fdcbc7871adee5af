"""What Slack refuses, the sandbox refuses, in Slack's words."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.slack.blocks import check_blocks, check_view


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain("Press"), "action_id": "a", **more}


def option(value: str = "v", text: str = "Text") -> dict[str, Any]:
    return {"text": plain(text), "value": value}


def actions(*elements: Any) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def select(**more: Any) -> dict[str, Any]:
    return {"type": "static_select", "action_id": "s", "options": [option()], **more}


def entry(element: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "input", "label": plain("Label"), "element": element, **more}


def table(rows: list[list[str]], **more: Any) -> dict[str, Any]:
    cells = [[{"type": "raw_text", "text": cell} for cell in row] for row in rows]
    return {"type": "data_table", "caption": "Stock", "rows": cells, **more}


def chart(**more: Any) -> dict[str, Any]:
    points = [{"label": "Mon", "value": 1}, {"label": "Tue", "value": 2.5}]
    drawn = {"type": "line", "series": [{"name": "Sales", "data": points}], "axis_config": {"categories": ["Mon", "Tue"]}}
    return {"type": "data_visualization", "title": "Sales", "chart": {**drawn, **more}}


RIGHT = [
    {"type": "section", "text": mrkdwn("x" * 3000)},
    {"type": "section", "fields": [mrkdwn("a"), plain("b")], "accessory": button(style="danger", value="v" * 2000)},
    {"type": "context", "elements": [mrkdwn("a"), {"type": "image", "image_url": "https://a.example/b.png", "alt_text": "b"}]},
    actions(button(), button(action_id="b", url="https://a.example")),
    actions({"type": "overflow", "action_id": "o", "options": [option(str(n)) for n in range(5)]}),
    actions(select(initial_option=option(), placeholder=plain("Choose"))),
    {"type": "header", "text": plain("h" * 150)},
    {"type": "divider"},
    {"type": "image", "image_url": "https://a.example/b.png", "alt_text": "b", "title": plain("t")},
    {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "hi"}]}]},
    {"type": "markdown", "text": "**hi**"},
    {"type": "alert", "text": plain("Careful"), "level": "warning"},
    {"type": "card", "title": mrkdwn("Mug"), "actions": [button()]},
    entry({"type": "plain_text_input", "action_id": "t", "max_length": 3000}),
    table([["SKU", "Stock"], ["A", "1"]], page_size=100),
    chart(),
    {"type": "data_visualization", "title": "Share", "chart": {"type": "pie", "segments": [{"label": "A", "value": 1}]}},
    actions(button(confirm={"title": plain("Sure?"), "text": mrkdwn("x"), "confirm": plain("Yes"), "deny": plain("No")})),
]


@pytest.mark.parametrize("block", RIGHT, ids=lambda block: block["type"])
def test_blocks_within_slacks_limits_are_taken(block: dict[str, Any]) -> None:
    assert check_blocks([block], "message") == []


WRONG = [
    ({"type": "section", "text": mrkdwn("x" * 3001)}, "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    ({"type": "section", "text": mrkdwn("")}, "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    ({"type": "section"}, "must define one of: text, fields [json-pointer:/blocks/0]"),
    ({"type": "section", "fields": [mrkdwn("a")] * 11}, "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
    ({"type": "section", "fields": [mrkdwn("x" * 2001)]}, "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]"),
    ({"type": "section", "text": "no object"}, "must provide an object [json-pointer:/blocks/0/text]"),
    ({"type": "section", "text": {"type": "text", "text": "x"}}, "unsupported type: text [json-pointer:/blocks/0/text/type]"),
    ({"type": "section", "text": mrkdwn("x"), "color": "red"}, "invalid additional property: color [json-pointer:/blocks/0]"),
    ({"type": "section", "text": {**mrkdwn("x"), "emoji": True}}, "invalid additional property: emoji [json-pointer:/blocks/0/text]"),
    ({"type": "header", "text": mrkdwn("x")}, "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]"),
    ({"type": "header", "text": plain("x" * 151)}, "must be less than 151 characters [json-pointer:/blocks/0/text/text]"),
    ({"type": "chart"}, "unsupported type: chart [json-pointer:/blocks/0/type]"),
    ({}, "missing required field: type [json-pointer:/blocks/0]"),
    (None, "must provide an object [json-pointer:/blocks/0]"),
    ({"type": "divider", "block_id": "x" * 256}, "must be less than 256 characters [json-pointer:/blocks/0/block_id]"),
    (actions(), "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]"),
    (actions(*[button(action_id=str(n)) for n in range(26)]), "no more than 25 items allowed [json-pointer:/blocks/0/elements]"),
    (actions(button(), button()), '`action_id` "a" already exists for this block [json-pointer:/blocks/0/elements]'),
    (actions(button(text=plain("x" * 76))), "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]"),
    (actions(button(text=mrkdwn("x"))), "unsupported type: mrkdwn [json-pointer:/blocks/0/elements/0/text/type]"),
    (actions(button(value="v" * 2001)), "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]"),
    (actions(button(style="default")), "must be a valid enum value [json-pointer:/blocks/0/elements/0/style]"),
    (actions(button(url="javascript:alert(1)")), "must be a valid url [json-pointer:/blocks/0/elements/0/url]"),
    (actions(button(action_id="x" * 256)), "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]"),
    (actions(button(confirm={"title": plain("x")})), "missing required field: text [json-pointer:/blocks/0/elements/0/confirm]"),
    (
        actions(button(confirm={"title": plain("x" * 101), "text": plain("x"), "confirm": plain("y"), "deny": plain("n")})),
        "must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]",
    ),
    (
        actions({"type": "overflow", "action_id": "o", "options": [option(str(n)) for n in range(6)]}),
        "no more than 5 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    (actions(select(options=[])), "no fewer than 1 items allowed [json-pointer:/blocks/0/elements/0/options]"),
    (actions(select(options=[option(str(n)) for n in range(101)])), "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]"),
    (actions(select(options=[option("v" * 76)])), "must be less than 76 characters [json-pointer:/blocks/0/elements/0/options/0/value]"),
    (actions(select(initial_option=option("other"))), "initial option must match one of the provided options [json-pointer:/blocks/0/elements/0]"),
    (actions({"type": "plain_text_input", "action_id": "t"}), "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]"),
    ({"type": "context", "elements": [mrkdwn("x")] * 11}, "no more than 10 items allowed [json-pointer:/blocks/0/elements]"),
    ({"type": "context", "elements": [button()]}, "unsupported type: button [json-pointer:/blocks/0/elements/0/type]"),
    ({"type": "image", "image_url": "https://a.example/b.png"}, "missing required field: alt_text [json-pointer:/blocks/0]"),
    ({"type": "image", "alt_text": "b"}, "must define exactly one of: image_url, slack_file [json-pointer:/blocks/0]"),
    (entry({"type": "number_input", "action_id": "n"}), "missing required field: is_decimal_allowed [json-pointer:/blocks/0/element]"),
    (entry(button()), "unsupported type: button [json-pointer:/blocks/0/element/type]"),
    (entry({"type": "file_input", "action_id": "f"}), "unsupported type: file_input [json-pointer:/blocks/0/element/type]"),
    (table([["SKU"]]), "no fewer than 2 items allowed [json-pointer:/blocks/0/rows]"),
    (table([["a"]] * 102), "no more than 101 items allowed [json-pointer:/blocks/0/rows]"),
    (table([["a", "b"], ["a"]]), "all rows must have the same number of cells [json-pointer:/blocks/0/rows]"),
    (table([["a"] * 21, ["a"] * 21]), "no more than 20 items allowed [json-pointer:/blocks/0/rows/0]"),
    (table([["a"], ["b"]], page_size=101), "must be less than or equal to 100 [json-pointer:/blocks/0/page_size]"),
    (table([["a"], ["x" * 9_999], ["bc"]]), "must be less than 10001 characters [json-pointer:/blocks/0/rows]"),
    (chart(axis_config={"categories": ["Mon"]}), "labels must match axis_config categories [json-pointer:/blocks/0/chart/series/0/data]"),
    (chart(type="radar"), "unsupported type: radar [json-pointer:/blocks/0/chart/type]"),
    ({**chart(), "title": "x" * 51}, "must be less than 51 characters [json-pointer:/blocks/0/title]"),
    ({"type": "markdown", "text": "x" * 12_001}, "must be less than 12001 characters [json-pointer:/blocks/0/text]"),
    ({"type": "alert", "text": plain("x"), "level": "loud"}, "must be a valid enum value [json-pointer:/blocks/0/level]"),
    ({"type": "card"}, "must define one of: hero_image, title, actions, body [json-pointer:/blocks/0]"),
]


@pytest.mark.parametrize(("block", "error"), WRONG, ids=[error for _, error in WRONG])
def test_blocks_beyond_slacks_limits_are_refused_with_slacks_words(block: Any, error: str) -> None:
    assert error in check_blocks([block], "message")


@pytest.mark.parametrize(("surface", "most"), [("message", 50), ("modal", 100), ("home", 100)])
def test_a_surface_takes_so_many_blocks_and_not_one_more(surface: str, most: int) -> None:
    assert check_blocks([{"type": "divider"}] * most, surface) == []
    assert check_blocks([{"type": "divider"}] * (most + 1), surface) == [f"no more than {most} items allowed [json-pointer:/blocks]"]


def test_a_block_id_is_used_once() -> None:
    twice = [{"type": "divider", "block_id": "b"}, {"type": "divider", "block_id": "b"}]
    assert check_blocks(twice, "message") == ['`block_id` "b" already exists [json-pointer:/blocks/1/block_id]']


def test_a_message_holds_two_charts() -> None:
    assert check_blocks([chart(), chart()], "message") == []
    assert check_blocks([chart()] * 3, "message") == ["no more than 2 data_visualization blocks allowed [json-pointer:/blocks]"]


MODAL = {"type": "modal", "title": plain("Title"), "submit": plain("Send"), "blocks": [entry({"type": "plain_text_input", "action_id": "t"})]}
WRONG_VIEWS = [
    ({**MODAL, "title": plain("x" * 25)}, "must be less than 25 characters [json-pointer:/view/title/text]"),
    ({**MODAL, "title": mrkdwn("x")}, "unsupported type: mrkdwn [json-pointer:/view/title/type]"),
    ({**MODAL, "private_metadata": "x" * 3001}, "must be less than 3001 characters [json-pointer:/view/private_metadata]"),
    ({**MODAL, "callback_id": "x" * 256}, "must be less than 256 characters [json-pointer:/view/callback_id]"),
    ({key: value for key, value in MODAL.items() if key != "submit"}, "`submit` is required when an `input` is in the `blocks` [json-pointer:/view]"),
    ({key: value for key, value in MODAL.items() if key != "title"}, "missing required field: title [json-pointer:/view]"),
    ({**MODAL, "blocks": [{"type": "header", "text": plain("")}]}, "must be more than 0 characters [json-pointer:/view/blocks/0/text/text]"),
    ({"type": "home", "blocks": []}, "must be of type modal [json-pointer:/view/type]"),
    ({**MODAL, "colour": "red"}, "invalid additional property: colour [json-pointer:/view]"),
    ("nothing", "must provide an object [json-pointer:/view]"),
]


def test_a_right_modal_is_taken() -> None:
    assert check_view(MODAL, "modal") == []


@pytest.mark.parametrize(("view", "error"), WRONG_VIEWS, ids=[error for _, error in WRONG_VIEWS])
def test_views_beyond_slacks_limits_are_refused_with_slacks_words(view: Any, error: str) -> None:
    assert error in check_view(view, "modal")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "text", "value", "options"]), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in inner for found in places(item, (*path, key)))]


def changed(block: Any, path: tuple[Any, ...], put: Any) -> Any:
    """A copy of the block with another value at one place."""
    if not path:
        return put
    block = copy.deepcopy(block)
    spot = block
    for key in path[:-1]:
        spot = spot[key]
    spot[path[-1]] = put
    return block


@pytest.mark.parametrize("kind", [[], None, "image", "select"])
def test_a_cards_action_is_a_button_and_nothing_else(kind: Any) -> None:
    action = {"type": kind, "text": {"type": "plain_text", "text": "Press"}, "action_id": "a"}
    assert check_blocks([{"type": "card", "title": {"type": "mrkdwn", "text": "Mug"}, "actions": [action]}], "message")


@given(st.data())
def test_no_broken_block_breaks_the_checker(data: st.DataObject) -> None:
    """Whatever stands wherever: there is a verdict, never a crash."""
    block = data.draw(st.sampled_from(RIGHT))
    wrong = changed(block, data.draw(st.sampled_from(places(block))), data.draw(JSON))
    for surface in ("message", "modal", "home"):
        assert isinstance(check_blocks([wrong], surface), list)
    assert isinstance(check_view({**MODAL, "blocks": [wrong]}, "modal"), list)
    assert isinstance(check_view(changed(MODAL, data.draw(st.sampled_from(places(MODAL))), wrong), "modal"), list)
