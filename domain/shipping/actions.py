"""What people can do about parcels. Each use case loads, decides and writes in the caller's transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from domain.cases import Case, CaseState
from domain.customers import Customer
from domain.errors import BadInput, Conflict, NotFound, RuleBroken
from domain.inventory.actions import morning_after
from domain.messages import Chat, Message
from domain.orders import Order, own_orders, speaks_for
from domain.people import ANY_STAFF, DESK, SPEAKERS, Actor
from domain.ports import UnitOfWork
from domain.shipping.commands import (
    ListLateParcels,
    ResolveParcel,
    ShowParcels,
    SnoozeParcel,
    TellCustomer,
    WhereIsMyParcel,
    WhyParcel,
)
from domain.shipping.messages import (
    CustomerTold,
    LateParcelList,
    ParcelChoices,
    ParcelDelayTold,
    ParcelDone,
    ParcelLine,
    ParcelQuiet,
    ParcelReport,
    ParcelSettled,
    ParcelStatus,
    ParcelWhy,
    Quiet,
    Told,
)
from domain.shipping.rules import delays
from domain.shipping.texts import DelayNews, delay_text, spoken
from domain.shipping.watch import (
    counts_of,
    expected_day,
    guess_of,
    late_of,
    late_parcels,
    parcel_case,
    show,
)
from domain.wire import object_json

#: a list longer than this is not read in a chat
_LIST: Final = 20
_LONGEST_TEXT: Final = 1500
_LONGEST_SNOOZE_DAYS: Final = 60
_OWN_ORDERS: Final = 5


def show_parcels(command: ShowParcels, actor: Actor, uow: UnitOfWork) -> Message:
    """The parcels of one order; without one the list of what is late."""
    actor.require(ANY_STAFF, "look at parcels")
    text = (command.order or "").strip()
    if not text:
        return list_late_parcels(ListLateParcels(), actor, uow)
    order = uow.orders.by_number(text)
    if order is None:
        by_tracking = uow.parcels.order_of_tracking(text)
        order = uow.orders.by_id(by_tracking) if by_tracking is not None else None
    if order is None:
        raise NotFound(f"I don't know an order or tracking number {text[:40]}. Numbers look like #1042.")
    customer = uow.customers.by_id(order.customer_id) if order.customer_id is not None else None
    lines = tuple(ParcelLine(parcel=one, late=late_of(uow, one, uow.now))
                  for one in uow.parcels.of_order(order.id, uow.now))
    return ParcelReport(order=order.number, placed_at=order.placed_at, promised_on=order.promised_on,
                        customer=customer.short_name if customer else None, parcels=lines)


def list_late_parcels(command: ListLateParcels, actor: Actor, uow: UnitOfWork) -> Message:
    """How the open orders stand, and the worst of them."""
    del command
    actor.require(ANY_STAFF, "look at parcels")
    counts = counts_of(uow, uow.parcels.open_as_of(uow.now), uow.now)
    found = late_parcels(uow, uow.now)
    return LateParcelList(open=counts.open, overdue=counts.overdue, handover_overdue=counts.handover_overdue,
                          due_in_3_days=counts.due_in_3_days, total=len(found), rows=found[:_LIST])


def tell_customer(command: TellCustomer, actor: Actor, uow: UnitOfWork) -> Message:
    """Send the approved words to the customer's own chat, once; the card and its thread say so."""
    staff = actor.require(SPEAKERS, "write to customers")
    case = _open(uow, command.case_id)
    known = parcel_case(case)
    if known.told is not None and command.version <= known.told.version:
        at = uow.shop.calendar.local(known.told.at)
        raise Conflict(f"{known.told.by} told the customer at {at:%H:%M}.")
    text = (command.text or "").strip()
    if not text:
        raise BadInput("What shall I write? An empty message helps nobody.", field="text")
    if len(text) > _LONGEST_TEXT:
        raise BadInput(f"At most {_LONGEST_TEXT:,} letters; this has {len(text):,}.", field="text")
    customer, chat = reachable(uow, known.late.order_id, text)
    told = Told(by=staff.name, at=uow.now, text=text, version=case.version)
    changed = uow.cases.change(case, facts=object_json(replace(known, told=told)), snoozed_until=case.snoozed_until)
    if known.late.parcel_id is not None:
        uow.parcels.told(known.late.parcel_id)
    language = spoken(customer.language, uow.shop.language)
    uow.outbox.tell(chat, ParcelDelayTold(text=text, order_id=known.late.order_id, language=language),
                    once=f"told:{changed.card}@{changed.version}", repeat=False, about=changed.card)
    show(uow, changed)
    uow.outbox.note(changed.card, CustomerTold(by=staff.name, at=uow.now, text=text),
                    once=f"told:{changed.card}@{changed.version}:note")
    uow.record(actor, "customer.told", case.subject, {"case": case.id, "customer": customer.id})
    return ParcelDone(order=known.late.order, told=customer.short_name)


def snooze_parcel(command: SnoozeParcel, actor: Actor, uow: UnitOfWork) -> Message:
    """Quiet until the shop's morning so many days on, or of its next working day; a worse rule ends it early."""
    staff = actor.require(DESK, "snooze alerts")
    case = _current(uow, command.case_id, command.version)
    if not 0 <= command.days <= _LONGEST_SNOOZE_DAYS:
        raise BadInput(f"0 to {_LONGEST_SNOOZE_DAYS} days, please.", field="days")
    until = morning_after(uow, command.days)
    known = replace(parcel_case(case), quiet=Quiet(by=staff.name, until=until))
    show(uow, uow.cases.change(case, facts=object_json(known), state=CaseState.SNOOZED, snoozed_until=until))
    uow.record(actor, "case.snoozed", case.subject, {"case": case.id, "until": until.isoformat()})
    return ParcelQuiet(order=known.late.order, until=until)


