"""What comes back: goods at the warehouse, photos and second thoughts of customers; and answers that are overdue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from domain.errors import Conflict, NotAllowed, RuleBroken
from domain.messages import Fact, Message
from domain.payments.model import refundable_payment
from domain.people import DESK, Actor
from domain.ports import UnitOfWork
from domain.returns import cards
from domain.returns.commands import CancelReturn
from domain.returns.decisions import intend_refund, known_return, latest_approval, who_was_faster
from domain.returns.entitlement import release
from domain.returns.letters import PhotoThanks, ReturnCancelled
from domain.returns.messages import News, ReturnDone
from domain.returns.model import CANCELLABLE, DECIDABLE, Reason, Return, ReturnLine, ReturnState


@dataclass(frozen=True, kw_only=True)
class ReceivedLine:
    """How many pieces of a SKU came, and how many of those were damaged."""

    sku: str
    received: int
    damaged: int = 0


@dataclass(frozen=True, kw_only=True)
class ReturnReceived(Fact):
    """The warehouse unpacked a return. The figures are totals, so hearing them twice changes nothing."""

    number: str
    lines: tuple[ReceivedLine, ...]
    at: datetime


def note_return_received(fact: ReturnReceived, uow: UnitOfWork) -> None:
    """Refund what was approved if all came as announced; otherwise put the return before a person again.

    Source: docs/sources.md (requested against received against damaged; a mismatch is never refunded
    automatically).
    """
    known = uow.returns.by_number(fact.number)
    if known is None:
        uow.audit.add("shop", "return.received_unknown", fact.number)
        return
    found = uow.returns.held(known.id)
    if found.received_at is not None:
        return
    uow.returns.note_received(found.id, _by_line(found, fact))
    found = replace(uow.returns.held(found.id), received_at=fact.at)
    if found.state is not ReturnState.APPROVED:
        _keep_in_mind(found, uow)
    elif odd := mismatch(found):
        _ask_again(found, News.RECEIVED_OTHERWISE, odd, uow)
    else:
        _pay_out(found, uow)
    # Last, as everywhere: the trail's end is the row that all decisions of a shop wait for.
    uow.audit.add("shop", "return.received", found.number, {"pieces": sum(line.received for line in found.lines)})


def mismatch(found: Return) -> str | None:
    """What came otherwise than announced, in words; None if all is as it should be.

    Damage counts only where the customer did not report it.
    """
    odd = [words for line in found.lines if (words := _odd(line, damage_known=found.reason is Reason.DAMAGED))]
    return ", ".join(odd) or None


def _odd(line: ReturnLine, *, damage_known: bool) -> str | None:
    words = []
    if line.received != line.quantity:
        words.append(f"{line.received} of {line.quantity} came")
    if line.damaged and not damage_known:
        words.append(f"{line.damaged} damaged")
    return f"{line.title}: {' and '.join(words)}" if words else None


def _by_line(found: Return, fact: ReturnReceived) -> dict[int, tuple[int, int]]:
    """Pieces by order line; where two lines share a SKU, the first is filled first."""
    came = {line.sku: (line.received, line.damaged) for line in fact.lines}
    result: dict[int, tuple[int, int]] = {}
    for place, line in enumerate(found.lines):
        received, damaged = came.get(line.sku, (0, 0))
        last = all(other.sku != line.sku for other in found.lines[place + 1 :])
        here = received if last else min(received, line.quantity)
        broken = min(damaged, here)
        came[line.sku] = (received - here, damaged - broken)
        result[line.order_line_id] = (here, broken)
    return result


def _keep_in_mind(found: Return, uow: UnitOfWork) -> None:
    saved = uow.returns.save(found)
    cards.show(saved, uow)
    cards.note(saved, News.RECEIVED, uow, detail=mismatch(saved))


def _ask_again(found: Return, news: News, detail: str, uow: UnitOfWork) -> None:
    saved = uow.returns.save(replace(found, state=ReturnState.RECEIVED))
    _release(saved, uow)
    cards.show(saved, uow)
    cards.note(saved, news, uow, detail=detail)


def _pay_out(found: Return, uow: UnitOfWork) -> None:
    approval = latest_approval(found, uow)
    if approval is None or not approval.stands:
        # Approved before Opsbell was here (an imported return), or by a row that nobody here has sealed.
        _ask_again(found, News.NOT_REFUNDABLE, "it was not approved here, so it has to be", uow)
        return
    if approval.amount != found.approved:
        raise Conflict(f"{found.number} has no approval for what would be refunded.")
    try:
        payment = refundable_payment(uow.payments.of_order(found.order_id), approval.amount)
    except RuleBroken as error:
        _ask_again(found, News.NOT_REFUNDABLE, error.sentence, uow)
        return
    saved = uow.returns.save(replace(found, state=ReturnState.REFUNDING))
    intend_refund(payment, approval.amount, uow, return_id=saved.id, approval_id=approval.id)
    cards.show(saved, uow)
    cards.note(saved, News.RECEIVED, uow, amount=approval.amount)


def _release(found: Return, uow: UnitOfWork) -> None:
    approval = latest_approval(found, uow)
    if approval is not None:
        release(approval, found, uow)


def cancel_return(command: CancelReturn, actor: Actor, uow: UnitOfWork) -> Message:
    """Call a return off: its own customer, or staff for them. Not once goods or money are under way."""
    found = known_return(command.return_number, uow)
    own = found.telegram_user is not None and actor.identity == f"telegram:{found.telegram_user}"
    if not own:
        if actor.staff is None:
            raise NotAllowed("That is not your return.")
        actor.require(DESK, "cancel returns")
    if found.state not in CANCELLABLE or found.received_at is not None:
        raise Conflict(_too_late(found, uow, own=own))
    saved = uow.returns.save(replace(found, state=ReturnState.CANCELLED, closed_at=uow.now))
    _release(saved, uow)
    uow.record(actor, "return.cancelled", saved.number, {"version": found.version})
    who = cards.customer_name(saved, uow) if own else actor.name
    cards.show(saved, uow)
    cards.note(saved, News.CANCELLED, uow, who=who)
    if own:
        return ReturnCancelled(number=saved.number)
    told = cards.tell_customer(saved, ReturnCancelled(number=saved.number), uow, once=f"v{saved.version}")
    return ReturnDone(number=saved.number, news=News.CANCELLED, customer=cards.customer_name(saved, uow), told=told)


def _too_late(found: Return, uow: UnitOfWork, *, own: bool) -> str:
    if not own:
        return who_was_faster(found, uow)
    if found.state is ReturnState.CANCELLED:
        return f"{found.number} is cancelled already."
    return f"{found.number} can't be cancelled any more: it is already being worked on."


def photo_for_return(file_id: str, caption: str | None, actor: Actor, uow: UnitOfWork) -> Message | None:
    """Put a photo to the sender's return that waits for one; None if none does."""
    user = telegram_user(actor)
    asked = uow.returns.of_telegram(user, ReturnState.PHOTO_ASKED) if user is not None else ()
    if not asked:
        return None
    found = uow.returns.held(asked[0].id)
    note = "\n".join(part for part in (found.note, (caption or "").strip()) if part) or None
    saved = uow.returns.save(replace(found, state=ReturnState.REQUESTED, photo=file_id, note=note))
    uow.record(actor, "return.photo_came", saved.number, {"version": found.version})
    cards.show(saved, uow)
    cards.note(saved, News.PHOTO_CAME, uow, who=cards.customer_name(saved, uow))
    today = uow.shop.calendar.today(saved.answer_by) == uow.shop.calendar.today(uow.now)
    return PhotoThanks(number=saved.number, answer_by=max(saved.answer_by, uow.now), answer_today=today)


def telegram_user(actor: Actor) -> int | None:
    """The Telegram account that speaks; None for any other identity."""
    platform, _, user = actor.identity.partition(":")
    return int(user) if platform == "telegram" and user.isdigit() else None


def sweep_overdue_returns(uow: UnitOfWork) -> None:
    """Say once, in its thread, that a return should have been answered by now."""
    for found in uow.returns.waiting():
        if found.answer_by <= uow.now and found.state in DECIDABLE:
            cards.note(found, News.OVERDUE, uow, once=found.answer_by.isoformat())
