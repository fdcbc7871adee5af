"""The sandbox's clock and the control verbs all platforms share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from sandbox.__main__ import read_arguments
from sandbox.faults import BadFault, Faults, read_fault
from tests.sandbox.slack_stand import Stand, stand
from tests.waiting import LONG, until

START = datetime(2026, 11, 23, 8, 5, tzinfo=UTC)


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[Stand]:
    async with stand(start=START) as one:
        yield one


async def test_time_starts_where_told_and_only_moves_forward(slack: Stand) -> None:
    before = await slack.control("clock")
    assert 0 <= (datetime.fromisoformat(before["now"]) - START).total_seconds() < 30
    after = await slack.control("clock", {"advance_seconds": 3600})
    assert after["offset_seconds"] == pytest.approx(before["offset_seconds"] + 3600)
    assert after["version"] == before["version"] + 1
    assert "error" in await slack.control("clock", {"advance_seconds": -1})
    assert "error" in await slack.control("clock", {"advance_seconds": True})


async def test_a_long_poll_comes_back_when_time_moves(slack: Stand) -> None:
    version = (await slack.control("clock"))["version"]
    poll = asyncio.create_task(slack.control(f"clock?after={version}"))
    await asyncio.sleep(0.05)
    assert not poll.done()
    await until(lambda: slack.world.clock.pollers)
    advance = asyncio.create_task(slack.control("clock", {"advance_seconds": 60}))
    assert (await poll)["version"] == version + 1
    again = asyncio.create_task(slack.control(f"clock?after={version + 1}"))
    await advance
    again.cancel()


async def test_an_advance_waits_for_what_the_app_does_about_it(slack: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer comes only once every poller polls again, so what it posted before is there."""
    monkeypatch.setattr("sandbox.control.MOST_AFTER_ADVANCE", LONG)

    async def app() -> None:
        version = (await slack.control("clock"))["version"]
        await slack.control(f"clock?after={version}")
        await asyncio.sleep(0.4)
        await slack.api("chat.postMessage", channel="C0STOCK", text="good morning")
        await slack.control(f"clock?after={version + 1}")

    running = asyncio.create_task(app())
    await until(lambda: slack.world.clock.pollers)
    await slack.control("clock", {"advance_seconds": 60})
    assert [one["text"] for one in (await slack.control("transcript"))["entries"]] == ["good morning"]
    running.cancel()


async def test_nobody_waits_for_a_poller_that_hung_up(slack: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    version = (await slack.control("clock"))["version"]
    poll = asyncio.create_task(slack.control(f"clock?after={version}"))
    await until(lambda: slack.world.clock.pollers)
    poll.cancel()
    await until(lambda: not slack.world.clock.pollers)
    monkeypatch.setattr("sandbox.control.MOST_AFTER_ADVANCE", 600.0)
    async with asyncio.timeout(LONG):
        await slack.control("clock", {"advance_seconds": 60})


async def test_a_reset_forgets_all_and_begins_an_epoch(slack: Stand) -> None:
    await slack.api("chat.postMessage", channel="C0STOCK", text="x")
    await slack.control("faults", {"slack": {"kind": "http_500", "times": 9}})
    await slack.control("clock", {"advance_seconds": 86_400})
    before = await slack.control("clock")
    after = await slack.control("reset", {})
    assert after["epoch"] == before["epoch"] + 1
    assert after["version"] > before["version"]
    assert datetime.fromisoformat(after["now"]) < datetime.fromisoformat(before["now"])
    assert (await slack.control("transcript"))["entries"] == []
    assert (await slack.control("faults"))["faults"] == []
    assert (await slack.control("calls"))["calls"] == []


async def test_the_same_seed_gives_the_same_ids(slack: Stand) -> None:
    async def first_file() -> str:
        return (await slack.form("files.getUploadURLExternal", filename="a", length=1))["file_id"]

    first = await first_file()
    await slack.control("reset", {})
    assert await first_file() == first


async def test_the_stream_tells_of_every_change(slack: Stand) -> None:
    async with slack.client.get(f"{slack.world.address}/control/stream") as stream:
        assert json.loads((await stream.content.readline())[6:])["kind"] == "clock"
        await stream.content.readline()
        await slack.api("chat.postMessage", channel="C0STOCK", text="x")
        change = json.loads((await stream.content.readline())[6:])
        assert (change["kind"], change["payload"]["text"]) == ("transcript", "x")


async def test_the_world_names_everybody(slack: Stand) -> None:
    world = await slack.control("world")
    assert [user["name"] for user in world["slack"]["users"]][:2] == ["ada", "ben"]
    assert {channel["name"] for channel in world["slack"]["channels"]} == {"general", "stock", "parcels", "returns", "daily"}
    assert world["telegram"]["chats"][0]["phone"] == "+49 151 0000 1001"


async def test_the_transcript_is_read_from_a_number_on(slack: Stand) -> None:
    for text in "ab":
        await slack.api("chat.postMessage", channel="C0STOCK", text=text)
    entries = (await slack.control("transcript"))["entries"]
    later = (await slack.control(f"transcript?after={entries[0]['seq']}"))["entries"]
    assert [one["text"] for one in later] == ["b"]
    assert (await slack.control("transcript?platform=telegram"))["entries"] == []
    assert "error" in await slack.control("transcript?after=x")


@pytest.mark.parametrize(
    ("platform", "asked"),
    [("fax", {"kind": "error"}), ("slack", {"kind": "flood"}), ("slack", {"kind": "error", "times": 0}), ("slack", {"kind": "error", "status": 99})],
)
def test_a_fault_that_makes_no_sense_is_refused(platform: str, asked: dict[str, object]) -> None:
    with pytest.raises(BadFault):
        read_fault(platform, asked)


def test_a_fault_may_let_some_calls_pass_first() -> None:
    faults = Faults()
    faults.add(read_fault("slack", {"method": "m", "kind": "error", "times": 2, "skip": 1}))
    assert [faults.take("slack", "m") is not None for _ in range(4)] == [False, True, True, False]


def test_the_command_line_is_read() -> None:
    given, settings = read_arguments(["--port", "0", "--app", "http://a/", "--start", "2026-11-23T09:05:00+01:00", "--rate-limits", "warn"])
    assert (given.port, settings.app, settings.enforce_rate_limits) == (0, "http://a", False)
    assert settings.start == START
    with pytest.raises(SystemExit):
        read_arguments(["--start", "2026-11-23T09:05:00"])
