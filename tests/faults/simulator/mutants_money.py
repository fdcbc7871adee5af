"""Defects in what lets money go."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import domain.payments.disputes
import domain.payments.settlement
import domain.returns.arrivals
import domain.returns.decisions
import gateways.stripe
import storage.returns
from domain.errors import NotAllowed
from domain.people import Actor
from domain.returns import cards
from storage.audit import AuditRows
from storage.outbox import OutboxRows
from storage.payments import PaymentRows
from storage.people import PeopleRows
from storage.shops import ShopRows
from tests.faults.simulator import bank
from tests.faults.simulator.mutants import Planting, mutant, put, reword

if TYPE_CHECKING:

    from tests.faults.simulator.world import World

decisions, arrivals, settlement = domain.returns.decisions, domain.returns.arrivals, domain.payments.settlement


@mutant("I2", story="approve")
def new_key_per_attempt(world: World, planting: Planting) -> None:
    """Every call to Stripe has an idempotency key of its own, and nobody looks first."""
    before = bank.Bank.create

    def create(self: Any, asked: Any, key: str, job: str) -> Any:
        return before(self, asked, f"{key}-{world.new_id()}", job)

    put(planting, bank.Bank, "create", create)
    put(planting, gateways.stripe.RefundCarrier, "_ours", _no_refunds)


@mutant("I2", story="approve")
def no_look_before_a_refund(world: World, planting: Planting) -> None:
    """The key is trusted for ever and Stripe is not asked first; it forgets keys after a day."""
    put(planting, gateways.stripe, "_KEY_LIFE", gateways.stripe._KEY_LIFE * 1000)
    put(planting, gateways.stripe.RefundCarrier, "_ours", _no_refunds)


async def _no_refunds(*_: Any) -> dict[str, Any]:
    return {}


@mutant("I4", "I9", story="approve")
def return_without_compare_and_set(world: World, planting: Planting) -> None:
    """A return is saved whatever its version and state are by now."""
    reword(
        world, planting, ("returns.version = ?", "(returns.version = ? OR 1)"), ("returns.state IN (", "(1 OR returns.state) IN (1, "),
        only="UPDATE returns",
    )


@mutant("I1", "I2", "I4", story="approve")
def refund_without_compare_and_set(world: World, planting: Planting) -> None:
    """Stripe's word on a refund is written whatever its state is by now, and nothing is locked or compared around it."""
    put(planting, storage.returns, "is_sqlite", lambda _bind: True)  # locks no row
    before = settlement._moved
    put(
        planting, settlement, "_moved",
        lambda found, state, uow: replace(before(found, state, uow), version=uow.returns.held(found.id).version),
    )
    reword(world, planting, ("refunds.state = ?", "(refunds.state = ? OR 1)"), only="UPDATE refunds")


@mutant("I3")
def no_role_needed(world: World, planting: Planting) -> None:
    """Whoever is active staff may decide."""

    def require(self: Actor, roles: Any, doing: str, *, money: bool = False) -> Any:
        del roles, money
        if self.staff is None or not self.staff.active:
            raise NotAllowed(doing)
        return self.staff

    put(planting, Actor, "require", require)


@mutant("I3")
def let_go_but_not_locked_out(world: World, planting: Planting) -> None:
    """Whoever once was staff may decide."""

    def require(self: Actor, roles: Any, doing: str, *, money: bool = False) -> Any:
        del money
        if self.staff is None or self.staff.role not in roles:
            raise NotAllowed(doing)
        return self.staff

    put(planting, Actor, "require", require)


@mutant("I3")
def any_workspace(world: World, planting: Planting) -> None:
    """Slack's user id is enough; whose company it is does not matter."""
    before, shop_of = PeopleRows.by_slack, ShopRows.of_slack
    put(planting, PeopleRows, "by_slack", lambda self, _team, user: before(self, "T0", user))
    put(planting, ShopRows, "of_slack", lambda self, _team, user, channel: shop_of(self, "T0", user, channel))


@mutant("I3", story="approve")
def own_return(world: World, planting: Planting) -> None:
    """Staff may decide their own returns."""
    put(planting, decisions, "refuse_own", lambda *_: None)


@mutant("I3")
def no_limit(world: World, planting: Planting) -> None:
    """A person's limit is not looked at, neither alone nor added up."""
    put(planting, decisions, "within_limit", lambda *_: True)
    put(planting, decisions, "count", lambda *_, **__: None)


@mutant("I3")
def no_limit_given_means_none(world: World, planting: Planting) -> None:
    """Somebody whose limit was forgotten may let anything go."""
    before = decisions.within_limit
    put(planting, decisions, "within_limit", lambda yes, uow: yes.staff.refund_limit is None or before(yes, uow))


@mutant("I3", story="second")
def no_second_approver(world: World, planting: Planting) -> None:
    """One person is enough for any amount."""
    put(planting, decisions, "needs_second", lambda *_: False)
    put(planting, decisions, "count", lambda *_, **__: None)


@mutant("I3", story="second")
def same_person_twice(world: World, planting: Planting) -> None:
    """The second of two approvals may come from the first person."""

    def first(yes: Any, uow: Any) -> Any:
        found = cards.first_approval(yes.found, uow.returns.approvals(yes.found.id))
        return found if found is not None and found.amount == yes.amount else None

    put(planting, decisions, "first_of_two", first)


@mutant("I1", story="approve")
def more_than_was_asked_for(world: World, planting: Planting) -> None:
    """An amount in a form is not held against the request."""
    before = decisions._amount

    def amount(found: Any, minor: int | None) -> Any:
        return before(found, None) if minor is None else replace(found.requested, minor=minor)

    put(planting, decisions, "_amount", amount)


