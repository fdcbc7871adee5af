"""Frozen dataclasses to JSON and back, by their type hints: for rows, buttons and jobs.

A field added later needs a default, so that older rows still load; a field that has gone is ignored.
"""

from __future__ import annotations

import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


T = TypeVar("T")

#: what is its own JSON form: nearly everything, so it is looked for first
_PLAIN = frozenset({str, int, bool, float, type(None)})


def to_json(value: object) -> Json:
    """The JSON form of a value made of dataclasses, tuples, enums, dates, Decimals and plain values."""
    kind: type = type(value)
    if kind in _PLAIN:
        return typing.cast("Json", value)
    if (names := _names(kind)) is not None:
        return {name: to_json(getattr(value, name)) for name in names}
    match value:
        case Enum():
            return to_json(value.value)
        case bool() | int() | float() | str():
            return value
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case tuple() | list() | frozenset():
            return [to_json(item) for item in value]
        case dict():
            return {str(key): to_json(item) for key, item in value.items()}
    raise TypeError(f"{type(value).__name__} has no JSON form here")


@cache
def _names(kind: type) -> tuple[str, ...] | None:
    """A dataclass's fields; None for any other type."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else None


def object_json(value: object) -> dict[str, Json]:
    """The JSON object of a dataclass."""
    form = to_json(value)
    if not isinstance(form, dict):
        raise TypeError(f"{type(value).__name__} is not a dataclass")
    return form


def from_json(kind: type[T], data: Json) -> T:
    """The value of that type; ValueError names the field that does not fit."""
    return typing.cast("T", _read(kind, data, kind.__name__))


@cache
def _hints(kind: type) -> dict[str, object]:
    return dict(get_type_hints(kind))


def _read(hint: object, data: Json, where: str) -> object:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _read_union(get_args(hint), data, where)
    if origin in (tuple, frozenset):
        return _read_many(origin, get_args(hint), data, where)
    if origin is dict:
        if not isinstance(data, dict):
            raise ValueError(f"{where}: expected an object")
        return {key: _read(get_args(hint)[1], item, f"{where}.{key}") for key, item in data.items()}
    if hint is object:
        return data
    if not isinstance(hint, type):
        raise ValueError(f"{where}: cannot read {hint}")
    return _read_plain(hint, data, where)


def _read_plain(hint: type, data: Json, where: str) -> object:
    try:
        if is_dataclass(hint) and isinstance(data, dict):
            return _read_dataclass(hint, data, where)
        if issubclass(hint, Enum):
            return hint(data)
        if hint in (datetime, date) and isinstance(data, str):
            return datetime.fromisoformat(data) if hint is datetime else date.fromisoformat(data)
        if hint is Decimal and isinstance(data, str):
            return Decimal(data)
    except (ValueError, ArithmeticError) as error:
        raise ValueError(f"{where}: {error}") from None
    if hint is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if hint in (str, bool, float) and isinstance(data, hint):
        return data
    if hint is int and isinstance(data, int) and not isinstance(data, bool):
        return data
    raise ValueError(f"{where}: {data!r} is not {hint.__name__}")


def _read_dataclass(kind: type, data: dict[str, Json], where: str) -> object:
    hints = _hints(kind)
    known: dict[str, object] = {}
    for field in fields(kind):
        if field.name in data:
            known[field.name] = _read(hints[field.name], data[field.name], f"{where}.{field.name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{where}.{field.name} is missing")
    return kind(**known)


def _read_union(choices: tuple[object, ...], data: Json, where: str) -> object:
    if data is None and type(None) in choices:
        return None
    problems = []
    for choice in choices:
        if choice is type(None):
            continue
        try:
            return _read(choice, data, where)
        except ValueError as error:
            problems.append(str(error))
    raise ValueError("; ".join(problems) or f"{where}: {data!r} does not fit")


def _read_many(origin: object, inner: tuple[object, ...], data: Json, where: str) -> object:
    if not isinstance(data, list):
        raise ValueError(f"{where}: expected a list")
    if origin is tuple and len(inner) > 1 and inner[-1] is not Ellipsis:
        if len(data) != len(inner):
            raise ValueError(f"{where}: expected {len(inner)} items")
        return tuple(_read(hint, item, f"{where}[{n}]") for n, (hint, item) in enumerate(zip(inner, data, strict=True)))
    items = [_read(inner[0], item, f"{where}[{n}]") for n, item in enumerate(data)]
    return frozenset(items) if origin is frozenset else tuple(items)
