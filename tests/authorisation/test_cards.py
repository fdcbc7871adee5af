"""Who may do everything else: each role, and what else is true of a person, at the real desk.

The table is written as a person would write it down; nothing in it is taken from the code that it judges. What is decided
of a return has a table of its own, and what customers say to their own chat is for whoever says it: a command that is in
none of the three fails.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import pytest
import sqlalchemy as sa

from domain.dialogue import commands as talk
from domain.digest import ChangeMyDigest, ShowDigest
from domain.errors import NotAllowed, OpsError
from domain.home import ShowHome
from domain.inventory import (
    AskForStock,
    ChangeReorderPoint,
    ChooseSupplier,
    FindStock,
    ListLowStock,
    Movement,
    MovementKind,
    OrderAllLow,
    OrderOtherQuantity,
    OrderStock,
    ShowStock,
    SnoozeLowStock,
    WhyLowStock,
    WhyStock,
)
from domain.inventory.watch import LOW_STOCK, LOW_STOCK_SUPPLIER, StockCase, SummaryCase, figures_of
from domain.messages import Command
from domain.own_digest import ShowMyDigest
from domain.people import Actor, Role
from domain.quiet_hours import ChangeQuietHours, ShowQuietHours
from domain.returns import (
    ApproveInPart,
    ApproveReturn,
    AskForPhoto,
    CancelReturn,
    DeclineReturn,
    ListReturns,
    ReturnHistory,
    ShowReturn,
)
from domain.shipping import (
    CancelReship,
    CloseClaim,
    FileClaim,
    ListLateParcels,
    Milestone,
    OpenClaim,
    ParcelScanned,
    RefundParcel,
    ReshipLeft,
    ReshipParcel,
    ResolveParcel,
    ShowParcels,
    SnoozeParcel,
    Substatus,
    TellCustomer,
    WhereIsMyParcel,
    WhyParcel,
)
from domain.wire import object_json
from handlers.commands import ShowHelp
from storage.tables import order_lines, products, suppliers, variants
from tests.authorisation.table import KINDS, ROLES
from tests.returns.world import World

ALL, DESK, BUYERS = set(ROLES), {"owner", "ops", "support", "finance"}, {"owner", "ops"}
DECIDERS, SPEAKERS = {"owner", "support", "finance"}, {"owner", "ops", "support"}
MAY = {
    "change my digest": ALL, "show my digest": ALL, "change quiet hours": ALL, "show quiet hours": ALL,
    "other supplier": BUYERS, "open a claim": DESK, "file a claim": DESK,
    "close a claim": DESK, "ask for a refund": DESK, "send again": DECIDERS, "it has left": DESK, "not after all": DECIDERS,
    "look at stock": ALL, "see what is low": ALL, "ask why it is low": ALL, "ask why": ALL, "order": BUYERS,
    "order another quantity": BUYERS, "order all of a supplier": BUYERS, "be quiet about stock": DESK,
    "change a reorder point": BUYERS, "look at parcels": ALL, "see what is late": ALL, "ask why it is late": ALL,
    "write to a customer": SPEAKERS, "be quiet about a parcel": DESK, "resolve a parcel": DESK, "see the waiting returns": ALL,
    "see the digest": ALL, "see App Home": ALL, "see the commands": ALL,
}
#: decided in tests/authorisation/table.py
OF_RETURNS = {ApproveReturn, ApproveInPart, DeclineReturn, AskForPhoto, CancelReturn, ShowReturn, ReturnHistory}
#: in a customer's own chat, about what is theirs
OF_CUSTOMERS = {
    FindStock, AskForStock, WhereIsMyParcel, talk.Start, talk.Say, talk.SendPhoto, talk.ShareContact, talk.ShowMenu,
    talk.ReturnSomething, talk.WhereIsParcel, talk.TellMeWhenBack, talk.OtherOrder, talk.ChooseOrder, talk.ToggleLine,
    talk.LinesChosen, talk.ChooseQuantity, talk.ChooseReason, talk.ConfirmReturn, talk.ChangeReturn, talk.Back,
    talk.CancelDialogue,
}
#: lets goods go, or stops them: not for somebody whom Slack would not tell from a guest
GOODS = {"send again", "not after all"}
#: nobody has goods sent to themselves; without a limit set, support has none
NOT_FOR_THEMSELVES = {"send again"}


@dataclass
class Stage:
    """A damaged parcel of Maria's with its card, a claim and a second parcel under way."""

    world: World
    commands: dict[str, Command]


