"""What Slack takes of no letter now it gets of no direct call either, over real HTTP; and the other way round."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa

from domain.inventory import ChangeReorderPoint, ListLowStock
from domain.messages import Button, Chat
from handlers.slack import HomeCarrier, Standings
from notifications.catalogue import Catalogue
from notifications.delivery import Delivery
from notifications.direct import TOKEN_WAIT
from notifications.slack import calls
from notifications.slack.carrier import SlackCarrier
from notifications.slack.files import Files
from notifications.slack.whispers import WhisperCarrier
from storage.tables import lanes, staff, variants
from tests.handlers.test_slack import Workspace, patience_of, words, workspace
from tests.notifications.line import low

pytestmark = pytest.mark.asyncio
__all__ = ["workspace"]
MUG = Button(label="Reorder point", command=ChangeReorderPoint(sku="MUG"))
LIST = Button(label="List", command=ListLowStock())
TOKEN = {"kind": "error", "error": "invalid_auth"}


@dataclass
class Held:
    """A workspace, and the delivery of another process on the same database."""

    at: Workspace
    delivery: Delivery
    standings: Standings

    async def fault(self, method: str, **fault: Any) -> None:
        await self.at.stand.control("faults", {"slack": [{"method": method, "times": 1, **fault}]})

    def calls(self, *methods: str) -> list[Any]:
        return [one for one in self.at.stand.world.calls if one.platform == "slack" and one.direction == "in" and one.name in methods]

    def asked(self) -> int:
        """How many requests Slack got of the desk."""
        return len([one for one in self.at.stand.world.calls if one.platform == "slack" and one.direction == "in" and not one.name.startswith("people")])

    def entries(self) -> list[dict[str, Any]]:
        return [one for one in self.at.stand.world.transcript.entries if one["platform"] == "slack" and one["kind"] == "message"]

    def pass_time(self, seconds: float) -> None:
        self.at.stand.world.clock.advance(seconds)
        self.at.desk.clock.move(seconds=seconds)

    async def hold(self, lane: str, seconds: float, *, shut: bool = False) -> None:
        """As a delivery of another process learned it."""
        await self.at.desk.store.write(
            lambda one: one.jobs.hold(lane, until=one.now + timedelta(seconds=seconds), shut=shut)
        )

    def lane(self, key: str) -> Any:
        [row] = self.at.desk.query(sa.select(lanes).where(lanes.c.key == key))
        return row

    def states(self, kind: str) -> list[str]:
        return [row.state for row in self.at.desk.outbox_rows(kind)]

    async def deliver(self) -> None:
        """What can leave now leaves."""
        while await self.delivery.step() or self.delivery._under_way:
            if self.delivery._under_way:
                await asyncio.wait(set(self.delivery._under_way))
            await asyncio.sleep(0)


@pytest.fixture
async def held(workspace: Workspace) -> Held:
    desk, slack, store = workspace.desk, workspace.listeners[0], workspace.desk.store
    client, catalogue = slack.client, Catalogue()
    standings = Standings(client=client, direct=calls.direct(store), now=desk.clock.now)

    async def no_picture(_: Any) -> bytes:
        raise LookupError

    carriers = (
        SlackCarrier(client=client, engine=store, catalogue=catalogue, files=Files(client=client, fetch=no_picture)),
        WhisperCarrier(client=client, engine=store, catalogue=catalogue), HomeCarrier(slack=slack, standings=standings),
    )
    delivery = Delivery(engine=store, carriers={one.kind: one for one in carriers}, owner="engine-2", sleep=asyncio.sleep)
    made = Held(workspace, delivery, standings)

    async def sleep(seconds: float) -> None:
        made.pass_time(seconds)
        await asyncio.sleep(0)

    delivery.sleep = sleep
    object.__setattr__(workspace.stand.world.settings, "patience", 0.4)  # some of these answers come much later
    return made


# --- forms


@pytest.mark.parametrize("way", ["typed", "pressed"])
@pytest.mark.parametrize(("lane", "shut", "said"), [
    (calls.MODAL, False, "Slack wants no forms of me for"), (calls.ALL, False, "Slack wants no forms of me for"),
    (calls.ALL, True, "Slack refuses my token, so I can open no form"),
])
async def test_a_form_that_slack_would_not_open_is_a_sentence_and_no_request(held: Held, way: str, lane: str, shut: bool, said: str) -> None:
    ts = await held.at.card(MUG)
    await held.hold(lane, 40, shut=shut)
    if way == "typed":
        assert said in await held.at.says("/stock why")
    else:
        pressed = await held.at.act("press", ts=ts, label=MUG.label)
        if lane == calls.ALL and not shut:  # the response URL waits, too
            assert pressed["saw"] == []
            held.pass_time(41)
            await held.deliver()
        assert said in words(held.entries()[-1])
        assert held.entries()[-1]["ephemeral_to"] is not None
    assert not held.calls("views.open")
    held.pass_time(41)
    again = await held.at.act("press", ts=ts, label=MUG.label)
    assert [one["kind"] for one in again["saw"]] == ["view"]


async def test_a_form_that_meets_a_limit_tells_every_process(held: Held) -> None:
    await held.fault("views.open", kind="ratelimit", retry_after=90)
    assert "Slack wants no forms of me for 90 s" in await held.at.says("/stock why")
    assert "Slack wants no forms of me for" in await held.at.says("/stock why")
    assert len(held.calls("views.open")) == 1
    assert set(await held.at.desk.store.read(lambda one: one.jobs.held_lanes([calls.MODAL, calls.ALL]))) == {calls.MODAL}


# --- a refused token


async def test_a_token_that_a_form_finds_refused_stops_the_letters_and_one_call_a_minute_tries(held: Held) -> None:
    await held.fault("views.open", **TOKEN)
    assert "Slack refuses my token" in await held.at.says("/stock why")
    assert held.lane(calls.ALL).shut
    with held.at.desk.begin() as uow:
        for number in range(5):
            uow.outbox.tell(Chat(platform="slack", address="C0STOCK"), low(f"SKU-{number}"), once=f"l{number}")
    before = held.asked()
    await held.deliver()
    for _ in range(3):
        await held.at.says("/stock why")
        await held.at.act("home")
    assert held.asked() == before, "not one request while the token is refused"
    await held.fault("*", **TOKEN, times=100)
    for _ in range(4):
        held.pass_time(TOKEN_WAIT.total_seconds() + 3)
        before = held.asked()
        await asyncio.gather(*(held.at.act("command", text="/stock why") for _ in range(3)), held.deliver())
        await held.deliver()
        assert held.asked() == before + 1, "one for all"
    held.at.stand.world.faults.clear()
    held.pass_time(TOKEN_WAIT.total_seconds() + 3)
    opened = await held.at.act("command", text="/stock why")
    assert [one["kind"] for one in opened["saw"]] == ["view"], "the form is the trial"
    assert not held.lane(calls.ALL).shut
    for _ in range(6):  # five letters of one channel
        await held.deliver()
        held.pass_time(1.2)
    assert set(held.states("say.slack")) == {"done"}, "what waited follows at once"


async def test_a_call_that_is_refused_in_a_word_of_its_own_opens_what_was_shut(held: Held) -> None:
    await held.hold(calls.ALL, 0, shut=True)
    with pytest.raises(calls.Refused):
        await held.at.listeners[0].direct.ask(
            lambda: held.at.listeners[0].client.views_open(trigger_id="1.2.x", view={"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": []}),
            lane=calls.MODAL,
        )
    assert not held.lane(calls.ALL).shut


async def test_letters_that_were_put_back_for_a_trial_follow_as_soon_as_it_came_through(held: Held) -> None:
    await held.hold(calls.ALL, 0, shut=True)
    rows = held.at.listeners[0].direct.lanes
    trials = await rows.enter((calls.MODAL, calls.ALL))
    assert set(trials) == {calls.ALL}
    with held.at.desk.begin() as uow:
        uow.outbox.tell(Chat(platform="slack", address="C0STOCK"), low("SKU-1"), once="l1")
    await held.deliver()
    assert held.states("say.slack") == ["open"]
    await rows.came_through(trials)
    await held.deliver()
    assert held.states("say.slack") == ["done"]


# --- App Home


@pytest.mark.parametrize("learned", ["by another", "by itself", "token"])
async def test_app_home_comes_when_the_hold_is_over_once_and_as_it_is_then(held: Held, learned: str) -> None:
    if learned == "by another":
        await held.hold(calls.HOME, 50)
    elif learned == "by itself":
        await held.fault("views.publish", kind="ratelimit", retry_after=50)
    else:
        await held.fault("views.publish", **TOKEN)
    for _ in range(3):
        assert (await held.at.act("home"))["ok"]
    asked = len(held.calls("views.publish"))
    assert asked == (0 if learned == "by another" else 1)
    await held.deliver()
    held.pass_time(45)
    await held.deliver()
    assert len(held.calls("views.publish")) == asked
    held.at.desk.execute(sa.update(staff).where(staff.c.slack_user == "U0ADA").values(name="Ada the Second"))
    held.pass_time(20)
    await held.deliver()
    assert len(held.calls("views.publish")) == asked + 1
    assert "Ada the Second" in str(held.calls("views.publish")[-1].arguments)
    assert held.states("home.slack") == ["superseded", "superseded", "done"]
    assert {row.attempts for row in held.at.desk.outbox_rows("home.slack")} <= {0, 1}


async def test_a_page_that_waited_is_not_shown_to_who_is_a_guest_by_then(held: Held) -> None:
    """Fail closed: users.info is asked at the job's turn, and the page is made for what it says."""
    known = replace(held.at.door, known=held.standings.of)
    object.__setattr__(held.at.listeners[0], "desk", known)
    await held.hold(calls.HOME, 50)
    await held.at.act("home", user="gus")
    held.pass_time(70)
    await held.fault("users.info", kind="ratelimit", retry_after=30)
    await held.deliver()
    assert not held.calls("views.publish"), "Slack would not say who it is"
    held.pass_time(31)
    await held.deliver()
    (shown,) = held.calls("views.publish")
    assert "Guests and people of other workspaces can't use Opsbell" in str(shown.arguments)


