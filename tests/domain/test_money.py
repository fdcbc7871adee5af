"""Money: exact, in whole minor units, whatever the currency."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.money import MixedCurrencies, Money, exponent, parse_money


@pytest.mark.parametrize(("currency", "places"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("TND", 3), ("KRW", 0), ("HUF", 2), ("CLP", 0), ("ISK", 0)])
def test_exponents_are_those_of_iso_4217(currency: str, places: int) -> None:
    assert exponent(currency) == places


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("25", "EUR", 2500), ("25.00", "EUR", 2500), ("25,00", "EUR", 2500), ("€1,250.50", "EUR", 125050),
        ("1.250,50 €", "EUR", 125050), ("1000", "JPY", 1000), ("¥1,000", "JPY", 1000), ("1.234", "KWD", 1234), ("1,234", "KWD", None),
        ("12.345", "KWD", 12345), ("1.000", "EUR", None), ("25.5", "EUR", None), (".50", "EUR", None),
        ("€ .50", "EUR", None), (",5", "JPY", None), ("Fr. 25", "CHF", 2500), ("-3", "EUR", None), ("", "EUR", None),
        ("10.00", "JPY", None), ("abc", "EUR", None), ("2.5000", "EUR", None),
        ("1.234.567.890", "EUR", 123456789000), ("12.345.345.345.345", "HUF", None), ("999,999,999,999,999,999,999", "USD", None),
    ],
)
def test_a_typed_amount_is_read_or_refused_never_guessed(text: str, currency: str, minor: int | None) -> None:
    if minor is None:
        with pytest.raises(BadInput):
            parse_money(text, currency)
    else:
        assert parse_money(text, currency) == Money(minor=minor, currency=currency)


@given(st.integers(min_value=0, max_value=10**12 - 1), st.sampled_from(["EUR", "JPY", "KWD", "USD"]))
def test_what_is_written_in_full_is_read_back(minor: int, currency: str) -> None:
    places = exponent(currency)
    money = Money(minor=minor, currency=currency)
    if len(str(money.decimal).split(".")[0]) > 12:
        return
    text = f"{money.decimal:.{places}f}"
    try:
        assert parse_money(text, currency) == money
    except BadInput:
        assert places == 3  # three decimals look like thousands, so they may be refused, but never misread


def test_two_currencies_never_add_up() -> None:
    with pytest.raises(MixedCurrencies):
        Money(minor=1, currency="EUR") + Money(minor=1, currency="USD")


@pytest.mark.parametrize(
    ("money", "shown"),
    [(Money(minor=3800, currency="EUR"), "€38.00"), (Money(minor=1000, currency="JPY"), "¥1,000"), (Money(minor=1234, currency="KWD"), "KWD\xa01.234")],
)
def test_an_amount_shows_exactly_its_currencys_decimals(money: Money, shown: str) -> None:
    assert str(money) == shown
