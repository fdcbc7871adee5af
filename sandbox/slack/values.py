"""What people type and choose: the state.values of payloads, and the checks Slack's own client makes."""

import datetime as dt
import math
import re
from typing import Any

from sandbox.people import slack_channel, slack_user
from sandbox.slack.elements import STATEFUL
from sandbox.slack.shown import Json, options_of, used

#: element type -> the field that holds what was chosen
_FIELD = {
    "plain_text_input": "value",
    "number_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "rich_text_input": "rich_text_value",
    "file_input": "files",
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "checkboxes": "selected_options",
    "users_select": "selected_user",
    "multi_users_select": "selected_users",
    "channels_select": "selected_channel",
    "multi_channels_select": "selected_channels",
    "conversations_select": "selected_conversation",
    "multi_conversations_select": "selected_conversations",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
}
_INITIAL = {
    "value": "initial_value",
    "rich_text_value": "initial_value",
    **{field: field.replace("selected_", "initial_") for field in _FIELD.values() if "selected" in field},
}
_EMPTY: tuple[Any, ...] = (None, "", [])


class BadValue(ValueError):
    """What the person entered cannot be entered there; the text says why, as Slack's client would."""


def initial_values(blocks: list[Json]) -> dict[str, dict[str, Json]]:
    """state.values of fresh blocks: what they start with."""
    values: dict[str, dict[str, Json]] = {}
    for block, element in used(blocks):
        kind = element["type"]
        if kind in STATEFUL:
            field = _FIELD[kind]
            start = element.get(_INITIAL.get(field, ""), [] if field.endswith("s") else None)
            values.setdefault(block["block_id"], {})[element["action_id"]] = {"type": kind, field: start}
    return values


def _option(element: Json, given: Any) -> Json:
    """The option with this value or label. Raises BadValue."""
    if element["type"].endswith("external_select"):
        return {"text": {"type": "plain_text", "text": str(given), "emoji": True}, "value": str(given)}
    for option in options_of(element):
        if str(given) == option["value"] or str(given) == option["text"]["text"]:
            return option
    labels = ", ".join(option["text"]["text"] for option in options_of(element))
    raise BadValue(f"There is no option {given!r}; there are: {labels}.")


def _person_or_channel(kind: str, given: Any) -> str:
    user, channel = slack_user(str(given)), slack_channel(str(given))
    if "users" in kind and user:
        return user.id
    if "users" not in kind and channel:
        return channel.id
    raise BadValue(f"There is no {given!r} to choose.")


def _text(element: Json, given: Any) -> str:
    text = str(given)
    least, most = element.get("min_length", 0), element.get("max_length", 3000)
    if text and len(text) < least:
        raise BadValue(f"Please enter at least {least} characters.")
    if len(text) > most:
        raise BadValue(f"Please enter at most {most} characters.")
    if element["type"] == "email_text_input" and text and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise BadValue("Please enter a valid email address.")
    if element["type"] == "url_text_input" and text and not re.match(r"https?://\S+", text):
        raise BadValue("Please enter a valid URL.")
    return text


def _number(element: Json, given: Any) -> str:
    text = str(given).strip()
    if not text:
        return text
    try:
        number = float(text)
    except ValueError:
        raise BadValue("Please enter a number.") from None
    if not math.isfinite(number) or not re.fullmatch(r"[+-]?\d*\.?\d*", text):
        raise BadValue("Please enter a number.")
    if not element.get("is_decimal_allowed") and not re.fullmatch(r"[+-]?\d+", text):
        raise BadValue("Please enter a whole number.")
    if "min_value" in element and number < float(element["min_value"]):
        raise BadValue(f"Please enter a number of at least {element['min_value']}.")
    if "max_value" in element and number > float(element["max_value"]):
        raise BadValue(f"Please enter a number of at most {element['max_value']}.")
    return text


def _date_or_time(kind: str, given: Any) -> Any:
    try:
        if kind == "datepicker":
            return dt.date.fromisoformat(str(given)).isoformat()
        if kind == "timepicker":
            return dt.time.fromisoformat(str(given)).strftime("%H:%M")
        return int(given)
    except (TypeError, ValueError):
        raise BadValue("Please enter a valid date or time.") from None


def entered(element: Json, given: Any) -> Json:
    """The state of `element` once a person has entered `given`. Raises BadValue."""
    kind = element["type"]
    field = _FIELD[kind]
    if given in _EMPTY:
        return {"type": kind, field: [] if field.endswith("s") else None}
    value: Any
    if kind == "number_input":
        value = _number(element, given) or None
    elif field == "value":
        value = _text(element, given) or None
    elif field == "rich_text_value":
        part = {"type": "rich_text_section", "elements": [{"type": "text", "text": str(given)}]}
        value = {"type": "rich_text", "elements": [part]}
    elif field == "files":
        value = given if isinstance(given, list) else [given]
    elif field in ("selected_option", "selected_options"):
        many = given if isinstance(given, list) else [given]
        chosen = [_option(element, one) for one in many]
        value = chosen if field == "selected_options" else chosen[0]
    elif kind in ("datepicker", "timepicker", "datetimepicker"):
        value = _date_or_time(kind, given)
    else:
        many = [_person_or_channel(kind, one) for one in (given if isinstance(given, list) else [given])]
        value = many if field.endswith("s") else many[0]
    most = element.get("max_selected_items")
    if most and isinstance(value, list) and len(value) > most:
        raise BadValue(f"Please choose at most {most}.")
    return {"type": kind, field: value}


def is_empty(state: Json) -> bool:
    """Nothing is entered."""
    return state[_FIELD[state["type"]]] in _EMPTY


def _key_matches(block: Json, element: Json, key: str) -> bool:
    label = (block.get("label") or {}).get("text")
    placeholder = (element.get("placeholder") or {}).get("text")
    return key in (block["block_id"], element["action_id"], label, placeholder)


def fill_in(
    blocks: list[Json], values: dict[str, dict[str, Json]], given: dict[str, Any]
) -> dict[str, str]:
    """Enter `given` (keyed by label, block_id or action_id) into `values`; block_id -> complaint.

    Raises BadValue for a key that fits nothing. Complaints are those of Slack's own client:
    required, too long, not a number.
    """
    complaints: dict[str, str] = {}
    fields = [(block, element) for block, element in used(blocks) if element["type"] in STATEFUL]
    for key, value in given.items():
        hit = next((pair for pair in fields if _key_matches(*pair, key)), None)
        if hit is None:
            there = [(block.get("label") or {}).get("text") or element["action_id"] for block, element in fields]
            raise BadValue(f"There is no field {key!r}; there are: {', '.join(there)}.")
        block, element = hit
        try:
            values[block["block_id"]][element["action_id"]] = entered(element, value)
        except BadValue as complaint:
            complaints[block["block_id"]] = str(complaint)
    for block, element in fields:
        state = values[block["block_id"]][element["action_id"]]
        required = block["type"] == "input" and not block.get("optional")
        if required and is_empty(state) and block["block_id"] not in complaints:
            complaints[block["block_id"]] = "Please complete this required field."
    return complaints
