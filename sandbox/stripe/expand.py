"""``expand[]``: ids replaced by the objects they name; what cannot be is refused before anything is done.

Source: docs.stripe.com/api/expanding_objects, read 2026-11-23.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.stripe.errors import Malformed
from sandbox.stripe.objects import Json, charge_json, intent_json, refund_json
from sandbox.stripe.state import State

DEEPEST = 4
#: what can be expanded in each object, and which object comes then
_FIELDS: Mapping[str, Mapping[str, str]] = {
    "refund": {"charge": "charge", "payment_intent": "payment_intent"},
    "charge": {"payment_intent": "payment_intent", "refunds": "list of refund"},
    "payment_intent": {"latest_charge": "charge"},
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
}
_OF_METHODS = {"refunds": "refund", "charges": "charge", "payment_intents": "payment_intent", "disputes": "dispute"}


def check(method: str, wanted: Iterable[str]) -> None:
    """Malformed names the first path that the answer of a method (``refunds.list``) cannot expand."""
    topic, _, verb = method.partition(".")
    for path in wanted:
        parts = path.split(".")
        if len(parts) > DEEPEST:
            raise Malformed("You cannot expand more than 4 levels of a property.", param="expand")
        kind = _OF_METHODS.get(topic, "")
        kind = f"list of {kind}" if verb == "list" else kind
        for part in parts:
            kind = _next(kind, part, path)


def _next(kind: str, part: str, path: str) -> str:
    if kind.startswith("list of ") and part == "data":
        return kind.removeprefix("list of ")
    found = _FIELDS.get(kind, {}).get(part)
    if found is None:
        raise Malformed(f"This property cannot be expanded ({path}).", param="expand")
    return found


def expanded(state: State, found: Json, wanted: Iterable[str]) -> Json:
    """The answer with every checked path expanded."""
    for path in wanted:
        _expand(state, found, path.split("."))
    return found


def _expand(state: State, found: Any, parts: list[str]) -> None:
    if not parts or found is None:
        return
    name, *rest = parts
    if name == "data":
        for item in found["data"]:
            _expand(state, item, rest)
        return
    value = found.get(name)
    if name == "refunds" or isinstance(value, str):
        value = found[name] = _full(state, found, name)
    _expand(state, value, rest)


def _full(state: State, found: Json, name: str) -> Json:
    match name:
        case "charge" | "latest_charge":
            return charge_json(state.charged(found[name]))
        case "payment_intent":
            return intent_json(state.payment(found[name]))
        case _:
            payment = state.charged(found["id"])
            rows = [refund_json(payment, refund) for refund in reversed(payment.refunds)]
            url = f"/v1/charges/{payment.charge}/refunds"
            return {"object": "list", "data": rows[:10], "has_more": len(rows) > 10, "url": url}