@pytest.fixture
def stage(world: World) -> Stage:
    order = world.order(lines=(("LAMP", "Lamp", 1, 2000),), delivered=None)
    world.link("maria", 1001)
    with world.begin() as uow:
        uow.customers.upsert("maria", name="Maria Silva", email="maria@example.com", phone=None)
    shop = world.desk.shop.id
    world.desk.execute(sa.insert(products).values(shop_id=shop, external_id="L", title="Lamp"))
    product = world.desk.query(sa.select(products.c.id))[0].id
    for name in ("Nordkeramik", "Fjord"):
        world.desk.execute(sa.insert(suppliers).values(shop_id=shop, external_id=name, name=name, lead_time_days=5.0))
    ours, others = (row.id for row in world.desk.query(sa.select(suppliers.c.id).order_by(suppliers.c.id)))
    world.desk.execute(sa.insert(variants).values(shop_id=shop, product_id=product, sku="LAMP", title="Lamp", supplier_id=ours))
    lamp = world.desk.query(sa.select(variants.c.id))[0].id
    world.desk.execute(sa.update(order_lines).values(variant_id=lamp))
    with world.begin() as uow:
        uow.inventory.move(Movement(variant_id=lamp, location="leipzig", kind=MovementKind.OPENING, at=world.now, key="o", on_hand=50))
    for number in ("1042", "1043"):
        if number == "1043":
            world.order("1043", lines=(("LAMP", "Lamp", 1, 2000),), delivered=None)
            world.desk.execute(sa.update(order_lines).values(variant_id=lamp))
        world.learn(ParcelScanned(
            order=number, carrier="DHL", tracking_number=f"T{number}", milestone=Milestone.EXCEPTION,
            substatus=Substatus.DAMAGED, at=world.now, place=None, key=f"s{number}", origin=None, destination=None,
            expected_on=date(2026, 11, 25),
        ))
    with world.begin() as uow:
        first, second = uow.cases.open_all("late_parcel")
    assert first.subject == f"{order.number}/1"
    world.run(OpenClaim(case_id=second.id, version=second.version), "ada")
    with world.begin() as uow:
        second = uow.cases.by_id(second.id)
    world.run(ReshipParcel(case_id=second.id, version=second.version), "ada")
    with world.begin() as uow:
        figures = figures_of(uow, lamp, uow.now)
        assert figures is not None
        low = uow.cases.open(LOW_STOCK, "LAMP", object_json(StockCase(figures=figures)))
        rows = (replace(figures, suggested_quantity=10),)
        facts = SummaryCase(supplier_id=int(ours), supplier="Nordkeramik", rows=rows)
        several = uow.cases.open(LOW_STOCK_SUPPLIER, "Nordkeramik", object_json(facts))
        assert low is not None
        assert several is not None
        (claim,), (again,) = uow.cases.open_all("carrier_claim"), uow.cases.open_all("reship")
    return Stage(world, {
        "change my digest": ChangeMyDigest(hour="7:00"), "show my digest": ShowMyDigest(),
        "change quiet hours": ChangeQuietHours(hours="20-7"), "show quiet hours": ShowQuietHours(),
        "other supplier": ChooseSupplier(sku="LAMP", supplier=str(others)),
        "look at stock": ShowStock(sku="LAMP"), "see what is low": ListLowStock(), "ask why": WhyStock(sku="LAMP"),
        "ask why it is low": WhyLowStock(case_id=low.id),
        "order": OrderStock(case_id=low.id, version=low.version, quantity=10),
        "order another quantity": OrderOtherQuantity(case_id=low.id, version=low.version, quantity=10),
        "order all of a supplier": OrderAllLow(case_id=several.id, version=several.version),
        "be quiet about stock": SnoozeLowStock(case_id=low.id, version=low.version, days=1),
        "change a reorder point": ChangeReorderPoint(sku="LAMP", reorder_point=5),
        "look at parcels": ShowParcels(order="1042"), "see what is late": ListLateParcels(),
        "ask why it is late": WhyParcel(case_id=first.id),
        "write to a customer": TellCustomer(case_id=first.id, version=first.version, text="We look for it."),
        "be quiet about a parcel": SnoozeParcel(case_id=first.id, version=first.version, days=1),
        "resolve a parcel": ResolveParcel(case_id=first.id, version=first.version),
        "see the waiting returns": ListReturns(), "see the digest": ShowDigest(), "see App Home": ShowHome(),
        "see the commands": ShowHelp(),
        "open a claim": OpenClaim(case_id=first.id, version=first.version),
        "file a claim": FileClaim(case_id=claim.id, version=claim.version),
        "close a claim": CloseClaim(case_id=claim.id, version=claim.version, end="dropped"),
        "ask for a refund": RefundParcel(case_id=first.id, version=first.version),
        "send again": ReshipParcel(case_id=first.id, version=first.version),
        "it has left": ReshipLeft(case_id=again.id, version=again.version, tracking_number="T9"),
        "not after all": CancelReship(case_id=again.id, version=again.version),
    })


