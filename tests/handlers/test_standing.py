"""Guests, strangers, bots and the deactivated are told apart by Slack's own word, over real HTTP to the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from handlers.run import Who
from handlers.slack.standing import LIFE, Standings, is_stranger
from sandbox.faults import read_fault
from sandbox.people import OTHER_TEAM, TEAM
from sandbox.server import running
from sandbox.world import Settings, World

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
ADA = Who(platform="slack", user="U0ADA", team=TEAM)
MEMBER: dict[str, Any] = {"id": "U0ADA", "team_id": TEAM, "deleted": False, "is_restricted": False, "is_bot": False}


@pytest.fixture
async def asked() -> AsyncIterator[tuple[Standings, World, list[datetime]]]:
    moment = [NOW]
    async with running(Settings(start=NOW)) as sandbox, aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            "xoxb-sandbox-bot", base_url=f"{sandbox.address}/slack/api/", session=session, timeout=5, retry_handlers=[]
        )
        yield Standings(client=client, now=lambda: moment[0]), sandbox, moment


async def test_members_are_told_from_guests_and_strangers(asked: tuple[Standings, World, list[datetime]]) -> None:
    standings, _, _ = asked
    assert await standings.of(ADA) == ADA
    for user, team in (("U0GUEST", TEAM), ("U0MALLORY", OTHER_TEAM), ("U0MALLORY", TEAM), ("U0NOBODY", TEAM)):
        assert (await standings.of(Who(platform="slack", user=user, team=team))).stranger, (user, team)
    customer = Who(platform="telegram", user="1001")
    assert await standings.of(customer) is customer


@pytest.mark.parametrize("kind", ["http_500", "ratelimit", "error"])
async def test_where_slack_does_not_say_nobody_is_sure(
    asked: tuple[Standings, World, list[datetime]], kind: str
) -> None:
    standings, sandbox, _ = asked
    sandbox.faults.add(read_fault("slack", {"method": "users.info", "kind": kind, "times": 1}))
    assert await standings.of(ADA) == replace(ADA, unsure=True)
    assert await standings.of(ADA) == ADA, "a doubt is not remembered"


async def test_where_slack_cannot_be_reached_nobody_is_sure() -> None:
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient("xoxb-1", base_url="http://127.0.0.1:9/", session=session, retry_handlers=[])
        assert (await Standings(client=client, now=lambda: NOW).of(ADA)).unsure


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
