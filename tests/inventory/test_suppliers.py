"""Another supplier for a SKU: days, minimum and quantity become theirs, the card follows, nothing is ordered."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from domain.errors import BadInput, Conflict, NotAllowed, NotFound
from domain.inventory import (
    ChooseSupplier,
    LowStockCard,
    LowStockSummary,
    OrderStock,
    StockRecovered,
    SupplierChosen,
)
from domain.inventory.forms import FORMS
from domain.inventory.suppliers import supplier_form
from domain.inventory.watch import LOW_STOCK, LOW_STOCK_SUPPLIER
from storage.tables import audit, purchase_orders, stock_levels, supplier_terms, suppliers, variants
from tests.inventory.test_restock import MUG, add_level, low_mug
from tests.inventory.world import World, actor


def rows(world: World, *columns: sa.Column[object]) -> list[tuple[object, ...]]:
    with world.store.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns)).all()]


def card(world: World) -> LowStockCard:
    found = world.said("low_stock_card")[-1]
    assert isinstance(found, LowStockCard)
    return found


def test_the_card_is_computed_anew_for_their_days_and_minimum_and_nothing_is_ordered(world: World) -> None:
    before = low_mug(world)
    slow = world.supplier("Fjord Ceramics", lead=20.0)
    (button,) = [one for one in before.buttons if one.label == "Other supplier"]
    assert button.more
    assert button.command == ChooseSupplier(sku=MUG)
    said = world.run(ChooseSupplier(sku=MUG, supplier=str(slow), minimum=240), "dan")
    assert isinstance(said, SupplierChosen)
    after = card(world)
    assert (before.figures.supplier, before.figures.lead_time_days, before.figures.reorder_point) == ("Nordkeramik", 9, 45)
    assert (after.figures.supplier, after.figures.lead_time_days, after.figures.reorder_point) == ("Fjord Ceramics", 20, 100)
    assert before.figures.suggested_quantity < 240 == after.figures.suggested_quantity
    assert after.version > before.version
    assert said.figures == after.figures
    assert said.before == "Nordkeramik"
    assert rows(world, purchase_orders.c.id) == []
    assert rows(world, stock_levels.c.incoming) == [(0,)]
    (line,) = [row for row in rows(world, audit.c.action, audit.c.actor, audit.c.subject) if row[0] == "stock.supplier"]
    assert line == ("stock.supplier", "staff:dan", MUG)
    with pytest.raises(Conflict, match="figures have changed"):
        world.run(OrderStock(case_id=before.case_id, version=before.version, quantity=72), "dan")


def test_terms_are_remembered_for_whoever_it_came_from(world: World) -> None:
    low_mug(world)
    first = rows(world, variants.c.supplier_id)[0][0]
    other = world.supplier("Fjord Ceramics", lead=12.0)
    world.run(ChooseSupplier(sku=MUG, supplier=str(other), minimum=240), "ada")
    world.run(ChooseSupplier(sku=MUG, supplier=str(first)), "ada")
    assert rows(world, variants.c.supplier_id, variants.c.minimum_order, variants.c.pack_size) == [(first, 1, 6)]
    world.run(ChooseSupplier(sku=MUG, other="fjord ceramics"), "ada")
    assert rows(world, variants.c.supplier_id, variants.c.minimum_order) == [(other, 240)]
    assert len(rows(world, supplier_terms.c.id)) == 2
    with pytest.raises(Conflict, match="comes from Fjord Ceramics already"):
        world.run(ChooseSupplier(sku=MUG, supplier=str(other)), "ada")
    world.run(ChooseSupplier(sku=MUG, supplier=str(other), minimum=60), "ada")
    assert rows(world, variants.c.minimum_order) == [(60,)]


def test_a_faster_one_can_make_ordering_needless_and_says_so(world: World) -> None:
    low_mug(world, available=30)
    near = world.supplier("Around the corner", lead=1.0)
    said = world.run(ChooseSupplier(sku=MUG, supplier=str(near)), "dan")
    assert isinstance(said, SupplierChosen)
    assert not said.figures.low
    assert isinstance(world.said()[-1], StockRecovered)
    assert world.case(LOW_STOCK, MUG) is None


def test_one_row_leaves_the_card_of_the_supplier_it_no_longer_comes_from(world: World) -> None:
    nordkeramik, other = world.supplier(), world.supplier("Fjord Ceramics", lead=12.0)
    for number in range(3):
        world.variant(f"MUG-{number}", f"Mug {number}", supplier=nordkeramik, stock=None)
    with world.begin() as uow:
        for number in range(3):
            add_level(uow, f"MUG-{number}", 10)
    world.sweep()
    assert world.case(LOW_STOCK_SUPPLIER, str(nordkeramik)) is not None
    world.run(ChooseSupplier(sku="MUG-1", supplier=str(other)), "dan")
    summary = world.said("low_stock_summary")[-1]
    assert isinstance(summary, LowStockSummary)
    assert sorted(row.sku for row in summary.rows) == ["MUG-0", "MUG-2"]
    assert (card(world).figures.sku, card(world).figures.supplier) == ("MUG-1", "Fjord Ceramics")
    world.sweep()
    assert world.case(LOW_STOCK, "MUG-1") is not None
    assert len(world.said("low_stock_card")) == 1


@pytest.mark.parametrize("who", ["ben", "cleo", "eve"])
def test_only_who_may_order_may_choose(world: World, who: str) -> None:
    low_mug(world)
    other = world.supplier("Fjord Ceramics")
    with pytest.raises(NotAllowed):
        world.run(ChooseSupplier(sku=MUG, supplier=str(other)), who)
    with world.begin() as uow, pytest.raises(NotAllowed):
        supplier_form(ChooseSupplier(sku=MUG), actor(who, uow), uow)


@pytest.mark.parametrize(("asked", "error", "field"), [
    (ChooseSupplier(sku=MUG), BadInput, "supplier"),
    (ChooseSupplier(sku=MUG, supplier="x"), BadInput, "supplier"),
    (ChooseSupplier(sku=MUG, supplier="²"), BadInput, "supplier"),
    (ChooseSupplier(sku=MUG, supplier="9" * 30), BadInput, "supplier"),
    (ChooseSupplier(sku=MUG, supplier="999"), NotFound, None),
    (ChooseSupplier(sku=MUG, other="Nobody & sons"), BadInput, "other"),
    (ChooseSupplier(sku=MUG, supplier="1", minimum=0), BadInput, "minimum"),
    (ChooseSupplier(sku=MUG, supplier="1", minimum=100_001), BadInput, "minimum"),
    (ChooseSupplier(sku="NO-SUCH", supplier="1"), NotFound, None),
])
def test_what_cannot_be_is_refused_beside_its_field(
    world: World, asked: ChooseSupplier, error: type[Exception], field: str | None
) -> None:
    low_mug(world)
    with pytest.raises(error) as caught:
        world.run(asked, "dan")
    assert getattr(caught.value, "field", None) == field
    assert rows(world, supplier_terms.c.id) == []


def test_another_shops_supplier_is_none_of_ours(world: World) -> None:
    low_mug(world)
    other = world.supplier("Fjord Ceramics")
    with world.store.engine.begin() as connection:
        from storage.tables import shops

        connection.execute(sa.insert(shops).values(id=2, key="b", name="B", currency="EUR", time_zone="UTC", language="en",
                                                   country="DE", settings={}))
        connection.execute(sa.update(suppliers).where(suppliers.c.id == other).values(shop_id=2))
    with pytest.raises(NotFound):
        world.run(ChooseSupplier(sku=MUG, supplier=str(other)), "dan")
    with pytest.raises(BadInput):
        world.run(ChooseSupplier(sku=MUG, other="Fjord Ceramics"), "dan")
    with world.begin() as uow:
        form = supplier_form(ChooseSupplier(sku=MUG), actor("dan", uow), uow)
    assert len(form.fields[0].choices) == 1


def test_the_form_names_who_is_known_first_and_takes_a_name_where_there_are_many(world: World) -> None:
    low_mug(world)
    other = world.supplier("Zebra", lead=None)
    world.run(ChooseSupplier(sku=MUG, supplier=str(other), minimum=24), "ada")
    for number in range(3):
        world.supplier(f"A{number}", lead=3.0)
    with world.begin() as uow:
        form = supplier_form(ChooseSupplier(sku=MUG), actor("ada", uow), uow)
    assert [one.label for one in form.fields[0].choices] == [
        "Nordkeramik · 9 days · at least 1", "Zebra · days not known · at least 24 (now)",
        "A0 · 3 days", "A1 · 3 days", "A2 · 3 days",
    ]
    assert [one.name for one in form.fields] == ["supplier", "minimum"]
    for number in range(3, 30):
        world.supplier(f"A{number}", lead=3.0)
    with world.begin() as uow:
        form = supplier_form(ChooseSupplier(sku=MUG), actor("ada", uow), uow)
    assert [one.name for one in form.fields] == ["supplier", "other", "minimum"]
    assert len(form.fields[0].choices) == 20
    assert not form.fields[0].required
    assert FORMS[ChooseSupplier] is supplier_form
