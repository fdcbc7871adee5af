"""Photos in Slack: the words never wait for them, Slack's waits are obeyed to the second, and none is lost in silence."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from domain.messages import Photo
from domain.returns.messages import ReturnCard
from notifications.delivery import Delivery
from notifications.slack import photos
from notifications.slack.carrier import SlackCarrier
from notifications.slack.files import Files
from notifications.slack.photos import _FOLLOWS, _GONE
from sandbox.telegram.pictures import draw
from tests.desk import TestDesk, open_desk
from tests.notifications.anything import any_message
from tests.notifications.line import Line, line

URL, COMPLETE = "files.getUploadURLExternal", "files.completeUploadExternal"


@dataclass
class Camera:
    """Where photos come from."""

    breaks: list[Exception] = field(default_factory=list)
    hangs: asyncio.Event | None = None

    async def fetch(self, _photo: Photo) -> bytes:
        if self.hangs is not None:
            await self.hangs.wait()
        if self.breaks:
            raise self.breaks.pop()
        return draw("mug")[0]


@dataclass
class Both:
    """Two processes of one desk, before one Slack."""

    line: Line
    camera: Camera
    second: Delivery

    async def live(self, span: timedelta) -> None:
        """Both work at once; the clock jumps to whatever is due next, and no further than that."""
        desk, end = self.line.desk, self.line.desk.clock.now() + span
        while desk.clock.now() <= end:
            claimed = await asyncio.gather(self.line.delivery.step(), self.second.step())
            if under_way := {*self.line.delivery._under_way, *self.second._under_way}:
                await asyncio.wait(under_way)
                await asyncio.sleep(0)
            elif not any(claimed):
                due = self.line.next_due()
                if due is None or due > end:
                    return
                desk.clock.moment = max(due, desk.clock.now())

    def card(self, name: str, version: int = 1) -> None:
        with self.line.desk.begin() as uow:
            uow.outbox.card(f"return:{name}", any_message(ReturnCard, name), version=version)

    def shown(self) -> list[dict[str, Any]]:
        return [one for one in self.line.entries("slack") if one["channel"] == "C0RETURNS"]

    def pictures(self) -> int:
        return sum("slack_file" in str(one) for one in self.line.world.slack.messages.values())

    def states(self) -> set[str]:
        return {row.state for row in self.line.desk.outbox_rows()}


@contextlib.asynccontextmanager
async def both_on(desk: TestDesk) -> AsyncIterator[Both]:
    camera = Camera()
    async with line(desk, fetch=camera.fetch) as made:
        first = made.delivery.carriers["say.slack"]
        assert isinstance(first, SlackCarrier)
        again = replace(first, files=Files(client=first.client, fetch=camera.fetch))
        second = Delivery(engine=desk.store, carriers={"say.slack": again}, owner="engine-2", sleep=made.sleep)
        yield Both(made, camera, second)


@pytest_asyncio.fixture
async def anywhere(desk: TestDesk) -> AsyncIterator[Both]:
    """On each database."""
    async with both_on(desk) as made:
        yield made


@pytest_asyncio.fixture
async def both(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Both]:
    path = tmp_path / "photos.db"
    path.write_bytes(migrated_file.read_bytes())
    with open_desk(f"sqlite:///{path}") as desk:
        async with both_on(desk) as made:
            yield made


@pytest.mark.parametrize("method", [URL, "upload", COMPLETE])
async def test_no_letter_of_any_process_asks_before_slack_wants_it_and_no_card_waits(anywhere: Both, method: str) -> None:
    anywhere.card("R-0")
    seconds = 30 if method == "upload" else 97  # the sandbox's upload address says no length
    await anywhere.line.fault("slack", method, "ratelimit", retry_after=97)
    await anywhere.live(timedelta(seconds=2))
    asked = len(anywhere.line.calls("slack", method))
    for number in range(1, 7):
        anywhere.card(f"R-{number}")
    await anywhere.live(timedelta(seconds=seconds - 4))
    assert len(anywhere.line.calls("slack", method)) == asked
    assert len(anywhere.shown()) == 7
    assert anywhere.pictures() == 0
    assert all(_FOLLOWS in str(one) for one in anywhere.shown())
    await anywhere.live(timedelta(minutes=10))
    assert anywhere.pictures() == 7
    assert _FOLLOWS not in str([one.blocks for one in anywhere.line.world.slack.messages.values()])
    assert len(anywhere.line.calls("slack", "chat.postMessage")) == 7
    assert anywhere.states() == {"done"}


@pytest.mark.parametrize(
    "broken", [ConnectionError("Telegram is away"), TimeoutError()], ids=lambda error: type(error).__name__
)
async def test_a_photo_that_cannot_be_had_now_follows(both: Both, broken: Exception) -> None:
    both.camera.breaks = [broken] * 3
    both.card("R-1")
    await both.live(timedelta(seconds=1))
    assert (len(both.shown()), both.pictures()) == (1, 0)
    await both.live(timedelta(minutes=10))
    assert (len(both.shown()), both.pictures(), both.states()) == (1, 1, {"done"})


async def test_a_card_leaves_though_its_photo_hangs(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "_PATIENCE", timedelta(milliseconds=50))
    both.camera.hangs = asyncio.Event()
    both.card("R-1")
    await both.live(timedelta(seconds=1))
    assert (len(both.shown()), both.pictures()) == (1, 0)
    both.camera.hangs.set()
    await both.live(timedelta(minutes=10))
    assert (len(both.shown()), both.pictures(), both.states()) == (1, 1, {"done"})


async def test_a_photo_that_never_comes_is_given_up_for_a_person_and_the_card_says_so(both: Both) -> None:
    await both.line.fault("slack", URL, "error", error="storage_limit_reached", times=100)
    both.card("R-1")
    await both.live(timedelta(hours=4))
    assert _FOLLOWS in str(both.shown())
    dead = [row for row in both.line.desk.outbox_rows() if row.state == "dead"]
    assert [row.message for row in dead] == ["return_card"]
    assert len(both.line.calls("slack", "chat.postMessage")) == 1


async def test_a_picture_that_nobody_has_is_said_and_not_asked_for_again(both: Both) -> None:
    both.camera.breaks = [LookupError("Telegram does not give that picture")]
    both.card("R-1")
    await both.live(timedelta(hours=1))
    assert _GONE in str(both.shown())
    assert (both.states(), len(both.line.desk.outbox_rows())) == ({"done"}, 1)


async def test_a_layout_that_slack_refuses_with_its_photo_comes_as_words_and_then_whole(both: Both) -> None:
    await both.line.fault("slack", "chat.postMessage", "error", error="slack_file_not_found")
    both.card("R-1")
    await both.live(timedelta(minutes=10))
    assert (len(both.shown()), both.pictures(), both.states()) == (1, 1, {"done"})


async def test_a_newer_version_of_the_card_needs_no_photo_of_the_older_one(both: Both) -> None:
    await both.line.fault("slack", URL, "ratelimit", retry_after=60)
    both.card("R-1")
    await both.live(timedelta(seconds=10))
    both.card("R-1", version=2)
    await both.live(timedelta(minutes=10))
    assert (len(both.shown()), both.pictures()) == (1, 1)
    assert both.states() <= {"done", "superseded"}
