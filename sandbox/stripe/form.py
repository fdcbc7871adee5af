"""Stripe's form encoding (``metadata[order]=1042``, ``expand[]=charge``) and the check of every parameter."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe.errors import Malformed

_PARTS = re.compile(r"\[([^\]]*)\]")
_TRUE_FALSE = {"true": True, "false": False}

#: reads one parameter: its full name and its raw value
Reader = Callable[[str, Any], Any]


def decode(text: str) -> dict[str, Any]:
    """The parameters as nested mappings; ``a[]`` and ``a[0]`` become lists. The last of two equal names counts."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=1000):
        root, bracket, rest = name.partition("[")
        path = [root, *_PARTS.findall(bracket + rest)]
        _put(found, path, value)
    return {name: _lists(value) for name, value in found.items()}


def _put(into: dict[str, Any], path: list[str], value: str) -> None:
    for part in path[:-1]:
        deeper = into.setdefault(part, {})
        if not isinstance(deeper, dict):
            deeper = into[part] = {}
        into = deeper
    into[path[-1] or str(len(into))] = value


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdecimal() for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(item) for key, item in value.items()}


def check(given: Mapping[str, Any], known: Mapping[str, Reader]) -> dict[str, Any]:
    """The parameters with their values read; Malformed names the first that is unknown or wrong."""
    for name, value in given.items():
        if name not in known:
            raise Malformed(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
        if value == "" and known[name] is not metadata:
            raise Malformed(
                f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; "
                f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty "
                "value.",
                code="parameter_invalid_empty",
                param=name,
            )
    return {name: known[name](name, value) for name, value in given.items()}


def text(name: str, value: Any) -> str:
    """A string."""
    if not isinstance(value, str):
        raise Malformed("Invalid string: " + str(value), param=name)
    return value


def integer(name: str, value: Any) -> int:
    """A whole number."""
    if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,15}", value):
        raise Malformed(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
    return int(value)


def positive(name: str, value: Any) -> int:
    """A whole number from 1."""
    number = integer(name, value)
    if number < 1:
        raise Malformed(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param=name
        )
    return number


def boolean(name: str, value: Any) -> bool:
    """``true`` or ``false``."""
    if value not in _TRUE_FALSE:
        raise Malformed(f"Invalid boolean: {value}", param=name)
    return _TRUE_FALSE[value]


def one_of(*choices: str) -> Reader:
    """One of some words."""

    def read(name: str, value: Any) -> str:
        if value not in choices:
            most = f"{', '.join(choices[:-1])}, or {choices[-1]}" if len(choices) > 2 else " or ".join(choices)
            raise Malformed(f"Invalid {name}: must be one of {most}", param=name)
        return str(value)

    return read


def mapping(name: str, value: Any) -> dict[str, Any]:
    """A hash of anything."""
    if not isinstance(value, dict):
        raise Malformed("Invalid object", param=name)
    return value


def strings(name: str, value: Any) -> list[str]:
    """A list of strings."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Malformed("Invalid array", param=name)
    return value


def metadata(name: str, value: Any) -> dict[str, str]:
    """At most 50 keys of 40 characters with values of 500; an empty string unsets all.

    Source: docs.stripe.com/api/metadata, read 2026-11-23.
    """
    if value == "":
        return {}
    pairs = mapping(name, value)
    if len(pairs) > 50:
        raise Malformed("You can specify up to 50 metadata keys.", param=name)
    for key, item in pairs.items():
        if len(key) > 40:
            raise Malformed(
                f"Metadata keys can be up to 40 characters long, but you passed in a key that is {len(key)} "
                f"characters. Invalid key: {key}",
                param=name,
            )
        if not isinstance(item, str) or len(item) > 500:
            raise Malformed(
                f"Metadata values can have up to 500 characters, but you passed in a value that is {len(item)} "
                f"characters. Invalid value: {item}",
                param=f"{name}[{key}]",
            )
    return dict(pairs)


def moments(name: str, value: Any) -> dict[str, int]:
    """A Unix time, or bounds ``gt``, ``gte``, ``lt``, ``lte``, in seconds."""
    if isinstance(value, str):
        return {"gte": integer(name, value), "lte": integer(name, value)}
    bounds = mapping(name, value)
    for bound in bounds:
        if bound not in ("gt", "gte", "lt", "lte"):
            raise Malformed(
                f"Received unknown parameter: {name}[{bound}]", code="parameter_unknown", param=f"{name}[{bound}]"
            )
    return {bound: integer(f"{name}[{bound}]", number) for bound, number in bounds.items()}


#: what every list takes
PAGE: Mapping[str, Reader] = {
    "limit": integer,
    "starting_after": text,
    "ending_before": text,
    "expand": strings,
    "created": moments,
}
