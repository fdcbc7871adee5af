"""App Home: what waits for me, and the shop at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.digest import ShowDigest, digest_of
from domain.inventory import ListLowStock
from domain.messages import Button, Command, Message, UseCase
from domain.metrics import DigestFigures
from domain.people import ANY_STAFF, UNLIMITED, Actor
from domain.ports import UnitOfWork
from domain.returns import ListReturns
from domain.shipping import ListLateParcels


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
    #: everybody, for owners; nobody for others
    people: tuple[HomePerson, ...] = ()

    @property
    def buttons(self) -> tuple[Button, ...]:
        """To the lists."""
        return (
            Button(label=f"Returns ({self.today.approvals.count})", command=ListReturns()),
            Button(label=f"Late parcels ({self.today.parcels.overdue})", command=ListLateParcels()),
            Button(label=f"Low stock ({len(self.today.stock.low)})", command=ListLowStock()),
            Button(label="Yesterday's figures", command=ShowDigest()),
        )


def show_home(command: ShowHome, actor: Actor, uow: UnitOfWork) -> Message:
    """The page of whoever opens it."""
    del command
    me = actor.require(ANY_STAFF, "see this page")
    limits = {
        one.key: "no limit" if one.refund_limit is None and one.role in UNLIMITED else str(one.refund_limit or "none")
        for one in uow.people.all()
    }
    people = tuple(
        HomePerson(name=one.name, role=one.role.value, limit=limits[one.key]) for one in uow.people.all() if one.active
    )
    today = digest_of(uow.shop.calendar.today(uow.now), uow).figures
    return Home(
        name=me.name, role=me.role.value, limit=limits[me.key], today=today,
        people=people if me.role.value == "owner" else (),
    )


USE_CASES: Final[dict[type[Command], UseCase]] = {ShowHome: show_home}
