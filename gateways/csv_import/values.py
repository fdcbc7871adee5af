"""From a column's text to a field's value: one function for each field, made once from the mapping.

Most columns say the same few thousand things again and again (dates, prices, codes), so each function remembers
what it has read; what it remembers is thrown away when it grows, so that memory stays flat.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, TypeAlias

from domain.imports import Field, Kind, Value
from domain.money import exponent
from domain.shops import Shop
from domain.time import zone
from gateways.csv_import.mapping import Column, Format

Convert: TypeAlias = Callable[[str], Value]

_REMEMBERED: Final = 20_000
_WHOLE: Final = re.compile(r"[+-]?\d{1,15}")
_LARGEST: Final = 10**15
_FIRST_YEAR, _LAST_YEAR = 1990, 2200


class Unreadable(ValueError):
    """A value that cannot be what its field needs; the sentence goes into the rejects file."""


class _Remembering(dict[str, Value]):
    """Values by their text; a text not yet known is read when it is asked for."""

    def __init__(self, read: Convert) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: str) -> Value:
        value = self._read(text)
        if len(self) >= _REMEMBERED:
            self.clear()
        self[text] = value
        return value


def converter(field: Field, column: Column, form: Format, shop: Shop) -> Convert:
    """The function that reads this field from a column's text; it raises Unreadable."""
    reading = _Reading(field, column, form, shop)
    changes = (column.prefix, column.suffix, column.words, column.default, column.upper, field.one_of)
    read = reading if field.kind is not Kind.TEXT or any(changes) else _plain_text(reading)
    return _Remembering(read).__getitem__


def _plain_text(otherwise: Convert) -> Convert:
    """Reads what is taken as it stands: most columns, and the ones that hardly ever say the same thing twice."""
    def read(text: str) -> Value:
        plain = text.strip()
        return plain if plain and "\0" not in plain else otherwise(text)

    return read


class _Reading:
    """Reads one field's texts."""

    def __init__(self, field: Field, column: Column, form: Format, shop: Shop) -> None:
        self._field = field
        self._column = column
        self._form = form
        self._shop = shop
        self._zone = zone(form.time_zone or shop.calendar.time_zone)
        by_kind: dict[Kind, Convert] = {
            Kind.TEXT: self._text, Kind.COUNT: self._count, Kind.NUMBER: self._number, Kind.MONEY: self._money,
            Kind.FLAG: self._flag, Kind.INSTANT: self._instant, Kind.DATE: self._date, Kind.CURRENCY: self._currency,
        }
        self._by_kind = by_kind[field.kind]

    def __call__(self, text: str) -> Value:
        column = self._column
        text = text.strip().removeprefix(column.prefix) if column.prefix else text.strip()
        if column.words:
            text = self._word(text)
        text = text or column.default
        if not text:
            if self._field.needed:
                raise Unreadable("is empty")
            return None
        value = self._by_kind(text + column.suffix)
        if column.absolute and isinstance(value, int | float):
            value = abs(value)
        if self._field.least is not None and isinstance(value, int | float) and value < self._field.least:
            raise Unreadable(f"is below {self._field.least}")
        return value

    def _word(self, text: str) -> str:
        found = self._column.words.get(text)
        if found is None and self._column.only and text:
            raise Unreadable(f"is none of {', '.join(self._column.words)}")
        return text if found is None else found

    def _text(self, text: str) -> str:
        if "\0" in text:
            raise Unreadable("holds a NUL character")
        if self._column.upper:
            text = text.upper()
        if self._field.one_of and text not in self._field.one_of:
            raise Unreadable(f"is none of {', '.join(sorted(self._field.one_of))}")
        return text

    def _currency(self, text: str) -> str:
        if text.upper() != self._shop.currency:
            raise Unreadable(f"is not the shop's currency, {self._shop.currency}")
        return self._shop.currency

    def _count(self, text: str) -> int:
        if _WHOLE.fullmatch(text):
            return int(text)
        number = self._decimal(text)
        if number != number.to_integral_value():
            raise Unreadable("is not a whole number")
        return int(number)

    def _number(self, text: str) -> float:
        return float(self._decimal(text))

    def _money(self, text: str) -> int:
        places = exponent(self._shop.currency)
        scaled = self._decimal(text).scaleb(places)
        whole = scaled.to_integral_value(ROUND_HALF_UP)
        if whole != scaled and not self._form.round_money:
            raise Unreadable(f"has more than the {places} decimals of {self._shop.currency}")
        return int(whole)

    def _decimal(self, text: str) -> Decimal:
        if self._form.thousands:
            text = text.replace(self._form.thousands, "")
        if self._form.decimal != ".":
            if "." in text:
                raise Unreadable(f"is not a number written with {self._form.decimal!r}")
            text = text.replace(self._form.decimal, ".")
        if not text.isascii() or "_" in text:  # Decimal would take both: other scripts' digits, and 1_000
            raise Unreadable("is not a number")
        try:
            number = Decimal(text)
        except ArithmeticError:
            raise Unreadable("is not a number") from None
        if not number.is_finite() or number.copy_abs() >= _LARGEST:  # abs() may overflow
            raise Unreadable("is not a number that anything here can have")
        return number

    def _flag(self, text: str) -> bool:
        word = text.lower()
        if word in self._form.true:
            return True
        if word in self._form.false:
            return False
        raise Unreadable(f"is neither {self._form.true[0]} nor {self._form.false[0]}")

    def _instant(self, text: str) -> datetime:
        moment = self._moment(text, self._form.datetime)
        if moment.tzinfo is None:
            # In the spring gap the offset before it counts, in the autumn overlap the earlier of the two moments.
            moment = moment.replace(tzinfo=self._zone)
        return moment.astimezone(UTC)

    def _date(self, text: str) -> date:
        form = self._form.date
        if form == "iso" and len(text) > 10:
            form = self._form.datetime
        moment = self._moment(text, form)
        return (moment.astimezone(zone(self._shop.calendar.time_zone)) if moment.tzinfo else moment).date()

    def _moment(self, text: str, form: str) -> datetime:
        try:
            moment = datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)  # noqa: DTZ007
        except ValueError:
            example = "2026-11-20 14:03:00" if form == "iso" else form
            raise Unreadable(f"is not a time written like {example}") from None
        if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            raise Unreadable(f"is not between {_FIRST_YEAR} and {_LAST_YEAR}")
        return moment
