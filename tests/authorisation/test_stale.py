"""S10: a press on a card that has changed is refused with how it stands now, and the card is drawn anew."""

from __future__ import annotations

import itertools

import pytest
import sqlalchemy as sa

from domain.returns import AskForPhoto, DeclineReturn
from domain.returns.messages import ReturnCard
from handlers.run import Desk, Who
from storage.tables import jobs, staff
from tests.desk import TestDesk
from tests.returns.world import World

ADA = Who(platform="slack", user="U0ADA", team="T0", place="C0RETURNS")
EVE = Who(platform="slack", user="U0EVE", team="T0", place="C0RETURNS")


@pytest.fixture
def door(world: World) -> Desk:
    numbers = itertools.count(1)
    return Desk(engine=world.store, reference=lambda: f"REF{next(numbers)}")


def _token(desk: TestDesk, label: str) -> str:
    card = desk.said("return_card")[0]
    return str(next(one["token"] for one in card["buttons"] if one["label"].startswith(label)))


async def test_the_refusal_shows_the_case_as_it_stands_and_the_card_is_drawn_anew_once(world: World, door: Desk) -> None:
    world.request(world.order())
    token = _token(world.desk, "Approve")
    world.run(AskForPhoto(return_number="R-318", version=1), "ben")
    for _ in range(3):
        world.desk.execute(sa.update(jobs).where(jobs.c.kind.startswith("say.")).values(state="done"))
        answer = await door.pressed(ADA, token)
        assert answer.refused
        assert "R-318 has changed since you looked: the customer was asked for a photo" in str(answer.letter.message)
        assert answer.now is not None
        card = answer.now.message
        assert isinstance(card, ReturnCard)
        assert card.version == 2
        assert {button.label for button in answer.now.buttons} >= {"Approve €38.00", "Decline…"}
    again = [row for row in world.desk.outbox_rows("say.slack") if "#" in row.key]
    assert len(again) == 1, "three presses in a minute draw it once"
    assert again[0].payload["version"] == 2
    assert world.outbox("refund") == []
    new = str(next(button.token for button in answer.now.buttons if button.label.startswith("Approve")))
    assert not (await door.pressed(ADA, new)).refused, "the new card's button counts"
    assert len(world.outbox("refund")) == 1


async def test_who_was_faster_is_said_and_shown(world: World, door: Desk) -> None:
    world.request(world.order())
    token = _token(world.desk, "Approve")
    world.run(DeclineReturn(return_number="R-318", version=1, reason="no"), "cleo")
    answer = await door.pressed(ADA, token)
    assert "Cleo declined this at 09:05." in str(answer.letter.message)
    assert answer.now is not None
    assert [button.label for button in answer.now.buttons] == ["History"]


async def test_who_may_not_decide_hears_that_and_sees_nothing_new(world: World, door: Desk) -> None:
    world.request(world.order())
    token = _token(world.desk, "Approve")
    world.run(DeclineReturn(return_number="R-318", version=1, reason="no"), "cleo")
    for who in (EVE, Who(platform="slack", user="U0NOBODY", team="T0"), Who(platform="slack", user="U0ADA", team="T0OTHER")):
        answer = await door.pressed(who, token)
        assert answer.refused
        assert answer.now is None


async def test_a_change_of_role_counts_from_the_next_press_on(world: World, door: Desk) -> None:
    world.request(world.order())
    token = _token(world.desk, "Approve")
    world.desk.execute(sa.update(staff).where(staff.c.key == "ada").values(role="viewer"))
    assert "You are viewer." in str((await door.pressed(ADA, token)).letter.message)
    world.desk.execute(sa.update(staff).where(staff.c.key == "ada").values(role="of a newer version"))
    assert "switched off" in str((await door.pressed(ADA, token)).letter.message)
    world.desk.execute(sa.update(staff).where(staff.c.key == "ada").values(role="owner"))
    assert not (await door.pressed(ADA, token)).refused


async def test_a_button_is_worth_nothing_guessed_or_to_another_person(world: World, door: Desk) -> None:
    world.request(world.order())
    token = _token(world.desk, "Approve")
    assert (await door.pressed(ADA, token + "x")).refused
    world.desk.execute(sa.text("UPDATE buttons SET presser = 'slack:T0/U0CLEO'"))
    assert "for somebody else" in str((await door.pressed(ADA, token)).letter.message)
    assert world.outbox("refund") == []