# --- what was pressed in App Home


@pytest.mark.parametrize("learned", ["by another", "by itself", "token", "all", "broken", "refused"])
async def test_an_answer_to_a_press_in_app_home_comes_as_a_direct_message_once(held: Held, learned: str) -> None:
    assert (await held.at.act("home"))["ok"]
    if learned == "by another":
        await held.hold(calls.HOME, 50)
    elif learned == "all":
        await held.hold(calls.ALL, 50)
    else:
        await held.fault("views.publish", **{
            "by itself": {"kind": "ratelimit", "retry_after": 50}, "token": TOKEN, "broken": {"kind": "http_500"},
            "refused": {"kind": "error", "error": "hash_conflict"},
        }[learned])
    pressed = await held.at.act("press", home=True, label="Stock (0)")
    assert pressed["ok"], "no warning beside the button: it is done, and its answer comes"
    await held.at.act("home")  # opened again meanwhile: what was asked for is not forgotten for it
    await held.deliver()
    for _ in range(3):
        held.pass_time(45)
        await held.deliver()
    told = [one for one in held.calls("chat.postMessage") if one.arguments["channel"] == "U0ADA"]
    assert len(told) == 1
    assert "Nothing has to be ordered" in str(told[0].arguments)
    assert [(row.state, row.kind) for row in held.at.desk.outbox_rows("whisper.slack")] == [("done", "whisper.slack")]
    assert "Waiting for a decision" in str(held.calls("views.publish")[-1].arguments), "and the page is whole"


