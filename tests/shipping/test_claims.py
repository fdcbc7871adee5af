"""Claims at carriers: opened by a deadline, reminded once, filed, ended; on both databases."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from domain.errors import BadInput, Conflict, NotAllowed, NotFound, RuleBroken
from domain.shipping import (
    FORMS,
    ClaimCard,
    ClaimDone,
    ClaimDue,
    CloseClaim,
    FileClaim,
    LateParcelCard,
    Milestone,
    OpenClaim,
    ParcelScanned,
    Substatus,
    remind_claims,
)
from domain.shipping.claims import CLAIM
from domain.shipping.watch import LATE_PARCEL
from storage.tables import audit
from tests.inventory.world import World, actor
from tests.shipping.test_parcels import scan, stuck


def damaged(world: World) -> LateParcelCard:
    """DHL says on Monday, the 23rd, that the parcel is damaged: a claim may be filed for 15 days."""
    world.customer()
    world.order()
    scan(world, Milestone.EXCEPTION, substatus=Substatus.DAMAGED)
    return late_card(world)


def late_card(world: World) -> LateParcelCard:
    card = world.said("late_parcel_card")[-1]
    assert isinstance(card, LateParcelCard)
    return card


def claim_card(world: World) -> ClaimCard:
    card = world.said("claim_card")[-1]
    assert isinstance(card, ClaimCard)
    return card


def opened(world: World, who: str = "ben") -> ClaimCard:
    card = damaged(world)
    world.run(OpenClaim(case_id=card.case_id, version=card.version), who)
    return claim_card(world)


def remind(world: World) -> list[ClaimDue]:
    with world.begin() as uow:
        remind_claims(uow)
    return [one for one in world.said("claim_due") if isinstance(one, ClaimDue)]


def test_a_claim_is_opened_from_the_card_with_the_carriers_deadline(world: World) -> None:
    card = damaged(world)
    (button,) = [one for one in card.buttons if one.label == "Open claim (until 8 Dec)"]
    assert button.more
    assert button.command == OpenClaim(case_id=card.case_id, version=card.version)
    said = world.run(OpenClaim(case_id=card.case_id, version=card.version), "ben")
    assert isinstance(said, ClaimDone)
    mine = claim_card(world)
    assert (mine.claim.until, mine.claim.opened_by, str(mine.claim.value)) == (date(2026, 12, 8), "Ben", "€20.00")
    assert [one.label for one in mine.buttons] == ["I have filed it…", "Not pursued…"]
    after = late_card(world)
    assert after.claim is not None
    assert after.claim.until == date(2026, 12, 8)
    assert not [one for one in after.buttons if one.label.startswith("Open claim")]
    for personal in ("Silva", "maria@", "1001"):
        assert personal not in str(world.payloads("claim_card")[0]["fields"])


def test_lost_is_claimed_for_thirty_days_and_what_is_merely_late_not_at_all(world: World) -> None:
    card = stuck(world)
    assert card.claim_until is None
    with pytest.raises(RuleBroken, match="owes nothing yet"):
        world.run(OpenClaim(case_id=card.case_id, version=card.version), "ben")
    scan(world, Milestone.EXCEPTION, substatus=Substatus.LOST)
    assert late_card(world).claim_until == world.now.date() + timedelta(days=30)


def test_two_presses_are_one_claim(world: World) -> None:
    card = damaged(world)
    world.run(OpenClaim(case_id=card.case_id, version=card.version), "ben")
    with pytest.raises(Conflict, match="Ben opened a claim already"):
        world.run(OpenClaim(case_id=card.case_id, version=card.version), "ada")
    with world.begin() as uow:
        assert len(uow.cases.open_all(CLAIM)) == 1


def test_an_older_card_and_a_deadline_that_is_over_open_none(world: World) -> None:
    card = damaged(world)
    with pytest.raises(Conflict, match="changed in the meantime"):
        world.run(OpenClaim(case_id=card.case_id, version=card.version + 1), "ben")
    world.later(days=16)
    with pytest.raises(RuleBroken, match="too late"):
        world.run(OpenClaim(case_id=card.case_id, version=card.version), "ben")
    with world.begin() as uow:
        assert uow.cases.open_all(CLAIM) == ()


def test_filed_and_paid_is_shown_on_both_cards_and_in_the_trail(world: World) -> None:
    mine = opened(world)
    world.run(FileClaim(case_id=mine.case_id, version=mine.version, reference=" DHL-77 "), "cleo")
    filed = claim_card(world)
    assert (filed.claim.filed_by, filed.claim.reference) == ("Cleo", "DHL-77")
    assert [one.label for one in filed.buttons] == ["How it ended…"]
    shown = late_card(world).claim
    assert shown is not None
    assert shown.reference == "DHL-77"
    with pytest.raises(Conflict, match="Cleo filed it already"):
        world.run(FileClaim(case_id=mine.case_id, version=filed.version), "ben")
    world.run(CloseClaim(case_id=mine.case_id, version=filed.version, end="paid"), "ben")
    ended = claim_card(world)
    assert (ended.claim.end, ended.claim.ended_by, ended.buttons) == ("paid", "Ben", ())
    shown = late_card(world).claim
    assert shown is not None
    assert shown.end == "paid"
    with pytest.raises(Conflict, match="Ben closed this claim"):
        world.run(CloseClaim(case_id=mine.case_id, version=ended.version, end="refused"), "ada")
    with world.store.engine.connect() as connection:
        lines = connection.execute(sa.select(audit.c.action, audit.c.actor).where(audit.c.action.like("claim.%"))).all()
    assert [tuple(line) for line in lines] == [
        ("claim.opened", "staff:ben"), ("claim.filed", "staff:cleo"), ("claim.paid", "staff:ben"),
    ]


def test_what_was_never_filed_cannot_have_been_answered(world: World) -> None:
    mine = opened(world)
    with pytest.raises(RuleBroken, match="never filed"):
        world.run(CloseClaim(case_id=mine.case_id, version=mine.version, end="paid"), "ben")
    with pytest.raises(BadInput) as caught:
        world.run(CloseClaim(case_id=mine.case_id, version=mine.version, end="gone"), "ben")
    assert caught.value.field == "end"
    with pytest.raises(Conflict, match="changed in the meantime"):
        world.run(CloseClaim(case_id=mine.case_id, version=mine.version + 1, end="dropped"), "ben")
    world.run(CloseClaim(case_id=mine.case_id, version=mine.version, end="dropped"), "ben")
    with world.begin() as uow:
        assert uow.cases.open_all(CLAIM) == ()


def test_it_is_reminded_of_once_three_days_before_and_the_reminders_button_counts(world: World) -> None:
    opened(world)
    world.later(days=11)
    assert remind(world) == []
    world.later(days=1)
    (due,) = remind(world)
    assert due.days == 3
    assert len(remind(world)) == 1
    world.later(days=5)
    assert len(remind(world)) == 1
    command = due.buttons[0].command
    assert command is not None
    world.run(command, "ben")
    assert claim_card(world).claim.filed_by == "Ben"


def test_what_is_filed_is_not_reminded_of(world: World) -> None:
    mine = opened(world)
    world.run(FileClaim(case_id=mine.case_id, version=mine.version), "ben")
    world.later(days=14)
    assert remind(world) == []


def test_a_claim_outlives_its_parcels_card(world: World) -> None:
    mine = opened(world)
    world.learn(ParcelScanned(order="1042", carrier="DHL", tracking_number="00340434", milestone=Milestone.DELIVERED,
                              substatus=None, at=world.now + timedelta(hours=1), place="Porto", key="there",
                              origin=None, destination=None, expected_on=None))
    assert world.case(LATE_PARCEL, "1042/1") is None
    world.run(CloseClaim(case_id=mine.case_id, version=mine.version, end="dropped"), "ben")
    assert claim_card(world).claim.end == "dropped"


def test_viewers_and_customers_take_no_step(world: World) -> None:
    card = damaged(world)
    for who in ("eve", 1001):
        with pytest.raises(NotAllowed):
            world.run(OpenClaim(case_id=card.case_id, version=card.version), who)
    world.run(OpenClaim(case_id=card.case_id, version=card.version), "dan")
    mine = claim_card(world)
    for command in (FileClaim(case_id=mine.case_id, version=mine.version),
                    CloseClaim(case_id=mine.case_id, version=mine.version, end="dropped")):
        for who in ("eve", 1001):
            with pytest.raises(NotAllowed):
                world.run(command, who)
        with world.begin() as uow, pytest.raises(NotAllowed):
            FORMS[type(command)](command, actor("eve", uow), uow)  # type: ignore[operator]


def test_forms_offer_what_can_be_and_a_parcels_card_is_no_claim(world: World) -> None:
    mine = opened(world)
    with world.begin() as uow:
        close = FORMS[CloseClaim](CloseClaim(case_id=mine.case_id, version=mine.version), actor("ben", uow), uow)  # type: ignore[operator]
        file = FORMS[FileClaim](FileClaim(case_id=mine.case_id, version=mine.version), actor("ben", uow), uow)  # type: ignore[operator]
    assert [one.value for one in close.fields[0].choices] == ["dropped"]
    assert not file.fields[0].required
    with pytest.raises(NotFound):
        world.run(FileClaim(case_id=late_card(world).case_id, version=1), "ben")
    with pytest.raises(BadInput, match="80 letters"):
        world.run(FileClaim(case_id=mine.case_id, version=mine.version, reference="x" * 81), "ben")
