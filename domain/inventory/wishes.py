"""Customers who want to be told when something is back: from Telegram, once each."""

from __future__ import annotations

from domain.errors import BadInput, NotAllowed, NotFound
from domain.inventory.commands import AskForStock, FindStock
from domain.inventory.lookup import search_variants
from domain.inventory.messages import StockChoices, StockIsThere, StockWishSaved
from domain.inventory.model import Variant
from domain.inventory.watch import figures_of
from domain.messages import Message
from domain.people import Actor
from domain.ports import UnitOfWork


def find_stock(command: FindStock, actor: Actor, uow: UnitOfWork) -> Message:
    """One product that fits is asked for at once; several are offered; none is said."""
    text = (command.text or "").strip()
    if len(text) < 2:
        raise BadInput("Which product? A part of its name is enough, such as: blue mug.", field="text")
    found = search_variants(text, uow)
    if not found:
        raise NotFound(f"I found nothing like “{text[:40]}”. Try another word of its name.")
    if len(found) == 1:
        return ask_for_stock(AskForStock(variant_id=found[0].id), actor, uow)
    return StockChoices(text=text[:40], choices=tuple((one.id, one.title) for one in found))


def ask_for_stock(command: AskForStock, actor: Actor, uow: UnitOfWork) -> Message:
    """Remember the wish, unless it can be bought right now."""
    user = _telegram_user(actor)
    variant: Variant = uow.inventory.by_id(command.variant_id)
    one = figures_of(uow, variant.id, uow.now)
    if one is not None and one.available >= max(1, uow.shop.policies.stock.back_in_stock_from):
        return StockIsThere(title=variant.title, available=one.available)
    new = uow.customers.wish(_customer(actor, user, uow), variant.id, user)
    if new:
        uow.record(actor, "stock.wished", variant.sku)
    return StockWishSaved(title=variant.title, again=not new)


def _telegram_user(actor: Actor) -> int:
    platform, _, number = actor.identity.partition(":")
    if platform != "telegram" or not number.isdigit():
        raise NotAllowed("I can tell customers in Telegram only.")
    return int(number)


def _customer(actor: Actor, user: int, uow: UnitOfWork) -> int:
    """The customer whose account this is; a new one, known by this account alone, where nobody is linked yet."""
    if actor.customer_id is not None:
        return actor.customer_id
    known = uow.customers.by_telegram(user)
    if known is None:
        new = uow.customers.upsert(f"telegram:{user}", name=None, email=None, phone=None)
        known = uow.customers.link_telegram(new.id, user, language=None)
    return known.id
