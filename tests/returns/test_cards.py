"""What staff and customers read while a return goes its way, on every platform."""

from __future__ import annotations

from domain.dialogue import SendPhoto
from domain.messages import MESSAGES_BY_KIND, Message
from domain.payments import DisputeOpened, RefundSettled, RefundState
from domain.returns import (
    ApproveInPart,
    ApproveReturn,
    AskForPhoto,
    DeclineReturn,
    ListReturns,
    Reason,
    ReceivedLine,
    ReturnHistory,
    ReturnReceived,
)
from domain.wire import from_json
from notifications.catalogue import Catalogue
from tests.returns.world import NOW, World

CATALOGUE = Catalogue()


def _titles(world: World, messages: list[Message]) -> list[str]:
    with world.begin() as uow:
        for platform in ("slack", "telegram"):
            for message in messages:
                assert CATALOGUE.words(message, uow.shop, platform).title
        return [CATALOGUE.words(message, uow.shop, "plain").plain_title for message in messages]


def _said(world: World, *kinds: str) -> list[Message]:
    return [
        from_json(MESSAGES_BY_KIND[str(one["message"])], one["fields"])
        for one in world.outbox()
        if "message" in one and (not kinds or one["message"] in kinds)
    ]


def _whole_way(world: World) -> None:
    order = world.order()
    world.link("maria", 1001)
    world.request(order)
    world.run(ApproveReturn(return_number="R-318", version=1), "ben")
    world.run(AskForPhoto(return_number="R-318", version=1), "ben")
    world.later(minutes=20)
    world.run(SendPhoto(file_id="p2", caption="look"), 1001)
    world.later(minutes=37)
    world.run(ApproveReturn(return_number="R-318"), "ada")
    refund = str(world.outbox("refund")[0]["refund"])
    for state in (RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED):
        world.learn(RefundSettled(refund_id=refund, stripe_refund="re_1", state=state, card_last4="4242"))
    world.run(DeclineReturn(return_number="R-318", reason="We write to you."), "cleo")


def test_one_card_tells_the_return_from_request_to_end(world: World) -> None:
    _whole_way(world)
    assert _titles(world, _said(world, "return_card")) == [
        "↩️ Return R-318 · €38.00 · “arrived broken” · answer by today 15:05",
        "↩️ Return R-318 · €38.00 · “arrived broken” · waits for a photo",
        "↩️ Return R-318 · €38.00 · “arrived broken” · answer by today 15:05",
        "⏳ Return R-318 · €38.00 approved by Ada 10:02 → on its way to Stripe",
        "⏳ Return R-318 · €38.00 approved by Ada 10:02 → at Stripe since 10:02",
        "✅ €38.00 approved by Ada 10:02 → sent to Stripe 10:02 → Maria told 10:02 · R-318",
        "⚠️ Return R-318 · €38.00 · “arrived broken” · refund failed, decide again",
        "✖️ Return R-318 · €38.00 declined by Cleo 10:02",
    ]


def test_the_customer_reads_every_turn(world: World) -> None:
    _whole_way(world)
    kinds = ("photo_wanted", "return_approved", "refund_on_its_way", "refund_bounced", "return_declined")
    assert _titles(world, _said(world, *kinds)) == [
        "Could you send another photo for your return R-318?",
        "Your return R-318 is approved: you get €38.00 back.",
        "✅ €38.00 is on its way to your card ending 4242.",
        "I'm sorry: your bank sent €38.00 back to us.",
        "I'm sorry, your return R-318 was not accepted.",
    ]


def test_everything_that_leaves_can_be_said_on_every_platform(world: World) -> None:
    _whole_way(world)
    order = world.order("1043")
    world.request(order, quantity=1, reason=Reason.CHANGED_MIND, photo=None)
    world.run(ApproveInPart(return_number="R-319", amount="10.00", reason="Used."), "ada")
    world.learn(DisputeOpened(
        stripe_dispute="du_1", payment_intent="pi_1043", state="needs_response", reason="fraudulent",
        amount_minor=1000, currency="EUR", at=NOW,
    ))
    world.learn(ReturnReceived(number="R-319", lines=(ReceivedLine(sku="BLU-MUG-300", received=0),), at=NOW))
    answers = [world.run(ListReturns(), "eve"), world.run(ReturnHistory(return_number="R-318"), "eve")]
    said = _said(world)
    assert all(_titles(world, said + answers))
    assert {"finance_asked", "dispute_card", "return_news"} <= {message.kind for message in said}


def test_no_message_to_a_channel_names_more_than_maria_s(world: World) -> None:
    _whole_way(world)
    text = str(world.outbox("say.slack"))
    assert "Maria S." in text
    assert "Silva" not in text
    assert "1001" not in text.replace("T0", "")
