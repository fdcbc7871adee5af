"""Letters to Slack over real HTTP, whatever breaks on the way: once, in the right place, or raised."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from domain.digest import Digest
from domain.inventory.cards import PurchaseOrderNote
from domain.messages import Chat
from domain.outcomes import retry_after
from domain.returns.messages import ReturnCard
from notifications.auditor import Auditor
from storage.jobs import JobRows
from storage.tables import cards, jobs, lanes
from tests.desk import TestDesk, open_desk
from tests.notifications.anything import any_message
from tests.notifications.line import Line, hear, line, low

POST = "chat.postMessage"


@pytest.fixture
def small_desk(migrated_file: Path, tmp_path: Path) -> Iterator[TestDesk]:
    path = tmp_path / "line.db"
    path.write_bytes(migrated_file.read_bytes())
    with open_desk(f"sqlite:///{path}") as made:
        yield made


@pytest_asyncio.fixture
async def slack(small_desk: TestDesk) -> AsyncIterator[Line]:
    async with line(small_desk) as made:
        yield made


def posted(slack: Line, channel: str = "C0STOCK") -> list[dict[str, Any]]:
    return [one for one in slack.entries("slack") if one["channel"] == channel]


async def test_a_card_is_posted_once_and_its_place_remembered(slack: Line) -> None:
    slack.card()
    await slack.until_quiet()
    assert len(posted(slack)) == 1
    [row] = slack.desk.query(sa.select(cards))
    assert (row.message_id, row.version) == (posted(slack)[0]["ts"], 1)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset_after"}, {"kind": "reset_before"}, {"kind": "http_500"}, {"kind": "http_500", "status": 502},
        {"kind": "error", "error": "internal_error"}, {"kind": "error", "error": "fatal_error"},
    ],
)
async def test_after_an_unknown_outcome_the_channel_is_read_back_before_a_second_post(slack: Line, fault: dict[str, Any]) -> None:
    slack.card()
    await slack.fault("slack", POST, **fault)
    await slack.until_quiet()
    assert len(posted(slack)) == 1
    assert [one.verdict for one in slack.calls("slack", POST)].count("ok") == 1
    assert slack.calls("slack", "conversations.history")
    assert slack.states() == ["done"]


async def test_a_slow_answer_past_our_patience_is_looked_up_too(small_desk: TestDesk) -> None:
    async with line(small_desk, call_seconds=3.0) as slack:
        slack.card()
        await slack.fault("slack", POST, "slow", seconds=300)
        await slack.until_quiet()
        assert (len(posted(slack)), slack.states()) == (1, ["done"])
        assert slack.calls("slack", "conversations.history")


async def test_the_look_back_reads_every_page(slack: Line) -> None:
    slack.card()
    await slack.fault("slack", POST, "reset_after")
    await slack.until_quiet(within=timedelta(seconds=1))
    for number in range(450):
        async with slack.http.post(
            f"{slack.world.address}/slack/api/chat.postMessage", json={"channel": "C0STOCK", "text": f"noise {number}"},
            headers={"Authorization": f"Bearer {slack.world.settings.slack_bot_token}"},
        ) as answer:
            assert (await answer.json())["ok"]
    await slack.until_quiet()
    assert len(posted(slack)) == 451
    assert len(slack.calls("slack", "conversations.history")) == 3


async def test_a_reply_in_doubt_is_looked_for_in_its_thread(slack: Line) -> None:
    slack.card()
    await slack.until_quiet()
    with slack.desk.begin() as uow:
        uow.outbox.note("low_stock:1", low("a note"), once="n1")
    await slack.fault("slack", POST, "reset_after")
    await slack.until_quiet()
    assert len(posted(slack)) == 2
    assert slack.calls("slack", "conversations.replies")


async def test_a_file_in_doubt_is_looked_for_before_it_is_uploaded_again(slack: Line) -> None:
    slack.card()
    await slack.until_quiet()
    with slack.desk.begin() as uow:
        uow.outbox.note("low_stock:1", any_message(PurchaseOrderNote, "words"), once="po")
    await slack.fault("slack", "files.completeUploadExternal", "reset_after")
    await slack.until_quiet()
    assert slack.states() == ["done", "done"]
    files = [one for one in slack.world.slack.files.values() if one.completed]
    assert len(files) == 1
    assert len(slack.calls("slack", POST)) == 2


async def test_a_file_that_slack_refuses_is_counted_and_the_words_stay(slack: Line) -> None:
    slack.card()
    await slack.until_quiet()
    with slack.desk.begin() as uow:
        uow.outbox.note("low_stock:1", any_message(PurchaseOrderNote, "words"), once="po")
    await slack.fault("slack", "files.getUploadURLExternal", "error", error="storage_limit_reached")
    await slack.until_quiet()
    assert slack.states() == ["done", "done"]
    assert slack.defects.counts["slack", "purchase_order_note"] == 1


async def test_retry_after_holds_the_channel_exactly_and_no_other(slack: Line) -> None:
    slack.card()
    began = slack.desk.clock.now()
    await slack.fault("slack", POST, "ratelimit", retry_after=97)
    await slack.until_quiet(within=timedelta(seconds=1))
    with slack.desk.begin() as uow:
        uow.outbox.card("return:R-1", any_message(ReturnCard, "R-1"), version=1)
    await slack.until_quiet()
    held = slack.desk.query(sa.select(lanes).where(lanes.c.held_until.is_not(None)))
    assert [row.key for row in held] == ["slack:post:C0STOCK"]
    wait = held[0].held_until - began
    assert timedelta(seconds=97) <= wait < timedelta(seconds=98)
    finished = {row.message: row.done_at for row in slack.desk.outbox_rows()}
    assert finished["return_card"] - began < timedelta(seconds=5)
    assert timedelta() <= finished["low_stock_card"] - held[0].held_until < timedelta(seconds=2)
    assert slack.desk.outbox_rows()[0].attempts == 1  # a wait that was asked for counts as no attempt


@pytest.mark.parametrize("code", ["rate_limited", "message_limit_exceeded"])
async def test_a_limit_of_the_whole_app_holds_every_channel(slack: Line, code: str) -> None:
    slack.card()
    await slack.fault("slack", POST, "ratelimit", retry_after=50, error=code)
    await slack.delivery.step()
    await slack.until_quiet(within=timedelta(seconds=10))
    with slack.desk.begin() as uow:
        uow.outbox.card("return:R-1", any_message(ReturnCard, "R-1"), version=1)
    await slack.until_quiet(within=timedelta(seconds=20))
    assert len(slack.calls("slack", POST)) == 1
    await slack.until_quiet()
    assert len(slack.entries("slack")) == 2


async def test_what_is_found_again_is_edited_only_when_edits_may_go_out(slack: Line) -> None:
    slack.card()
    await slack.fault("slack", POST, "reset_after")
    await slack.until_quiet(within=timedelta(seconds=1))
    began = slack.desk.clock.now()
    with slack.desk.store.engine.begin() as connection:
        JobRows(connection, began).hold("slack:chat.update", until=began + timedelta(seconds=50))
    await slack.until_quiet(within=timedelta(seconds=45))
    assert slack.calls("slack", "conversations.history")
    assert not slack.calls("slack", "chat.update")
    await slack.until_quiet()
    assert (len(slack.calls("slack", "chat.update")), len(posted(slack)), slack.states()) == (1, 1, ["done"])


async def test_nobody_reads_back_while_slack_wants_no_reading(slack: Line) -> None:
    slack.card()
    await slack.fault("slack", POST, "reset_after")
    await slack.until_quiet(within=timedelta(seconds=1))
    began = slack.desk.clock.now()
    with slack.desk.store.engine.begin() as connection:
        JobRows(connection, began).hold("slack:conversations.history", until=began + timedelta(seconds=50))
    await slack.until_quiet(within=timedelta(seconds=45))
    assert not slack.calls("slack", "conversations.history")
    await slack.until_quiet()
    assert (len(posted(slack)), slack.states()) == (1, ["done"])
    assert slack.desk.outbox_rows()[0].attempts == 2, "a wait that was asked for counts as no attempt"


async def test_an_edits_limit_is_its_methods_own(slack: Line) -> None:
    slack.card()
    await slack.until_quiet()
    slack.card(version=2)
    await slack.fault("slack", "chat.update", "ratelimit", retry_after=40)
    await slack.until_quiet()
    held = slack.desk.query(sa.select(lanes.c.key).where(lanes.c.held_until.is_not(None)))
    assert [row.key for row in held] == ["slack:chat.update"]
    assert (len(posted(slack)), slack.states()) == (1, ["done", "done"])


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 30), ("", 30), ("soon", 30), ("nan", 30), ("Mon, 23 Nov 2026 08:00:00 GMT", 30), ("0", 1), ("-5", 1), ("0.2", 1), ("1", 1),
        ("17", 17), ("3600", 3600), ("86400", 3600), ("1e99", 3600), ("inf", 3600),
    ],
)
def test_retry_after_is_read_whatever_it_says(header: str | None, seconds: int) -> None:
    assert retry_after(header) == timedelta(seconds=seconds)


@pytest.mark.parametrize("header", ["", "soon"])
async def test_a_wait_without_a_length_is_half_a_minute(slack: Line, header: str) -> None:
    slack.card()
    began = slack.desk.clock.now()
    await slack.fault("slack", POST, "ratelimit", header=header)
    await slack.until_quiet()
    assert timedelta(seconds=30) <= slack.desk.clock.now() - began < timedelta(seconds=33)
    assert slack.states() == ["done"]


@pytest.mark.parametrize("code", ["token_revoked", "account_inactive", "invalid_auth", "missing_scope"])
async def test_a_refused_token_stops_everything_and_loses_nothing(slack: Line, code: str) -> None:
    slack.card()
    with slack.desk.begin() as uow:
        uow.outbox.card("return:R-1", any_message(ReturnCard, "R-1"), version=1)
    await slack.fault("slack", POST, "error", error=code, times=3)
    await slack.until_quiet(within=timedelta(seconds=50))
    assert slack.states() == ["open", "open"]
    assert code in slack.desk.outbox_rows()[0].error
    await slack.until_quiet(within=timedelta(minutes=10))
    assert slack.states() == ["done", "done"]
    assert len(slack.entries("slack")) == 2


async def test_with_a_revoked_token_one_letter_a_minute_asks_and_the_owner_hears_it_in_telegram(slack: Line) -> None:
    for topic in ("returns", "daily", "parcels"):
        hear(slack.desk, "stock", "slack", f"C0{topic.upper()}")
    await slack.fault("slack", POST, "error", error="token_revoked", times=1000)
    auditor = Auditor(engine=slack.desk.store, sleep=slack.sleep, seconds=lambda: 0.0)
    slack.card()
    await slack.until_quiet(within=timedelta(seconds=50))
    at_first = len(slack.calls("slack", POST))
    for number in range(2, 6):
        slack.card(number)
    for _ in range(120):
        await slack.until_quiet(within=timedelta(0))
        slack.desk.clock.move(seconds=30)
        await auditor.step()
    assert (at_first, 55 <= len(slack.calls("slack", POST)) - at_first <= 61) == (4, True)
    letters = [row for row in slack.desk.outbox_rows() if row.kind == "say.slack"]
    assert {(row.state, row.attempts) for row in letters} == {("open", 0)}
    told = "".join(one["text"] for one in slack.entries("telegram"))
    assert "Slack refuses our token (token_revoked)" in told
    slack.world.faults.clear()
    began = slack.desk.clock.now()
    await slack.until_quiet(within=timedelta(minutes=10))
    letters = [row for row in slack.desk.outbox_rows() if row.kind == "say.slack"]
    assert {row.state for row in letters} == {"done"}
    assert max(row.done_at for row in letters) - began < timedelta(seconds=75)


async def test_a_letter_that_reads_back_with_a_revoked_token_holds_everything(slack: Line) -> None:
    slack.card()
    await slack.fault("slack", POST, "reset_after")
    await slack.fault("slack", "conversations.history", "error", error="token_revoked")
    await slack.until_quiet(within=timedelta(seconds=10))
    [lane] = slack.desk.query(sa.select(lanes).where(lanes.c.shut))
    assert lane.key == "slack:all"
    await slack.until_quiet()
    assert (len(posted(slack)), slack.states()) == (1, ["done"])


@pytest.mark.parametrize("code", ["ekm_access_denied", "access_denied", "no_permission"])
async def test_a_refusal_of_one_channel_holds_no_other(slack: Line, code: str) -> None:
    slack.card()
    await slack.fault("slack", POST, "error", error=code)
    await slack.delivery.step()
    await slack.until_quiet(within=timedelta(seconds=5))
    with slack.desk.begin() as uow:
        uow.outbox.card("return:R-1", any_message(ReturnCard, "R-1"), version=1)
    await slack.until_quiet(within=timedelta(seconds=20))
    assert slack.states() == ["open", "done"]
    await slack.until_quiet()
    assert slack.states() == ["done", "done"]


async def test_a_token_that_is_revoked_between_the_words_and_the_file_loses_no_file(slack: Line) -> None:
    slack.card()
    await slack.until_quiet()
    with slack.desk.begin() as uow:
        uow.outbox.note("low_stock:1", any_message(PurchaseOrderNote, "words"), once="po")
    await slack.fault("slack", "files.getUploadURLExternal", "error", error="token_revoked")
    await slack.until_quiet()
    assert slack.states() == ["done", "done"]
    assert len([one for one in slack.world.slack.files.values() if one.completed]) == 1
    assert len(slack.calls("slack", POST)) == 2


@pytest.mark.parametrize("code", ["is_archived", "channel_not_found", "not_in_channel"])
async def test_a_channel_that_refuses_us_sends_the_letter_to_the_owner_who_is_told_why(slack: Line, code: str) -> None:
    slack.card()
    await slack.fault("slack", POST, "error", error=code)
    await slack.until_quiet()
    assert slack.states() == ["dead", "done"]
    [found] = slack.entries("slack")
    assert found["channel"] == "D0ADA"
    assert "C0STOCK" in str(found)
    assert "U0ADA instead" in slack.desk.outbox_rows()[0].error


async def test_a_card_that_went_to_the_owner_is_edited_there(slack: Line) -> None:
    slack.world.slack.channels["C0STOCK"].is_archived = True
    slack.card()
    await slack.until_quiet()
    slack.card(version=2)
    await slack.until_quiet()
    [found] = slack.entries("slack")
    assert (found["channel"], "SKU-1 v2" in str(found)) == ("D0ADA", True)


async def test_where_another_chat_hears_the_topic_it_has_its_copy_already(slack: Line) -> None:
    hear(slack.desk, "stock", "slack", "C0GENERAL")
    slack.world.slack.channels["C0STOCK"].is_archived = True
    slack.card()
    await slack.until_quiet()
    assert [one["channel"] for one in slack.entries("slack")] == ["C0GENERAL"]
    assert sorted(slack.states()) == ["dead", "done"]


@pytest.mark.parametrize("code", ["invalid_blocks", "msg_too_long", "msg_blocks_too_long"])
async def test_a_refused_layout_goes_out_once_as_plain_text_and_is_counted(slack: Line, code: str) -> None:
    slack.card()
    await slack.fault("slack", POST, "error", error=code)
    await slack.until_quiet()
    [found] = posted(slack)
    assert "SKU-1 v1" in found["text"]
    assert slack.defects.counts == {("slack", "low_stock_card"): 1}
    [row] = slack.desk.outbox_rows()
    assert (row.state, row.outcome["plain"].split()[0]) == ("done", code)


async def test_plain_text_says_too_what_stands_above_the_buttons(slack: Line) -> None:
    with slack.desk.begin() as uow:
        uow.outbox.tell(Chat(platform="slack", address="C0STOCK"), any_message(Digest, "x"), once="d")
    await slack.fault("slack", POST, "error", error="invalid_blocks")
    await slack.until_quiet()
    assert "To do first:\n• " in posted(slack)[0]["text"]


async def test_a_deleted_card_is_posted_anew(slack: Line) -> None:
    slack.card()
    await slack.until_quiet()
    await slack.fault("slack", "chat.update", "error", error="message_not_found")
    slack.card(version=2)
    await slack.until_quiet()
    assert len(posted(slack)) == 2


async def test_slack_out_of_reach_means_nothing_was_sent(slack: Line) -> None:
    slack.card()
    carrier = slack.delivery.carriers["say.slack"]
    right = carrier.client.base_url  # type: ignore[attr-defined]
    carrier.client.base_url = "http://127.0.0.1:9/api/"  # type: ignore[attr-defined]
    await slack.delivery.step()
    await slack.until_quiet(within=timedelta(seconds=1))
    [row] = slack.desk.outbox_rows()
    assert (row.sending, row.error) == (False, "Slack cannot be reached")
    carrier.client.base_url = right  # type: ignore[attr-defined]
    await slack.until_quiet()
    assert not slack.calls("slack", "conversations.history")
    assert len(posted(slack)) == 1


async def test_posts_of_a_channel_keep_their_distance(slack: Line) -> None:
    for number in range(4):
        slack.card(number)
    await slack.until_quiet()
    starts = sorted(row.done_at for row in slack.desk.query(sa.select(jobs.c.done_at)))
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert all(gap >= timedelta(seconds=0.99) for gap in gaps)
