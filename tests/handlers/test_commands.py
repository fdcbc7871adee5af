"""What can be typed, and what comes of it."""

from __future__ import annotations

import re

import pytest

from domain.digest import ShowDigest
from domain.errors import BadInput
from domain.inventory import ListLowStock, ShowStock, WhyStock
from domain.messages import Command
from domain.returns import ListReturns, ReturnHistory, ShowReturn
from domain.shipping import ListLateParcels, ShowParcels
from handlers.commands import BY_PATH, COMMANDS, SHORT_NAMES, ShowHelp, fill, read, table, typed
from handlers.use_cases import USE_CASES
from notifications.catalogue import Catalogue
from tests.conftest import ROOT
from tests.desk import TestDesk


@pytest.mark.parametrize(
    ("name", "text", "command"),
    [
        ("ops", "", ShowHelp()), ("ops", "help", ShowHelp()), ("ops", "stock", ListLowStock()),
        ("stock", "", ListLowStock()), ("stock", "low", ListLowStock()), ("ops", "STOCK Low", ListLowStock()),
        ("ops", "stock BLU-MUG-300", ShowStock(sku="BLU-MUG-300")), ("stock", "blue mug", ShowStock(sku="blue mug")),
        ("stock", "“blue mug”", ShowStock(sku="blue mug")), ("stock", 'why "blue mug"', WhyStock(sku="blue mug")),
        ("stock", 'an "unclosed', ShowStock(sku='an "unclosed')), ("parcels", "#1042", ShowParcels(order="#1042")),
        ("parcels", "", ListLateParcels()), ("returns", "", ListReturns()), ("returns", "waiting", ListReturns()),
        ("returns", "R-318", ShowReturn(return_number="R-318")),
        ("returns", "history R-318", ReturnHistory(return_number="R-318")),
        ("digest", "", ShowDigest()), ("digest", "yesterday", ShowDigest(day="yesterday")),
        ("ops", "  digest   2026-03-15 ", ShowDigest(day="2026-03-15")),
    ],
)
def test_what_is_typed_is_the_command_that_was_meant(name: str, text: str, command: Command) -> None:
    assert read(name, text).command == command


@pytest.mark.parametrize(
    ("text", "near"),
    [("stokc low", "stock low"), ("parcles", "parcels"), ("digst", "digest"), ("retruns waiting", "returns waiting"), ("halp", "help")],
)
def test_a_slip_is_answered_with_what_was_probably_meant(text: str, near: str) -> None:
    with pytest.raises(BadInput, match=f"Did you mean /ops {near}"):
        read("ops", text)


def test_something_else_is_answered_with_where_to_look() -> None:
    with pytest.raises(BadInput, match="/ops help"):
        read("ops", "xyzzy")


def test_too_much_is_refused_not_left_out() -> None:
    with pytest.raises(BadInput, match="takes nothing more"):
        read("ops", "stock low now please")


def test_what_is_missing_is_asked_for() -> None:
    asked = read("stock", "why")
    assert asked.command is None
    assert asked.missing is not None
    assert [one.name for one in asked.missing.fields] == ["sku"]
    assert fill(asked.entry, {"sku": " MUG "}).command == WhyStock(sku="MUG")


def test_every_command_has_a_use_case_and_every_short_name_a_command() -> None:
    for entry in COMMANDS:
        assert entry.command in USE_CASES
        assert entry.bare is None or entry.bare in USE_CASES
    assert set(SHORT_NAMES) <= set(BY_PATH)


def test_the_help_names_every_short_name(desk: TestDesk) -> None:
    note = str(Catalogue().words(desk.run(ShowHelp(), desk.staff("ben")), desk.shop, "slack").note)
    assert re.findall(r"/(\w+)", note) == list(SHORT_NAMES)


def test_the_readmes_table_is_the_one_of_the_code() -> None:
    readme = (ROOT / "README.md").read_text()
    shown = re.search(r"<!-- commands:[^>]*-->\n(.*?)<!-- /commands -->", readme, re.DOTALL)
    assert shown is not None
    assert shown[1] == table(), "run: opsbell commands"


def test_a_number_that_is_none_names_its_field() -> None:
    from domain.inventory import OrderOtherQuantity

    assert typed(OrderOtherQuantity, "quantity", "1,200") == 1200
    assert typed(OrderOtherQuantity, "quantity", "") is None
    with pytest.raises(BadInput) as caught:
        typed(OrderOtherQuantity, "quantity", "a dozen")
    assert caught.value.field == "quantity"
    with pytest.raises(BadInput, match="missing"):
        typed(WhyStock, "sku", " ")
