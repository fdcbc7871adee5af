"""Money: whole minor units of an ISO 4217 currency, never a float."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from babel.core import Locale, get_global
from babel.numbers import format_currency, get_currency_symbol

from domain.errors import BadInput, RuleBroken


class MixedCurrencies(RuleBroken):
    """Amounts of two currencies cannot be added."""


@cache
def exponent(currency: str) -> int:
    """How many decimals a currency has: 2 for EUR, 0 for JPY, 3 for KWD. Source: CLDR's ISO 4217 digits.

    CLDR's table says how many digits are *printed*; ISO 4217 differs for the few below, and ISO is what
    payment systems count in.
    """
    digits = get_global("currency_fractions")
    known = get_global("all_currencies")
    if currency not in known:
        raise BadInput(f"{currency!r} is not an ISO 4217 currency code, such as EUR.")
    if currency in _ISO_EXPONENT:
        return _ISO_EXPONENT[currency]
    return int(digits.get(currency, digits["DEFAULT"])[0])


# ISO 4217 table A.1 where CLDR prints fewer decimals than the currency has.
_ISO_EXPONENT = dict.fromkeys(
    ("AFN", "ALL", "COP", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "MRU", "PKR", "RSD", "SLE", "SLL", "SOS", "STN",
     "SYP", "TWD", "YER", "CRC", "CZK", "HUF", "IDR"), 2
) | {"CLP": 0, "ISK": 0, "IQD": 3}


@dataclass(frozen=True, kw_only=True, order=False)
class Money:
    """An amount: ``minor`` units (cents) of ``currency``; may be negative."""

    minor: int
    currency: str

    def __str__(self) -> str:
        """As a person reads it in English: €38.00, ¥1,000."""
        return self.format("en")

    def format(self, language: str) -> str:
        """As a person of that language reads it, with exactly the currency's decimals."""
        locale = language.replace("-", "_")
        return format_currency(
            self.decimal, self.currency, format=_pattern(locale, self.currency), locale=locale, currency_digits=False
        )

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __add__(self, other: Money) -> Money:
        """The sum; raises MixedCurrencies."""
        return Money(minor=self.minor + self._same(other).minor, currency=self.currency)

    def __sub__(self, other: Money) -> Money:
        """The difference; raises MixedCurrencies."""
        return Money(minor=self.minor - self._same(other).minor, currency=self.currency)

    def __lt__(self, other: Money) -> bool:
        """Whether this is less; raises MixedCurrencies."""
        return self.minor < self._same(other).minor

    def __le__(self, other: Money) -> bool:
        """Whether this is at most the other; raises MixedCurrencies."""
        return self.minor <= self._same(other).minor

    def __gt__(self, other: Money) -> bool:
        """Whether this is more; raises MixedCurrencies."""
        return self.minor > self._same(other).minor

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise MixedCurrencies(f"{self.currency} and {other.currency} cannot be put together.")
        return other


@cache
def _pattern(locale: str, currency: str) -> str:
    """The language's own pattern for amounts, with the currency's decimals and a space after a currency code."""
    places = exponent(currency)
    pattern = str(Locale.parse(locale).currency_formats["standard"].pattern)
    pattern = pattern.replace("0.00", "0" + ("." + "0" * places if places else ""))
    if get_currency_symbol(currency, locale)[-1].isalpha():
        pattern = pattern.replace("¤#", "¤\xa0#").replace("¤-#", "¤\xa0-#")
    return pattern


#: groups are parted by one and the same sign, and the decimals by another: "1,000.000" dinars are no million. No such
#: sign stands right before the first digit: ".50" is not 50
_AMOUNT = re.compile(
    r"(?:[^\d]{0,3}[^\d.,])?(?P<whole>\d{1,3}(?P<sign>[,.' ])\d{3}(?:(?P=sign)\d{3}){0,2}|\d{1,12})"
    r"(?:(?!(?P=sign))[.,](?P<part>\d{1,4}))?[^\d]{0,4}"
)


def parse_money(text: str, currency: str) -> Money:
    """A typed amount: "25", "25.00", "€1,250.50", "1.250,50". BadInput where it could mean two things.

    Never more decimals than the currency has: "10.00" yen is refused, since it is a hundred times 0.10 of nothing.
    Where a currency has three decimals, "1.234" has three of them.
    """
    places = exponent(currency)
    cleaned = text.strip()
    found = _AMOUNT.fullmatch(cleaned)
    # Other scripts' digits would count as signs around the amount, or as an amount beside it.
    foreign = any(sign.isdigit() and not sign.isascii() for sign in cleaned)
    if not found or foreign or "-" in cleaned:
        raise BadInput(f"I can't read {cleaned[:40]!r} as an amount in {currency}. Write it like {_example(currency)}.")
    whole, part = found["whole"], found["part"] or ""
    if not part and places != 0 and re.fullmatch(r"\d{1,3}[,.]\d{3}", whole):
        if places == 3 and whole[-4] == ".":
            whole, part = whole[:-4], whole[-3:]  # as we write it ourselves; meant as thousands, it is read too low
        elif places == 3 or whole[-4] == ".":
            raise BadInput(f"{whole} could be two amounts. Write it like {_example(currency)}.")
    if len(part) > places or (part and len(part) < places and places != 2) or (places == 2 and len(part) == 1):
        raise BadInput(f"{currency} has {places} decimals. Write it like {_example(currency)}.")
    digits = re.sub(r"\D", "", whole) + part.ljust(places, "0")
    return Money(minor=int(digits), currency=currency)


def _example(currency: str) -> str:
    places = exponent(currency)
    return "25" + ("." + "0" * places if places else "")
