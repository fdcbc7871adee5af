"""The customer's conversation, as it is read: presses and words in, titles and buttons out."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from domain.dialogue import (
    Back,
    CancelDialogue,
    ChangeReturn,
    ChooseOrder,
    ChooseQuantity,
    ChooseReason,
    ConfirmReturn,
    ReturnSomething,
    Say,
    SendPhoto,
    ShareContact,
    Start,
    ToggleLine,
    WhereIsParcel,
    order_link_payload,
)
from domain.dialogue.conversation import talk_of
from domain.dialogue.messages import (
    ContactAsked,
    Greeting,
    HowMany,
    NotArrived,
    NotProved,
    OrderNumberAsked,
    PhotoAsked,
    ReturnSummary,
    ReturnTaken,
    WhatIsWrong,
    WhichItems,
    WhichOrder,
)
from domain.dialogue.model import Hint
from domain.dialogue.proof import prove_by_phone
from domain.errors import NotFound, RuleBroken
from domain.messages import Chat, Command, Message
from domain.orders import Order, OrderPlaced, PlacedLine
from domain.returns import ApproveReturn, AskForPhoto, Reason, ReturnState
from domain.returns.cards import chat_of
from domain.returns.model import DECIDABLE
from domain.shipping.actions import reachable, where_is_my_parcel
from domain.shipping.commands import WhereIsMyParcel
from notifications.catalogue import Catalogue
from storage import shop_file
from storage.tables import customers, orders
from tests.desk import shop_file_of
from tests.returns.world import World

MARIA = 1001
#: as the shop tells them
MARIAS, STRANGERS = "+49 151 0000 1001", "+49 151 0000 1666"
CATALOGUE = Catalogue()


def _press(world: World, message: Message, label: str, user: int = MARIA) -> Message:
    """Press the button whose label begins so."""
    command = next((one.command for one in message.buttons if one.label.startswith(label)), None)
    assert isinstance(command, Command), f"{label!r} is not among {[one.label for one in message.buttons]}"
    return world.run(command, user)


def _say(world: World, text: str, user: int = MARIA) -> Message:
    return world.run(Say(text=text), user)


def _title(world: World, message: Message) -> str:
    with world.begin() as uow:
        words = CATALOGUE.words(message, uow.shop, "plain")
        CATALOGUE.words(message, uow.shop, "telegram")
    return words.plain_title


def _body(world: World, message: Message) -> str:
    with world.begin() as uow:
        return str(CATALOGUE.words(message, uow.shop, "plain").body)


@pytest.fixture
def maria(world: World) -> World:
    """Maria is known, and has a delivered order."""
    world.order()
    world.link("maria", MARIA)
    return world


def test_the_whole_way_by_buttons_reads_as_it_should(maria: World) -> None:
    world = maria
    hello = world.run(Start(), MARIA)
    assert _title(world, hello) == "Hi Maria! I'm the helper of Nordlicht Shop. What can I do?"
    which = _press(world, hello, "Return something")
    assert [one.label for one in which.buttons] == ["#1042 · 5 items · 6 days ago", "Another order", "Cancel"]
    items = _press(world, which, "#1042")
    assert _title(world, items) == "What would you like to return?"
    items = _press(world, items, "☐ 4 × Blue mug")
    assert [one.label for one in items.buttons][:2] == ["☑ 4 × Blue mug 300 ml", "☐ 1 × Tea towel"]
    many = _press(world, items, "Next")
    assert (_title(world, many), [one.label for one in many.buttons][:4]) == (
        "How many of Blue mug 300 ml?", ["1", "2", "3", "4"],
    )
    wrong = _press(world, many, "2")
    assert _title(world, wrong) == "What is wrong?"
    photo = _press(world, wrong, "Arrived broken")
    assert _title(world, photo) == "Sorry about that. Please send a photo of the damage."
    summary = world.run(SendPhoto(file_id="AgAD1", caption=None), MARIA)
    assert _title(world, summary) == "2 × Blue mug 300 ml, arrived broken."
    assert "You keep them; you get €38.00 back on the card you paid with. No cost to you." in _body(world, summary)
    done = _press(world, summary, "Send")
    assert _title(world, done) == "Got it: R-318. You hear from us by 15:05 today."
    found = world.found("R-318")
    assert (found.photo, found.telegram_user, found.requested.minor) == ("AgAD1", MARIA, 3800)


def test_the_whole_way_by_words(maria: World) -> None:
    world = maria
    assert isinstance(_say(world, "I want to return something"), WhichOrder)
    assert isinstance(_say(world, "#1042"), WhichItems)
    assert isinstance(_say(world, "the mugs please"), HowMany)
    assert isinstance(_say(world, "two"), WhatIsWrong)
    assert isinstance(_say(world, "they arrived broken"), PhotoAsked)
    summary = world.run(SendPhoto(file_id="p", caption="both handles"), MARIA)
    assert isinstance(summary, ReturnSummary)
    assert isinstance(_say(world, "yes"), ReturnTaken)
    assert world.found("R-318").note == "they arrived broken\nboth handles"


def test_what_is_not_understood_is_asked_again_with_what_is_expected(maria: World) -> None:
    world = maria
    _say(world, "return")
    world.run(ChooseOrder(order_id=1), MARIA)
    assert getattr(_say(world, "???"), "hint", None) is Hint.NOT_UNDERSTOOD
    _say(world, "mugs")
    for text in ("nine", "0", "-1", "2 or 3", "many"):
        again = _say(world, text)
        assert isinstance(again, HowMany)
        assert "I expect a number from 1 to 4." in _body(world, again)
    _say(world, "4")
    assert isinstance(_say(world, "hmm"), WhatIsWrong)
    _say(world, "broken")
    assert isinstance(_say(world, "what photo?"), PhotoAsked)


def test_nothing_is_lost_when_the_answer_comes_days_later(maria: World) -> None:
    world = maria
    _say(world, "return")
    _say(world, "1042")
    world.later(days=3)
    assert isinstance(_say(world, "mugs"), HowMany)


def test_every_step_goes_back_to_the_one_before(maria: World) -> None:
    world = maria
    _say(world, "return")
    world.run(ChooseOrder(order_id=1), MARIA)
    _say(world, "mugs")
    _say(world, "2")
    world.run(ChooseReason(reason=Reason.DAMAGED), MARIA)
    world.run(SendPhoto(file_id="p"), MARIA)
    seen = [type(world.run(Back(), MARIA)) for _ in range(6)]
    assert seen == [PhotoAsked, WhatIsWrong, HowMany, WhichItems, WhichOrder, Greeting]


def test_cancelling_forgets_the_draft(maria: World) -> None:
    world = maria
    _say(world, "return")
    over = world.run(CancelDialogue(), MARIA)
    assert _title(world, over) == "All right, nothing was sent. What can I do?"
    assert isinstance(_say(world, "2"), Greeting)


def test_old_buttons_show_the_question_that_stands_open_now(maria: World) -> None:
    world = maria
    other = world.order("1043", customer="maria")
    _say(world, "return")
    world.run(ChooseOrder(order_id=1), MARIA)
    assert isinstance(world.run(ToggleLine(order_line_id=other.lines[0].id), MARIA), WhichItems)
    assert isinstance(world.run(ChooseQuantity(order_line_id=other.lines[0].id, quantity=1), MARIA), WhichItems)
    world.run(CancelDialogue(), MARIA)
    assert isinstance(world.run(ToggleLine(order_line_id=1), MARIA), Greeting)


def test_only_the_draft_that_was_shown_is_sent(maria: World) -> None:
    world = maria
    summary = _ready(world)
    world.run(ChangeReturn(), MARIA)
    answer = world.run(ConfirmReturn(draft=summary.draft), MARIA)
    assert isinstance(answer, WhichItems)
    with world.begin() as uow:
        assert uow.returns.by_number("R-318") is None


def _ready(world: World) -> ReturnSummary:
    _say(world, "return")
    world.run(ChooseOrder(order_id=1), MARIA)
    _say(world, "mugs")
    _say(world, "2")
    world.run(ChooseReason(reason=Reason.DAMAGED), MARIA)
    summary = world.run(SendPhoto(file_id="p"), MARIA)
    assert isinstance(summary, ReturnSummary)
    return summary


def test_sending_twice_is_one_return(maria: World) -> None:
    world = maria
    summary = _ready(world)
    first = world.run(ConfirmReturn(draft=summary.draft), MARIA)
    world.later(seconds=2)
    second = world.run(ConfirmReturn(draft=summary.draft), MARIA)
    assert isinstance(first, ReturnTaken)
    assert isinstance(second, ReturnTaken)
    assert (first.number, first.again, second.number, second.again) == ("R-318", False, "R-318", True)


def test_a_photo_is_needed_before_anything_is_sent(maria: World) -> None:
    world = maria
    summary = _ready(world)
    assert summary.draft.photo == "p"
    back = world.run(Back(), MARIA)
    assert isinstance(back, PhotoAsked)
    assert isinstance(world.run(ConfirmReturn(draft=summary.draft), MARIA), PhotoAsked)


def test_what_is_on_its_way_back_is_not_offered_again(maria: World) -> None:
    world = maria
    world.run(ConfirmReturn(draft=_ready(world).draft), MARIA)
    _say(world, "return")
    items = world.run(ChooseOrder(order_id=1), MARIA)
    assert items.buttons[0].label == "☐ 2 × Blue mug 300 ml"


def test_another_customers_order_cannot_be_chosen(maria: World) -> None:
    world = maria
    other = world.order("2000", customer="jonas")
    with pytest.raises(NotFound):
        world.run(ChooseOrder(order_id=other.id), MARIA)


def test_what_has_not_arrived_is_looked_for_first(maria: World) -> None:
    world = maria
    order = world.order("1050", delivered=None)
    _say(world, "return")
    answer = world.run(ChooseOrder(order_id=order.id), MARIA)
    assert isinstance(answer, NotArrived)
    assert isinstance(_press(world, answer, "It has arrived"), WhichItems)


def test_where_is_my_parcel_answers_about_the_one_under_way(maria: World) -> None:
    world = maria
    world.order("1050", delivered=None)
    assert world.run(WhereIsParcel(), MARIA).kind == "parcel_status"
    world.order("1051", delivered=None)
    which = world.run(WhereIsParcel(), MARIA)
    assert isinstance(which, WhichOrder)
    assert _press(world, which, "#1051").kind == "parcel_status"


def test_a_product_to_wait_for_is_asked_for_and_looked_up(maria: World) -> None:
    world = maria
    asked = _press(world, world.run(Start(), MARIA), "Tell me when it's back")
    assert _title(world, asked) == "Which product are you waiting for?"
    with pytest.raises(NotFound, match="I found nothing like"):
        _say(world, "unicorn")
    with pytest.raises(NotFound):
        _say(world, "blue unicorn")
    assert isinstance(_say(world, "back"), Greeting)
    assert _title(world, _say(world, "Tell me when it's back")) == "Which product are you waiting for?"
    assert isinstance(_say(world, "back"), Greeting)
    unknown = _say(world, "tell me when the red kettle is back in stock")
    assert _title(world, unknown) == "I don't know that product. Which one are you waiting for?"
    with pytest.raises(NotFound, match="kettle"):
        _say(world, "kettle")


def test_a_button_typed_out_leaves_the_open_question(maria: World) -> None:
    world = maria
    world.order("1050", delivered=None)
    assert isinstance(_say(world, "I want to return something"), WhichOrder)
    assert _say(world, "Where is my parcel?").kind == "parcel_status"


# --- proving an order


def test_an_order_is_proved_by_its_phone_number_and_the_account_is_linked(world: World) -> None:
    world.order()
    _say(world, "return")
    asked = _say(world, "my order is 1042")
    assert isinstance(asked, ContactAsked)
    assert asked.asks_contact == "Share my phone number"
    items = world.run(ShareContact(phone="4915100001001", user_id=MARIA), MARIA)
    assert isinstance(items, WhichItems)
    with world.begin() as uow:
        known = uow.customers.by_telegram(MARIA)
    assert known is not None
    assert known.external_id == "maria"


def test_a_wrong_number_and_an_unknown_order_get_the_same_answer(world: World) -> None:
    world.order()
    texts = []
    for number, user in (("1042", MARIA), ("9999", 1002)):
        _say(world, "return", user)
        _say(world, number, user)
        answer = world.run(ShareContact(phone="4915199999999", user_id=user), user)
        texts.append((_title(world, answer).replace(number, "N"), _body(world, answer)))
    assert texts[0] == texts[1]


def test_somebody_elses_contact_proves_nothing(world: World) -> None:
    world.order()
    _say(world, "return", 1666)
    _say(world, "1042", 1666)
    for shared in (MARIA, None):
        answer = world.run(ShareContact(phone="4915100001001", user_id=shared), 1666)
        assert getattr(answer, "hint", None) is Hint.NOT_YOURS
    with world.begin() as uow:
        assert uow.customers.by_telegram(1666) is None


def test_five_tries_an_hour_and_then_not_even_the_right_number(world: World) -> None:
    world.order()
    left = []
    for _ in range(5):
        _say(world, "return")
        _say(world, "1042")
        answer = world.run(ShareContact(phone="4915199999999", user_id=MARIA), MARIA)
        assert isinstance(answer, NotProved)
        left.append(answer.tries_left)
    assert left == [4, 3, 2, 1, 0]
    _say(world, "return")
    assert isinstance(_say(world, "1042"), NotProved)
    world.later(minutes=61)
    _say(world, "1042")
    assert isinstance(world.run(ShareContact(phone="+49 151 0000 1001", user_id=MARIA), MARIA), WhichItems)


def test_the_try_after_the_last_is_not_even_looked_at(world: World) -> None:
    world.order()
    actor = world.actor(MARIA)
    for phone, left in (("1", 4), ("2", 3), ("3", 2), ("4", 1), ("5", 0)):
        with world.begin() as uow:
            assert prove_by_phone("1042", phone, actor, uow) == (None, left)
    with world.begin() as uow:
        assert prove_by_phone("1042", "4915100001001", actor, uow) == (None, 0)


def test_a_signed_link_makes_the_order_theirs_and_a_forged_one_does_not(world: World) -> None:
    world.order()
    with world.begin() as uow:
        payload = order_link_payload("#1042", uow)
    assert len(payload) <= 64
    for forged in (payload[:-1] + "A", payload.replace("1042", "1043"), "o_1042_", "o_1042", "x"):
        assert getattr(world.run(Start(payload=forged), 1666), "order_number", "?") is None
    hello = world.run(Start(payload=payload), MARIA)
    assert _title(world, hello) == "Hi Maria! I see your order #1042. What can I do?"
    stranger = world.run(Start(payload=payload), 1666)
    assert isinstance(stranger, Greeting)
    assert stranger.order_number is None


def test_a_link_of_another_shops_order_of_the_same_number_is_worth_nothing(world: World) -> None:
    world.order()
    with world.store.engine.begin() as connection:
        shop_file.apply(connection, shop_file_of("sued"))
    with world.store.begin("sued") as uow:
        payload = order_link_payload("1042", uow)
    assert getattr(world.run(Start(payload=payload), MARIA), "order_number", "?") is None


def _ordered(world: World, number: str, phone: str | None) -> None:
    """An order under Maria's e-mail address, which is how a shop's system knows a guest."""
    world.learn(OrderPlaced(
        number=number, at=world.now, currency="EUR", customer_external_id="maria@example.com",
        customer_name="Maria Silva", customer_email="maria@example.com", customer_phone=phone,
        lines=(PlacedLine(sku="BLU-MUG-300", title="Blue mug 300 ml", quantity=4, unit_price_minor=1900),),
        payment_intent=None, paid_minor=7600, promised_on=None,
    ))


def _proves(world: World, number: str, phone: str, user: int) -> bool:
    _say(world, "cancel", user)
    _say(world, "return", user)
    _say(world, number, user)
    return not isinstance(world.run(ShareContact(phone=phone, user_id=user), user), NotProved)


@pytest.mark.parametrize("known", ["+49 151 0000 1001", None])
def test_an_order_under_somebody_elses_address_opens_itself_and_nothing_they_ordered(
    world: World, known: str | None
) -> None:
    _ordered(world, "1042", known)
    _ordered(world, "1043", STRANGERS)  # a stranger's order: the address is Maria's, the number their own
    assert not _proves(world, "1042", "+4915100001666", 1666)
    assert _proves(world, "1043", "+4915100001666", 1666)
    assert _shown(world, 1666) == {"1043"}, "none of her orders is listed"
    _ordered(world, "1044", MARIAS)
    assert _proves(world, "1044", "+4915100001001", MARIA)
    assert _proves(world, "1042", "+4915100001001", MARIA) == (known is not None)
    assert not _proves(world, "1043", "+4915100001001", MARIA)
    assert _shown(world, 1666) == {"1043"}


def test_who_orders_first_under_somebodys_address_is_told_nothing_of_what_they_order_later(world: World) -> None:
    _ordered(world, "1042", STRANGERS)
    assert _proves(world, "1042", "+4915100001666", 1666)
    _ordered(world, "1043", MARIAS)
    _ordered(world, "1044", None)
    _say(world, "cancel", 1666)
    assert _shown(world, 1666) == {"1042"}
    stranger = world.actor(1666)
    for order in (_order(world, "1043"), _order(world, "1044")):
        with world.begin() as uow, pytest.raises(NotFound):
            where_is_my_parcel(WhereIsMyParcel(order_id=order.id), stranger, uow)
        with world.begin() as uow, pytest.raises(RuleBroken, match="not shown in Telegram that this order is theirs"):
            reachable(uow, order.id, "It is late.")
    assert _proves(world, "1043", "+4915100001001", MARIA), "Maria proves it by her own number"
    order = _order(world, "1043")
    returned = world.request(order, user=MARIA)
    asked_in_slack = world.request(order, quantity=1, user=None)
    with world.begin() as uow:
        assert chat_of(returned, uow) == Chat(platform="telegram", address=str(MARIA))
        assert chat_of(asked_in_slack, uow) is None, "the account of that customer is the stranger's"


def test_an_account_that_showed_a_link_is_told_of_what_was_ordered_under_that_number(world: World) -> None:
    _ordered(world, "1042", MARIAS)
    _ordered(world, "1043", "0151 00001001")
    _ordered(world, "1044", STRANGERS)
    with world.begin() as uow:
        payload = order_link_payload("1043", uow)
    world.run(Start(payload=payload), MARIA)
    assert _shown(world, MARIA) == {"1042", "1043"}


def _order(world: World, number: str) -> Order:
    with world.begin() as uow:
        found = uow.orders.by_number(number)
    assert found is not None
    return found


def _shown(world: World, user: int) -> set[str]:
    """Numbers of the orders that a conversation offers."""
    with world.begin() as uow:
        return {order.number for order in talk_of(world.actor(user), uow).recent()}


def test_one_number_written_in_two_ways_is_no_other_number(world: World) -> None:
    _ordered(world, "1042", MARIAS)
    _ordered(world, "1043", "0151 00001001")
    assert _proves(world, "1042", "+4915100001001", MARIA)
    assert _shown(world, MARIA) == {"1042", "1043"}


def test_an_imported_order_is_proved_by_the_number_of_its_customers_record(world: World) -> None:
    _ordered(world, "1042", None)
    world.desk.execute(sa.update(orders).values(phone=None))
    assert not _proves(world, "1042", "+4915100001001", MARIA)
    world.desk.execute(sa.update(customers).values(phone=MARIAS))
    _ordered(world, "1043", STRANGERS)
    assert _proves(world, "1042", "+4915100001001", MARIA)
    assert _shown(world, MARIA) == {"1042"}


def test_a_second_order_of_a_guest_can_be_proved_as_well(maria: World) -> None:
    world = maria
    world.order("3000", customer="maria-as-guest")
    _say(world, "return")
    _say(world, "3000")
    assert isinstance(world.run(ShareContact(phone="4915100001001", user_id=MARIA), MARIA), WhichItems)
    assert isinstance(_say(world, "mugs"), HowMany)


def test_the_unknown_are_asked_for_a_number(world: World) -> None:
    asked = world.run(ReturnSomething(), MARIA)
    assert isinstance(asked, OrderNumberAsked)
    assert isinstance(_press(world, asked, "← Back"), Greeting)


# --- after it was sent


def test_a_photo_that_staff_asked_for_lands_on_the_return(maria: World) -> None:
    world = maria
    world.run(ConfirmReturn(draft=_ready(world).draft), MARIA)
    world.run(AskForPhoto(return_number="R-318", version=1), "ben")
    assert world.found("R-318").state is ReturnState.PHOTO_ASKED
    thanks = world.run(SendPhoto(file_id="p2", caption="closer"), MARIA)
    assert _title(world, thanks) == "Thank you, I have put the photo to R-318."
    found = world.found("R-318")
    assert (found.state, found.photo, found.note) == (ReturnState.REQUESTED, "p2", "closer")
    assert found.state in DECIDABLE


def test_a_photo_nobody_asked_for_changes_nothing(maria: World) -> None:
    world = maria
    world.run(ConfirmReturn(draft=_ready(world).draft), MARIA)
    world.run(ApproveReturn(return_number="R-318"), "ada")
    assert isinstance(world.run(SendPhoto(file_id="p2"), MARIA), Greeting)
    assert world.found("R-318").photo == "p"


def test_hostile_words_reach_the_channel_only_as_a_quotation(maria: World) -> None:
    world = maria
    summary = _ready(world)
    assert summary.draft.note is None
    again = _say(world, "<!channel> <https://evil.example|pay here> *bold* @here")
    assert isinstance(again, ReturnSummary)
    world.run(ConfirmReturn(draft=again.draft), MARIA)
    from domain.returns.messages import ReturnCard
    from domain.wire import from_json

    card = from_json(ReturnCard, world.outbox("return_card")[-1]["fields"])
    with world.begin() as uow:
        words = CATALOGUE.words(card, uow.shop, "slack")
    assert "<!channel>" not in words.body
    assert "\n> &lt;!channel&gt;" in words.body
    assert words.plain_title == "↩️ Return R-318 · €38.00 · “arrived broken” · answer by today 15:05"


def test_the_answer_is_due_tomorrow_when_it_is_late(maria: World) -> None:
    world = maria
    world.later(hours=12)
    done = world.run(ConfirmReturn(draft=_ready(world).draft), MARIA)
    assert _title(world, done) == "Got it: R-318. You hear from us by Tue 24 Nov 03:05."
