"""The elements of Block Kit with Slack's limits.

Source: npm @slack/types 3.2.0 and docs.slack.dev/reference/block-kit, read 2026-11-23.
"""

from typing import Any

from sandbox.slack.shapes import (
    Problems,
    Shape,
    array,
    boolean,
    both,
    exactly_one,
    number,
    obj,
    one_of,
    plain,
    string,
    typed,
    web_address,
    words,
)

ID = string(255)
PLACEHOLDER = plain(150)
CONFIRM = obj(
    {"title": plain(100), "text": words(300), "confirm": plain(30), "deny": plain(30)},
    {"style": one_of("primary", "danger")},
)
_OPTION_VALUE = string(75)
PLAIN_OPTION = obj({"text": plain(75), "value": _OPTION_VALUE}, {"description": plain(75), "url": web_address()})
RICH_OPTION = obj({"text": words(75), "value": _OPTION_VALUE}, {"description": words(75)})
OPTION_GROUP = obj({"label": plain(75), "options": array(PLAIN_OPTION, 100)})
SLACK_FILE = both(obj({}, {"url": web_address(), "id": string(255)}), exactly_one("url", "id"))

_SELECT = {"action_id": ID, "placeholder": PLACEHOLDER, "confirm": CONFIRM, "focus_on_load": boolean}
_MULTI = {**_SELECT, "max_selected_items": number(1, whole=True)}
_DISPATCH = obj({"trigger_actions_on": array(one_of("on_enter_pressed", "on_character_entered"), 2)})
_TYPED_IN = {
    "action_id": ID,
    "placeholder": PLACEHOLDER,
    "focus_on_load": boolean,
    "dispatch_action_config": _DISPATCH,
}


def _numeric(value: Any, pointer: str, problems: Problems) -> None:
    try:
        float(value) if isinstance(value, str) else float("x")
    except ValueError:
        problems.add(pointer, "must be a valid number")


def _initial_among_options(value: Any, pointer: str, problems: Problems) -> None:
    """Initial options must be options, or Slack refuses the block."""
    grouped = [group["options"] for group in value.get("option_groups") or []]
    known = [option for options in (value.get("options"), *grouped) for option in options or []]
    initial = list(value.get("initial_options") or [])
    if "initial_option" in value:
        initial.append(value["initial_option"])
    if any(option not in known for option in initial):
        problems.add(pointer, "initial option must match one of the provided options")


def _unique_values(value: Any, pointer: str, problems: Problems) -> None:
    values = [option["value"] for option in value["options"]]
    if len(set(values)) != len(values):
        problems.add(f"{pointer}/options", "option values must be unique")


def _choice(option: Shape, most: int, extra: dict[str, Shape], *, many: bool) -> Shape:
    """Checkboxes, radio buttons: a fixed list of options in plain sight."""
    initial = {"initial_options": array(option, most)} if many else {"initial_option": option}
    fields = {"action_id": ID, "confirm": CONFIRM, "focus_on_load": boolean, **initial, **extra}
    return both(obj({"options": array(option, most)}, fields), _initial_among_options, _unique_values)


def _static(extra: dict[str, Shape]) -> Shape:
    return both(
        obj({}, {"options": array(PLAIN_OPTION, 100), "option_groups": array(OPTION_GROUP, 100), **extra}),
        exactly_one("options", "option_groups"),
        _initial_among_options,
    )


BUTTON = obj(
    {"text": plain(75)},
    {
        "action_id": ID,
        "value": string(2000),
        "url": web_address(),
        "style": one_of("primary", "danger"),
        "confirm": CONFIRM,
        "accessibility_label": string(75),
    },
)
OVERFLOW = both(
    obj({"options": array(PLAIN_OPTION, 5)}, {"action_id": ID, "confirm": CONFIRM}), _unique_values
)
IMAGE = both(
    obj({"alt_text": string(2000)}, {"image_url": web_address(), "slack_file": SLACK_FILE}),
    exactly_one("image_url", "slack_file"),
)
_FILTER = obj(
    {},
    {
        "include": array(one_of("im", "mpim", "private", "public"), 4),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    },
)
_CONVERSATIONS = {"default_to_current_conversation": boolean, "filter": _FILTER}

