"""A carrier owes for a parcel that is lost or damaged: a claim with its deadline, its own card, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.cases import Case, CaseState
from domain.errors import BadInput, Conflict, NotFound, RuleBroken
from domain.forms import Choice, Field, FieldKind, Form
from domain.messages import Button, Command, Message, Topic, UseCase
from domain.money import Money
from domain.people import DESK, Actor
from domain.ports import UnitOfWork
from domain.shipping.commands import CloseClaim, FileClaim, OpenClaim
from domain.shipping.messages import ClaimLine, LateParcel
from domain.shipping.watch import LATE_PARCEL, claim_until, parcel_case, show
from domain.wire import from_json, object_json

CLAIM: Final = "carrier_claim"
#: so many calendar days before the deadline whoever has not filed it is reminded
REMIND_DAYS: Final = 3
_REFERENCE: Final = 80


class ClaimEnd(StrEnum):
    """How a claim ended."""

    PAID = "paid"
    REFUSED = "refused"
    #: the parcel came after all, or it is not worth the work
    DROPPED = "dropped"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a claim remembers. ``until``: the shop's date by which the carrier must have it."""

    late: LateParcel
    parcel_case: int
    #: what the order cost, which is what is claimed
    value: Money
    until: date
    opened_by: str
    opened_at: datetime
    filed_by: str | None = None
    filed_at: datetime | None = None
    #: the carrier's number of it
    reference: str | None = None
    end: ClaimEnd | None = None
    ended_by: str | None = None
    ended_at: datetime | None = None
    reminded: bool = False


@dataclass(frozen=True, kw_only=True)
class ClaimCard(Message, topic=Topic.PARCELS):
    """One claim as it stands: to be filed by a day, filed, or ended."""

    case_id: int
    version: int
    claim: Claim

    @property
    def buttons(self) -> tuple[Button, ...]:
        """The next step."""
        if self.claim.end is not None:
            return ()
        return _steps(self.case_id, self.version, filed=self.claim.filed_at is not None)


@dataclass(frozen=True, kw_only=True)
class ClaimDue(Message, topic=Topic.PARCELS, pressing=True):
    """A reminder of its own, since an edited card rings nobody: the deadline is near, and nothing was filed."""

    case_id: int
    version: int
    claim: Claim
    #: calendar days that are left; 0 = today
    days: int

    @property
    def buttons(self) -> tuple[Button, ...]:
        """The same step as on the card."""
        return _steps(self.case_id, self.version, filed=False)


@dataclass(frozen=True, kw_only=True)
class ClaimDone(Message):
    """To whoever took a step: what it did."""

    claim: Claim


def open_claim(command: OpenClaim, actor: Actor, uow: UnitOfWork) -> Message:
    """A claim with its deadline, once for a parcel; the parcel's card shows it from now on."""
    staff = actor.require(DESK, "open claims")
    case = uow.cases.by_id(command.case_id)
    known = parcel_case(case)
    if known.claim is not None:
        raise Conflict(f"{known.claim.by} opened a claim already.")
    if case.state is CaseState.RESOLVED or case.version != command.version:
        raise Conflict("This has changed in the meantime. Look at the card again.")
    until = claim_until(uow, known.late)
    if until is None:
        raise RuleBroken("The carrier owes nothing yet: a claim needs a parcel that is lost, damaged or given up.")
    if until < uow.shop.calendar.today(uow.now):
        raise RuleBroken(f"The carrier took claims until {until}. It is too late for one.")
    claim = Claim(
        late=known.late, parcel_case=case.id, value=uow.orders.by_id(known.late.order_id).total, until=until,
        opened_by=staff.name, opened_at=uow.now,
    )
    opened = uow.cases.open(CLAIM, case.subject, object_json(claim))
    if opened is None:
        raise Conflict("A claim for this parcel is open already.")
    uow.record(actor, "claim.opened", case.subject, {"case": opened.id, "until": until.isoformat()})
    return _shown(opened, claim, uow)


def file_claim(command: FileClaim, actor: Actor, uow: UnitOfWork) -> Message:
    """The carrier has it, under that reference."""
    staff = actor.require(DESK, "file claims")
    case, claim = _current(command.case_id, command.version, uow)
    if claim.filed_at is not None:
        raise Conflict(f"{claim.filed_by} filed it already.")
    reference = (command.reference or "").strip()
    if len(reference) > _REFERENCE:
        raise BadInput(f"At most {_REFERENCE} letters.", field="reference")
    filed = replace(claim, filed_by=staff.name, filed_at=uow.now, reference=reference or None)
    uow.record(actor, "claim.filed", case.subject, {"case": case.id})
    return _shown(uow.cases.change(case, facts=object_json(filed)), filed, uow)


