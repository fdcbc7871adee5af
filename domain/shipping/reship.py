"""Sending an order's pieces again: decided within a limit, reserved, packed by the warehouse, and gone once it left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from domain.cases import Case, CaseState
from domain.errors import BadInput, Conflict, NotAllowed, NotFound, OpsError, RuleBroken
from domain.forms import Field, Form
from domain.inventory import Movement, MovementKind, evaluate
from domain.messages import Button, Chat, Command, Confirm, Message, Style, Topic, UseCase
from domain.money import Money
from domain.orders import Order
from domain.people import APPROVERS, DESK, UNLIMITED, Actor, Staff
from domain.ports import UnitOfWork
from domain.returns.entitlement import is_own
from domain.returns.goods import count_goods, give_back_goods
from domain.shipping.actions import reachable
from domain.shipping.commands import CancelReship, ReshipLeft, ReshipParcel
from domain.shipping.messages import ParcelSettled, Told
from domain.shipping.model import Milestone, Scan, progress
from domain.shipping.texts import reship_text, spoken
from domain.shipping.watch import LATE_PARCEL, ParcelCase, as_it_stands, parcel_case, show
from domain.wire import from_json, object_json

RESHIP: Final = "reship"
_TRACKING: Final = 60
_NOTE: Final = 300
_MOVE_KEY: Final = "reship:{case}:{sku}:{what}"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """So many of a variant that go out again, and where they are reserved."""

    variant_id: int
    sku: str
    title: str
    quantity: int
    location: str


@dataclass(frozen=True, kw_only=True)
class Reship:
    """What a second parcel remembers."""

    order: str
    order_id: int
    parcel_case: int
    pieces: tuple[Piece, ...]
    value: Money
    decided_by: str
    decided_at: datetime
    #: for the warehouse
    note: str | None = None
    #: whether the customer was written to
    told: bool = False
    left_by: str | None = None
    left_at: datetime | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    cancelled_by: str | None = None
    #: who decided, and the shop's date on which its worth counts against their limits; null of versions before these
    staff_id: int | None = None
    counted_on: date | None = None


@dataclass(frozen=True, kw_only=True)
class ReshipCard(Message, topic=Topic.PARCELS):
    """The warehouse's task: pack these pieces again."""

    case_id: int
    version: int
    reship: Reship

    @property
    def buttons(self) -> tuple[Button, ...]:
        """It has left, or it is not sent after all."""
        if self.reship.left_at is not None or self.reship.cancelled_by is not None:
            return ()
        return (
            Button(label="It has left…", style=Style.PRIMARY,
                   command=ReshipLeft(case_id=self.case_id, version=self.version)),
            Button(label="Don't send it", more=True, once=True,
                   command=CancelReship(case_id=self.case_id, version=self.version),
                   confirm=Confirm(question=f"Not send #{self.reship.order} again? Tell the customer yourself.",
                                   yes="Don't send it")),
        )


@dataclass(frozen=True, kw_only=True)
class ReshipTold(Message):
    """To the customer: their order is sent again. Once."""

    text: str


@dataclass(frozen=True, kw_only=True)
class ReshipDone(Message):
    """To whoever took a step: what it did."""

    reship: Reship


def reship_parcel(command: ReshipParcel, actor: Actor, uow: UnitOfWork) -> Message:
    """Reserve the order's pieces anew and give the warehouse its task; the customer is told once.

    NotAllowed above what the presser may refund alone, RuleBroken where the pieces are not there.
    """
    staff, case, known, order = _checked(command, actor, uow)
    value, pieces = _value(order), _held(order, uow)
    wish = Reship(
        order=order.number, order_id=order.id, parcel_case=case.id, pieces=pieces, value=value, decided_by=staff.name,
        decided_at=uow.now, note=(command.note or "").strip()[:_NOTE] or None, staff_id=staff.id,
        counted_on=count_goods(order, value, staff, uow),
    )
    opened = uow.cases.open(RESHIP, case.subject, object_json(wish))
    if opened is None:
        raise Conflict("It is being sent again already.")
    _move(opened, wish, "reserved", uow)
    text = _tell(opened, order, uow)
    told = replace(wish, told=text is not None)
    changed = uow.cases.change(opened, facts=object_json(told))
    uow.record(actor, "parcel.reship", case.subject,
               {"case": opened.id, "value_minor": value.minor, "pieces": sum(one.quantity for one in pieces)})
    after = replace(known, reship=staff.name)
    if text is not None:
        after = replace(after, told=Told(by=staff.name, at=uow.now, text=text, version=case.version))
    show(uow, uow.cases.change(case, facts=object_json(after), snoozed_until=case.snoozed_until))
    return _shown(changed, told, uow)


