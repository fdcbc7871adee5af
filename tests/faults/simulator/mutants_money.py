"""Defects in what lets money go."""

from __future__ import annotations

import contextlib
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import domain.payments.disputes
import domain.payments.settlement
import domain.returns.arrivals
import domain.returns.decisions
import gateways.stripe
from domain.errors import NotAllowed
from domain.people import Actor
from domain.returns import cards
from storage.audit import AuditRows
from storage.outbox import OutboxRows
from storage.payments import PaymentRows
from storage.people import PeopleRows
from storage.shops import ShopRows
from tests.faults.simulator import bank
from tests.faults.simulator.mutants import mutant, put, reword

if TYPE_CHECKING:

    from tests.faults.simulator.world import World

decisions, arrivals, settlement = domain.returns.decisions, domain.returns.arrivals, domain.payments.settlement


@mutant("approve")
def new_key_per_attempt(world: World, stack: ExitStack) -> None:
    """Every call to Stripe has an idempotency key of its own, and nobody looks first."""
    before = bank.Bank.create

    def create(self: Any, asked: Any, key: str, job: str) -> Any:
        return before(self, asked, f"{key}-{world.new_id()}", job)

    put(stack, bank.Bank, "create", create)
    put(stack, gateways.stripe.RefundCarrier, "_ours", _no_refunds)


@mutant("approve")
def no_look_before_a_refund(world: World, stack: ExitStack) -> None:
    """The key is trusted for ever and Stripe is not asked first; it forgets keys after a day."""
    put(stack, gateways.stripe, "_KEY_LIFE", gateways.stripe._KEY_LIFE * 1000)
    put(stack, gateways.stripe.RefundCarrier, "_ours", _no_refunds)


async def _no_refunds(*_: Any) -> dict[str, Any]:
    return {}


@mutant("approve")
def return_without_compare_and_set(world: World, stack: ExitStack) -> None:
    """A return is saved whatever its version and state are by now."""
    reword(
        world, stack, ("returns.version = ?", "(returns.version = ? OR 1)"), ("returns.state IN (", "(1 OR returns.state) IN (1, "),
        only="UPDATE returns",
    )


@mutant("approve")
def refund_without_compare_and_set(world: World, stack: ExitStack) -> None:
    """Stripe's word on a refund is written whatever its state is by now."""
    reword(world, stack, ("refunds.state = ?", "(refunds.state = ? OR 1)"), only="UPDATE refunds")


@mutant()
def no_role_needed(world: World, stack: ExitStack) -> None:
    """Whoever is active staff may decide."""

    def require(self: Actor, roles: Any, doing: str) -> Any:
        if self.staff is None or not self.staff.active:
            raise NotAllowed(doing)
        return self.staff

    put(stack, Actor, "require", require)


@mutant()
def let_go_but_not_locked_out(world: World, stack: ExitStack) -> None:
    """Whoever once was staff may decide."""

    def require(self: Actor, roles: Any, doing: str) -> Any:
        if self.staff is None or self.staff.role not in roles:
            raise NotAllowed(doing)
        return self.staff

    put(stack, Actor, "require", require)


@mutant()
def any_workspace(world: World, stack: ExitStack) -> None:
    """Slack's user id is enough; whose company it is does not matter."""
    before, shop_of = PeopleRows.by_slack, ShopRows.of_slack
    put(stack, PeopleRows, "by_slack", lambda self, _team, user: before(self, "T0", user))
    put(stack, ShopRows, "of_slack", lambda self, _team, user, channel: shop_of(self, "T0", user, channel))


@mutant("approve")
def own_return(world: World, stack: ExitStack) -> None:
    """Staff may decide their own returns."""
    put(stack, decisions, "refuse_own", lambda *_: None)


@mutant()
def no_limit(world: World, stack: ExitStack) -> None:
    """A person's limit is not looked at, neither alone nor added up."""
    put(stack, decisions, "within_limit", lambda *_: True)
    put(stack, decisions, "count", lambda *_, **__: None)


@mutant()
def no_limit_given_means_none(world: World, stack: ExitStack) -> None:
    """Somebody whose limit was forgotten may let anything go."""
    before = decisions.within_limit
    put(stack, decisions, "within_limit", lambda yes, uow: yes.staff.refund_limit is None or before(yes, uow))


@mutant("second")
def no_second_approver(world: World, stack: ExitStack) -> None:
    """One person is enough for any amount."""
    put(stack, decisions, "needs_second", lambda *_: False)
    put(stack, decisions, "count", lambda *_, **__: None)