async def test_a_form_that_does_not_open_from_app_home_is_said_there_or_in_a_direct_message(held: Held) -> None:
    assert (await held.at.act("home"))["ok"]
    await held.hold(calls.MODAL, 40)
    pressed = await held.at.act("press", home=True, label="Change my digest")
    assert "Slack wants no forms of me for" in str(pressed["saw"])
    await held.hold(calls.ALL, 40)
    assert (await held.at.act("press", home=True, label="Change my digest"))["ok"]
    held.pass_time(45)
    await held.deliver()
    (told,) = held.calls("chat.postMessage")
    assert told.arguments["channel"] == "U0ADA"
    assert "Slack wants no forms of me for" in str(told.arguments)


# --- a Slack that is slow: what it is owed within three seconds does not wait for it


async def test_a_form_of_app_home_is_acknowledged_before_the_page_is_shown(held: Held) -> None:
    await held.at.act("home")
    opened = await held.at.act("press", home=True, label="Change my digest")
    (view,) = [entry for entry in opened["saw"] if entry["kind"] == "view"]
    await held.fault("views.publish", kind="slow", seconds=4.0)
    before = len(held.calls("views.publish"))
    done = await held.at.act("submit", view_id=view["view_id"], values={"hour": "7:30", "shows": "stock"})
    assert done["ok"], done
    assert "Your own digest comes at 07:30" in str(done)
    assert len(held.calls("views.publish")) == before, "the page is a job"
    held.at.stand.world.faults.clear()
    await held.deliver()
    assert "your own at 07:30" in str(held.calls("views.publish")[-1].arguments), "before the tab is opened again"


