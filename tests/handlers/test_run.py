"""run(): who is it, may they, once, and nothing half done."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from domain.answers import Help, NeverMind, Noted, Refused
from domain.errors import OpsError
from domain.forms import Choice, Field, FieldKind, Form
from domain.inventory import ChangeReorderPoint, ListLowStock, StockReport
from domain.messages import Button, Command, Message
from domain.money import Money
from domain.returns import ApproveInPart
from handlers import run as run_module
from handlers.run import Answer, Desk, Who, complete
from storage.tables import audit, buttons, variants
from tests.desk import TestDesk
from tests.handlers.conftest import ADA, EVE, STRANGER

pytestmark = pytest.mark.asyncio


def sentence(answer: Answer) -> str:
    assert isinstance(answer.letter.message, Refused)
    return answer.letter.message.sentence


async def test_a_typed_command_is_answered(door: Desk) -> None:
    answer = await door.typed(ADA, "stock", "MUG")
    assert isinstance(answer.letter.message, StockReport)
    assert isinstance((await door.typed(ADA, "ops", "")).letter.message, Help)


@pytest.mark.parametrize(("who", "words"), [(STRANGER, "I don't know you"), (replace(ADA, stranger=True), "Guests")])
async def test_who_is_not_staff_hears_why(door: Desk, who: Who, words: str) -> None:
    for text in ("help", "stock low", "digest", "returns", "parcels late", "stock why"):
        assert words in sentence(await door.typed(who, "ops", text))


async def test_what_is_missing_gives_a_form_and_the_form_the_answer(door: Desk) -> None:
    answer = await door.typed(ADA, "stock", "why")
    assert answer.form is not None
    filled = await door.filled(ADA, "stock why", {"sku": "MUG"})
    assert not filled.refused


async def test_an_unknown_shop_is_said_never_guessed(door: Desk, shop: TestDesk) -> None:
    from storage import shop_file
    from tests.desk import shop_file_of

    with shop.store.engine.begin() as connection:
        shop_file.apply(connection, replace(shop_file_of("other"), staff=(), chats=()))
    assert "which shop" in sentence(await door.typed(replace(STRANGER, place="C0UNKNOWN"), "ops", "stock"))


async def test_the_same_signed_bytes_run_once(door: Desk) -> None:
    assert not (await door.typed(ADA, "ops", "help", seen="bytes")).refused
    assert "already" in sentence(await door.typed(ADA, "ops", "help", seen="bytes"))


def _button(desk: TestDesk, command: Command, *, once: bool = False, presser: str | None = None) -> str:
    class _Card(Message):
        """A card with one button."""

        @property
        def buttons(self) -> tuple[Button, ...]:
            return (Button(label="Do", command=command, once=once),)

    with desk.begin() as uow:
        token = uow.outbox.stamp(_Card(), presser).buttons[0].token
    assert token is not None
    return token


async def test_a_button_runs_its_command_and_once_means_once(door: Desk, shop: TestDesk) -> None:
    token = _button(shop, ListLowStock(), once=True)
    assert not (await door.pressed(ADA, token)).refused
    assert "no longer valid" in sentence(await door.pressed(ADA, token))


async def test_a_button_for_somebody_else_is_refused(door: Desk, shop: TestDesk) -> None:
    token = _button(shop, ListLowStock(), presser=EVE.identity)
    assert "somebody else" in sentence(await door.pressed(ADA, token))
    assert not (await door.pressed(EVE, token)).refused


async def test_an_expired_or_unknown_button_is_refused(door: Desk, shop: TestDesk) -> None:
    token = _button(shop, ListLowStock())
    shop.clock.move(days=121)
    assert "no longer valid" in sentence(await door.pressed(ADA, token))
    assert "no longer valid" in sentence(await door.pressed(ADA, "never-made"))


async def test_a_button_that_needs_a_form_opens_it_and_the_form_runs_it(door: Desk, shop: TestDesk) -> None:
    token = _button(shop, ChangeReorderPoint(sku="MUG"))
    opened = await door.pressed(ADA, token)
    assert opened.form is not None
    assert opened.form.title == "Reorder point"
    wrong = await door.submitted(ADA, token, {"reorder_point": "many"})
    assert (wrong.refused, wrong.field) == (True, "reorder_point")
    assert not (await door.submitted(ADA, token, {"reorder_point": "40"})).refused
    assert shop.query(sa.select(variants.c.reorder_point)) == [(40,)]
    assert "I don't know" in sentence(await door.submitted(STRANGER, token, {"reorder_point": "50"}))
    assert shop.query(sa.select(variants.c.reorder_point)) == [(40,)]


async def test_never_mind_changes_nothing(door: Desk, shop: TestDesk) -> None:
    before = shop.query(sa.select(sa.func.count()).select_from(audit))
    answer = await door.pressed(ADA, _button(shop, NeverMind()))
    assert isinstance(answer.letter.message, Noted)
    assert shop.query(sa.select(sa.func.count()).select_from(audit)) == before


async def test_a_broken_use_case_leaves_nothing_and_says_where_to_look(
    door: Desk, shop: TestDesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(command: Command, actor: object, uow: object) -> Message:
        uow.audit.add("x", "half.done", "x")
        raise ZeroDivisionError

    monkeypatch.setattr(run_module, "USE_CASES", {ListLowStock: breaks})
    answer = await door.typed(ADA, "stock", "low")
    assert "(ref 7Q2K)" in sentence(answer)
    assert "ZeroDivision" not in sentence(answer)
    assert "half.done" not in shop.audit_actions()
    assert "7Q2K" in caplog.text
    assert door.refusals == [0, 1]


async def test_a_refused_command_leaves_nothing(door: Desk, shop: TestDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(command: Command, actor: object, uow: object) -> Message:
        uow.audit.add("x", "half.done", "x")
        raise OpsError("Not like this.")

    monkeypatch.setattr(run_module, "USE_CASES", {ListLowStock: refuses})
    assert sentence(await door.typed(ADA, "stock", "low")) == "Not like this."
    assert "half.done" not in shop.audit_actions()


async def test_tokens_are_kept_not_commands_that_others_could_change(door: Desk, shop: TestDesk) -> None:
    _button(shop, ListLowStock())
    rows = shop.query(sa.select(buttons.c.command, buttons.c.fields))
    assert rows[-1] == ("list_low_stock", {})


FORM = Form(
    title="t", submit="s",
    fields=(
        Field(name="amount", label="Amount", kind=FieldKind.MONEY),
        Field(name="reason", label="Reason", kind=FieldKind.CHOICE, choices=(Choice(value="a", label="A"),), required=False, max_length=5),
        Field(name="other", label="Other", required=False),
    ),
)


async def test_a_form_is_read_field_by_field() -> None:
    base = ApproveInPart(return_number="R-1", version=1)
    done = complete(base, FORM, {"amount": "12.50", "reason": "a", "other": "x"}, "EUR")
    assert done == replace(base, amount=Money(minor=1250, currency="EUR"), reason="a")


@pytest.mark.parametrize(
    ("values", "field"),
    [({}, "amount"), ({"amount": "12.5"}, "amount"), ({"amount": "1", "reason": "b"}, "reason"), ({"amount": "1", "reason": "toolong"}, "reason")],
)
async def test_what_is_wrong_in_a_form_names_its_field(values: dict[str, str], field: str) -> None:
    with pytest.raises(OpsError) as caught:
        complete(ApproveInPart(return_number="R-1"), FORM, values, "EUR")
    assert caught.value.field == field