def resolve_parcel(command: ResolveParcel, actor: Actor, uow: UnitOfWork) -> Message:
    """Somebody has taken care of it: no card again, unless a worse rule holds."""
    staff = actor.require(DESK, "resolve cases")
    case = _current(uow, command.case_id, command.version)
    known = replace(parcel_case(case), closed_by=staff.name, quiet=None)
    closed = uow.cases.change(case, facts=object_json(known), state=CaseState.RESOLVED)
    message = ParcelSettled(late=known.late, by=staff.name, told=known.told)
    uow.outbox.card(closed.card, message, version=closed.version)
    uow.record(actor, "case.resolved", case.subject, {"case": case.id, "rule": known.late.rule.value})
    return ParcelDone(order=known.late.order)


def why_parcel(command: WhyParcel, actor: Actor, uow: UnitOfWork) -> Message:
    """Every rule that holds, with its figures, the lane's past, and each scan."""
    actor.require(ANY_STAFF, "look at parcels")
    late = parcel_case(uow.cases.by_id(command.case_id)).late
    parcel = next((one for one in uow.parcels.of_order(late.order_id, uow.now) if one.sequence == late.sequence), None)
    found = delays(parcel, uow.shop.policies.delivery, uow.shop.calendar, uow.now) if parcel else ()
    scans = uow.parcels.scans(late.parcel_id) if late.parcel_id is not None else ()
    return ParcelWhy(late=late, rules=tuple(one.explanation for one in found), guess=guess_of(uow, late),
                     scans=scans[-10:])


def where_is_my_parcel(command: WhereIsMyParcel, actor: Actor, uow: UnitOfWork) -> Message:
    """The customer's own orders only; somebody else's is not even said to exist."""
    if actor.customer_id is None:
        raise NotFound("I don't know your orders yet. Show me that one is yours first.")
    customer = uow.customers.by_id(actor.customer_id)
    own = own_orders(customer, _OWN_ORDERS, uow)
    if command.order_id is None:
        if not own:
            raise NotFound("I don't find an order of yours.")
        if len(own) == 1:
            return _status(own[0], uow)
        days = uow.shop.calendar
        return ParcelChoices(choices=tuple((one.id, one.number, days.today(one.placed_at)) for one in own))
    order = uow.orders.by_id(command.order_id)
    if not speaks_for(customer, order):
        raise NotFound("I don't find that order among yours.")
    return _status(order, uow)


def suggested_text(case: Case, uow: UnitOfWork) -> str:
    """What the customer should read, in their language, before anybody edits it."""
    known = parcel_case(case)
    late = known.late
    customer = uow.customers.by_id(late.customer_id) if late.customer_id is not None else None
    news = DelayNews(
        first_name=customer.first_name if customer else "there", order=late.order, shop=uow.shop.name,
        rule=late.rule, substatus=late.substatus, handed_over=late.last_scan_at is not None,
        last_place=late.last_place, expected_on=expected_day(uow, late),
    )
    return delay_text(news, spoken(customer.language if customer else None, uow.shop.language))


def reachable(uow: UnitOfWork, order_id: int, text: str) -> tuple[Customer, Chat]:
    """An order's customer and their own chat; RuleBroken says how else they can be reached, with the words to send."""
    order = uow.orders.by_id(order_id)
    if order.customer_id is None:
        raise RuleBroken("Nobody is known as the customer of this order, so there is no one to write to.")
    customer = uow.customers.by_id(order.customer_id)
    own = speaks_for(customer, order)
    if customer.chat is not None and own:
        return customer, customer.chat
    why = "has never written to us in Telegram"
    if customer.telegram_user is not None:
        why = "has blocked our bot" if own else "has not shown in Telegram that this order is theirs"
    other = f"Write to {customer.email} instead" if customer.email else "No e-mail address is known either"
    words = f". Words you could use: {text}" if customer.email and text else "."
    raise RuleBroken(f"{customer.short_name} {why}; nothing was sent. {other}{words}")


def _status(order: Order, uow: UnitOfWork) -> Message:
    parcels = uow.parcels.of_order(order.id, uow.now)
    late = [found for one in parcels if (found := late_of(uow, one, uow.now)) is not None]
    today = uow.shop.calendar.today(uow.now)
    days = [*(expected_day(uow, found) for found in late), *(one.expected_on for one in parcels)]
    expected = max((day for day in days if day is not None and day >= today), default=None)
    here = bool(parcels) and all(one.state.delivered_at is not None for one in parcels)
    return ParcelStatus(order=order.number, promised_on=order.promised_on, delivered=here,
                        approved=order.approved_at is not None, parcels=parcels, expected_on=expected,
                        late=any(found.days_late for found in late))


def _open(uow: UnitOfWork, case_id: int) -> Case:
    case = uow.cases.by_id(case_id)
    known = parcel_case(case)
    if case.state is CaseState.RESOLVED:
        who = f"{known.closed_by} called it resolved" if known.closed_by else "It has been settled already"
        raise Conflict(f"{who}; there is nothing to do.")
    return case


def _current(uow: UnitOfWork, case_id: int, version: int) -> Case:
    case = _open(uow, case_id)
    if case.version != version:
        raise Conflict("This has changed in the meantime. Look at the card again.")
    return case
