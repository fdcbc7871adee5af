"""What in stored messages and events tells of one customer: strictly, to give it out; widely, to take it out.

Given out is only what speaks of nobody else. Taken out is whatever names them; a name counts as a whole word, so that
"Ann" is not found in "Annika".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from domain.customers import Customer
from domain.foreign import Unreadable, json_object, part
from domain.wire import Json

#: fields that say which order a message is about (a late parcel's stand one level down), and which return
_ORDER_FIELDS: Final = ("order_number", "order")
_RETURN_FIELDS: Final = ("number", "return_number")
_RETURN_CARD: Final = "return:"
#: the key of a guest of whom nothing but one order is known
_GUEST: Final = "order "


@dataclass(frozen=True, kw_only=True)
class StoredEvent:
    """An event as it came. ``shop``: the one whose address it came to; None where that is not known."""

    source: str
    body: bytes
    shop: str | None


@dataclass(frozen=True, kw_only=True)
class Traces:
    """How to tell that something stored is about a customer of that shop, by its key."""

    customer: Customer
    shop: str
    orders: frozenset[str]
    returns: frozenset[str]
    #: told with their orders
    phones: frozenset[str] = frozenset()
    #: their account is also that of one of the staff: what was said in that chat speaks of others
    staff: bool = False

    def of_letter(self, platform: str, payload: Mapping[str, Json]) -> bool:
        """Whether a message is to them, or about an order or a return of theirs and nothing else."""
        if not self.staff and self._own_chat(platform, payload):
            return True
        orders, returns = _about(payload)
        return not (orders.isdisjoint(self.orders) and returns.isdisjoint(self.returns))

    def in_letter(self, platform: str, payload: Mapping[str, Json]) -> bool:
        """Whether a message is to them, or says anything of them."""
        if self._own_chat(platform, payload) or self.of_letter(platform, payload) or self.name(dict(payload)):
            return True
        # "Maria S." may be another one, where it stands on the card of somebody else's return.
        short, (orders, returns) = _whole_words([self.customer.short_name]), _about(payload)
        return not (orders or returns) and any(short.search(text) for text in _texts(dict(payload)))

    def likely(self, body: bytes) -> bool:
        """Whether an event may say anything of them: for most it is told without reading them."""
        lowered, (named, first, numbers) = body.lower(), self._pieces
        if self._alone.search(lowered) or any(piece in lowered for piece in named):
            return True
        return any(piece in lowered for piece in first) and any(piece in lowered for piece in numbers)

    def of_event(self, event: StoredEvent) -> bool:
        """Whether an event is theirs: from their account, or it carries their key or their address."""
        found = self._read(event)
        if found is None:
            return False
        if event.source == "telegram":
            return not self.staff and self._account(found)
        address = _same(self.customer.email or "")
        return self._key(found) or (bool(address) and any(_same(text) == address for text in _texts(found)))

    def in_event(self, event: StoredEvent) -> bool:
        """Whether an event says anything of them, readable or not."""
        found = self._read(event)
        if found is None:
            return event.shop in (None, self.shop) and self.name(event.body.decode("utf-8", "replace"))
        return self._key(found) or self._account(found) or self.name(found)

    def name(self, value: Json) -> bool:
        """Whether something is said of them anywhere within."""
        texts = list(_texts(value))
        if self._named is not None and any(self._named.search(text) for text in texts):
            return True
        if not self.customer.name or self._numbered is None:
            return False
        # The first name alone is how they are spoken to: it counts beside a number of theirs.
        first = _whole_words([self.customer.first_name])
        return any(first.search(text) for text in texts) and any(self._numbered.search(text) for text in texts)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """What names them and nobody else, wherever it stands."""
        known = self.customer
        found = (known.name, known.email, known.phone, known.proved_phone, *sorted(self.phones))
        return tuple(dict.fromkeys(word for word in found if word))

    @cached_property
    def _pieces(self) -> tuple[frozenset[bytes], ...]:
        """Of what names them; of how they are spoken to; of their numbers, which count beside that."""
        return _forms(self.words), _forms([self.customer.first_name]), _forms([*self.orders, *self.returns])

    @cached_property
    def _alone(self) -> re.Pattern[bytes]:
        """Their key or their account as a value of its own, as any JSON writes it."""
        user, key = self.customer.telegram_user, self.customer.external_id.removeprefix(_GUEST)
        known = sorted(map(re.escape, _forms([key, *(() if user is None else (str(user),))])))
        # What stands before is looked at last: a pattern that begins with plain letters is found twenty times as fast.
        return re.compile(b"|".join(one + rb"(?<=[\"\s:]" + one + rb")(?=[\"\s,}\]])" for one in known))

    @cached_property
    def _named(self) -> re.Pattern[str] | None:
        return _whole_words(self.words) if self.words else None

    @cached_property
    def _numbered(self) -> re.Pattern[str] | None:
        numbers = [*self.orders, *self.returns]
        return _whole_words(numbers) if numbers else None

    def _own_chat(self, platform: str, payload: Mapping[str, Json]) -> bool:
        user = self.customer.telegram_user
        return user is not None and platform == "telegram" and payload.get("address") == str(user)

    def _read(self, event: StoredEvent) -> dict[str, Json] | None:
        """The event, an empty one if it is another shop's; None if it cannot be read."""
        try:
            found = json_object(event.body)
        except Unreadable:
            return None
        shop = event.shop or found.get("shop")
        return {} if isinstance(shop, str) and shop != self.shop else found

    def _account(self, update: dict[str, Json]) -> bool:
        """Whether an update of Telegram's is from their account, or to it."""
        user = self.customer.telegram_user
        if user is None:
            return False
        parts = [part(update.get(kind)) for kind in ("message", "callback_query", "my_chat_member")]
        parts.append(part(parts[1].get("message")))
        return any(part(one.get(who)).get("id") == user for one in parts for who in ("from", "chat"))

    def _key(self, found: Json) -> bool:
        """Whether the shop system's key of them stands where an event names its customer."""
        key = self.customer.external_id
        for place in _objects(found):
            named = (place.get("external_id"), place.get("customer_id"), part(place.get("customer")).get("id"))
            if key in {str(one) for one in named if one is not None}:
                return True
        number = key.removeprefix(_GUEST)
        return number != key and isinstance(found, dict) and str(found.get("id")) == number