def _checked(command: ReshipParcel, actor: Actor, uow: UnitOfWork) -> tuple[Staff, Case, ParcelCase, Order]:
    """Whether this person may have this parcel sent again, as its card stands."""
    staff = actor.require(APPROVERS, "send goods again", money=True)
    case = uow.cases.by_id(command.case_id)
    known = as_it_stands(uow, case)
    if known.reship is not None:
        raise Conflict(f"{known.reship} has it sent again already.")
    if known.refund is not None:
        raise Conflict(f"{known.refund} asks for the money back. Goods and money are not both given.")
    if case.state is CaseState.RESOLVED or case.version != command.version:
        raise Conflict("This has changed in the meantime. Look at the card again.")
    if known.late.last_scan_at is None:
        raise RuleBroken("The carrier does not have it yet, so it can still be sent as it is.")
    order = uow.orders.by_id(known.late.order_id)
    _refuse_own(order, staff, actor, uow)
    _within_limit(staff, _value(order), uow)
    if uow.returns.taken(order.id):
        raise RuleBroken(f"Part of #{order.number} is in a return. Decide that first.")
    return staff, case, known, order


def reship_form(command: Command, actor: Actor, uow: UnitOfWork) -> Form:
    """What will be sent and what it is worth, before anybody says yes; who may not hears it here."""
    if not isinstance(command, ReshipParcel):
        raise BadInput("That form is for parcels.")
    _, _, _, order = _checked(command, actor, uow)
    pieces = ", ".join(f"{one.quantity} × {one.title}" for one in _pieces(order, uow))
    told = "The customer is told at once." if _chat(order, uow) else "The customer can't be written to from here."
    return Form(
        title="Send again", submit="Send again",
        intro=f"Order #{order.number}: {pieces}, worth {_value(order)}. "
              f"The pieces are reserved and the warehouse gets the task. {told}",
        fields=(Field(name="note", label="Note for the warehouse", required=False, max_length=_NOTE,
                      hint="Such as: pack it double"),),
    )


def reship_left(command: ReshipLeft, actor: Actor, uow: UnitOfWork) -> Message:
    """The pieces have left the shelf; the new parcel is watched from now on, the lost one's card is closed."""
    staff = actor.require(DESK, "send parcels")
    case, known = _current(command.case_id, command.version, uow)
    tracking, carrier = (command.tracking_number or "").strip(), (command.carrier or "").strip()
    if not tracking or len(tracking) > _TRACKING:
        raise BadInput(f"The tracking number on the label, {_TRACKING} letters at most.", field="tracking_number")
    if any(one.tracking_number == tracking for one in uow.parcels.of_order(known.order_id, uow.now)):
        raise BadInput("That is the number of a parcel that left before.", field="tracking_number")
    left = replace(known, left_by=staff.name, left_at=uow.now, carrier=carrier or None, tracking_number=tracking)
    changed = uow.cases.change(case, facts=object_json(left), state=CaseState.RESOLVED)
    _move(case, known, "left", uow)
    parcel_id = uow.parcels.ensure(known.order_id, carrier or None, tracking)
    label = Scan(at=uow.now, milestone=Milestone.INFO_RECEIVED)
    if uow.parcels.add_scan(parcel_id, label, key=f"reship:{case.id}"):
        uow.parcels.save(parcel_id, progress((label,)))
    uow.record(actor, "parcel.reship_left", case.subject, {"case": case.id})
    _close_late(known, staff.name, uow)
    return _shown(changed, left, uow)