def close_claim(command: CloseClaim, actor: Actor, uow: UnitOfWork) -> Message:
    """How it ended. What the carrier pays comes to the shop's account: no money moves by this."""
    staff = actor.require(DESK, "close claims")
    case, claim = _current(command.case_id, command.version, uow)
    if command.end not in {one.value for one in ClaimEnd}:
        raise BadInput("Say how it ended.", field="end")
    end = ClaimEnd(command.end)
    if end is not ClaimEnd.DROPPED and claim.filed_at is None:
        raise RuleBroken("It was never filed, so the carrier cannot have answered it. Press Filed first.")
    ended = replace(claim, end=end, ended_by=staff.name, ended_at=uow.now)
    uow.record(actor, f"claim.{end.value}", case.subject, {"case": case.id})
    return _shown(uow.cases.change(case, facts=object_json(ended), state=CaseState.RESOLVED), ended, uow)


def remind_claims(uow: UnitOfWork) -> None:
    """Once for each claim that nobody has filed, three days before its deadline."""
    today = uow.shop.calendar.today(uow.now)
    for case in uow.cases.open_all(CLAIM):
        claim = from_json(Claim, case.facts)
        if claim.filed_at is None and not claim.reminded and today >= claim.until - timedelta(days=REMIND_DAYS):
            reminded = replace(claim, reminded=True)
            changed = uow.cases.change(case, facts=object_json(reminded))
            uow.outbox.card(changed.card, ClaimCard(case_id=case.id, version=changed.version, claim=reminded),
                            version=changed.version)
            due = ClaimDue(case_id=case.id, version=changed.version, claim=reminded,
                           days=max(0, (claim.until - today).days))
            uow.outbox.publish(due, once=f"claim:{case.id}:due")


def file_form(command: Command, actor: Actor, uow: UnitOfWork) -> Form:
    """Asks for the carrier's number of it."""
    actor.require(DESK, "file claims")
    if not isinstance(command, FileClaim):
        raise BadInput("That form is for claims.")
    _, claim = _current(command.case_id, command.version, uow)
    return Form(
        title="Claim filed", submit="Filed",
        intro=f"Order #{claim.late.order}: to be filed by {claim.until:%a} {claim.until.day} {claim.until:%b}.",
        fields=(Field(name="reference", label="The carrier's number of the claim", required=False,
                      max_length=_REFERENCE, hint="It stands in the carrier's answer; empty if there is none yet"),),
    )


def close_form(command: Command, actor: Actor, uow: UnitOfWork) -> Form:
    """Asks how it ended."""
    actor.require(DESK, "close claims")
    if not isinstance(command, CloseClaim):
        raise BadInput("That form is for claims.")
    _, claim = _current(command.case_id, command.version, uow)
    ends = {ClaimEnd.PAID: "The carrier pays", ClaimEnd.REFUSED: "The carrier refuses", ClaimEnd.DROPPED: "Not pursued"}
    offered = ends if claim.filed_at is not None else {ClaimEnd.DROPPED: ends[ClaimEnd.DROPPED]}
    return Form(
        title="Claim ended", submit="Save", intro=f"Order #{claim.late.order}, {claim.value}.",
        fields=(Field(name="end", label="How did it end?", kind=FieldKind.CHOICE,
                      choices=tuple(Choice(value=end.value, label=words) for end, words in offered.items())),),
    )


def _current(case_id: int, version: int, uow: UnitOfWork) -> tuple[Case, Claim]:
    case = uow.cases.by_id(case_id)
    if case.kind != CLAIM:
        raise NotFound("That card is not about a claim.")
    claim = from_json(Claim, case.facts)
    if claim.end is not None:
        raise Conflict(f"{claim.ended_by} closed this claim: {claim.end.value}.")
    if case.version != version:
        raise Conflict("This has changed in the meantime. Look at the card again.")
    return case, claim


def _shown(case: Case, claim: Claim, uow: UnitOfWork) -> Message:
    """Its card, and its line on the parcel's card while that is open."""
    uow.outbox.card(case.card, ClaimCard(case_id=case.id, version=case.version, claim=claim), version=case.version)
    parcel = uow.cases.by_id(claim.parcel_case)
    if parcel.kind == LATE_PARCEL and parcel.state is not CaseState.RESOLVED:
        line = ClaimLine(
            by=claim.opened_by, until=claim.until, filed_at=claim.filed_at, reference=claim.reference,
            end=claim.end.value if claim.end else None,
        )
        facts = object_json(replace(parcel_case(parcel), claim=line))
        show(uow, uow.cases.change(parcel, facts=facts, snoozed_until=parcel.snoozed_until))
    return ClaimDone(claim=claim)


def _steps(case_id: int, version: int, *, filed: bool) -> tuple[Button, ...]:
    close = Button(label="How it ended…" if filed else "Not pursued…", more=not filed,
                   command=CloseClaim(case_id=case_id, version=version))
    file = Button(label="I have filed it…", command=FileClaim(case_id=case_id, version=version))
    return (close,) if filed else (file, close)


USE_CASES: Final[dict[type[Command], UseCase]] = {
    OpenClaim: open_claim, FileClaim: file_claim, CloseClaim: close_claim,
}
FORMS: Final[dict[type[Command], Form | Callable[[Command, Actor, UnitOfWork], Form]]] = {
    FileClaim: file_form, CloseClaim: close_form,
}
