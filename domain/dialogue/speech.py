"""What customers type, open with, or share: understood as far as the open question allows, else asked again."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from domain.dialogue import words
from domain.dialogue.commands import (
    Back,
    CancelDialogue,
    ChooseOrder,
    ChooseQuantity,
    ChooseReason,
    ConfirmReturn,
    LinesChosen,
    ReturnSomething,
    Say,
    ShareContact,
    ShowMenu,
    Start,
    TellMeWhenBack,
    WhereIsParcel,
)
from domain.dialogue.conversation import Talk, ask, talk_of
from domain.dialogue.messages import NotProved
from domain.dialogue.model import Draft, DraftLine, Hint, Step
from domain.dialogue.proof import link, order_of_link, prove_by_phone, tries_left
from domain.dialogue.steps import (
    back,
    cancel_dialogue,
    choose_order,
    choose_quantity,
    choose_reason,
    confirm_return,
    greeting,
    lines_chosen,
    order_chosen,
    return_something,
    show_menu,
    tell_me_when_back,
    where_is_parcel,
    with_note,
)
from domain.inventory.commands import FindStock
from domain.inventory.lookup import search_variants
from domain.inventory.wishes import find_stock
from domain.messages import Message
from domain.orders import Order
from domain.people import Actor
from domain.ports import UnitOfWork

#: a sentence of up to so many letters is answered; the rest of a longer one is not looked at
_LONGEST: Final = 1000


def start(command: Start, actor: Actor, uow: UnitOfWork) -> Message:
    """The menu; behind a signed link the order is theirs from now on."""
    talk = talk_of(actor, uow)
    talk.end()
    order = None if command.payload is None else order_of_link(command.payload, uow)
    customer = None if order is None else link(order, talk.user, actor, uow)
    if order is None or customer is None:
        return greeting(talk)
    return greeting(talk_of(actor, uow), order_number=order.number)


def share_contact(command: ShareContact, actor: Actor, uow: UnitOfWork) -> Message:
    """A phone number proves an order only if it is the sender's own and the order's: one answer for all else."""
    talk = talk_of(actor, uow)
    draft = talk.draft
    if draft is None or draft.step is not Step.CONTACT or draft.number is None:
        return greeting(talk) if draft is None else ask(talk, draft)
    if command.user_id != talk.user:
        return ask(talk, draft, Hint.NOT_YOURS)
    order, left = prove_by_phone(draft.number, command.phone, actor, uow)
    if order is None:
        talk.keep(Draft(step=Step.NUMBER, purpose=draft.purpose))
        return NotProved(number=draft.number, tries_left=left)
    link(order, talk.user, actor, uow)
    talk.keep(replace(draft, order_id=order.id, proved=True))
    return order_chosen(talk_of(actor, uow), order, proved=True)


def say(command: Say, actor: Actor, uow: UnitOfWork) -> Message:
    """Typed words: back and cancel always, then what the open question expects, then what the person may be after."""
    talk = talk_of(actor, uow)
    text = command.text.strip()[:_LONGEST]
    if talk.draft is None or words.menu_in(text) is not None:
        return _menu(talk, text, actor, uow)
    if words.says_cancel(text):
        return cancel_dialogue(CancelDialogue(), actor, uow)
    if words.says_back(text):
        return back(Back(), actor, uow)
    if talk.draft.step is Step.PRODUCT:
        return _wish(talk, text)
    order = talk.order(talk.draft)
    if order is None or talk.draft.step in {Step.ORDER, Step.NUMBER, Step.CONTACT}:
        return _finding_order(talk, talk.draft, text)
    return _on_order(talk, talk.draft, order, text)


def _menu(talk: Talk, text: str, actor: Actor, uow: UnitOfWork) -> Message:
    match None if words.says_back(text) else words.topic_in(text):
        case "return":
            return return_something(ReturnSomething(), actor, uow)
        case "where":
            return where_is_parcel(WhereIsParcel(), actor, uow)
        case "back_in_stock":
            return _wish_in(talk, text)
        case _ if words.says_thanks(text):
            return greeting(talk, thanked=True)
        case _:
            return show_menu(ShowMenu(), actor, uow) if words.says_hello(text) else greeting(talk, puzzled=True)


def _wish_in(talk: Talk, text: str) -> Message:
    """A wish with the product in the same sentence; without one, or one that nobody knows, it is asked for."""
    product = words.product_in(text)
    if not product:
        return tell_me_when_back(TellMeWhenBack(), talk.actor, talk.uow)
    if not search_variants(product, talk.uow):
        return ask(talk, Draft(step=Step.PRODUCT), Hint.NOT_UNDERSTOOD)
    return _wish(talk, product)


def _wish(talk: Talk, text: str) -> Message:
    """Look for the product; what is not found raises, and the question stays open."""
    found = find_stock(FindStock(text=text), talk.actor, talk.uow)
    talk.end()
    return found


def _finding_order(talk: Talk, draft: Draft, text: str) -> Message:
    number = words.order_number_in(text)
    if number is None:
        return ask(talk, draft, Hint.NOT_UNDERSTOOD)
    mine = next((order for order in talk.recent() if order.number.lstrip("#").casefold() == number.casefold()), None)
    if mine is not None:
        return choose_order(ChooseOrder(order_id=mine.id), talk.actor, talk.uow)
    if not tries_left(talk.actor, talk.uow):
        talk.keep(Draft(step=Step.NUMBER, purpose=draft.purpose))
        return NotProved(number=number, tries_left=0)
    return ask(talk, Draft(step=Step.CONTACT, purpose=draft.purpose, number=number))


def _on_order(talk: Talk, draft: Draft, order: Order, text: str) -> Message:
    actor, uow = talk.actor, talk.uow
    match draft.step:
        case Step.ARRIVED if words.says_yes(text) or "arriv" in words.plain(text):
            return choose_order(ChooseOrder(order_id=order.id, arrived=True), actor, uow)
        case Step.ITEMS:
            return _items(talk, draft, order, text)
        case Step.QUANTITY if (line := draft.asked_line) is not None:
            count = words.quantity_in(text, talk.left(order).get(line.order_line_id, 0))
            if count is None:
                return ask(talk, draft, Hint.OUT_OF_RANGE)
            chosen = ChooseQuantity(order_line_id=line.order_line_id, quantity=count)
            return choose_quantity(chosen, actor, uow)
        case Step.REASON:
            reason = words.reason_in(text)
            if reason is None:
                return ask(talk, draft, Hint.NOT_UNDERSTOOD)
            if len(text.split()) > 2:
                talk.keep(with_note(draft, text))
            return choose_reason(ChooseReason(reason=reason), actor, uow)
        case Step.PHOTO:
            return ask(talk, with_note(draft, text), Hint.NOT_A_PHOTO)
        case Step.CONFIRM:
            if words.says_yes(text):
                return confirm_return(ConfirmReturn(draft=draft), actor, uow)
            return ask(talk, with_note(draft, text))
        case _:
            return ask(talk, draft, Hint.NOT_UNDERSTOOD)


def _items(talk: Talk, draft: Draft, order: Order, text: str) -> Message:
    if draft.lines and (words.says_next(text) or words.says_yes(text)):
        return lines_chosen(LinesChosen(), talk.actor, talk.uow)
    left = talk.left(order)
    if words.says_all(text):
        lines = tuple(DraftLine(order_line_id=line) for line in left)
    else:
        said = set(words.plain(text).split())
        lines = tuple(
            DraftLine(order_line_id=line.id)
            for line in order.lines
            if line.id in left and said & _telling(line.title, order)
        )
    if not lines:
        return ask(talk, draft, Hint.NOT_UNDERSTOOD)
    talk.keep(replace(draft, lines=lines))
    return lines_chosen(LinesChosen(), talk.actor, talk.uow)


def _telling(title: str, order: Order) -> set[str]:
    """The words of a title that no other title of the order has, and their plurals: "mug", "mugs"."""
    others = {word for line in order.lines if line.title != title for word in words.plain(line.title).split()}
    telling = {word for word in words.plain(title).split() if word not in others and len(word) > 2}
    return telling | {f"{word}s" for word in telling}