def cancel_reship(command: CancelReship, actor: Actor, uow: UnitOfWork) -> Message:
    """Nothing leaves: the pieces can be sold again, and the late parcel's card is open to other remedies."""
    staff = actor.require(APPROVERS, "stop a parcel", money=True)
    case, known = _current(command.case_id, command.version, uow)
    stopped = replace(known, cancelled_by=staff.name)
    changed = uow.cases.change(case, facts=object_json(stopped), state=CaseState.RESOLVED)
    _move(case, known, "released", uow)
    if known.counted_on is not None and known.staff_id is not None:
        give_back_goods(uow.orders.by_id(known.order_id), known.value, known.staff_id, known.counted_on, uow)
    uow.record(actor, "parcel.reship_cancelled", case.subject, {"case": case.id})
    late = uow.cases.by_id(known.parcel_case)
    if late.state is not CaseState.RESOLVED:
        facts = object_json(replace(parcel_case(late), reship=None))
        show(uow, uow.cases.change(late, facts=facts, snoozed_until=late.snoozed_until))
    return _shown(changed, stopped, uow)


def left_form(command: Command, actor: Actor, uow: UnitOfWork) -> Form:
    """Asks for the new parcel's number, with the carrier that the first one had."""
    actor.require(DESK, "send parcels")
    if not isinstance(command, ReshipLeft):
        raise BadInput("That form is for parcels.")
    _, known = _current(command.case_id, command.version, uow)
    before = parcel_case(uow.cases.by_id(known.parcel_case)).late.carrier
    return Form(
        title="It has left", submit="It has left", intro=f"Order #{known.order}, sent again.",
        fields=(
            Field(name="tracking_number", label="Tracking number on the new label", max_length=_TRACKING),
            Field(name="carrier", label="Carrier", initial=before, required=False, max_length=40),
        ),
    )


def _value(order: Order) -> Money:
    return Money(minor=sum(line.total.minor for line in order.lines), currency=order.total.currency)


def _refuse_own(order: Order, staff: Staff, actor: Actor, uow: UnitOfWork) -> None:
    customer = None if order.customer_id is None else uow.customers.by_id(order.customer_id)
    if is_own(customer, None, staff, actor):
        raise NotAllowed("This is your own order. Somebody else has to decide it.")


def _within_limit(staff: Staff, value: Money, uow: UnitOfWork) -> None:
    """Goods are worth what they cost: the same limits as for a refund of that value, and two people above the bound."""
    bound = uow.shop.policies.returns.second_approver_above_minor
    if bound and value.minor > bound:
        raise NotAllowed(f"{value} of goods need two people. Ask for a refund, which two approve, and order anew.")
    limit = staff.refund_limit
    if limit is None and staff.role in UNLIMITED:
        return
    if limit is None or value > limit:
        able = ", ".join(f"@{one.name}" for one in uow.people.all() if one.active and one.role in UNLIMITED
                         and (one.refund_limit is None or value <= one.refund_limit))
        raise NotAllowed(f"Sending {value} of goods again is above your limit of {limit or 'nothing'}. "
                         f"Ask {able or 'an owner'}.")


def _pieces(order: Order, uow: UnitOfWork) -> tuple[Piece, ...]:
    """Everything on the order, from where most of it stands; RuleBroken names what is missing."""
    wanted: dict[int, Piece] = {}
    for line in order.lines:
        if line.variant_id is None:
            raise RuleBroken(f"{line.title} is not on the stock list, so nothing can be reserved. Ask for a refund.")
        before = wanted.get(line.variant_id)
        wanted[line.variant_id] = Piece(
            variant_id=line.variant_id, sku=line.sku, title=line.title,
            quantity=line.quantity + (before.quantity if before else 0),
            location=uow.inventory.main_location(line.variant_id),
        )
    if not wanted:
        raise RuleBroken(f"#{order.number} has nothing in it that could be sent.")
    known = {one.variant.id: one.stock.available for one in uow.inventory.as_of(uow.now, frozenset(wanted))}
    for one in wanted.values():
        if known.get(one.variant_id, 0) < one.quantity:
            raise RuleBroken(f"{known.get(one.variant_id, 0)} of {one.title} can be sent, {one.quantity} are needed. "
                             "Ask for a refund, or wait for a delivery.")
    return tuple(wanted.values())


