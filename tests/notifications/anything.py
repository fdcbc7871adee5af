"""Values of any type hint, so that every kind of message can be made with any text in every field."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from domain.messages import COMMANDS_BY_KIND, Command, Message
from domain.money import Money
from domain.wire import object_json

NOW = datetime(2026, 11, 23, 8, 5, tzinfo=UTC)
#: fields that hold one of a few words of ours or a platform's id, never what a person wrote
_OURS: dict[str, Any] = {
    "language": "en", "currency": "EUR", "time_zone": "Europe/Berlin", "platform": "telegram", "url": "https://example.com/x",
    "command": "never_mind", "role": "owner",
}
#: one value for each weekday
_WEEK = {"by_weekday"}
#: optional, but there whenever the words need it
_NEVER_NONE = {"amount", "approved", "decided_at", "decided_by", "who"}


#: one text for every field, or one drawn anew for each
Text = str | Callable[[], str]


def any_message(kind: type[Message], text: Text, *, many: int = 2, full: bool = True, choice: int = 0) -> Message:
    """A message of that kind with ``text`` in every field that may hold words.

    ``many``: items of every list. ``full``: optional fields are filled, too. ``choice``: which value of every enum.
    """
    if kind.kind == "are_you_sure":
        never_mind = COMMANDS_BY_KIND["never_mind"]
        return kind(question=_drawn(text), yes=_drawn(text), no=_drawn(text), command="never_mind", fields=dict(object_json(never_mind())))  # type: ignore[call-arg]
    made = _made(kind, text, many, full, choice)
    assert isinstance(made, Message)
    return made


def _made(kind: type, text: Text, many: int, full: bool, choice: int) -> object:
    if kind is Money:
        return Money(minor=123_456, currency="EUR")
    hints = get_type_hints(kind)
    values = {
        field.name: _OURS[field.name] if field.name in _OURS and hints[field.name] in (str, str | None) else
        _value(hints[field.name], text, 7 if field.name in _WEEK else many, full or field.name in _NEVER_NONE, choice)
        for field in fields(kind)
    }
    return kind(**values)


def _value(hint: Any, text: Text, many: int, full: bool, choice: int) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if type(None) in inner and not full:
            return None
        return _value(next(one for one in inner if one is not type(None)), text, many, full, choice)
    if origin in (tuple, frozenset):
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_value(inner[0], text, many, full, choice) for _ in range(many))
        if origin is frozenset:
            return frozenset({_value(inner[0], text, many, full, choice)})
        return tuple(_value(one, text, many, full, choice) for one in inner)
    if origin is dict:
        return {_drawn(text): _value(inner[1], text, many, full, choice)}
    if origin is typing.Literal:
        return inner[0]
    if hint in (str, object):
        return _drawn(text)
    plain: dict[Any, Any] = {
        int: 3, float: 3.5, bool: full, datetime: NOW, date: NOW.date(), Decimal: Decimal("3.5"),
    }
    if hint in plain:
        return plain[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return list(hint)[choice % len(hint)]
    if isinstance(hint, type) and issubclass(hint, Command) and hint is Command:
        return COMMANDS_BY_KIND["never_mind"]()
    assert is_dataclass(hint), hint
    assert isinstance(hint, type)
    return _made(hint, text, many, full, choice)


def _drawn(text: Text) -> str:
    return text if isinstance(text, str) else text()
