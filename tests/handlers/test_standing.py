"""Guests, strangers, bots and the deactivated are told apart by Slack's own word, over real HTTP to the sandbox."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from handlers.run import Who
from handlers.slack.standing import LIFE, Standings, is_stranger
from notifications.slack.calls import direct
from sandbox.faults import read_fault
from sandbox.people import OTHER_TEAM, TEAM
from sandbox.server import running
from sandbox.world import Settings, World
from tests.desk import TestDesk
from tests.waiting import LONG

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
ADA = Who(platform="slack", user="U0ADA", team=TEAM)
MEMBER: dict[str, Any] = {"id": "U0ADA", "team_id": TEAM, "deleted": False, "is_restricted": False, "is_bot": False}


@pytest.fixture
async def asked(
    desk: TestDesk, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Standings, World, list[datetime]]]:
    monkeypatch.setattr("handlers.slack.standing._PATIENCE", LONG)
    moment = [NOW]
    async with running(Settings(start=NOW)) as sandbox, aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            "xoxb-sandbox-bot", base_url=f"{sandbox.address}/slack/api/", session=session, timeout=2 * LONG, retry_handlers=[]
        )
        yield Standings(client=client, direct=direct(desk.store), now=lambda: moment[0]), sandbox, moment


async def test_members_are_told_from_guests_and_strangers(asked: tuple[Standings, World, list[datetime]]) -> None:
    standings, _, _ = asked
    assert await standings.of(ADA) == ADA
    for user, team in (("U0GUEST", TEAM), ("U0MALLORY", OTHER_TEAM), ("U0MALLORY", TEAM), ("U0NOBODY", TEAM)):
        assert (await standings.of(Who(platform="slack", user=user, team=team))).stranger, (user, team)
    customer = Who(platform="telegram", user="1001")
    assert await standings.of(customer) is customer


@pytest.mark.parametrize("fault", [
    {"kind": "http_500"}, {"kind": "ratelimit"}, {"kind": "error"}, {"kind": "error", "error": "invalid_auth"},
], ids=str)
async def test_where_slack_does_not_say_nobody_is_sure(
    asked: tuple[Standings, World, list[datetime]], desk: TestDesk, fault: dict[str, Any]
) -> None:
    standings, sandbox, _ = asked
    sandbox.faults.add(read_fault("slack", {"method": "users.info", "times": 1, **fault}))
    assert await standings.of(ADA) == replace(ADA, unsure=True)
    desk.clock.move(seconds=61)
    assert await standings.of(ADA) == ADA, "a doubt is not remembered"


@pytest.mark.parametrize(("fault", "lane"), [
    ({"kind": "ratelimit", "retry_after": 40}, "slack:users.info"), ({"kind": "error", "error": "invalid_auth"}, "slack:all"),
], ids=["429", "token"])
async def test_while_slack_wants_no_questions_nobody_is_sure_and_none_is_asked(
    asked: tuple[Standings, World, list[datetime]], desk: TestDesk, fault: dict[str, Any], lane: str
) -> None:
    standings, sandbox, _ = asked
    sandbox.faults.add(read_fault("slack", {"method": "users.info", "times": 1, **fault}))
    assert (await standings.of(ADA)).unsure
    again = replace(standings, direct=direct(desk.store), _known=OrderedDict())  # another process
    for _ in range(5):
        assert (await again.of(ADA)).unsure
    assert len(sandbox.calls) == 1
    assert set(await desk.store.read(lambda one: one.jobs.held_lanes([lane]))) == {lane}
    desk.clock.move(seconds=61)
    assert await again.of(ADA) == ADA
    assert not await desk.store.read(lambda one: one.jobs.closed_lanes([lane])), "what came through opens it"


async def test_where_slack_cannot_be_reached_nobody_is_sure(desk: TestDesk) -> None:
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient("xoxb-1", base_url="http://127.0.0.1:9/", session=session, retry_handlers=[])
        assert (await Standings(client=client, direct=direct(desk.store), now=lambda: NOW).of(ADA)).unsure


async def test_what_slack_said_is_believed_for_a_minute(asked: tuple[Standings, World, list[datetime]]) -> None:
    standings, sandbox, moment = asked
    await standings.of(ADA)
    sandbox.faults.add(read_fault("slack", {"method": "users.info", "kind": "http_500", "times": 1}))
    moment[0] = NOW + LIFE - timedelta(milliseconds=1)
    assert await standings.of(ADA) == ADA
    moment[0] = NOW + LIFE
    assert (await standings.of(ADA)).unsure


@pytest.mark.parametrize(("changed", "stranger"), [
    ({}, False), ({"is_restricted": True}, True), ({"is_ultra_restricted": True}, True), ({"deleted": True}, True),
    ({"is_stranger": True}, True), ({"is_bot": True}, True), ({"team_id": "T0OTHER"}, True), ({"id": "U0OTHER"}, True),
    ({"team_id": "E0ORG", "enterprise_user": {"teams": [TEAM, "T0B"]}}, False),
    ({"team_id": "E0ORG", "enterprise_user": {"teams": ["T0B"]}}, True), ({"team_id": None}, True),
])
def test_only_a_full_living_member_is_none(changed: dict[str, Any], stranger: bool) -> None:
    assert is_stranger({**MEMBER, **changed}, TEAM, "U0ADA") is stranger