def _held(order: Order, uow: UnitOfWork) -> tuple[Piece, ...]:
    """The pieces, with the stock they come from held: two parcels at once do not both take the last one."""
    for one in sorted(_pieces(order, uow), key=lambda piece: piece.variant_id):
        uow.levels.stock(one.variant_id, one.location, uow.now)
    return _pieces(order, uow)


def _move(case: Case, wish: Reship, what: str, uow: UnitOfWork) -> None:
    """The ledger of a step, each piece once; cards of stock follow."""
    for one in wish.pieces:
        kind, on_hand, reserved = {
            "reserved": (MovementKind.RESERVATION, 0, one.quantity),
            "left": (MovementKind.SALE, -one.quantity, -one.quantity),
            "released": (MovementKind.RELEASE, 0, -one.quantity),
        }[what]
        moved = uow.inventory.move(Movement(
            variant_id=one.variant_id, location=one.location, kind=kind, at=uow.now, on_hand=on_hand,
            reserved=reserved, key=_MOVE_KEY.format(case=case.id, sku=one.sku, what=what), reference=f"#{wish.order}",
        ))
        if moved:
            evaluate(uow, one.variant_id)


def _tell(case: Case, order: Order, uow: UnitOfWork) -> str | None:
    """Write to the customer once; the words, None where they cannot be reached, which the card says."""
    found = _chat(order, uow)
    if found is None:
        return None
    chat, name, language = found
    text = reship_text(name, order.number, uow.shop.name, spoken(language, uow.shop.language))
    uow.outbox.tell(chat, ReshipTold(text=text), once=f"reship:{case.id}", repeat=False, about=case.card)
    return text


def _chat(order: Order, uow: UnitOfWork) -> tuple[Chat, str, str | None] | None:
    try:
        customer, chat = reachable(uow, order.id, "")
    except OpsError:
        return None
    return chat, customer.first_name, customer.language


def _close_late(known: Reship, by: str, uow: UnitOfWork) -> None:
    case = uow.cases.by_id(known.parcel_case)
    if case.kind != LATE_PARCEL or case.state is CaseState.RESOLVED:
        return
    late = parcel_case(case)
    closed = uow.cases.change(case, facts=object_json(replace(late, closed_by=by, quiet=None)),
                              state=CaseState.RESOLVED)
    uow.outbox.card(closed.card, ParcelSettled(late=late.late, by=by, told=late.told), version=closed.version)


def _current(case_id: int, version: int, uow: UnitOfWork) -> tuple[Case, Reship]:
    case = uow.cases.by_id(case_id)
    if case.kind != RESHIP:
        raise NotFound("That card is not about a parcel that is sent again.")
    known = from_json(Reship, case.facts)
    if known.left_at is not None:
        raise Conflict(f"{known.left_by} sent it already.")
    if known.cancelled_by is not None:
        raise Conflict(f"{known.cancelled_by} stopped it.")
    if case.version != version:
        raise Conflict("This has changed in the meantime. Look at the card again.")
    return case, known


def _shown(case: Case, known: Reship, uow: UnitOfWork) -> Message:
    uow.outbox.card(case.card, ReshipCard(case_id=case.id, version=case.version, reship=known), version=case.version)
    return ReshipDone(reship=known)


USE_CASES: Final[dict[type[Command], UseCase]] = {
    ReshipParcel: reship_parcel, ReshipLeft: reship_left, CancelReship: cancel_reship,
}
FORMS: Final[dict[type[Command], Form | Callable[[Command, Actor, UnitOfWork], Form]]] = {
    ReshipParcel: reship_form, ReshipLeft: left_form,
}
