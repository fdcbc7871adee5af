"""Customers: who bought, in which language, and whether they may be written to."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from domain.messages import Chat, Message, MessageClass
from domain.wire import Json

#: fewer digits are no phone number
_SHORTEST_PHONE: Final = 7


@dataclass(frozen=True, kw_only=True)
class Customer:
    """A customer of the shop. ``telegram_user`` is set once they have proved an order or followed their own link.

    A shop's system knows a guest by an e-mail address that nobody checks, so two people may stand behind one customer.
    ``proved_phone`` is the number of the orders that the account has shown to be its own ("": of those without one;
    None: ``phone``, as the shop's records have it); orders under another number are not shown or spoken of there.
    """

    id: int
    external_id: str
    name: str | None
    email: str | None
    phone: str | None
    language: str | None
    telegram_user: int | None
    proved_phone: str | None
    consent_at: datetime | None
    unreachable_at: datetime | None

    @property
    def short_name(self) -> str:
        """First name and initial ("Maria S."): enough for a card."""
        parts = (self.name or "").split()
        if not parts:
            return f"Customer {self.external_id}"
        return parts[0] if len(parts) == 1 else f"{parts[0]} {parts[-1][0]}."

    @property
    def first_name(self) -> str:
        """How they are spoken to."""
        return (self.name or "").split(" ")[0] or "there"

    @property
    def chat(self) -> Chat | None:
        """Their own Telegram chat, if it is known and they have not blocked us."""
        if self.telegram_user is None or self.unreachable_at is not None:
            return None
        return Chat(platform="telegram", address=str(self.telegram_user))


@dataclass(frozen=True, kw_only=True)
class CustomerUnreachable(Message, message_class=MessageClass.APPROVAL):
    """For staff, in the case's thread: what was meant for the customer did not arrive, and nothing else will."""

    name: str
    #: they blocked us themselves; False: the account is gone
    blocked: bool


@dataclass(frozen=True, kw_only=True)
class StockWish:
    """A customer who asked to be told when a variant is back."""

    id: int
    customer_id: int
    variant_id: int
    telegram_user: int
    asked_at: datetime


@dataclass(frozen=True, kw_only=True)
class Erased:
    """What was taken out: sent messages and stored events that spoke of somebody."""

    messages: int
    events: int


class Personal(Protocol):
    """What one shop holds about people."""

    def held(self, customer: Customer) -> dict[str, Json]:
        """One document of everything, by kind."""

    def under_way(self, customer: Customer) -> int:
        """How many messages to or about them have not gone out, and events about them are not worked off."""

    def erase(self, customer: Customer) -> Erased:
        """Take out all that says who they are; figures and the audit trail stay."""

    def forget_before(self, *, events: datetime | None, messages: datetime | None, limit: int) -> int:
        """Blank stored events and sent messages older than that, at most ``limit`` of each; None: none of them."""

    def quiet_since(self, moment: datetime, limit: int) -> tuple[int, ...]:
        """Customers who have ordered and asked for nothing since then."""


class Customers(Protocol):
    """The customers of one shop."""

    def by_id(self, customer_id: int) -> Customer:
        """That customer; NotFound."""

    def by_external_id(self, external_id: str) -> Customer | None:
        """The customer whom the shop system knows by that key."""

    def by_telegram(self, user: int) -> Customer | None:
        """The customer whose Telegram account this is."""

    def link_telegram(
        self, customer_id: int, user: int, *, language: str | None, phone: str | None = None
    ) -> Customer:
        """Remember the account as theirs, with consent to be written to now; Conflict if it is another customer's.

        ``phone``: the number of the order that proved it, as ``proved_phone``.
        """

    def unreachable(self, telegram_user: int) -> None:
        """They blocked us: nothing more is sent until they write again."""

    def wish(self, customer_id: int, variant_id: int, telegram_user: int) -> bool:
        """Wait for a variant; False if they already do."""

    def wishes(self, variant_id: int, limit: int) -> tuple[StockWish, ...]:
        """Who still waits for it, oldest first."""

    def wish_told(self, wish_id: int) -> bool:
        """Mark as told; False if it was already (once, by compare and set)."""

    def upsert(
        self, external_id: str, *, name: str | None, email: str | None, phone: str | None, language: str | None = None
    ) -> Customer:
        """The customer of that id, made or brought up to date (None leaves a field as it is)."""


def same_phone(known: str | None, shared: str) -> bool:
    """Whether two ways of writing are one number: "+49 151 2345678", "0049 1512345678", "0151 2345678".

    What Telegram shares is international; an order's number may be national, its leading 0 in place of the country.
    """
    ours, theirs = _digits(known or ""), _digits(shared)
    if ours.startswith("0") and len(ours) > _SHORTEST_PHONE + 2:
        return theirs.endswith(ours[1:])
    return len(ours) >= _SHORTEST_PHONE and hmac.compare_digest(ours, theirs)


def one_number(first: str, second: str) -> bool:
    """Whether two numbers, or none at all, are one, whichever of them is national."""
    return not (first or second) or same_phone(first, second) or same_phone(second, first)


def _digits(phone: str) -> str:
    digits = "".join(letter for letter in phone if letter in "0123456789")
    return digits.removeprefix("00")
