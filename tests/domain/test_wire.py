"""Dataclasses to JSON and back: exactly the same, and every misfit names its field."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import handlers.use_cases  # noqa: F401  with it every kind of message and command is known
from domain.messages import COMMANDS_BY_KIND, MESSAGES_BY_KIND
from domain.money import Money
from domain.wire import from_json, object_json, to_json
from tests.notifications.anything import any_message


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, kw_only=True)
class Inner:
    number: int


@dataclass(frozen=True, kw_only=True)
class Outer:
    text: str
    flag: bool
    part: float
    many: tuple[Inner, ...]
    pair: tuple[int, str]
    names: frozenset[str]
    by_name: dict[str, int]
    colour: Colour
    at: datetime
    day: date
    price: Decimal
    maybe: Inner | None
    either: int | str
    anything: object = None
    later: int = 7


FULL = Outer(
    text="a", flag=True, part=1.5, many=(Inner(number=1), Inner(number=2)), pair=(1, "b"), names=frozenset({"x"}),
    by_name={"k": 1}, colour=Colour.RED, at=datetime(2026, 11, 23, 8, 5, tzinfo=UTC), day=date(2026, 11, 23),
    price=Decimal("1.50"), maybe=None, either="word", anything=[1, {"a": None}],
)


def test_there_and_back_is_the_same() -> None:
    assert from_json(Outer, to_json(FULL)) == FULL


@pytest.mark.parametrize("kind", sorted(kind for kind, of in MESSAGES_BY_KIND.items() if of.__module__.startswith("domain.")))
@pytest.mark.parametrize("full", [True, False])
def test_every_message_comes_back_from_its_row_as_it_was(kind: str, full: bool) -> None:
    message = any_message(MESSAGES_BY_KIND[kind], "words", full=full)
    assert from_json(MESSAGES_BY_KIND[kind], object_json(message)) == message


def test_every_command_can_stand_behind_a_button() -> None:
    for kind, of in COMMANDS_BY_KIND.items():
        if of.__module__.startswith("domain."):
            assert of.kind == kind
    assert from_json(Money, object_json(Money(minor=5, currency="EUR"))) == Money(minor=5, currency="EUR")


def test_what_was_added_later_has_its_default_and_what_is_gone_is_ignored() -> None:
    row = object_json(FULL)
    del row["later"]
    assert from_json(Outer, {**row, "dropped": "x"}) == FULL


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("text", 1, "Outer.text: 1 is not str"), ("flag", 1, "Outer.flag: 1 is not bool"), ("part", "x", "Outer.part: 'x' is not float"),
        ("part", True, "Outer.part: True is not float"),
        ("many", {}, "Outer.many: expected a list"), ("many", [{"number": "1"}], r"Outer.many.*number: '1' is not int"),
        ("many", [{}], r"number is missing"), ("many", [{"number": True}], "True is not int"), ("pair", [1], "Outer.pair"),
        ("by_name", [], "Outer.by_name: expected an object"), ("by_name", {"k": "x"}, "Outer.by_name.k: 'x' is not int"),
        ("colour", "blue", "Outer.colour: 'blue'"), ("at", "yesterday", "Outer.at"), ("at", 5, "Outer.at: 5 is not datetime"),
        ("day", "2026-13-01", "Outer.day"), ("price", "much", "Outer.price"), ("price", 1.5, "Outer.price"),
        ("maybe", 5, "Outer.maybe: 5 is not Inner"), ("either", None, "Outer.either"), ("names", "x", "Outer.names"),
    ],
)
def test_what_does_not_fit_names_its_field(name: str, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_json(Outer, {**object_json(FULL), name: value})


def test_a_missing_field_is_named() -> None:
    row = object_json(FULL)
    del row["text"]
    with pytest.raises(ValueError, match=r"Outer\.text is missing"):
        from_json(Outer, row)


def test_a_whole_number_may_stand_for_a_fraction_but_not_the_other_way() -> None:
    assert from_json(Outer, {**object_json(FULL), "part": 2}).part == 2.0
    with pytest.raises(ValueError, match=r"1\.5 is not"):
        from_json(Inner, {"number": 1.5})


def test_what_has_no_json_form_is_refused() -> None:
    with pytest.raises(TypeError, match="set has no JSON form"):
        to_json({1, 2})
    with pytest.raises(TypeError, match="not a dataclass"):
        object_json("text")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=8))
def test_no_row_whatever_it_holds_gives_anything_but_a_value_or_a_clear_error(data: Any) -> None:
    for kind in (Outer, Inner, Money):
        try:
            made = from_json(kind, data)
        except ValueError:
            continue
        assert isinstance(made, kind)
