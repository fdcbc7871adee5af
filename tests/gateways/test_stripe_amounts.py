"""S12: an amount is what it says, in every currency, here and at Stripe, or it is refused."""

from __future__ import annotations

import re

import pytest
from babel.core import get_global
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.errors import BadInput, RuleBroken
from domain.money import Money, exponent, parse_money
from gateways.stripe_amounts import digits_at_stripe, from_stripe, to_stripe

CURRENCIES = sorted(get_global("all_currencies"))
#: the ISO 4217 list of what has other than two decimals (table A.1, read 2026-11-28), not taken from the code
NONE = set("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF UYI".split())
THREE = set("BHD IQD JOD KWD LYD OMR TND".split())
TODAY = [one for one in "AED ARS AUD BHD BIF BRL CAD CHF CLP CNY COP CZK DJF DKK EUR GBP GNF HUF IDR INR IQD ISK JOD JPY KMF KRW KWD LYD MGA MXN NOK NZD OMR PKR PLN PYG RSD RWF SEK TND TRY TWD UGX USD VND VUV XAF XOF XPF ZAR".split() if one in CURRENCIES]
AMOUNTS = st.integers(0, 10**11)


@pytest.mark.parametrize("currency", TODAY)
def test_exponents_are_iso_4217s(currency: str) -> None:
    assert exponent(currency) == (0 if currency in NONE else 3 if currency in THREE else 2)


@settings(max_examples=300)
@given(AMOUNTS, st.sampled_from(CURRENCIES))
def test_what_is_written_is_read_back_or_refused_in_every_currency(minor: int, currency: str) -> None:
    money = Money(minor=minor, currency=currency)
    for text in (f"{money.decimal:f}", f"{money.decimal:,f}", str(money), f"{money.decimal:f}".replace(".", ",")):
        try:
            read = parse_money(text, currency)
        except BadInput:
            continue
        assert read == money, text


@settings(max_examples=400)
@given(st.text(alphabet="0123456789.,-+eE \u00a0'€$¥NaninfxX١٢", max_size=14), st.sampled_from(["EUR", "JPY", "KWD", "USD", "MGA"]))
@example("1e3", "EUR")
@example("1.000,00", "EUR")
@example("-5", "EUR")
@example("NaN", "EUR")
@example(".50", "EUR")
@example(".001", "KWD")
@example("10.00", "JPY")
@example("1,00,000", "EUR")
@example("١٢", "EUR")
def test_whatever_is_typed_means_its_digits_and_nothing_else(text: str, currency: str) -> None:
    try:
        read = parse_money(text, currency)
    except BadInput:
        return
    assert "-" not in text
    digits = re.sub(r"[^0-9]", "", text)
    places = exponent(currency)
    part = re.search(r"[.,]([0-9]+)[^0-9]*$", text)
    in_full = places and part is not None and len(part[1]) == places
    digits += "" if in_full else "0" * places
    assert str(read.minor) == (digits.lstrip("0") or "0"), text


@settings(max_examples=300)
@given(AMOUNTS, st.sampled_from(CURRENCIES))
def test_stripe_is_told_the_same_amount_or_none(minor: int, currency: str) -> None:
    money = Money(minor=minor, currency=currency)
    try:
        figure = to_stripe(money)
    except RuleBroken:
        assert digits_at_stripe(currency) < exponent(currency) or exponent(currency) == 3
        return
    assert from_stripe(figure, currency.lower()) == money


@pytest.mark.parametrize(("minor", "currency", "figure"), [
    (3800, "EUR", 3800), (1000, "JPY", 1000), (1230, "KWD", 1230), (1234, "KWD", None), (500, "ISK", 50_000),
    (500, "UGX", 50_000), (500, "MGA", 5), (501, "MGA", None), (12_345, "IQD", 12_345), (500, "HUF", 500),
])
def test_stripes_own_way_of_counting(minor: int, currency: str, figure: int | None) -> None:
    money = Money(minor=minor, currency=currency)
    if figure is None:
        with pytest.raises(RuleBroken, match="exactly"):
            to_stripe(money)
    else:
        assert to_stripe(money) == figure


def test_a_part_that_a_currency_does_not_have_is_refused() -> None:
    with pytest.raises(RuleBroken):
        from_stripe(50_001, "isk")