@mutant("I3", story="photo")
def stale_button(world: World, planting: Planting) -> None:
    """A button of an older version of the card counts."""
    before = decisions.open_return
    put(planting, decisions, "open_return", lambda number, _version, uow: before(number, None, uow))


@mutant("I1", story="two_returns")
def claim_without_what_was_captured(world: World, planting: Planting) -> None:
    """Neither the guarded update nor the table's CHECK looks at what is left."""
    reword(world, planting, ("payments.refunded_minor + ? <= payments.amount_minor", "(payments.refunded_minor + ? <= payments.amount_minor OR 1)"))
    world.database.raw.execute("PRAGMA ignore_check_constraints=ON")
    planting.stack.callback(world.database.raw.execute, "PRAGMA ignore_check_constraints=OFF")


@mutant("I1", "I4", story="both_returns")
def released_twice(world: World, planting: Planting) -> None:
    """A failed refund gives back twice what was claimed."""
    before = PaymentRows.release

    def release(self: Any, payment: int, minor: int) -> None:
        before(self, payment, minor)
        with contextlib.suppress(Exception):
            before(self, payment, minor)

    put(planting, PaymentRows, "release", release)


@mutant("I1", story="approve")
def never_released(world: World, planting: Planting) -> None:
    """A failed refund keeps what it claimed."""
    put(planting, PaymentRows, "release", lambda *_: None)


@mutant("I3", story="approve")
def freed_by_the_first_that_is_won(world: World, planting: Planting) -> None:
    """One of two disputes is won, and the payment counts as free."""

    def bar(payment: Any, uow: Any) -> None:
        states = [one.state for one in uow.payments.disputes_of(payment.id)]
        uow.payments.mark_disputed(payment.id, disputed="won" not in states)

    put(planting, domain.payments.disputes, "_bar", bar)


@mutant("I3", story="approve")
def dispute_ignored(world: World, planting: Planting) -> None:
    """A disputed payment is refunded like any other."""
    put(planting, PaymentRows, "mark_disputed", lambda *_, **__: None)


@mutant("I3", "I10", story="two_shops")
def another_shops_staff(world: World, planting: Planting) -> None:
    """Whoever is staff of one shop is staff of every shop."""
    reword(world, planting, ("staff.shop_id = ?", "(staff.shop_id = ? OR 1)"), only="FROM staff")


@mutant("I3", "I10", story="two_shops")
def another_shops_return(world: World, planting: Planting) -> None:
    """Whose a row is, is not looked at: a return is found by its number alone, and so is all that belongs to it."""
    tables = ("returns", "return_lines", "orders", "order_lines", "customers", "payments", "refunds", "approvals")
    reword(world, planting, *((f" {table}.shop_id = ?", f" ({table}.shop_id = ? OR 1)") for table in tables))
    reword(world, planting, ("payments.shop_id = refunds.shop_id", "1"))


@mutant("I4", story="approve")
def intent_outside_the_transaction(world: World, planting: Planting) -> None:
    """The refund's job is written after the approval was committed."""
    before = OutboxRows.refund

    def refund(self: Any, refund_id: str, *, payment_id: int) -> None:
        async def afterwards() -> None:
            replica = world.any_replica()
            if replica is not None:
                await replica.pause(0.002)
                await replica.engine.write(
                    lambda transaction: before(replace(self, connection=transaction.connection), refund_id, payment_id=payment_id)  # type: ignore[attr-defined]
                )

        world.spawn(_until_killed(afterwards()))

    put(planting, OutboxRows, "refund", refund)


async def _until_killed(work: Any) -> None:
    from tests.faults.simulator.replica import Killed

    with contextlib.suppress(Killed):
        await work


@mutant("I3", story="receipt")
def paid_before_the_goods_came(world: World, planting: Planting) -> None:
    """The policy that waits for the goods is not asked."""
    put(planting, decisions, "due_at_once", lambda *_: True)


@mutant("I3", story="receipt")
def paid_whatever_came(world: World, planting: Planting) -> None:
    """What came back is not held against what was announced."""
    put(planting, arrivals, "mismatch", lambda _found: None)


@mutant("I4", story="approve")
def customer_not_told(world: World, planting: Planting) -> None:
    """Nobody tells the customer that the money is on its way."""
    put(planting, settlement, "_tell", lambda *_, **__: False)


@mutant("I8", story="approve")
def card_left_as_it_was(world: World, planting: Planting) -> None:
    """The card does not follow what Stripe says."""
    before = cards.show

    def show(found: Any, uow: Any) -> None:
        if found.state.value not in {"refunded", "refund_failed"}:
            before(found, uow)

    put(planting, cards, "show", show)


@mutant("I9")
def no_audit_line(world: World, planting: Planting) -> None:
    """Approvals leave no line in the trail."""
    before = AuditRows.add

    def add(self: Any, actor: str, action: str, subject: str, detail: Any = None) -> None:
        if action != "return.approved":
            before(self, actor, action, subject, detail)

    put(planting, AuditRows, "add", add)


@mutant("I9")
def audit_lines_unchained(world: World, planting: Planting) -> None:
    """A line is written again over the last one's predecessor."""
    reword(world, planting, ("ORDER BY audit.id DESC", "ORDER BY audit.id"), only="SELECT audit.id, audit.hash")


@mutant("I2", "I4", story="approve")
def settled_without_stripes_id(world: World, planting: Planting) -> None:
    """A webhook is believed for a refund that Stripe does not know by that id."""
    put(planting, settlement, "after", lambda _known, heard: heard)


