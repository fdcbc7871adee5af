"""JSON of others, read strictly, after it was verified: what two readers could read in two ways is not read at all."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from domain.errors import OpsError
from domain.money import exponent
from domain.time import zone
from domain.wire import Json

#: levels of lists and objects; the platforms' own events have about ten
_DEEPEST: Final = 50
_LARGEST_WHOLE: Final = 2**63
#: digits of an amount in minor units; far beyond any order, far within 64 bits
_LONGEST_AMOUNT: Final = 15
#: pieces; far beyond any stock, and times any price within 64 bits
MOST_PIECES: Final = 10_000_000
_YEARS: Final = range(1990, 2201)


class Unreadable(OpsError):
    """That cannot be read."""


def json_object(body: bytes) -> dict[str, Json]:
    """The object that a body is. Unreadable where it is none, or holds what no database keeps and no sender means.

    Refused are: other encodings than UTF-8, names that come twice, NaN and infinities, whole numbers beyond 64 bits,
    more than 50 levels, half characters (lone surrogates) and NUL.
    """
    try:
        found = json.loads(
            body.decode(), parse_int=_whole, parse_float=_finite, parse_constant=_constant, object_pairs_hook=_once
        )
    except RecursionError:
        raise Unreadable("The body is nested too deeply.") from None
    except UnicodeDecodeError:
        raise Unreadable("The body is not UTF-8.") from None
    except ValueError as error:
        raise Unreadable(f"The body is not JSON: {str(error)[:200]}") from None
    if not isinstance(found, dict):
        raise Unreadable("The body is not a JSON object.")
    _check(found)
    return found


def sound(text: str) -> bool:
    """Whether a text can be kept and shown: no NUL, no half character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def word(value: Json) -> str | None:
    """A text that is there; None for anything else."""
    return value if isinstance(value, str) and value else None


def named(value: Json, name: str) -> str:
    """A text, or a whole number as its digits; ValueError for anything else, naming the field."""
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise ValueError(f"{name} must be a text")
    return str(value)


def count(value: Json, *, least: int = 0) -> int:
    """A number of pieces, up to ten million; ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST_PIECES:
        raise ValueError(f"{str(value)[:40]!r} is not a whole number of pieces")
    return value


def rows(value: Json) -> list[dict[str, Json]]:
    """A list of objects; ValueError for anything else."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise ValueError("lines must be a list of objects")
    return [row for row in value if isinstance(row, dict)]


def part(value: Json) -> dict[str, Json]:
    """An object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def moment(value: Json, *, local: str | None = None) -> datetime:
    """An ISO 8601 moment of 1990 to 2200, in UTC. ``local``: the zone of one without an offset, else it is refused.

    ValueError for anything else.
    """
    found = datetime.fromisoformat(named(value, "a moment"))
    if found.tzinfo is None:
        if local is None:
            raise ValueError(f"{str(value)[:40]} has no time zone")
        found = found.replace(tzinfo=zone(local))
    if found.year not in _YEARS:
        raise ValueError(f"{str(value)[:40]} is out of time")
    return found.astimezone(UTC)


def day(value: Json) -> date:
    """An ISO 8601 date of 1990 to 2200; ValueError for anything else."""
    found = date.fromisoformat(named(value, "a date"))
    if found.year not in _YEARS:
        raise ValueError(f"{str(value)[:40]} is out of time")
    return found


def currency_of(value: Json) -> str:
    """An ISO 4217 currency; BadInput for any other, ValueError for what is no text."""
    currency = named(value, "currency")
    exponent(currency)
    return currency


def minor(value: Json, currency: str) -> int:
    """An amount in major units, as text or number, in minor ones: "10.50" EUR is 1050.

    ValueError where it has more decimals than the currency, is below zero, or is no amount; BadInput for an unknown
    currency.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{str(value)[:40]!r} is not an amount")
    try:
        scaled = Decimal(str(value)).scaleb(exponent(currency))
    except ArithmeticError:
        raise ValueError(f"{str(value)[:40]!r} is not an amount") from None
    # its size is looked at first: int() of 1E+999999999 would never end
    small = scaled.is_finite() and scaled >= 0 and scaled.adjusted() < _LONGEST_AMOUNT
    if not small or scaled != int(scaled):
        raise ValueError(f"{str(value)[:40]!r} is not an amount in {currency}")
    return int(scaled)


def _check(found: Json) -> None:
    level: list[Json] = [found]
    for _ in range(_DEEPEST):
        inner: list[Json] = []
        for value in level:
            if isinstance(value, dict):
                inner += value
                inner += value.values()
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, str) and not sound(value):
                raise Unreadable("The body holds half a character or NUL.")
        if not inner:
            return
        level = inner
    raise Unreadable("The body is nested too deeply.")


def _whole(text: str) -> int:
    if len(text) > 20:
        raise ValueError("a whole number beyond 64 bits")
    found = int(text)
    if not -_LARGEST_WHOLE <= found < _LARGEST_WHOLE:
        raise ValueError("a whole number beyond 64 bits")
    return found


def _finite(text: str) -> float:
    found = float(text)
    if not math.isfinite(found) or abs(found) >= _LARGEST_WHOLE:  # others may take 1e308 for a whole number
        raise ValueError("a number without end, or beyond 64 bits")
    return found


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found
