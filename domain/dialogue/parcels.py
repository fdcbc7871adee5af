"""Where a customer's parcel is."""

from __future__ import annotations

from dataclasses import replace

from domain.dialogue.conversation import Talk
from domain.messages import Message
from domain.orders import Order
from domain.shipping.actions import where_is_my_parcel
from domain.shipping.commands import WhereIsMyParcel


def where_it_is(order: Order, talk: Talk) -> Message:
    """The answer about an order that is known to be theirs.

    The asker stands for the order's customer: a guest's second order, proved just now, is another customer's row.
    """
    owner = replace(talk.actor, customer_id=order.customer_id)
    return where_is_my_parcel(WhereIsMyParcel(order_id=order.id), owner, talk.uow)
