"""The four jobs of the desk, end to end: the real desk, the real database, HTTP to the sandbox, no hand in between."""

from __future__ import annotations

import threading

import pytest

from tests.e2e.control import Control

pytestmark = [pytest.mark.timeout(600)]


def _waits_for_mug(control: Control, user: str) -> None:
    control.say(user, start="")
    control.tap(user, "Tell me when it's back")
    control.until(lambda: "Which product" in str(control.chat(user)[-1]["text"]), "the question which product")
    control.say(user, text="blue mug")
    control.until(lambda: "as soon as Blue mug" in str(control.chat(user)[-1]["text"]), "the promise to tell")


def test_stock_sold_out_is_ordered_received_and_the_waiting_customer_told(control: Control) -> None:
    control.happens("sell_out")
    card = control.until(lambda: control.cards("stock", "Blue mug"), "the low-stock card")[0]
    assert "out of stock" in card["text"]
    _waits_for_mug(control, "sofia")
    order = next(one["label"] for one in card["buttons"] if one["label"].startswith("Order "))
    control.press("ada", "stock", card, order)
    ordered = control.until(lambda: control.cards("stock", "ordered from Nordkeramik"), "the ordered card")[0]
    assert ordered["ts"] == card["ts"]
    assert "Ada" in ordered["text"]
    assert not [one for one in ordered["buttons"] if one["label"].startswith("Order ")]
    files = control.until(lambda: [file for one in control.thread(card) for file in one["files"]], "the draft order's file")
    assert files[0]["name"].startswith("PO-")
    control.happens("restock", quantity=144)
    resolved = control.until(lambda: control.cards("stock", "Back above"), "the resolved card")[0]
    assert resolved["ts"] == card["ts"]
    told = control.until(lambda: [one for one in control.chat("sofia") if "Blue mug 300 ml is back!" in (one["text"] or "")], "Sofia is told")
    assert "Blue mug" in told[0]["text"]
    before = len(control.chat("sofia"))
    control.happens("sell_out")
    again = control.until(lambda: [one for one in control.cards("stock", "out of stock") if one["ts"] != card["ts"]], "a new low-stock card")[0]
    control.happens("restock", quantity=144)
    control.until(lambda: [one for one in control.cards("stock", "Back above") if one["ts"] == again["ts"]], "the resolved card")
    control.post("/clock", advance_seconds=3600)
    assert len(control.chat("sofia")) == before, "a customer who waits is told once"


def test_a_stuck_parcel_is_explained_to_the_customer(control: Control) -> None:
    known = {one["ts"] for one in control.channel("parcels")}
    control.happens("parcel_stuck")
    card = control.until(lambda: [one for one in control.channel("parcels") if one["ts"] not in known and not one["thread_ts"]], "the late-parcel card")[0]
    tell = next(one["label"] for one in card["buttons"] if one["label"].startswith("Tell "))
    control.press("ben", "parcels", card, tell)
    view = control.until(lambda: [one for one in control.transcript() if one["kind"] == "view" and one["user"] == "ben"], "the form")[-1]
    control.submit("ben", view["view_id"])
    told = control.until(lambda: [one for one in control.chat("jonas") if one["from"] == "bot" and "verspätet sich" in (one["text"] or "")], "the customer's news")
    assert len(told) == 1
    assert "Leipzig" in told[0]["text"], "the cause"
    assert "Dezember" in told[0]["text"] or "November" in told[0]["text"], "the new day"
    control.until(lambda: [one for one in control.cards("parcels", "") if one["ts"] == card["ts"] and "Told" in str(one["blocks"])], "the card that says who told")


def test_a_return_goes_from_the_first_word_to_the_refund_and_two_approvers_leave_one(control: Control) -> None:
    number = _asks_for_refund(control)
    card = control.until(lambda: control.cards("returns", number), "the return's card")[0]
    assert "€38.00" in card["text"]
    approve = next(one["label"] for one in card["buttons"] if one["label"].startswith("Approve"))
    answers: list[object] = []

    def press(user: str) -> None:
        try:
            answers.append(control.press(user, "returns", card, approve))
        except Exception as error:  # the second may already find the card without its button
            answers.append(error)

    threads = [threading.Thread(target=press, args=(user,)) for user in ("ada", "cleo")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = control.until(lambda: [one for one in control.cards("returns", number) if "sent to Stripe" in one["text"]], "the decided card")[0]
    assert done["ts"] == card["ts"]
    refunds = [one for one in control.get("/control/stripe")["refunds"] if one["amount"] == 3800 and one["metadata"]]
    assert len(refunds) == 1, answers
    receipt = control.until(lambda: [one for one in control.chat("maria") if one["from"] == "bot" and "is on its way to your card ending 4242" in (one["text"] or "")], "the customer's receipt")
    assert "€38.00" in receipt[0]["text"]
    assert len(receipt) == 1
    control.until(lambda: control.thread(card), "a step in the card's thread: it is a letter of its own")


def _asks_for_refund(control: Control) -> str:
    """Maria's conversation, up to "Got it"; the number of her return."""
    control.say("maria", start="")
    control.tap("maria", "Return something")
    control.say("maria", text="1042")
    control.say("maria", contact=True)
    control.tap("maria", control.label("maria", "Blue mug"))
    control.label("maria", "☑")
    control.tap("maria", "Next")
    control.until(lambda: "How many" in str(control.chat("maria")[-1]["text"]), "the question how many")
    control.say("maria", text="two")
    control.tap("maria", "Arrived broken")
    control.until(lambda: "photo" in str(control.chat("maria")[-1]["text"]), "the question for a photo")
    control.say("maria", photo="mug", caption="both handles are off")
    control.tap("maria", "Send")
    got = control.until(lambda: [one for one in control.chat("maria") if one["from"] == "bot" and "Got it" in (one["text"] or "")], "the return's number")[-1]
    return next(word.strip(".:,") for word in got["text"].split() if word.startswith("R-"))


def test_the_digest_comes_on_the_next_morning_once(control: Control) -> None:
    control.say("ada", start="")
    control.post("/clock", advance_seconds=23 * 3600)
    digest = control.until(lambda: control.cards("daily", "Nordlicht Shop"), "the digest")
    assert len(digest) == 1
    kinds = {block["type"] for block in digest[0]["blocks"]}
    assert {"data_visualization", "data_table"} <= kinds
    control.until(lambda: [one for one in control.chat("ada") if one["photo"]], "the digest's picture")
    control.post("/clock", advance_seconds=3 * 3600)
    control.post("/clock", advance_seconds=3 * 3600)
    assert len(control.cards("daily", "Nordlicht Shop")) == 1
    control.post("/clock", advance_seconds=20 * 3600)
    control.until(lambda: len(control.cards("daily", "Nordlicht Shop")) == 2, "the second morning's digest")


def test_people_who_may_not_are_told_so_and_nothing_happens(control: Control) -> None:
    number = _asks_for_refund(control)
    card = control.until(lambda: control.cards("returns", number), "the return's card")[0]
    approve = next(one["label"] for one in card["buttons"] if one["label"].startswith("Approve"))
    for user in ("eve", "dan", "gus", "mallory"):
        control.press(user, "returns", card, approve)
        control.until(lambda user=user: [one for one in control.transcript() if one.get("ephemeral_to") == user and one["text"]], f"a word to {user}")
    assert not [one for one in control.get("/control/stripe")["refunds"] if one["amount"] == 3800 and one["metadata"]]
    assert control.cards("returns", number)[0]["text"] == card["text"]
