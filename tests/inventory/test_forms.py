"""What staff are asked before they change a reorder point or order another number of pieces."""

from __future__ import annotations

import pytest

from domain.errors import BadInput, NotFound
from domain.forms import Form
from domain.inventory import ChangeReorderPoint, ListLowStock, OrderOtherQuantity, sweep_stock
from domain.inventory.forms import quantity_form, reorder_point_form
from domain.messages import Command
from tests.inventory.world import World, actor


def low(world: World) -> int:
    """A mug that has to be ordered; its case's id."""
    world.variant("MUG", title="Blue mug", a_day=6, stock=400)
    world.move("MUG", 390)
    with world.begin() as uow:
        sweep_stock(uow)
    with world.begin() as uow:
        (case,) = uow.cases.open_all("low_stock")
        return case.id


def test_the_suggestion_stands_in_the_form(world: World) -> None:
    case_id = low(world)
    with world.begin() as uow:
        form = quantity_form(OrderOtherQuantity(case_id=case_id, version=1), actor("dan", uow), uow)
    (field,) = form.fields
    assert field.initial is not None
    assert int(field.initial) > 0
    assert field.hint is not None
    assert "In packs of" in field.hint
    assert form.intro is not None
    assert "Blue mug (MUG)" in form.intro


def test_a_reorder_point_that_was_set_stands_in_the_form(world: World) -> None:
    world.variant("MUG", title="Blue mug")

    def asked() -> Form:
        with world.begin() as uow:
            return reorder_point_form(ChangeReorderPoint(sku="MUG"), actor("dan", uow), uow)

    assert asked().fields[0].initial is None
    assert (asked().intro or "").endswith("(computed)")
    world.run(ChangeReorderPoint(sku="MUG", reorder_point=40), "dan")
    assert asked().intro == "Blue mug (MUG), now 40 (set by hand)"
    assert asked().fields[0].initial == "40"
    assert asked().fields[0].required is False


@pytest.mark.parametrize("form", [quantity_form, reorder_point_form])
def test_the_form_of_another_command_is_refused(world: World, form: object) -> None:
    with world.begin() as uow, pytest.raises(BadInput):
        form(ListLowStock(), actor("dan", uow), uow)  # type: ignore[operator]


def test_a_case_that_is_not_about_stock_or_is_gone_has_no_form(world: World) -> None:
    def asked(command: Command) -> None:
        with world.begin() as uow:
            quantity_form(command, actor("dan", uow), uow)

    with pytest.raises(NotFound):
        asked(OrderOtherQuantity(case_id=999, version=1))