def _about(payload: Mapping[str, Json]) -> tuple[set[str], set[str]]:
    """The numbers of the orders and of the returns that a message says it is about."""
    fields = part(payload.get("fields"))
    orders = [place.get(name) for place in (fields, part(fields.get("late"))) for name in _ORDER_FIELDS]
    returns = [fields.get(name) for name in _RETURN_FIELDS]
    cards = [str(payload.get(name)) for name in ("card", "thread", "about")]
    returns += [card.removeprefix(_RETURN_CARD) for card in cards if card.startswith(_RETURN_CARD)]
    return {one for one in orders if isinstance(one, str)}, {one for one in returns if isinstance(one, str)}


def _whole_words(words: list[str] | tuple[str, ...]) -> re.Pattern[str]:
    """Not within a longer name, number or address: "mari@example.com" is not in "ann.mari@example.com"."""
    anyone = "|".join(re.escape(word) for word in words)
    return re.compile(rf"(?<![\w.+-])(?:{anyone})(?![\w-]|\.\w)", re.IGNORECASE)


def _forms(words: Iterable[str]) -> frozenset[bytes]:
    """In small letters, in either way that JSON writes what is not ASCII."""
    return frozenset(form.encode().lower() for word in words for form in (word, json.dumps(word)[1:-1]))


def _same(text: str) -> str:
    return text.strip().casefold()


def _objects(value: Json) -> Iterator[dict[str, Json]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(inner)


def _texts(value: Json) -> Iterator[str]:
    """Every text within, names of fields left out."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(inner)
