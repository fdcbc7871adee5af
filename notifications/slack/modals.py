"""Forms -> Slack modals, and what was typed back into texts.

Limits: docs.slack.dev/reference/views: 24 characters of title and buttons, 100 blocks, 3,000 characters of metadata.
"""

from __future__ import annotations

from domain.forms import Field, FieldKind, Form
from notifications.dialect import clean
from notifications.slack.blocks import SECTION, Block, cut

CALLBACK = "form"


def modal(form: Form, metadata: str) -> Block:
    """The view of a form. ``metadata`` comes back with what was typed."""
    blocks: list[Block] = []
    if form.intro:
        blocks.append({"type": "section", "text": _plain(form.intro, 3000)})
    blocks += [_input(field) for field in form.fields]
    return {
        "type": "modal", "callback_id": CALLBACK, "title": _plain(form.title, 24), "submit": _plain(form.submit, 24),
        "close": _plain("Cancel", 24), "blocks": blocks, "private_metadata": metadata,
    }


def told(text: str) -> Block:
    """A view that only says something, in the place of the form that was sent."""
    said = {"type": "mrkdwn", "text": cut(text, SECTION) or "Done.", "verbatim": True}
    return {
        "type": "modal", "title": _plain("Opsbell", 24), "close": _plain("Close", 24),
        "blocks": [{"type": "section", "text": said}],
    }


def _input(field: Field) -> Block:
    block: Block = {
        "type": "input", "block_id": field.name, "label": _plain(field.label, 2000), "element": _element(field),
        "optional": not field.required,
    }
    return block | ({"hint": _plain(field.hint, 2000)} if field.hint else {})


def _element(field: Field) -> Block:
    element: Block = {"action_id": "value"}
    match field.kind:
        case FieldKind.CHOICE:
            options = [{"text": _plain(one.label, 75), "value": one.value} for one in field.choices[:100]]
            element |= {"type": "static_select", "options": options}
            initial = [option for option in options if option["value"] == field.initial]
            return element | ({"initial_option": initial[0]} if initial else {})
        case FieldKind.DATE:
            element["type"] = "datepicker"
            return element | ({"initial_date": field.initial} if field.initial else {})
        case FieldKind.NUMBER:
            element |= {"type": "number_input", "is_decimal_allowed": False}
            return element | ({"initial_value": field.initial} if field.initial else {})
    element |= {"type": "plain_text_input", "max_length": min(field.max_length, 3000)}
    if field.kind is FieldKind.MULTILINE:
        element["multiline"] = True
    return element | ({"initial_value": field.initial[:3000]} if field.initial else {})


def _plain(text: str, length: int) -> Block:
    cut = clean(text)
    return {"type": "plain_text", "text": cut if len(cut) <= length else cut[: length - 1] + "…", "emoji": True}
