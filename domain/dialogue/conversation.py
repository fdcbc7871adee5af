"""The question that stands open, put into a message; and the draft kept between two days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.customers import Customer
from domain.dialogue.messages import (
    ContactAsked,
    HowMany,
    ItemChoice,
    NotArrived,
    OrderChoice,
    OrderNumberAsked,
    PhotoAsked,
    ProductAsked,
    ReturnSummary,
    WhatIsWrong,
    WhichItems,
    WhichOrder,
)
from domain.dialogue.model import Draft, Hint, Step
from domain.errors import NotAllowed
from domain.messages import Chat, Message
from domain.orders import Order, own_orders, speaks_for
from domain.people import Actor
from domain.ports import UnitOfWork
from domain.returns.arrivals import telegram_user
from domain.returns.model import Goods, Reason
from domain.returns.policy import returnable
from domain.returns.requests import judge
from domain.wire import from_json, object_json

#: the name under which a draft is kept
NAME: Final = "return"
_ORDERS_SHOWN: Final = 6


@dataclass(frozen=True, kw_only=True)
class Talk:
    """One customer's private chat: who they are, as far as is known, and where the conversation stands."""

    actor: Actor
    user: int
    customer: Customer | None
    draft: Draft | None
    uow: UnitOfWork

    @property
    def chat(self) -> Chat:
        """A private chat's address is the account itself."""
        return Chat(platform="telegram", address=str(self.user))

    @property
    def photo_for(self) -> tuple[str, ...]:
        """Reasons that need a photo."""
        return self.uow.shop.policies.returns.photo_required_for

    def keep(self, draft: Draft) -> None:
        """Remember where it stands."""
        self.uow.dialogues.put(self.chat, NAME, object_json(draft))

    def end(self) -> None:
        """Forget it."""
        self.uow.dialogues.end(self.chat)

    def order(self, draft: Draft) -> Order | None:
        """The order of a draft, if it is this person's; None if not, or if none is chosen."""
        return None if draft.order_id is None else self.own_order(draft.order_id, proved=draft.proved)

    def own_order(self, order_id: int, *, proved: bool = False) -> Order | None:
        """That order if it is this person's: their customer's, or proved in this conversation."""
        order = self.uow.orders.by_id(order_id)
        own = self.customer is not None and speaks_for(self.customer, order)
        return order if own or proved else None

    def left(self, order: Order) -> dict[int, int]:
        """By order line: how many may still come back."""
        return returnable(order, self.uow.returns.taken(order.id))

    def recent(self) -> tuple[Order, ...]:
        """Their newest orders."""
        return () if self.customer is None else own_orders(self.customer, _ORDERS_SHOWN, self.uow)


def talk_of(actor: Actor, uow: UnitOfWork) -> Talk:
    """The conversation with whoever speaks; NotAllowed outside Telegram."""
    user = telegram_user(actor)
    if user is None:
        raise NotAllowed("Customers talk to me in Telegram.")
    customer = uow.customers.by_telegram(user)
    found = uow.dialogues.of(Chat(platform="telegram", address=str(user)))
    draft = None
    if found is not None and found.name == NAME:
        try:
            draft = from_json(Draft, found.state)
        except ValueError:
            draft = None
    return Talk(actor=actor, user=user, customer=customer, draft=draft, uow=uow)


def ask(talk: Talk, draft: Draft, hint: Hint | None = None) -> Message:
    """Keep the draft, and say the question at which it stands."""
    talk.keep(draft)
    if draft.step is Step.PRODUCT:
        return ProductAsked(hint=hint)
    if draft.step is Step.NUMBER:
        return OrderNumberAsked(hint=hint)
    if draft.step is Step.CONTACT and draft.number is not None:
        return ContactAsked(number=draft.number, hint=hint)
    order = talk.order(draft)
    if order is None or draft.step is Step.ORDER:
        return _which_order(talk, draft, hint)
    return _about(talk, draft, order, hint)


def _which_order(talk: Talk, draft: Draft, hint: Hint | None) -> Message:
    recent = talk.recent()
    if not recent:
        talk.keep(Draft(step=Step.NUMBER, purpose=draft.purpose))
        return OrderNumberAsked(hint=hint)
    if draft.step is not Step.ORDER:
        talk.keep(Draft(step=Step.ORDER, purpose=draft.purpose))
    return WhichOrder(orders=tuple(_choice(order, talk) for order in recent), hint=hint)


def _choice(order: Order, talk: Talk) -> OrderChoice:
    days = None if order.delivered_at is None else talk.uow.shop.calendar.days_between(order.delivered_at, talk.uow.now)
    items = sum(line.quantity for line in order.lines)
    return OrderChoice(order_id=order.id, number=order.number, items=items, days_ago=days)


def _about(talk: Talk, draft: Draft, order: Order, hint: Hint | None) -> Message:
    match draft.step:
        case Step.ARRIVED:
            return NotArrived(order_id=order.id, number=order.number, hint=hint)
        case Step.QUANTITY if (line := draft.asked_line) is not None:
            title = _titles(order).get(line.order_line_id, "")
            left = talk.left(order).get(line.order_line_id, 0)
            return HowMany(order_line_id=line.order_line_id, title=title, left=left, hint=hint)
        case Step.REASON:
            return WhatIsWrong(hint=hint)
        case Step.PHOTO if draft.reason is not None:
            return PhotoAsked(reason=draft.reason, hint=hint)
        case Step.CONFIRM if draft.reason is not None:
            return _summary(talk, draft, order, draft.reason, hint)
        case _:
            return _which_items(talk, draft, order, hint)


def _which_items(talk: Talk, draft: Draft, order: Order, hint: Hint | None) -> Message:
    chosen, titles = {line.order_line_id for line in draft.lines}, _titles(order)
    items = tuple(
        ItemChoice(order_line_id=line_id, title=titles[line_id], left=left, chosen=line_id in chosen)
        for line_id, left in talk.left(order).items()
    )
    return WhichItems(number=order.number, items=items, hint=hint)


def _summary(talk: Talk, draft: Draft, order: Order, reason: Reason, hint: Hint | None) -> Message:
    judged = judge(order, draft.wanted, reason, talk.uow, photo=draft.photo is not None)
    titles = _titles(order)
    return ReturnSummary(
        draft=draft, number=order.number, reason=reason, goods=judged.goods, refund=judged.refund, cost=judged.cost,
        pieces=", ".join(f"{one.quantity} × {titles.get(one.order_line_id, '')}" for one in draft.wanted),
        on_receipt=judged.goods is Goods.SEND_BACK and talk.uow.shop.policies.returns.refund_on_receipt,
        fits=judged.fits, hint=hint,
    )


def _titles(order: Order) -> dict[int, str]:
    return {line.id: line.title for line in order.lines}