SELECTS: dict[str, Shape] = {
    "static_select": _static({**_SELECT, "initial_option": PLAIN_OPTION}),
    "multi_static_select": _static({**_MULTI, "initial_options": array(PLAIN_OPTION, 100)}),
    "external_select": obj(
        {}, {**_SELECT, "initial_option": PLAIN_OPTION, "min_query_length": number(0, whole=True)}
    ),
    "multi_external_select": obj(
        {}, {**_MULTI, "initial_options": array(PLAIN_OPTION, 100), "min_query_length": number(0, whole=True)}
    ),
    "users_select": obj({}, {**_SELECT, "initial_user": ID}),
    "multi_users_select": obj({}, {**_MULTI, "initial_users": array(ID, 100)}),
    "channels_select": obj({}, {**_SELECT, "initial_channel": ID, "response_url_enabled": boolean}),
    "multi_channels_select": obj({}, {**_MULTI, "initial_channels": array(ID, 100)}),
    "conversations_select": obj(
        {}, {**_SELECT, **_CONVERSATIONS, "initial_conversation": ID, "response_url_enabled": boolean}
    ),
    "multi_conversations_select": obj(
        {}, {**_MULTI, **_CONVERSATIONS, "initial_conversations": array(ID, 100)}
    ),
}
PICKERS: dict[str, Shape] = {
    "datepicker": obj({}, {**_SELECT, "initial_date": string(10, 10)}),
    "timepicker": obj({}, {**_SELECT, "initial_time": string(5, 5), "timezone": string(100)}),
    "datetimepicker": obj(
        {},
        {
            "action_id": ID,
            "confirm": CONFIRM,
            "focus_on_load": boolean,
            "initial_date_time": number(10**9, 10**10 - 1, whole=True),
        },
    ),
    "checkboxes": _choice(RICH_OPTION, 10, {}, many=True),
    "radio_buttons": _choice(RICH_OPTION, 10, {}, many=False),
}
IN_ACTIONS = typed({"button": BUTTON, "overflow": OVERFLOW, "workflow_button": BUTTON, **SELECTS, **PICKERS})
IN_SECTION = typed({"button": BUTTON, "overflow": OVERFLOW, "image": IMAGE, **SELECTS, **PICKERS})
IN_CONTEXT = typed(
    {
        "image": IMAGE,
        "plain_text": obj({"text": string(3000)}, {"emoji": boolean}),
        "mrkdwn": obj({"text": string(3000)}, {"verbatim": boolean}),
    }
)
_FEEDBACK = obj({"text": plain(75), "value": string(2000)}, {"accessibility_label": string(75)})
IN_CONTEXT_ACTIONS = typed(
    {
        "feedback_buttons": obj(
            {"positive_button": _FEEDBACK, "negative_button": _FEEDBACK}, {"action_id": ID}
        ),
        "icon_button": obj(
            {"icon": one_of("trash"), "text": plain(75)},
            {
                "action_id": ID,
                "value": string(2000),
                "confirm": CONFIRM,
                "accessibility_label": string(75),
                "visible_to_user_ids": array(ID, 100),
            },
        ),
    }
)


def _bounds_in_order(low: str, high: str) -> Shape:
    def check(value: Any, pointer: str, problems: Problems) -> None:
        if low in value and high in value and float(value[low]) > float(value[high]):
            problems.add(pointer, f"{low} must be less than or equal to {high}")

    return check


PLAIN_TEXT_INPUT = both(
    obj(
        {},
        {
            **_TYPED_IN,
            "initial_value": string(3000, 0),
            "multiline": boolean,
            "min_length": number(0, 3000, whole=True),
            "max_length": number(1, 3000, whole=True),
        },
    ),
    _bounds_in_order("min_length", "max_length"),
)
NUMBER_INPUT = both(
    obj(
        {"is_decimal_allowed": boolean},
        {**_TYPED_IN, "initial_value": _numeric, "min_value": _numeric, "max_value": _numeric},
    ),
    _bounds_in_order("min_value", "max_value"),
)
IN_INPUT = typed(
    {
        "plain_text_input": PLAIN_TEXT_INPUT,
        "number_input": NUMBER_INPUT,
        "email_text_input": obj({}, {**_TYPED_IN, "initial_value": string(3000, 0)}),
        "url_text_input": obj({}, {**_TYPED_IN, "initial_value": string(3000, 0)}),
        "file_input": obj(
            {},
            {"action_id": ID, "filetypes": array(string(50), 100), "max_files": number(1, 10, whole=True)},
        ),
        "rich_text_input": obj({}, {**_TYPED_IN, "initial_value": typed({"rich_text": lambda *_: None})}),
        **SELECTS,
        **PICKERS,
    }
)
#: types that keep what a person chose, and so show up in state.values
STATEFUL = frozenset(
    {
        "plain_text_input",
        "number_input",
        "email_text_input",
        "url_text_input",
        "file_input",
        "rich_text_input",
        *SELECTS,
        *PICKERS,
    }
)
#: types a person can use
INTERACTIVE = STATEFUL | {"button", "overflow", "workflow_button", "feedback_buttons", "icon_button"}
