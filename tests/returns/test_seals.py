"""S28: no row that lets money go can be made or changed without the desk's secret; money goes only on what was sealed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from domain.errors import Conflict
from domain.payments import NotApproved, refund_to_send
from domain.returns import ApproveReturn, ReceivedLine, ReturnReceived, ReturnState
from storage.seals import Seals
from storage.tables import approvals, payments, refunds
from tests.returns.world import World, world_on


@pytest.fixture
def world() -> Iterator[World]:
    """Above 20.00 two people approve; nothing waits for goods. In memory: what is tried is one row at a time."""
    with world_on("sqlite://", {"second_approver_above_minor": 2000, "refund_on_receipt": False}) as made:
        yield made


@pytest.fixture
def refund_id(world: World) -> str:
    """A refund that two people let go."""
    world.order("1043")
    world.request(world.order())
    world.run(ApproveReturn(return_number="R-318", version=1), "ada")
    world.run(ApproveReturn(return_number="R-318", version=2), "cleo")
    return str(world.outbox("refund")[0]["refund"])


def _other(column: sa.Column[Any], value: object) -> object:
    match value:
        case None:
            return date(2026, 1, 1) if isinstance(column.type, sa.Date) else (
                "x" if isinstance(column.type, sa.Text) else value if column.name == "released_at" else 1
            )
        case bool():
            return not value
        case int():
            return value + 7
        case str():
            return "KWD" if column.name == "currency" else ("0" if value[:1] != "0" else "1") + value[1:]
        case date():
            return value.replace(year=value.year - 1)
    raise AssertionError(f"{column.name} has a kind of value that is not tried")


def _sent(world: World, refund_id: str) -> None:
    with world.begin() as uow:
        assert refund_to_send(refund_id, uow) is not None


def test_what_two_people_approved_is_sent(world: World, refund_id: str) -> None:
    _sent(world, refund_id)


@pytest.mark.parametrize("place", [0, 1], ids=["the first yes", "the last word"])
@pytest.mark.parametrize("column", [one.name for one in approvals.columns])
def test_no_column_of_an_approval_can_be_changed(world: World, refund_id: str, place: int, column: str) -> None:
    row = world.desk.query(sa.select(approvals).order_by(approvals.c.version))[place]
    kind = approvals.c[column]
    value = world.now if column == "released_at" else _other(kind, getattr(row, column))
    if column == "id" and place == 0:
        pytest.skip("nothing points at the first yes by its id; its version does, and is sealed")
    driver: Any = world.store.engine.raw_connection().driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    world.desk.execute(sa.update(approvals).where(approvals.c.id == row.id).values({column: value}))
    driver.execute("PRAGMA foreign_keys=ON")
    with world.begin() as uow, pytest.raises((NotApproved, Conflict)):
        refund_to_send(refund_id, uow)


def test_a_first_yes_cannot_be_taken_away(world: World, refund_id: str) -> None:
    world.desk.execute(sa.delete(approvals).where(approvals.c.version == 1))
    with world.begin() as uow, pytest.raises(NotApproved):
        refund_to_send(refund_id, uow)


@pytest.mark.parametrize("column", ["payment_id", "return_id", "approval_id", "amount_minor", "currency", "decided_at", "mac"])
def test_no_figure_of_a_refund_can_be_changed(world: World, refund_id: str, column: str) -> None:
    world.request(world.order("1044"))
    row = world.desk.query(sa.select(refunds))[0]
    values = {"payment_id": 1, "return_id": 2, "approval_id": 1, "decided_at": world.now.replace(year=2025)}
    value = values.get(column) or _other(refunds.c[column], getattr(row, column))
    assert getattr(row, column) != value
    world.desk.execute(sa.update(refunds).values({column: value}))
    with world.begin() as uow, pytest.raises(NotApproved):
        refund_to_send(refund_id, uow)


def test_the_payment_that_money_goes_back_to_cannot_be_changed(world: World, refund_id: str) -> None:
    world.desk.execute(sa.update(payments).where(payments.c.payment_intent == "pi_1042").values(payment_intent="pi_mine"))
    with world.begin() as uow, pytest.raises(NotApproved):
        refund_to_send(refund_id, uow)


def test_a_whole_refund_made_by_hand_is_not_sent(world: World, refund_id: str) -> None:
    (row,) = world.desk.query(sa.select(refunds))
    world.desk.execute(sa.delete(refunds))
    made = {**row._mapping, "id": "mine"}
    world.desk.execute(sa.insert(refunds).values(made))
    with world.begin() as uow, pytest.raises(NotApproved):
        refund_to_send("mine", uow)


def test_an_approval_from_before_there_were_seals_is_decided_anew() -> None:
    with world_on("sqlite://") as world:
        order = world.order()
        world.request(order, quantity=3, photo="photo-1")
        world.run(ApproveReturn(return_number="R-318", version=1), "ada")
        assert world.found("R-318").state is ReturnState.APPROVED
        world.desk.execute(sa.update(approvals).values(mac="", counted_on=None))
        world.learn(ReturnReceived(number="R-318", lines=(ReceivedLine(sku="BLU-MUG-300", received=3),), at=world.now))
        assert world.found("R-318").state is ReturnState.RECEIVED
        assert world.outbox("refund") == []
        world.run(ApproveReturn(return_number="R-318"), "cleo")
        assert len(world.outbox("refund")) == 1


def test_seals_of_one_kind_or_shop_are_worth_nothing_for_another() -> None:
    seals = Seals(b"s" * 32)
    mac = seals.seal("approval", 1, "x")
    assert seals.holds(mac, "approval", 1, "x")
    assert not seals.holds(mac, "refund", 1, "x")
    assert not seals.holds(mac, "approval", 2, "x")
    assert not seals.holds(mac, "approval", 1, "x", None)
    assert not Seals(b"t" * 32).holds(mac, "approval", 1, "x")
    assert not Seals(b"").holds(mac, "approval", 1, "x")
    with pytest.raises(RuntimeError):
        Seals(b"").seal("approval", 1)
    with pytest.raises(TypeError):
        seals.seal("approval", 1.5)
