"""Small building blocks to describe JSON as Slack checks it, with Slack's own error lines.

A `Shape` looks at one value and notes problems as "<what> [json-pointer:/blocks/0/text]".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Shape = Callable[[Any, str, "Problems"], None]


@dataclass
class Problems:
    """What is wrong, in the order found."""

    lines: list[str] = field(default_factory=list)

    def add(self, pointer: str, what: str) -> None:
        """Note one problem at a JSON pointer."""
        self.lines.append(f"{what} [json-pointer:{pointer}]")


def length(text: str) -> int:
    """Slack's count of characters."""
    return len(text)


def string(most: int, least: int = 1) -> Shape:
    """A string of `least` to `most` characters."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if not isinstance(value, str):
            problems.add(pointer, "must provide a string")
        elif length(value) < least:
            problems.add(pointer, f"must be more than {least - 1} characters")
        elif length(value) > most:
            problems.add(pointer, f"must be less than {most + 1} characters")

    return check


def boolean(value: Any, pointer: str, problems: Problems) -> None:
    """True or false."""
    if not isinstance(value, bool):
        problems.add(pointer, "must provide a boolean")


def number(lowest: float | None = None, highest: float | None = None, *, whole: bool = False) -> Shape:
    """A number between two bounds."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            problems.add(pointer, "must provide an integer" if whole else "must provide a number")
        elif lowest is not None and value < lowest:
            problems.add(pointer, f"must be greater than or equal to {lowest:g}")
        elif highest is not None and value > highest:
            problems.add(pointer, f"must be less than or equal to {highest:g}")

    return check


def one_of(*allowed: str) -> Shape:
    """One of a few words."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if value not in allowed:
            problems.add(pointer, "must be a valid enum value")

    return check


def web_address(most: int = 3000) -> Shape:
    """An http or https address."""
    inner = string(most)

    def check(value: Any, pointer: str, problems: Problems) -> None:
        before = len(problems.lines)
        inner(value, pointer, problems)
        if len(problems.lines) == before and not value.startswith(("http://", "https://")):
            problems.add(pointer, "must be a valid url")

    return check


def array(item: Shape, most: int, least: int = 1) -> Shape:
    """A list of `least` to `most` items."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if not isinstance(value, list):
            problems.add(pointer, "must provide an array")
            return
        if len(value) < least:
            problems.add(pointer, f"no fewer than {least} items allowed")
        if len(value) > most:
            problems.add(pointer, f"no more than {most} items allowed")
            return
        for index, one in enumerate(value):
            item(one, f"{pointer}/{index}", problems)

    return check


def obj(required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """An object with these fields and no other; "type" is checked by `typed`."""
    known = {**required, **(optional or {})}

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if not isinstance(value, dict):
            problems.add(pointer, "must provide an object")
            return
        for name in required:
            if name not in value:
                problems.add(pointer, f"missing required field: {name}")
        for name, one in value.items():
            if name == "type":
                continue
            if name not in known:
                problems.add(pointer, f"invalid additional property: {name}")
            else:
                known[name](one, f"{pointer}/{name}", problems)

    return check


def typed(kinds: Mapping[str, Shape]) -> Shape:
    """An object whose "type" says which shape it has."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if not isinstance(value, dict):
            problems.add(pointer, "must provide an object")
            return
        kind = value.get("type")
        if kind is None:
            problems.add(pointer, "missing required field: type")
        elif not isinstance(kind, str) or kind not in kinds:
            problems.add(f"{pointer}/type", f"unsupported type: {kind}")
        else:
            kinds[kind](value, pointer, problems)

    return check


def both(*shapes: Shape) -> Shape:
    """Every one of several shapes; the later ones are looked at only if nothing is wrong so far."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        before = len(problems.lines)
        for shape in shapes:
            if len(problems.lines) == before:
                shape(value, pointer, problems)

    return check


def exactly_one(*names: str) -> Shape:
    """Exactly one of these fields is there."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if isinstance(value, dict) and sum(name in value for name in names) != 1:
            problems.add(pointer, f"must define exactly one of: {', '.join(names)}")

    return check


def at_least_one(names: Sequence[str]) -> Shape:
    """At least one of these fields is there."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if isinstance(value, dict) and not any(name in value for name in names):
            problems.add(pointer, f"must define one of: {', '.join(names)}")

    return check


def anything(value: Any, pointer: str, problems: Problems) -> None:
    """Not checked."""


def plain(most: int, least: int = 1) -> Shape:
    """A plain_text object; mrkdwn is refused."""
    return typed({"plain_text": obj({"text": string(most, least)}, {"emoji": boolean})})


def marked(most: int) -> Shape:
    """A mrkdwn object; plain_text is refused."""
    return typed({"mrkdwn": obj({"text": string(most)}, {"verbatim": boolean})})


def words(most: int) -> Shape:
    """A text object of either kind."""
    return typed(
        {
            "plain_text": obj({"text": string(most)}, {"emoji": boolean}),
            "mrkdwn": obj({"text": string(most)}, {"verbatim": boolean}),
        }
    )
