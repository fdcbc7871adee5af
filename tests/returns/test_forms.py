"""What staff are asked before they decline or refund a part."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.errors import BadInput, Conflict, NotAllowed
from domain.forms import FieldKind, Form
from domain.inventory import ListLowStock
from domain.messages import Command
from domain.returns.commands import ApproveInPart, CancelReturn, DeclineReturn
from domain.returns.forms import FORMS
from tests.returns.world import DELIVERED, World


def form(world: World, command: Command, who: str = "ada") -> Form:
    with world.begin() as uow:
        return FORMS.get(type(command), FORMS[DeclineReturn])(command, world.actor(who), uow)


def test_declining_asks_for_a_reason_and_says_who_reads_it(world: World) -> None:
    found = world.request(world.order())
    asked = form(world, DeclineReturn(return_number=found.number, version=found.version))
    assert asked.title == f"Decline {found.number}"
    assert asked.intro is not None
    assert "Maria S. asked for" in asked.intro
    (reason,) = asked.fields
    assert (reason.name, reason.kind, reason.initial) == ("reason", FieldKind.MULTILINE, None)


def test_past_the_window_the_policys_reason_stands_there_already(world: World) -> None:
    found = world.request(world.order(delivered=DELIVERED - timedelta(days=60)))
    (reason,) = form(world, DeclineReturn(return_number=found.number, version=found.version)).fields
    assert reason.initial is not None
    assert "days after delivery is over" in reason.initial


def test_a_part_asks_for_an_amount_of_at_most_what_was_asked_for(world: World) -> None:
    found = world.request(world.order())
    amount, reason = form(world, ApproveInPart(return_number=found.number, version=found.version)).fields
    assert (amount.name, amount.label, amount.kind) == ("amount", "Amount (EUR)", FieldKind.MONEY)
    assert amount.hint == "At most €38.00"
    assert reason.hint == "The customer reads it."


def test_a_decided_return_or_another_version_opens_no_form(world: World) -> None:
    found = world.request(world.order())
    with pytest.raises(Conflict):
        form(world, DeclineReturn(return_number=found.number, version=found.version + 1))
    world.run(CancelReturn(return_number=found.number), 1001)
    for kind in (DeclineReturn, ApproveInPart):
        with pytest.raises(Conflict):
            form(world, kind(return_number=found.number, version=found.version))


@pytest.mark.parametrize("who", ["eve", "dan"])
def test_who_may_not_decide_is_not_even_asked(world: World, who: str) -> None:
    found = world.request(world.order())
    with pytest.raises(NotAllowed):
        form(world, DeclineReturn(return_number=found.number, version=found.version), who)


def test_the_form_of_another_command_is_refused(world: World) -> None:
    with pytest.raises(BadInput):
        form(world, ListLowStock())
