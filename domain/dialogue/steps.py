"""What each press and each sentence of a customer does. Every step can go back; nothing is lost overnight."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from domain.dialogue.commands import (
    Back,
    CancelDialogue,
    ChangeReturn,
    ChooseOrder,
    ChooseQuantity,
    ChooseReason,
    ConfirmReturn,
    LinesChosen,
    OtherOrder,
    ReturnSomething,
    SendPhoto,
    ShowMenu,
    TellMeWhenBack,
    ToggleLine,
    WhereIsParcel,
)
from domain.dialogue.conversation import Talk, ask, talk_of
from domain.dialogue.messages import Greeting, ReturnTaken
from domain.dialogue.model import (
    Draft,
    Hint,
    Purpose,
    Step,
    backward,
    forward,
    lines_settled,
    toggled,
    with_quantity,
)
from domain.dialogue.parcels import where_it_is
from domain.errors import NotFound, RuleBroken
from domain.messages import Message
from domain.orders import Order
from domain.people import Actor
from domain.ports import UnitOfWork
from domain.returns.arrivals import photo_for_return
from domain.returns.model import Return
from domain.returns.requests import request_return, same_waiting

#: the customer's own words, as long as a card can quote them
_NOTE_LENGTH: Final = 1000


def show_menu(command: ShowMenu, actor: Actor, uow: UnitOfWork) -> Message:
    """What I can do."""
    del command
    talk = talk_of(actor, uow)
    talk.end()
    return greeting(talk)


def return_something(command: ReturnSomething, actor: Actor, uow: UnitOfWork) -> Message:
    """Begin with the order."""
    del command
    return ask(talk_of(actor, uow), Draft(step=Step.ORDER))


def where_is_parcel(command: WhereIsParcel, actor: Actor, uow: UnitOfWork) -> Message:
    """Which order? With one under way only, that one."""
    del command
    talk = talk_of(actor, uow)
    if talk.draft is not None and talk.draft.step is Step.ARRIVED and (order := talk.order(talk.draft)) is not None:
        return where_it_is(order, talk)
    under_way = [order for order in talk.recent() if order.delivered_at is None]
    if len(under_way) == 1:
        return where_it_is(under_way[0], talk)
    return ask(talk, Draft(step=Step.ORDER, purpose=Purpose.PARCEL))


def tell_me_when_back(command: TellMeWhenBack, actor: Actor, uow: UnitOfWork) -> Message:
    """Ask for a product."""
    del command
    return ask(talk_of(actor, uow), Draft(step=Step.PRODUCT))


def other_order(command: OtherOrder, actor: Actor, uow: UnitOfWork) -> Message:
    """An order by its number, to be proved."""
    del command
    talk = talk_of(actor, uow)
    return ask(talk, Draft(step=Step.NUMBER, purpose=_purpose(talk)))


def choose_order(command: ChooseOrder, actor: Actor, uow: UnitOfWork) -> Message:
    """This order, if it is their own."""
    talk = talk_of(actor, uow)
    proved = talk.draft is not None and talk.draft.proved and talk.draft.order_id == command.order_id
    order = talk.own_order(command.order_id, proved=proved)
    if order is None:
        raise NotFound("I don't know that order of yours.")
    return order_chosen(talk, order, proved=proved, arrived=command.arrived)


def order_chosen(talk: Talk, order: Order, *, proved: bool, arrived: bool = False) -> Message:
    """On with an order that is known to be theirs."""
    purpose = _purpose(talk)
    if purpose is Purpose.PARCEL and not arrived:
        talk.end()
        return where_it_is(order, talk)
    draft = Draft(step=Step.ITEMS, order_id=order.id, proved=proved)
    if order.delivered_at is None and not arrived:
        return ask(talk, replace(draft, step=Step.ARRIVED))
    if not talk.left(order):
        return ask(talk, Draft(step=Step.ORDER), Hint.NOTHING_LEFT)
    return ask(talk, draft)


def toggle_line(command: ToggleLine, actor: Actor, uow: UnitOfWork) -> Message:
    """Tick an item, or untick it."""
    talk = talk_of(actor, uow)
    draft, order = _on_order(talk)
    if draft is None or order is None:
        return _again(talk)
    if command.order_line_id not in talk.left(order):
        return ask(talk, replace(draft, step=Step.ITEMS), Hint.CHANGED)
    return ask(talk, _asked_anew(toggled(draft, command.order_line_id)))


def lines_chosen(command: LinesChosen, actor: Actor, uow: UnitOfWork) -> Message:
    """Done ticking; now how many."""
    del command
    talk = talk_of(actor, uow)
    draft, order = _on_order(talk)
    if draft is None or order is None:
        return _again(talk)
    settled = lines_settled(draft, talk.left(order))
    if not settled.lines:
        return ask(talk, replace(settled, step=Step.ITEMS), Hint.NOTHING_CHOSEN)
    return ask(talk, forward(settled, talk.photo_for))


def choose_quantity(command: ChooseQuantity, actor: Actor, uow: UnitOfWork) -> Message:
    """So many."""
    talk = talk_of(actor, uow)
    draft, order = _on_order(talk)
    if draft is None or order is None or all(line.order_line_id != command.order_line_id for line in draft.lines):
        return _again(talk)
    left = talk.left(order).get(command.order_line_id, 0)
    if not 1 <= command.quantity <= left:
        return ask(talk, draft, Hint.OUT_OF_RANGE)
    return ask(talk, forward(with_quantity(draft, command.order_line_id, command.quantity), talk.photo_for))


def choose_reason(command: ChooseReason, actor: Actor, uow: UnitOfWork) -> Message:
    """What is wrong."""
    talk = talk_of(actor, uow)
    draft, order = _on_order(talk)
    if draft is None or order is None:
        return _again(talk)
    return ask(talk, forward(replace(draft, reason=command.reason), talk.photo_for))


def send_photo(command: SendPhoto, actor: Actor, uow: UnitOfWork) -> Message:
    """A photo for the draft, or for a return for which staff asked one."""
    talk = talk_of(actor, uow)
    draft, order = _on_order(talk)
    if draft is not None and order is not None and draft.step in {Step.PHOTO, Step.CONFIRM}:
        note = with_note(draft, command.caption or "")
        return ask(talk, forward(replace(note, photo=command.file_id), talk.photo_for))
    return photo_for_return(command.file_id, command.caption, actor, uow) or _again(talk)


def confirm_return(command: ConfirmReturn, actor: Actor, uow: UnitOfWork) -> Message:
    """Send exactly what was shown: if the draft has moved on since, it is shown again first."""
    talk = talk_of(actor, uow)
    shown, reason = command.draft, command.draft.reason
    if talk.draft != shown:
        return _sent_before(talk, shown) or _again(talk, Hint.CHANGED)
    order = talk.order(shown)
    if order is None or reason is None or shown.step is not Step.CONFIRM:
        return _again(talk)
    try:
        stored = request_return(
            order=order, wanted=shown.wanted, reason=reason, photo=shown.photo, note=shown.note,
            telegram_user=talk.user, actor=actor, uow=uow,
        )
    except RuleBroken:
        if talk.left(order) and all(talk.left(order).get(one.order_line_id, 0) >= one.quantity for one in shown.wanted):
            raise
        return ask(talk, Draft(step=Step.ITEMS, order_id=order.id, proved=shown.proved), Hint.CHANGED)
    talk.end()
    return taken(stored, uow, again=stored.requested_at < uow.now)


def change_return(command: ChangeReturn, actor: Actor, uow: UnitOfWork) -> Message:
    """From the items on, once more."""
    del command
    talk = talk_of(actor, uow)
    if talk.draft is None or talk.draft.order_id is None:
        return _again(talk)
    return ask(talk, Draft(step=Step.ITEMS, order_id=talk.draft.order_id, proved=talk.draft.proved))


def back(command: Back, actor: Actor, uow: UnitOfWork) -> Message:
    """The question before; before the first one stands the menu."""
    del command
    talk = talk_of(actor, uow)
    if talk.draft is None:
        return _again(talk)
    order = talk.order(talk.draft)
    before = backward(talk.draft, {} if order is None else talk.left(order), talk.photo_for)
    unknown = before is not None and before.step is Step.ORDER and not talk.recent()
    if before is None or (unknown and talk.draft.step is Step.NUMBER):
        talk.end()
        return greeting(talk)
    return ask(talk, before)


def cancel_dialogue(command: CancelDialogue, actor: Actor, uow: UnitOfWork) -> Message:
    """Stop; nothing was sent."""
    del command
    talk = talk_of(actor, uow)
    talk.end()
    return greeting(talk, cancelled=talk.draft is not None)


def greeting(
    talk: Talk, *, cancelled: bool = False, puzzled: bool = False, thanked: bool = False,
    order_number: str | None = None,
) -> Greeting:
    """The menu, with their first name where it is known."""
    name = talk.customer.first_name if talk.customer is not None and talk.customer.name else None
    staff = talk.actor.staff
    return Greeting(
        name=name, cancelled=cancelled, puzzled=puzzled, thanked=thanked, order_number=order_number,
        staff=staff is not None and staff.active,
    )


def taken(stored: Return, uow: UnitOfWork, *, again: bool) -> ReturnTaken:
    """Got it, and by when they hear."""
    calendar = uow.shop.calendar
    return ReturnTaken(
        number=stored.number, version=stored.version, answer_by=stored.answer_by, again=again,
        answer_today=calendar.today(stored.answer_by) == calendar.today(uow.now),
    )


def with_note(draft: Draft, text: str) -> Draft:
    """The customer's own words kept with the draft."""
    words = "\n".join(part for part in (draft.note, text.strip()) if part)
    return replace(draft, note=words[:_NOTE_LENGTH] or None)


def _on_order(talk: Talk) -> tuple[Draft | None, Order | None]:
    draft = talk.draft
    return (None, None) if draft is None else (draft, talk.order(draft))


def _asked_anew(draft: Draft) -> Draft:
    return replace(draft, lines=tuple(replace(line, quantity=None) for line in draft.lines))


def _again(talk: Talk, hint: Hint | None = None) -> Message:
    """An old button: the question that stands open now, or the menu."""
    return greeting(talk) if talk.draft is None else ask(talk, talk.draft, hint)


def _sent_before(talk: Talk, shown: Draft) -> Message | None:
    if shown.order_id is None or shown.reason is None:
        return None
    found = same_waiting(shown.order_id, shown.wanted, shown.reason, talk.uow)
    if found is None or found.telegram_user != talk.user:
        return None
    return taken(found, talk.uow, again=True)


def _purpose(talk: Talk) -> Purpose:
    return Purpose.RETURN if talk.draft is None else talk.draft.purpose
