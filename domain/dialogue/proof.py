"""Proving that an order is one's own: by its phone number, shared through Telegram, or by a signed link."""

from __future__ import annotations

import hmac
import re
from datetime import timedelta
from typing import Final

from domain.customers import Customer, same_phone
from domain.errors import Conflict
from domain.orders import Order, phone_of
from domain.people import Actor
from domain.ports import UnitOfWork

#: so many tries an hour for one Telegram account; a number alone never proves anything
TRIES: Final = 5
_PERIOD: Final = timedelta(hours=1)
_TRIED: Final = "order.proof_tried"
_SIGNATURE: Final = 16


def order_link_payload(number: str, uow: UnitOfWork) -> str:
    """What stands after ?start= in a customer's own link to an order: "o_1042_<signature>".

    Telegram allows 64 of A-Z a-z 0-9 _ - there (core.telegram.org/bots/features#deep-linking).
    """
    plain = number.lstrip("#")
    return f"o_{plain}_{uow.sign(_signed(plain, uow))}"


def order_of_link(payload: str, uow: UnitOfWork) -> Order | None:
    """The order that a link's payload proves; None if it is not signed by us, or the order is gone."""
    found = re.fullmatch(rf"o_(?P<number>.+)_(?P<signature>[A-Za-z0-9_-]{{{_SIGNATURE}}})", payload)
    if found is None or not hmac.compare_digest(found["signature"], uow.sign(_signed(found["number"], uow))):
        return None
    return uow.orders.by_number(found["number"])


def _signed(number: str, uow: UnitOfWork) -> str:
    # Another shop of this desk may have an order of the same number.
    return f"order-link:{uow.shop.key}/{number}"


def tries_left(actor: Actor, uow: UnitOfWork) -> int:
    """How many tries this account has left in this hour."""
    since = uow.now - _PERIOD
    tried = sum(1 for line in uow.audit.about(_subject(actor)) if line.action == _TRIED and line.at > since)
    return max(0, TRIES - tried)


def prove_by_phone(number: str, phone: str, actor: Actor, uow: UnitOfWork) -> tuple[Order | None, int]:
    """The order if its customer has that phone number, and the tries left after this one.

    The try is written down before it is judged, whatever comes of it: the trail's lock makes tries one after another,
    so that many at once never get more than TRIES.
    """
    uow.record(actor, _TRIED, _subject(actor))
    since = uow.now - _PERIOD
    tried = sum(1 for line in uow.audit.about(_subject(actor)) if line.action == _TRIED and line.at > since)
    if tried > TRIES:
        return None, 0
    order = uow.orders.by_number(number)
    customer = None if order is None or order.customer_id is None else uow.customers.by_id(order.customer_id)
    if order is None or customer is None or not same_phone(phone_of(order, customer), phone):
        return None, TRIES - tried
    return order, TRIES - tried


def link(order: Order, user: int, actor: Actor, uow: UnitOfWork) -> Customer | None:
    """Remember the account as the order's customer, for what was ordered under its number.

    None if one of both belongs to somebody else already: then the order proves itself alone.
    """
    if order.customer_id is None:
        return None
    number = phone_of(order, uow.customers.by_id(order.customer_id))
    try:
        customer = uow.customers.link_telegram(order.customer_id, user, language=None, phone=number)
    except Conflict:
        return None
    uow.record(actor, "customer.linked", f"order:{order.number}")
    return customer


def _subject(actor: Actor) -> str:
    return f"proof:{actor.identity}"
