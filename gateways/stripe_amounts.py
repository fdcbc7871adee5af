"""How Stripe counts an amount: mostly in ISO 4217's minor units, and otherwise for the few currencies named here.

Source: docs.stripe.com/currencies ("Zero-decimal currencies", "Three-decimal currencies", "Special cases").
"""

from __future__ import annotations

from typing import Final

from domain.errors import RuleBroken
from domain.money import Money, exponent

_ZERO: Final = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
#: without decimals by ISO 4217, and written with two zeros for Stripe
_TWO_FOR_NONE: Final = frozenset(("ISK", "UGX"))
#: Stripe takes three decimals, of which the last must be a zero
_LAST_IS_ZERO: Final = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))


def digits_at_stripe(currency: str) -> int:
    """How many decimals an amount of that currency has in Stripe's requests and events."""
    if currency in _ZERO:
        return 0
    return 2 if currency in _TWO_FOR_NONE else exponent(currency)


def to_stripe(amount: Money) -> int:
    """The figure that a request carries; RuleBroken for an amount that Stripe cannot say exactly."""
    figure, rest = _shifted(amount.minor, digits_at_stripe(amount.currency) - exponent(amount.currency))
    if rest or (amount.currency in _LAST_IS_ZERO and figure % 10):
        raise RuleBroken(f"Stripe cannot refund exactly {amount}. Choose a rounder amount.")
    return figure


def from_stripe(figure: int, currency: str) -> Money:
    """The amount that a figure of Stripe's means; RuleBroken if the currency has no such small part."""
    code = currency.upper()
    minor, rest = _shifted(figure, exponent(code) - digits_at_stripe(code))
    if rest:
        raise RuleBroken(f"{figure} of {code} at Stripe is no whole amount here.")
    return Money(minor=minor, currency=code)


def _shifted(figure: int, places: int) -> tuple[int, int]:
    """The figure with so many decimals more, and what is lost by having fewer."""
    power: int = 10 ** abs(places)
    return (figure * power, 0) if places >= 0 else divmod(figure, power)
