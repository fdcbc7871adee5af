"""What a narrow screen needs: labels that are shown whole, figures that say what they count, menus at the end."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from domain.messages import MESSAGES_BY_KIND, Confirm, StampedButton, Table
from domain.people import APPROVERS, BUYERS, Actor, Role, Staff
from notifications.slack.blocks import _actions
from notifications.telegram.texts import _table, inline
from tests.notifications.anything import any_message
from tests.notifications.test_hostile import letter_of


def _buttons(*labels: str, more: bool = False) -> tuple[StampedButton, ...]:
    return tuple(StampedButton(label=label, token=f"t-{label}", more=more) for label in labels)


@pytest.mark.parametrize(("labels", "rows"), [
    (("1", "2", "3", "4"), [["1", "2", "3", "4"]]),
    (("Send", "Change", "← Back", "Cancel"), [["Send", "Change", "← Back"], ["Cancel"]]),
    (("Arrived broken", "Wrong item"), [["Arrived broken", "Wrong item"]]),
    (("☐ 1 × Tea towel, striped", "Next", "Back"), [["☐ 1 × Tea towel, striped"], ["Next", "Back"]]),
    (("Something else", "Cancel the return"), [["Something else"], ["Cancel the return"]]),
    (("Next", "☐ 1 × Tea towel, striped"), [["Next"], ["☐ 1 × Tea towel, striped"]]),
])
def test_buttons_share_a_row_only_where_each_is_shown_whole(labels: tuple[str, ...], rows: list[list[str]]) -> None:
    markup = inline(_buttons(*labels))
    assert markup is not None
    assert [[one.text for one in row] for row in markup.inline_keyboard] == rows


def test_a_figure_of_a_table_says_what_it_counts() -> None:
    table = Table(
        caption="To order", headings=("SKU", "Product", "Available", "Lasts", "Lost a day", "Seen"),
        rows=(("MUG", "Blue mug", "17", "out", "€137.11", "-"), ("TEA", "9 <b>", "-3", "2.7 days", "CHF 5.00", "–")),
    )
    assert re.sub("\u2060", "", str(_table(table))).splitlines() == [
        "<b>To order</b>",
        "<b>MUG</b> · Blue mug · Available: 17 · out · Lost a day: €137.11",
        "<b>TEA</b> · Product: 9 &lt;b&gt; · Available: -3 · Lasts: 2.7 days · Lost a day: CHF 5.00",
    ]


@pytest.mark.parametrize("quiet", [*range(12), 100])
def test_there_is_one_menu_for_more_behind_all_buttons_and_it_holds_two_or_more(quiet: int) -> None:
    labels = [f"quiet {number}" for number in range(quiet)]
    blocks = _actions(_buttons("Tell") + _buttons(*labels, more=True))
    elements = blocks[0]["elements"]
    kinds = [one["type"] for one in elements]
    assert kinds == sorted(kinds), "button before menu"
    menus = [one["options"] for one in elements if one["type"] != "button"]
    assert kinds[1:] == (["button"] if quiet == 1 else ["overflow"] if 2 <= quiet <= 5 else ["static_select"] if quiet else [])
    shown = [one["text"]["text"] for one in elements if one["type"] == "button"]
    shown += [option["text"]["text"] for options in menus for option in options]
    assert sorted(shown) == sorted(["Tell", *labels])
    assert len({one["action_id"] for one in elements}) == len(elements)


def test_a_menu_with_a_name_says_it_and_more_stands_behind_it() -> None:
    snoozes = tuple(StampedButton(label=f"Snooze {days} days", token=f"s-{days}", menu="Snooze…") for days in (2, 4))
    sure = StampedButton(label="Not after all", token="n", more=True, confirm=Confirm(question="Sure?", yes="Yes"))
    page = StampedButton(label="Track", url="https://parcels.example", menu="Snooze…")
    elements = _actions((sure, page, *_buttons("Why?", "History", more=True), *snoozes, *_buttons("Tell")))[0]["elements"]
    named = [(one.get("text") or one.get("placeholder") or {"text": "…"})["text"] for one in elements]
    assert named == ["Track", "Tell", "Not after all", "Snooze…", "…"]
    again = tuple(replace(one, token=f"{one.token}-2") for one in snoozes)
    (before, after) = (_actions(group)[0]["elements"][0]["action_id"] for group in (snoozes, again))
    assert before != after, "or Slack goes on showing what was chosen before the card changed"


def test_no_card_of_ours_has_two_menus_of_one_name() -> None:
    """As bad as it gets: every remedy is open, and the customer was written to."""
    found = 0
    for kind, of in MESSAGES_BY_KIND.items():
        for choice in range(6):
            letter = letter_of(any_message(of, lambda: "Mug", full=True, choice=choice, many=2))
            elements = [one for block in _actions(letter.buttons) for one in block["elements"]]
            names = [str(one.get("placeholder")) for one in elements if one["type"] != "button"]
            assert len(names) == len(set(names)), kind
            assert not letter.buttons or elements[0]["type"] != "overflow", f"{kind} has dots alone, which say nothing"
            assert "static_select" not in {one["type"] for one in elements if "More…" in str(one)}, f"{kind} has too much"
            found += len(names)
    assert found > 10


@pytest.mark.parametrize(("roles", "words"), [
    (APPROVERS, "Only finance, owners and support can decide. You are viewer."),
    (BUYERS, "Only ops and owners can decide. You are viewer."),
    (frozenset({Role.OWNER}), "Only owners can decide. You are viewer."),
    (frozenset(), "Only nobody can decide. You are viewer."),
])
def test_who_may_is_said_as_a_person_would(roles: frozenset[Role], words: str) -> None:
    eve = Staff(id=1, key="eve", name="Eve", role=Role.VIEWER, refund_limit=None)
    with pytest.raises(Exception, match=re.escape(words)):
        Actor(identity="slack:T0/U0EVE", staff=eve).require(roles, "decide")