class _TakeBack(Exception):
    """Ends a transaction without a trace."""


def _actor(stage: Stage, role: str, kind: str) -> Actor:
    if not role:
        return stage.world.desk.customer(1001) if kind == "the customer" else Actor(identity="slack:T0/U0NOBODY")
    known = stage.world.desk.staff("ben")
    assert known.staff is not None
    limited = role not in {"owner", "finance"} and kind != "no limit set"
    limit = known.staff.refund_limit if limited else None
    person = replace(
        known.staff, role=Role(role), refund_limit=limit, active=kind != "switched off",
        telegram_user=1001 if kind == "own by account" else None,
        email="MARIA@example.com" if kind == "own by e-mail" else None,
    )
    return Actor(identity=known.identity, staff=person, stranger=kind in {"guest", "stranger"}, unsure=kind == "unsure")


def _expected(role: str, kind: str, action: str) -> bool:
    if not role or kind in {"guest", "stranger", "switched off"} or role not in MAY[action]:
        return False
    if action in GOODS and kind == "unsure":
        return False
    if action in NOT_FOR_THEMSELVES and kind.startswith("own"):
        return False
    return not (action == "send again" and role == "support" and kind == "no limit set")


def test_no_command_is_outside_the_tables(stage: Stage) -> None:
    from handlers.use_cases import USE_CASES

    here = {type(command) for command in stage.commands.values()}
    assert set(stage.commands) == set(MAY)
    assert here | OF_RETURNS | OF_CUSTOMERS == set(USE_CASES)
    assert not here & (OF_RETURNS | OF_CUSTOMERS)


@pytest.mark.parametrize("step", ["does it", "opens its form"])
def test_every_action_of_the_cards_is_for_whom_the_table_says(stage: Stage, step: str) -> None:
    from handlers.use_cases import FORMS, USE_CASES

    people = [(role, kind) for role in ROLES for kind in KINDS] + [("", "unknown"), ("", "the customer")]
    wrong, tried = [], 0
    for action, command in stage.commands.items():
        asked = USE_CASES[type(command)] if step == "does it" else FORMS.get(type(command))
        if not callable(asked):
            continue  # nothing to type, or the same form for everybody
        for role, kind in people:
            tried += 1
            allowed = True
            try:
                with stage.world.begin() as uow:
                    asked(command, _actor(stage, role, kind), uow)
                    raise _TakeBack
            except _TakeBack:
                pass
            except NotAllowed:
                allowed = False
            except OpsError as error:
                raise AssertionError(f"{action} by {role} ({kind}) is not tried here: {error}") from error
            if allowed != _expected(role, kind, action):
                wrong.append((action, role, kind, allowed))
    forms = sum(1 for command in stage.commands.values() if callable(FORMS.get(type(command))))
    assert tried == (len(MAY) if step == "does it" else forms) * len(people)
    assert forms >= 7
    assert wrong == []
