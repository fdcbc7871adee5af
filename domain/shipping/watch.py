"""When a card about a parcel opens, changes and resolves: one case for a parcel, by the worst rule that holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from domain.cases import Case, CaseState
from domain.errors import NotFound
from domain.messages import Message
from domain.metrics import GIVEN_UP
from domain.ports import UnitOfWork
from domain.returns.model import VOID
from domain.shipping.messages import (
    ClaimLine,
    LateParcel,
    LateParcelCard,
    LateParcelsRest,
    ParcelSettled,
    ParcelStillLate,
    ParcelWorse,
    Quiet,
    Told,
)
from domain.shipping.model import OpenCounts, ParcelAsOf, Substatus
from domain.shipping.rules import SEVERITY, Delay, DelayRule, LaneGuess, delay, delays, lane_guess
from domain.time import DAY
from domain.wire import from_json, object_json

LATE_PARCEL: Final = "late_parcel"
LATE_REST: Final = "late_parcels"
#: a day opens at most so many cards by the clock; the rest is counted in one
NEW_CARDS: Final = 20
#: an order older than this is history, not news: no card opens for it
_WATCHED_DAYS: Final = 120
_LANE_PARCELS: Final = 1000
#: what the carrier said, or its silence, makes every guess at a day idle
IN_TROUBLE: Final = frozenset({DelayRule.EXCEPTION, DelayRule.PRESUMED_LOST, DelayRule.EXPIRED})
_REST_ROWS: Final = 10


@dataclass(frozen=True, kw_only=True)
class ParcelCase:
    """What a case remembers: what its card shows, who told the customer, who asked for quiet, who called it done."""

    late: LateParcel
    guess: LaneGuess | None = None
    told: Told | None = None
    quiet: Quiet | None = None
    #: who called it resolved
    closed_by: str | None = None
    claim: ClaimLine | None = None
    #: the return that asks for the money back
    refund: str | None = None
    #: who has it sent again
    reship: str | None = None


@dataclass(frozen=True, kw_only=True)
class RestCase:
    """What the summary remembers."""

    total: int
    overdue: int
    rows: tuple[LateParcel, ...] = ()


def late_parcels(uow: UnitOfWork, at: datetime) -> tuple[LateParcel, ...]:
    """Every parcel that is late or due within days, as it was known at a moment; the worst first."""
    return _ranked([found for one in uow.parcels.open_as_of(at) if (found := late_of(uow, one, at)) is not None])


def open_counts(uow: UnitOfWork, at: datetime) -> OpenCounts:
    """How many orders were open then, overdue, past their handover, due within the next days."""
    return counts_of(uow, uow.parcels.open_as_of(at), at)


def counts_of(uow: UnitOfWork, parcels: Sequence[ParcelAsOf], at: datetime) -> OpenCounts:
    """The same for parcels that were read already; each order counts once."""
    today = uow.shop.calendar.today(at)
    last = today + timedelta(days=uow.shop.policies.delivery.due_soon_days)
    overdue, soon, handover = set(), set(), set()
    for one in parcels:
        if one.promised_on is not None and one.promised_on < today:
            overdue.add(one.order_id)
        if one.promised_on is not None and today <= one.promised_on <= last:
            soon.add(one.order_id)
        if _handover_overdue(uow, one, at):
            handover.add(one.order_id)
    return OpenCounts(open=len({one.order_id for one in parcels}), overdue=len(overdue),
                      handover_overdue=len(handover), due_in_3_days=len(soon))


def sweep_parcels(uow: UnitOfWork) -> None:
    """Look at every open order: cards open, change, resolve; snoozes end; what is too much for a day is counted."""
    now = uow.now
    parcels = uow.parcels.open_as_of(now, placed_from=now - timedelta(days=_WATCHED_DAYS))
    known = {one.subject: one for one in parcels}
    late = {found.subject: found for one in parcels if (found := late_of(uow, one, now)) and _deserves_card(one, found)}
    cases = {case.subject: case for case in uow.cases.open_all(LATE_PARCEL)}
    for subject, case in cases.items():
        update(uow, case, known.get(subject), late.get(subject))
    for case in uow.cases.snoozed_due():
        if case.kind == LATE_PARCEL:
            _wake(uow, case)
    fresh = _unsettled(uow, [found for subject, found in late.items() if subject not in cases])
    today = uow.shop.calendar.today(now)
    opened = sum(1 for case in cases.values() if uow.shop.calendar.today(case.opened_at) == today)
    room = max(0, NEW_CARDS - opened)
    for found in fresh[:room]:
        open_card(uow, found)
    _show_rest(uow, fresh[room:])


def evaluate_order(uow: UnitOfWork, order_id: int) -> None:
    """Look at the parcels of one order after a scan."""
    for one in uow.parcels.of_order(order_id, uow.now):
        found = late_of(uow, one, uow.now)
        case = uow.cases.open_one(LATE_PARCEL, one.subject)
        if case is not None:
            update(uow, case, one, found)
        elif found is not None and _deserves_card(one, found) and _unsettled(uow, [found]):
            open_card(uow, found)


def late_of(uow: UnitOfWork, parcel: ParcelAsOf, at: datetime) -> LateParcel | None:
    """The parcel as late, None if all is well."""
    found = delay(parcel, uow.shop.policies.delivery, uow.shop.calendar, at)
    return None if found is None else _late(parcel, found)


def open_card(uow: UnitOfWork, late: LateParcel) -> None:
    """A new case with its card, unless somebody was faster."""
    facts = ParcelCase(late=late, guess=guess_of(uow, late))
    case = uow.cases.open(LATE_PARCEL, late.subject, object_json(facts))
    if case is not None:
        show(uow, case)


def update(uow: UnitOfWork, case: Case, parcel: ParcelAsOf | None, late: LateParcel | None) -> None:
    """Bring an open case up to date: resolved where it is over, edited where it changed, louder where it got worse."""
    stored, before = parcel_case(case), as_it_stands(uow, case)
    if late is None:
        _settle(uow, case, before, parcel)
        return
    if late == before.late and before == stored:
        return
    worse = SEVERITY[late.rule] < SEVERITY[before.late.rule]
    guess = guess_of(uow, late)
    after = replace(before, late=late, guess=guess, quiet=None if worse else before.quiet)
    changed = uow.cases.change(
        case, facts=object_json(after), state=CaseState.OPEN if worse else case.state,
        snoozed_until=None if worse else case.snoozed_until,
    )
    show(uow, changed)
    if worse:
        uow.outbox.note(changed.card, ParcelWorse(late=late), once=f"worse:{changed.card}@{changed.version}")


def show(uow: UnitOfWork, case: Case) -> None:
    """The card of an open case in its present state."""
    uow.outbox.card(case.card, card_of(uow, case), version=case.version)


def card_of(uow: UnitOfWork, case: Case) -> Message:
    """What the card of an open case says. No personal data beyond "Maria S."."""
    known = parcel_case(case)
    late = known.late
    customer = uow.customers.by_id(late.customer_id) if late.customer_id is not None else None
    named = customer if customer is not None and customer.name else None
    return LateParcelCard(
        case_id=case.id, version=case.version, late=late, customer=named.short_name if named else None,
        first_name=named.first_name if named else None,
        orders=uow.orders.count_of_customer(customer.id) if customer else 0, guess=known.guess,
        claim_until=claim_until(uow, late), told=known.told, claim=known.claim, refund=known.refund,
        reship=known.reship,
        quiet=known.quiet if case.state is CaseState.SNOOZED else None,
    )


def as_it_stands(uow: UnitOfWork, case: Case) -> ParcelCase:
    """What a case remembers, without a refund that was asked for and will not be paid: other remedies are open then."""
    known = parcel_case(case)
    asked = None if known.refund is None else uow.returns.by_number(known.refund)
    return replace(known, refund=None) if asked is not None and asked.state in VOID else known


def claim_until(uow: UnitOfWork, late: LateParcel) -> date | None:
    """Until when a claim may be filed: so many days after the last news, fewer for damage.

    None where the carrier owes nothing. Source: Route's terms (docs/sources.md).
    """
    claimed = late.rule is DelayRule.EXCEPTION and late.substatus in (Substatus.DAMAGED, Substatus.LOST)
    if late.last_scan_at is None or not (claimed or late.rule in (DelayRule.PRESUMED_LOST, DelayRule.EXPIRED)):
        return None
    policy = uow.shop.policies.delivery
    days = policy.claim_damaged_within_days if late.substatus == Substatus.DAMAGED else policy.claim_within_days
    return uow.shop.calendar.today(late.last_scan_at) + timedelta(days=days)


def guess_of(uow: UnitOfWork, late: LateParcel) -> LaneGuess | None:
    """When it should come, by the past parcels of its lane; None where too few are known.

    Parcels that arrived say nothing of one that is damaged, lost, held or going back.
    """
    if late.origin is None or late.destination is None or late.parcel_id is None or late.rule in IN_TROUBLE:
        return None
    handed_over = next((one.state.handed_over_at for one in uow.parcels.of_order(late.order_id, uow.now)
                        if one.parcel_id == late.parcel_id), None)
    if handed_over is None:
        return None
    past = uow.parcels.lane_days(late.origin, late.destination, uow.now, _LANE_PARCELS)
    return lane_guess(past, (uow.now - handed_over) / DAY, uow.shop.calendar.today(uow.now), uow.shop.calendar)


def expected_day(uow: UnitOfWork, late: LateParcel) -> date | None:
    """The day that a customer may be told: the carrier's own if it is still to come, else the lane's cautious one.

    Cautious: by that day all but a tenth of such parcels were there, since a second delay is worse than a later date.
    """
    for parcel in uow.parcels.of_order(late.order_id, uow.now):
        said = parcel.expected_on if parcel.parcel_id == late.parcel_id and late.rule not in IN_TROUBLE else None
        if said is not None and said >= uow.shop.calendar.today(uow.now):
            return said
    guess = guess_of(uow, late)
    return guess.high_on if guess else None


def parcel_case(case: Case) -> ParcelCase:
    """What a case remembers; NotFound for a case about something else."""
    if case.kind != LATE_PARCEL:
        raise NotFound("That card is not about a parcel.")
    return from_json(ParcelCase, case.facts)


def _late(parcel: ParcelAsOf, found: Delay) -> LateParcel:
    state = parcel.state
    return LateParcel(
        order=parcel.order, rule=found.rule, since=found.since, promised=found.promised_on, days_late=found.days_late,
        reason=found.reason, explanation=found.explanation, order_id=parcel.order_id, parcel_id=parcel.parcel_id,
        sequence=parcel.sequence, customer_id=parcel.customer_id, carrier=parcel.carrier,
        tracking_number=parcel.tracking_number, origin=parcel.origin, destination=parcel.destination,
        milestone=state.milestone, substatus=state.substatus, last_scan_at=state.last_scan_at,
        last_place=state.last_place,
    )


def _ranked(found: Sequence[LateParcel]) -> tuple[LateParcel, ...]:
    return tuple(sorted(found, key=lambda one: (SEVERITY[one.rule], -one.days_late, one.since, one.order)))


def _handover_overdue(uow: UnitOfWork, one: ParcelAsOf, at: datetime) -> bool:
    return any(found.rule is DelayRule.HANDOVER_OVERDUE
               for found in delays(one, uow.shop.policies.delivery, uow.shop.calendar, at))


def _deserves_card(parcel: ParcelAsOf, found: LateParcel) -> bool:
    """Something on its way that is merely due soon is watched, not announced."""
    return found.rule is not DelayRule.DUE_SOON or parcel.state.handed_over_at is None


def _unsettled(uow: UnitOfWork, found: Sequence[LateParcel]) -> tuple[LateParcel, ...]:
    """Without those that somebody called resolved, unless they got worse since; the worst first."""
    if not found:
        return ()
    closed = uow.parcels.closed_by_hand(tuple(one.subject for one in found))
    return _ranked([one for one in found if one.subject not in closed
                    or SEVERITY[one.rule] < SEVERITY[DelayRule(closed[one.subject])]])


def _settle(uow: UnitOfWork, case: Case, before: ParcelCase, parcel: ParcelAsOf | None) -> None:
    """Delivered, given up, or back on track."""
    if parcel is None:
        parcel = next((one for one in uow.parcels.of_order(before.late.order_id, uow.now)
                       if one.sequence == before.late.sequence), None)
    delivered = parcel.state.delivered_at if parcel is not None else None
    on_track = delivered is None and parcel is not None and not _given_up(uow, before.late.order_id)
    closed = uow.cases.change(case, state=CaseState.RESOLVED)
    message = ParcelSettled(late=before.late, delivered_at=delivered, told=before.told, on_track=on_track,
                            reship=before.reship)
    uow.outbox.card(closed.card, message, version=closed.version)
    uow.audit.add("clock", "parcel.settled", case.subject, {"case": case.id, "delivered": delivered is not None})


def _given_up(uow: UnitOfWork, order_id: int) -> bool:
    return uow.orders.by_id(order_id).status in GIVEN_UP


def _wake(uow: UnitOfWork, case: Case) -> None:
    """The quiet is over: the card gets its buttons back, and a line in the thread says so."""
    current = uow.cases.by_id(case.id)
    if current.state is not CaseState.SNOOZED or current.snoozed_until is None or current.snoozed_until > uow.now:
        return
    known = replace(parcel_case(current), quiet=None)
    awake = uow.cases.change(current, facts=object_json(known), state=CaseState.OPEN)
    show(uow, awake)
    uow.outbox.note(awake.card, ParcelStillLate(late=known.late), once=f"awake:{awake.card}@{awake.version}")


def _show_rest(uow: UnitOfWork, rest: Sequence[LateParcel]) -> None:
    """One card with the count of what got no card of its own; gone when there is nothing left."""
    case = uow.cases.open_one(LATE_REST, "rest")
    if not rest and case is None:
        return
    facts = RestCase(total=len(rest), overdue=sum(1 for one in rest if one.days_late), rows=tuple(rest[:_REST_ROWS]))
    if case is None:
        case = uow.cases.open(LATE_REST, "rest", object_json(facts))
    elif from_json(RestCase, case.facts) != facts:
        state = CaseState.OPEN if rest else CaseState.RESOLVED
        case = uow.cases.change(case, facts=object_json(facts), state=state)
    else:
        return
    if case is not None:
        message = LateParcelsRest(total=facts.total, overdue=facts.overdue, rows=facts.rows)
        uow.outbox.card(case.card, message, version=case.version)
