"""Message -> Words: one template for each kind of message, in the dialect of the platform it goes to.

``finalize`` escapes every ``{{ }}`` before Jinja2's own escaping sees it, so no template can forget to; macros,
``set`` blocks and loops still compose. A shop may put templates of its own before ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from babel.dates import format_date, format_datetime, format_time
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined
from markupsafe import Markup

from domain.messages import Message
from domain.money import Money
from domain.shops import Shop
from notifications.dialect import DIALECTS, Dialect, as_markup

#: a customer's own words on a card; the whole text stays in the database
_QUOTE_LENGTH: Final = 600
#: lasting messages whose words are kept, over all shops and platforms
_KEPT: Final = 256


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a message says, in one dialect. ``title`` alone is enough on a locked phone."""

    title: Markup
    body: Markup
    note: Markup
    #: what stands above the buttons where a message has more to say below them
    lead: Markup
    #: the title without any markup, for a notification or a picture
    plain_title: str

    @property
    def whole(self) -> str:
        """All of it as one text, for where nothing but text can be sent."""
        return "\n\n".join(str(part) for part in (self.title, self.lead, self.body, self.note) if part)


class Catalogue:
    """Every template, ready for every platform."""

    def __init__(self, folder: Path | None = None) -> None:
        """``folder``: a shop's own templates, which win over ours."""
        ours = PackageLoader("notifications", "templates")
        self._loader = ChoiceLoader([FileSystemLoader(folder), ours]) if folder else ours
        self._lasting = lru_cache(_KEPT)(self._said)
        self._environments = {name: self._environment(dialect) for name, dialect in DIALECTS.items()}

    def words(self, message: Message, shop: Shop, platform: str) -> Words:
        """The words of a message for a platform ("slack", "telegram", "plain")."""
        return self._lasting(message, shop, platform) if message.lasting else self._said(message, shop, platform)

    def _said(self, message: Message, shop: Shop, platform: str) -> Words:
        title, lead, body, note = self._render(message, shop, platform)
        plain = title if platform == "plain" else self._render(message, shop, "plain")[0]
        return Words(title=title, body=body, note=note, lead=lead, plain_title=" ".join(str(plain).split()))

    def kinds(self) -> frozenset[str]:
        """The kinds that have a template."""
        return frozenset(name.removesuffix(".j2") for name in self._loader.list_templates() if name.endswith(".j2"))

    def _render(self, message: Message, shop: Shop, platform: str) -> tuple[Markup, Markup, Markup, Markup]:
        template = self._environments[platform].get_template(f"{message.kind}.j2")
        module = template.make_module({**_values(message), "m": message, "shop": shop, **_filters_of(shop)})
        title = getattr(module, "title", Markup(""))
        note, lead = getattr(module, "note", Markup("")), getattr(module, "lead", Markup(""))
        whole = DIALECTS[platform].whole
        body = Markup(str(module))
        return whole(_tidy(title)), whole(_tidy(lead)), whole(_tidy(body)), whole(_tidy(note))

    def _environment(self, dialect: Dialect) -> Environment:
        environment = Environment(
            loader=self._loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=lambda value: as_markup(value, dialect),
            auto_reload=False,  # else each message asks the disk whether its template has changed
        )
        environment.filters |= {
            "bold": lambda value: dialect.bold(as_markup(value, dialect)),
            "italic": lambda value: dialect.italic(as_markup(value, dialect)),
            "code": lambda value: dialect.code(str(value)),
            "link": lambda value, url: dialect.link(as_markup(value, dialect), url),
            "quote": lambda value: dialect.quote(as_markup(shorten(str(value), _QUOTE_LENGTH), dialect)),
            "number": _number,
            "plural": _plural,
        }
        for name in _BY_SHOP:
            environment.filters[name] = _by_shop(name)
        return environment


#: filters that need the shop's language or zone
_BY_SHOP: Final = ("money", "day", "moment", "hour")


def _by_shop(name: str) -> Callable[..., str]:
    from jinja2 import pass_context
    from jinja2.runtime import Context

    @pass_context
    def apply(context: Context, value: object) -> str:
        form: Callable[[object], str] = context[f"_{name}"]
        return form(value)

    return apply


@cache
def _filters_of(shop: Shop) -> dict[str, Callable[[object], str]]:
    language = _locale(shop.language)

    def money(value: object) -> str:
        if not isinstance(value, Money):
            raise TypeError(f"money wants Money, got {value!r}")
        return value.format(language)

    def day(value: object) -> str:
        if isinstance(value, datetime):
            value = shop.calendar.today(value)
        if not isinstance(value, date):
            raise TypeError(f"day wants a date, got {value!r}")
        return format_date(value, "EEE d MMM", locale=language)

    def moment(value: object) -> str:
        return format_datetime(shop.calendar.local(_aware(value)), "EEE d MMM HH:mm", locale=language)

    def hour(value: object) -> str:
        return format_time(shop.calendar.local(_aware(value)).time(), "HH:mm", locale=language)

    return {"_money": money, "_day": day, "_moment": moment, "_hour": hour}


def _locale(language: str) -> str:
    return "en_GB" if language == "en" else language.replace("-", "_")


def _aware(value: object) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError(f"expected an aware datetime, got {value!r}")
    return value


def _number(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")


def _plural(count: float, one: str, many: str) -> str:
    return f"{_number(count)} {one if count == 1 else many}"


def shorten(text: str, length: int) -> str:
    """The text cut at a word's end where possible, with an ellipsis."""
    if len(text) <= length:
        return text
    head = text[: length - 1]
    return (head.rsplit(" ", 1)[0] if " " in head[-40:] else head) + "…"


def _values(message: Message) -> dict[str, object]:
    return {field.name: getattr(message, field.name) for field in fields(message)}


def _tidy(text: Markup) -> Markup:
    lines = [line.rstrip() for line in str(text).strip().splitlines()]
    kept = [line for number, line in enumerate(lines) if line or (number and lines[number - 1])]
    return Markup("\n".join(kept))