@mutant("second")
def same_person_twice(world: World, stack: ExitStack) -> None:
    """The second of two approvals may come from the first person."""

    def first(yes: Any, uow: Any) -> Any:
        found = cards.first_approval(yes.found, uow.returns.approvals(yes.found.id))
        return found if found is not None and found.amount == yes.amount else None

    put(stack, decisions, "first_of_two", first)


@mutant()
def more_than_was_asked_for(world: World, stack: ExitStack) -> None:
    """An amount in a form is not held against the request."""
    before = decisions._amount

    def amount(found: Any, minor: int | None) -> Any:
        return before(found, None) if minor is None else replace(found.requested, minor=minor)

    put(stack, decisions, "_amount", amount)


@mutant("photo")
def stale_button(world: World, stack: ExitStack) -> None:
    """A button of an older version of the card counts."""
    before = decisions.open_return
    put(stack, decisions, "open_return", lambda number, _version, uow: before(number, None, uow))


@mutant("two_returns")
def claim_without_what_was_captured(world: World, stack: ExitStack) -> None:
    """Neither the guarded update nor the table's CHECK looks at what is left."""
    reword(world, stack, ("payments.refunded_minor + ? <= payments.amount_minor", "(payments.refunded_minor + ? <= payments.amount_minor OR 1)"))
    world.database.raw.execute("PRAGMA ignore_check_constraints=ON")
    stack.callback(world.database.raw.execute, "PRAGMA ignore_check_constraints=OFF")


@mutant("approve")
def released_twice(world: World, stack: ExitStack) -> None:
    """A failed refund gives back twice what was claimed."""
    before = PaymentRows.release

    def release(self: Any, payment: int, minor: int) -> None:
        before(self, payment, minor)
        with contextlib.suppress(Exception):
            before(self, payment, minor)

    put(stack, PaymentRows, "release", release)


@mutant("approve")
def never_released(world: World, stack: ExitStack) -> None:
    """A failed refund keeps what it claimed."""
    put(stack, PaymentRows, "release", lambda *_: None)


@mutant("approve")
def dispute_ignored(world: World, stack: ExitStack) -> None:
    """A disputed payment is refunded like any other."""
    put(stack, PaymentRows, "mark_disputed", lambda *_, **__: None)


@mutant("two_shops")
def another_shops_return(world: World, stack: ExitStack) -> None:
    """Returns are found by their number, whosever they are."""
    reword(world, stack, ("returns.shop_id = ? AND upper(returns.number)", "(returns.shop_id = ? OR 1) AND upper(returns.number)"))


@mutant("approve")
def intent_outside_the_transaction(world: World, stack: ExitStack) -> None:
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

    put(stack, OutboxRows, "refund", refund)


async def _until_killed(work: Any) -> None:
    from tests.faults.simulator.replica import Killed

    with contextlib.suppress(Killed):
        await work


@mutant("receipt")
def paid_before_the_goods_came(world: World, stack: ExitStack) -> None:
    """The policy that waits for the goods is not asked."""
    put(stack, decisions, "due_at_once", lambda *_: True)


@mutant("receipt")
def paid_whatever_came(world: World, stack: ExitStack) -> None:
    """What came back is not held against what was announced."""
    put(stack, arrivals, "mismatch", lambda _found: None)


@mutant("approve")
def customer_not_told(world: World, stack: ExitStack) -> None:
    """Nobody tells the customer that the money is on its way."""
    put(stack, settlement, "_tell", lambda *_, **__: False)


@mutant("approve")
def card_left_as_it_was(world: World, stack: ExitStack) -> None:
    """The card does not follow what Stripe says."""
    before = cards.show

    def show(found: Any, uow: Any) -> None:
        if found.state.value not in {"refunded", "refund_failed"}:
            before(found, uow)

    put(stack, cards, "show", show)


@mutant()
def no_audit_line(world: World, stack: ExitStack) -> None:
    """Approvals leave no line in the trail."""
    before = AuditRows.add

    def add(self: Any, actor: str, action: str, subject: str, detail: Any = None) -> None:
        if action != "return.approved":
            before(self, actor, action, subject, detail)

    put(stack, AuditRows, "add", add)


@mutant()
def audit_lines_unchained(world: World, stack: ExitStack) -> None:
    """A line is written again over the last one's predecessor."""
    reword(world, stack, ("ORDER BY audit.id DESC", "ORDER BY audit.id"), only="SELECT audit.hash")


@mutant("approve")
def settled_without_stripes_id(world: World, stack: ExitStack) -> None:
    """A webhook is believed for a refund that Stripe does not know by that id."""
    put(stack, settlement, "after", lambda _known, heard: heard)


