"""What customers type is understood only where it can mean one thing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.customers import same_phone
from domain.dialogue import words
from domain.dialogue.model import Draft, DraftLine, Purpose, Step, backward, forward
from domain.returns.model import Reason


@pytest.mark.parametrize(("text", "count"), [
    ("2", 2), ("two", 2), ("Two please", 2), ("zwei", 2), ("dois", 2), ("dos", 2), ("deux", 2),
    ("all", 4), ("alle vier", 4), ("drei Stück", 3), ("one of the two", 2), ("just one", 1), ("5", None), ("0", None),
    ("-1", None), ("1.5", None), ("2 or 3", None), ("", None), ("many", None), ("99999999999999", None),
])
def test_numbers_are_understood_or_asked_again(text: str, count: int | None) -> None:
    assert words.quantity_in(text, 4) == count


@given(st.text(max_size=60), st.integers(1, 20))
def test_a_quantity_is_never_out_of_range(text: str, most: int) -> None:
    count = words.quantity_in(text, most)
    assert count is None or 1 <= count <= most


@pytest.mark.parametrize(("text", "reason"), [
    ("Arrived broken", Reason.DAMAGED), ("the handle is cracked", Reason.DAMAGED), ("kaputt", Reason.DAMAGED),
    ("wrong item", Reason.WRONG_ITEM), ("I changed my mind", Reason.CHANGED_MIND), ("Other", Reason.OTHER),
    ("wrong and broken", None), ("hm", None), ("", None),
])
def test_a_reason_fits_or_is_asked_again(text: str, reason: Reason | None) -> None:
    assert words.reason_in(text) is reason


@pytest.mark.parametrize(("text", "number"), [
    ("1042", "1042"), ("#1042", "1042"), ("my order is 1042", "1042"), ("DE-1042", "DE-1042"), ("#abc", "abc"),
    ("hello", None), ("1042 or 1043", None), ("", None),
])
def test_an_order_number_is_read_from_a_sentence(text: str, number: str | None) -> None:
    assert words.order_number_in(text) == number


@pytest.mark.parametrize(("text", "topic"), [
    ("Tell me when it's back", "back_in_stock"), ("let me know when the mug is there again", "back_in_stock"),
    ("I want my money back", "return"), ("can I send the mugs back?", "return"), ("they arrived broken", "return"),
    ("Where is my parcel?", "where"), ("is my parcel back at your warehouse?", "where"), ("good morning", None),
])
def test_what_somebody_is_after_is_heard_in_a_sentence(text: str, topic: str | None) -> None:
    assert words.topic_in(text) == topic


@pytest.mark.parametrize(("text", "product"), [
    ("Tell me when it's back", ""), ("tell me when the blue mug is back in stock, please", "blue mug"),
    ("let me know as soon as BLU-MUG-300 is available again", "blu-mug-300"), ("", ""),
])
def test_a_wish_names_its_product_or_not(text: str, product: str) -> None:
    assert words.product_in(text) == product


@pytest.mark.parametrize(("text", "topic"), [
    ("Where is my parcel?", "where"), ("return something", "return"), ("tell me when it's back!", "back_in_stock"),
    ("return", None), ("where", None), ("", None),
])
def test_only_a_whole_label_leaves_an_open_question(text: str, topic: str | None) -> None:
    assert words.menu_in(text) == topic


@pytest.mark.parametrize(("known", "shared", "same"), [
    ("+49 151 0000 1001", "4915100001001", True), ("0049 151 00001001", "+4915100001001", True),
    ("0151 0000 1001", "4915100001001", True), ("0151 0000 1002", "4915100001001", False),
    (None, "4915100001001", False), ("", "", False), ("12345", "12345", False), ("0", "0", False),
    ("1001", "4915100001001", False),
])
def test_phone_numbers_are_compared_by_what_they_dial(known: str | None, shared: str, same: bool) -> None:
    assert same_phone(known, shared) is same


DRAFTS = st.builds(
    Draft, step=st.sampled_from(Step), purpose=st.sampled_from(Purpose), order_id=st.none() | st.integers(1, 3),
    number=st.none() | st.just("1042"), reason=st.none() | st.sampled_from(Reason), photo=st.none() | st.just("p"),
    lines=st.lists(
        st.builds(DraftLine, order_line_id=st.integers(1, 3), quantity=st.none() | st.integers(1, 4)), max_size=3,
        unique_by=lambda line: line.order_line_id,
    ).map(tuple),
)


@given(DRAFTS, st.dictionaries(st.integers(1, 3), st.integers(1, 4)))
def test_going_back_always_ends(draft: Draft, left: dict[int, int]) -> None:
    steps = 0
    now: Draft | None = draft
    while now is not None:
        now = backward(now, left, ("damaged",))
        steps += 1
        assert steps < 12


@given(DRAFTS)
def test_nothing_is_sent_before_every_question_is_answered(draft: Draft) -> None:
    ready = forward(draft, ("damaged",))
    if ready.step is Step.CONFIRM:
        assert ready.lines
        assert ready.asked_line is None
        assert ready.reason is not None
        assert ready.photo is not None or ready.reason is not Reason.DAMAGED
