"""An event of the demo shop: its name, its fields, and what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.shop_state import NotPossible, ShopState

#: the article that events are about unless another is named
MUG = "BLU-MUG-300"

Asked = Mapping[str, Any]
#: what happened, in one sentence for the page
Act = Callable[[ShopState, Asked], Awaitable[str]]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A field of an event. ``kind``: sku, number, order, return, customer, refund, text; no default = chosen then."""

    name: str
    label: str
    kind: str
    default: str | int | None = None


@dataclass(frozen=True, kw_only=True)
class ShopEvent:
    """Something that can happen."""

    event: str
    label: str
    act: Act
    parameters: tuple[Parameter, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For the page's buttons."""
        fields = [
            {"name": one.name, "label": one.label, "kind": one.kind, "default": one.default} for one in self.parameters
        ]
        return {"event": self.event, "label": self.label, "parameters": fields}


def whole_number(asked: Asked, name: str) -> int:
    """A whole number from 1 to 100,000."""
    value = asked[name]
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100_000:
        raise NotPossible(f"{name} must be a whole number from 1 to 100000.")
    return value
