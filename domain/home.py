"""App Home: what waits for me, and the shop at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.connections import Connection
from domain.digest import ChangeMyDigest, ShowDigest, digest_of
from domain.inventory import ListLowStock
from domain.messages import Button, Command, Message, Style, UseCase
from domain.metrics import DigestFigures
from domain.money import Money
from domain.people import ANY_STAFF, APPROVERS, UNLIMITED, Actor, Role, Staff
from domain.ports import UnitOfWork
from domain.quiet_hours import ChangeQuietHours
from domain.returns import ListReturns
from domain.returns.messages import WaitingReturn
from domain.returns.overview import waiting_returns
from domain.shipping import ListLateParcels
from domain.shops import Policies

#: more are one press away
_SHOWN: Final = 5


@dataclass(frozen=True, kw_only=True)
class ShowHome(Command):
    """Open my page."""


@dataclass(frozen=True, kw_only=True)
class HomePerson:
    """A member of staff, as owners see them."""

    name: str
    role: str
    limit: str


@dataclass(frozen=True, kw_only=True)
class Home(Message):
    """One person's page."""

    name: str
    role: str
    limit: str
    today: DigestFigures
    #: what waits for a decision, the one to be answered first in front; not all of it
    waiting: tuple[WaitingReturn, ...] = ()
    #: the shop's hour, "08:00"
    digest_at: str
    #: their own, "07:30"; None where they have none
    own_digest_at: str | None = None
    #: their quiet hours in words, "20:00 to 07:00 and on Sundays"; "" where they have none
    quiet: str = ""
    #: everybody and the rules, for owners; nobody and none for others
    people: tuple[HomePerson, ...] = ()
    policies: Policies | None = None
    #: how the outside is reached, for owners
    connections: tuple[Connection, ...] = ()

    @property
    def buttons(self) -> tuple[Button, ...]:
        """What waits first; what is only to be read, and one's own settings, under More."""
        returns = self.today.approvals.count
        return (
            Button(label=f"Returns ({returns})", command=ListReturns(),
                   style=Style.PRIMARY if returns else Style.PLAIN),
            Button(label=f"Late parcels ({self.late})", command=ListLateParcels()),
            Button(label=f"Stock ({len(self.today.stock.low) + len(self.today.stock.empty)})", command=ListLowStock()),
            Button(label="Yesterday's figures", command=ShowDigest(), more=True),
            Button(label="Change my digest", command=ChangeMyDigest(), more=True),
            Button(label="Change my quiet hours", command=ChangeQuietHours(), more=True),
        )

    @property
    def late(self) -> int:
        """Orders past their day, and orders that should be with the carrier."""
        return self.today.parcels.overdue + self.today.parcels.handover_overdue

    @property
    def photo_for(self) -> str:
        """Reasons that need a photo, in words; "" for none, or where rules are not shown."""
        reasons = self.policies.returns.photo_required_for if self.policies else ()
        return ", ".join(one.replace("_", " ") for one in reasons)

    @property
    def keeps_up_to(self) -> Money | None:
        """Up to this, damaged goods stay with the customer."""
        minor = self.policies.returns.refund_without_return_minor if self.policies else 0
        return Money(minor=minor, currency=self.today.day.revenue.currency) if minor else None


def show_home(command: ShowHome, actor: Actor, uow: UnitOfWork) -> Message:
    """The page of whoever opens it."""
    del command
    me = actor.require(ANY_STAFF, "see this page")
    limits = {one.key: _limit(one) for one in uow.people.all()}
    people = tuple(
        HomePerson(name=one.name, role=one.role.value, limit=limits[one.key]) for one in uow.people.all() if one.active
    )
    today = digest_of(uow.shop.calendar.today(uow.now), uow).figures
    owner, own, quiet = me.role is Role.OWNER, uow.own_digests.of(me.id), uow.quiet_hours.of(me.id)
    return Home(
        name=me.name, role=me.role.value, limit=limits[me.key], today=today, waiting=waiting_returns(uow)[:_SHOWN],
        digest_at=f"{uow.shop.digest_at:%H:%M}", own_digest_at=f"{own.hour:%H:%M}" if own else None,
        quiet=quiet.words if quiet else "",
        people=people if owner else (), policies=uow.shop.policies if owner else None,
        connections=uow.connections.lately() if owner else (),
    )


def _limit(one: Staff) -> str:
    """How much they may let go alone, in words; "none" for a role that decides no returns."""
    if one.role not in APPROVERS:
        return "none"
    return "no limit" if one.refund_limit is None and one.role in UNLIMITED else str(one.refund_limit or "none")


USE_CASES: Final[dict[type[Command], UseCase]] = {ShowHome: show_home}
