"""Each cell tried at the real desk, on real SQL, in a transaction that is taken back. ``python -m`` judges them all."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import sqlalchemy as sa

from domain.errors import Conflict, NotAllowed, OpsError, RuleBroken, Stale
from domain.messages import Command
from domain.money import Money
from domain.people import Actor, Role, Staff
from domain.ports import UnitOfWork
from domain.returns import (
    ApproveInPart,
    ApproveReturn,
    AskForPhoto,
    CancelReturn,
    DeclineReturn,
    ReturnHistory,
    ShowReturn,
)
from domain.returns.messages import FinanceNeeded, News, ReturnDone
from handlers.use_cases import USE_CASES
from storage.tables import customers, payments, returns
from tests.authorisation.table import BANDS, STATES, Cell, End, cells, expected
from tests.returns.world import World, world_on

_EMAIL = "maria@example.com"


class _TakeBack(Exception):
    """Ends a transaction without a trace."""


@dataclass(frozen=True)
class Tried:
    """A cell with what came of it and whether anything was written that should not have been."""

    cell: Cell
    end: End | str
    refunds: int


@contextmanager
def table_world() -> Iterator[World]:
    """One return of 90.00, of whose payment 80.00 is left; nothing waits for goods."""
    with world_on("sqlite://", {"second_approver_above_minor": 5000, "refund_on_receipt": False}) as world:
        order = world.order(paid=9000, lines=(("LAMP", "Lamp", 1, 9000),))
        world.link("maria", 1001)
        world.request(order, quantity=1)
        world.desk.execute(sa.update(payments).values(refunded_minor=1000))
        world.desk.execute(sa.update(customers).values(email=_EMAIL))
        yield world


def try_cells(wanted: Sequence[Cell]) -> list[Tried]:
    """Try cells, those of one state after the other."""
    tried: list[Tried] = []
    with table_world() as world:
        for state in dict.fromkeys(cell.state for cell in wanted):
            _put(world, state.partition(",")[0])
            tried += [_try(world, cell) for cell in wanted if cell.state == state]
    return tried


def wrong(tried: Sequence[Tried]) -> list[str]:
    """The cells that came out otherwise than the table says."""
    found = []
    for one in tried:
        should = expected(one.cell)
        money = should is End.DONE and one.cell.action.startswith("approve")
        if one.end != should or one.refunds != int(money):
            found.append(f"{one.cell}: {one.end!r} with {one.refunds} refunds, and the table says {should!r}")
    return found


def _put(world: World, state: str) -> None:
    decided = state in {"approved", "declined", "refunding", "refunded"}
    world.desk.execute(
        sa.update(returns).values(
            state=state, decided_by=1 if decided else None, decided_at=world.now if decided else None,
            received_at=world.now if state in {"received", "refund_failed"} else None,
        )
    )


def _try(world: World, cell: Cell) -> Tried:
    end: End | str = "nothing"
    refunds = 0
    try:
        with world.begin() as uow:
            end = _end(cell, uow)
            if not isinstance(end, End) or end in {End.DONE, End.FIRST_OF_TWO, End.FINANCE_ASKED}:
                refunds = len(uow.payments.refunds_of_return(1))
            raise _TakeBack
    except _TakeBack:
        return Tried(cell, end, refunds)
    except Exception as error:
        return Tried(cell, f"broke: {error!r}", refunds)


def _end(cell: Cell, uow: UnitOfWork) -> End | str:
    found = uow.returns.by_number("R-318")
    assert found is not None
    version = found.version - 1 if "older" in cell.state else found.version
    command = _command(cell, version)
    try:
        message = USE_CASES[type(command)](command, _actor(cell, uow), uow)
    except OpsError as error:
        return _refusal(error, cell)
    if isinstance(message, FinanceNeeded):
        return End.FINANCE_ASKED
    if isinstance(message, ReturnDone) and message.news is News.FIRST_APPROVAL:
        return End.FIRST_OF_TWO
    return End.DONE


def _refusal(error: OpsError, cell: Cell) -> End | str:
    kinds = {
        End.STRANGER: NotAllowed, End.UNKNOWN: NotAllowed, End.OFF: NotAllowed, End.UNSURE: NotAllowed,
        End.NOT_YOURS: NotAllowed, End.OWN: NotAllowed, End.TOO_LATE_FOR_PHOTO: RuleBroken, End.LEFT: RuleBroken,
    }
    if isinstance(error, Stale):
        return End.STALE
    if isinstance(error, Conflict) and cell.action == "cancel":
        return End.TOO_LATE_TO_CANCEL
    for end, kind in kinds.items():
        if isinstance(error, kind) and end.value in error.sentence:
            return end
    if isinstance(error, NotAllowed) and error.sentence.endswith(f"You are {cell.role}."):
        return End.ROLE
    return f"{type(error).__name__}: {error.sentence}"


def _command(cell: Cell, version: int) -> Command:
    amount = BANDS.get(cell.band, 0)
    made: dict[str, Command] = {
        "approve": ApproveReturn(return_number="R-318", version=version, amount_minor=amount),
        "approve in part": ApproveInPart(
            return_number="R-318", version=version, amount=Money(minor=amount, currency="EUR"), reason="used"
        ),
        "decline": DeclineReturn(return_number="R-318", version=version, reason="no"),
        "ask for a photo": AskForPhoto(return_number="R-318", version=version),
        "cancel": CancelReturn(return_number="R-318", version=version),
        "show": ShowReturn(return_number="R-318"),
        "history": ReturnHistory(return_number="R-318"),
    }
    return made[cell.action]


def _actor(cell: Cell, uow: UnitOfWork) -> Actor:
    if cell.kind == "the customer":
        return Actor(identity="telegram:1001", customer_id=uow.customers.by_id(1).id)
    if cell.kind == "unknown":
        return Actor(identity="slack:T0/U0NOBODY")
    known = uow.people.all()[0]
    person: Staff = replace(
        known, role=Role(cell.role), email=None, telegram_user=None, active=cell.kind != "switched off",
        refund_limit=Money(minor=3000, currency="EUR") if cell.role not in {"owner", "finance"} else None,
    )
    if cell.kind == "no limit set":
        person = replace(person, refund_limit=None)
    if cell.kind == "own by account":
        person = replace(person, telegram_user=1001)
    if cell.kind == "own by e-mail":
        person = replace(person, email=_EMAIL.upper())
    return Actor(
        identity="slack:T0/U0ADA", staff=person, stranger=cell.kind in {"guest", "stranger"},
        unsure=cell.kind == "unsure",
    )


__all__ = ["Tried", "try_cells", "wrong"]

def judge_all() -> tuple[int, list[str]]:
    """How many cells were tried, and those that came out otherwise; stops after the first state that has any."""
    every, tried = list(cells()), 0
    for state in STATES:
        some = [cell for cell in every if cell.state == state]
        tried += len(some)
        if bad := wrong(try_cells(some)):
            return tried, bad
    return tried, []


if __name__ == "__main__":
    count, bad = judge_all()
    print(f"{count} cells, {len(bad)} wrong")
    print("\n".join(bad[:10]))
    sys.exit(1 if bad else 0)