@pytest.mark.parametrize("method", ["views.publish", "chat.postEphemeral"])
async def test_an_answer_that_slack_is_slow_to_take_does_not_hold_up_the_acknowledgement(
    held: Held, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await held.at.act("home")
    if method == "chat.postEphemeral":
        ts = await held.at.card(MUG)
        opened = await held.at.act("press", ts=ts, label=MUG.label)
        (view,) = [entry for entry in opened["saw"] if entry["kind"] == "view"]
    patience_of(monkeypatch, 0.2)
    await held.fault(method, kind="slow", seconds=3600)
    if method == "chat.postEphemeral":
        done = await held.at.act("submit", view_id=view["view_id"], values={"reorder_point": "40"})
    else:
        done = await held.at.act("press", home=True, label="Stock (0)")
    assert done["ok"], done
    await held.deliver()
    assert held.states("whisper.slack") == ["done"], "said once more, since nobody knows whether it was heard"


# --- answers


async def test_an_answer_to_a_form_comes_through_its_lane_and_only_to_its_person(held: Held) -> None:
    ts = await held.at.card(MUG)
    opened = await held.at.act("press", ts=ts, label=MUG.label)
    (view,) = [entry for entry in opened["saw"] if entry["kind"] == "view"]
    await held.fault("chat.postEphemeral", kind="ratelimit", retry_after=70)
    done = await held.at.act("submit", view_id=view["view_id"], values={"reorder_point": "40"})
    assert done["ok"], done
    assert held.at.desk.query(sa.select(variants.c.reorder_point)) == [(40,)]
    await held.deliver()
    held.pass_time(60)
    await held.deliver()
    assert len(held.calls("chat.postEphemeral")) == 1
    held.pass_time(11)
    await held.deliver()
    assert len(held.calls("chat.postEphemeral")) == 2
    assert "40" in words(held.entries()[-1])
    assert (held.entries()[-1]["ephemeral_to"], held.entries()[-1]["channel"]) == ("ada", "C0STOCK")
    assert [(row.state, row.attempts) for row in held.at.desk.outbox_rows("whisper.slack")] == [("done", 1)]
    held.pass_time(86_400)
    with held.at.desk.begin() as uow:
        uow.personal.forget_before(events=None, messages=uow.now - timedelta(hours=1), limit=10)
    assert [row.payload for row in held.at.desk.outbox_rows("whisper.slack")] == [{"erased": True}]


async def test_an_answer_to_a_press_goes_by_neither_way_that_slack_closed(held: Held) -> None:
    ts = await held.at.card(LIST)
    await held.fault("response_url", kind="ratelimit", retry_after=30)
    first = await held.at.act("press", ts=ts, label=LIST.label)
    assert first["saw"][0]["ephemeral_to"] is not None, "as an ephemeral post instead"
    await held.hold(calls.EPHEMERAL, 100)
    second = await held.at.act("press", ts=ts, label=LIST.label)
    assert second["saw"] == []
    assert (len(held.calls("response_url")), len(held.calls("chat.postEphemeral"))) == (1, 1)
    held.pass_time(31)
    third = await held.at.act("press", ts=ts, label=LIST.label)
    assert len(third["saw"]) == 1, "the response URL is open again"
    held.pass_time(75)
    await held.deliver()
    assert (len(held.calls("response_url")), len(held.calls("chat.postEphemeral"))) == (2, 2)


async def test_whispers_keep_their_methods_pace(held: Held) -> None:
    await held.hold(calls.RESPONSE, 100)
    await held.hold(calls.EPHEMERAL, 30)
    ts = await held.at.card(LIST)
    for user in ("ada", "ben", "cleo"):
        await held.at.act("press", user=user, ts=ts, label=LIST.label)
    held.pass_time(31)
    await held.deliver()
    for _ in range(6):
        held.pass_time(0.7)
        await held.deliver()
    times = [datetime.fromisoformat(one.at) for one in held.calls("chat.postEphemeral")]
    assert len(times) == 3
    assert all((after - before).total_seconds() >= 0.6 for before, after in pairwise(times))
