"""Slack's way in, spoken to by the sandbox's Slack: signed requests, real forms, real answers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.web import server
from domain.answers import NeverMind
from domain.inventory import ChangeReorderPoint, ListLowStock
from domain.messages import Button, Message
from handlers.deadline import Punctual
from handlers.run import Desk
from handlers.slack import SlackDesk, bolt, events, requests
from notifications.catalogue import Catalogue
from notifications.slack.blocks import blocks
from notifications.slack.modals import CALLBACK
from sandbox.people import TEAM
from storage.tables import audit, buttons, inbox, staff, variants
from tests.desk import TestDesk
from tests.handlers.conftest import ADA
from tests.sandbox import slack_stand
from tests.waiting import LONG

pytestmark = pytest.mark.asyncio
SECRET = "sandbox-slack-signing-secret"


@dataclass(frozen=True, kw_only=True)
class ButtonsCard(Message):
    """A card with one button of each sort."""

    only: tuple[Button, ...] = field(default=())

    @property
    def buttons(self) -> tuple[Button, ...]:
        return self.only


@dataclass
class Workspace:
    """The sandbox's workspace, with the desk behind it."""

    stand: slack_stand.Stand
    desk: TestDesk
    door: Desk
    address: str
    listeners: list[SlackDesk]

    async def act(self, verb: str, /, user: str = "ada", channel: str = "stock", **asked: Any) -> dict[str, Any]:
        return await self.stand.act(verb, user=user, channel=channel, **asked)

    async def says(self, text: str, user: str = "ada") -> str:
        """The words that a typed command is answered with."""
        answer = await self.act("command", user=user, text=text)
        assert answer["ok"], answer
        (entry,) = answer["saw"]
        assert entry["ephemeral_to"] is not None
        return words(entry)

    async def card(self, *buttons: Button) -> str:
        """Post a card with these buttons, as the delivery would; its ts."""
        with self.desk.begin() as uow:
            letter = uow.outbox.stamp(ButtonsCard(only=buttons), None)
        rest = [one for one in blocks(Catalogue().words(*_words_of(self.desk)), letter) if one["type"] == "actions"]
        section = {"type": "section", "text": {"type": "mrkdwn", "text": "A card"}}
        answer = await self.stand.api("chat.postMessage", channel="C0STOCK", text="A card", blocks=[section, *rest])
        assert answer["ok"], answer
        return str(answer["ts"])

    def signed(self, body: bytes, *, secret: str = SECRET, at: datetime | None = None) -> dict[str, str]:
        stamp = str(int((at or self.desk.clock.now()).timestamp()))
        made = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={made}", "Content-Type": FORM}


class _Held:
    """An engine whose transactions do their work and then wait, as behind a slow disk."""

    def __init__(self, engine: Any, held: threading.Event) -> None:
        self.engine, self.held, self.now, self.read = engine, held, engine.now, engine.read

    def write(self, work: Callable[[Any], Any]) -> Any:
        def whole(transaction: Any) -> Any:
            self.held.wait(LONG)
            return work(transaction)

        return self.engine.write(whole)


FORM = "application/x-www-form-urlencoded"


def _words_of(desk: TestDesk) -> tuple[Message, Any, str]:
    from domain.answers import Noted

    return Noted(sentence="A card"), desk.shop, "slack"


def words(entry: dict[str, Any]) -> str:
    """Everything that a message says."""
    shown = [entry["text"]]
    for block in entry["blocks"]:
        text = block.get("text")
        shown += [text["text"]] if isinstance(text, dict) else []
    return "\n".join(shown)


def patience_of(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """How long the desk waits for an answer of Slack while somebody waits for its own."""
    monkeypatch.setattr("handlers.slack.listeners._PATIENCE", seconds)
    monkeypatch.setattr("handlers.slack.listeners._TIMEOUT", aiohttp.ClientTimeout(total=seconds))
    monkeypatch.setattr("handlers.slack.standing._PATIENCE", seconds)


@pytest.fixture
async def workspace(shop: TestDesk, door: Desk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Workspace]:
    """Nobody in it loses patience with a slow machine."""
    patience_of(monkeypatch, LONG)
    shop.execute(sa.update(staff).values(slack_team=TEAM))
    handlers: list[Callable[[web.Request], Any]] = []

    async def hear(request: web.Request) -> web.StreamResponse:
        answer: web.StreamResponse = await handlers[0](request)
        return answer

    app = server([web.post("/slack/events", hear)], door.reference)
    async with TestServer(app, host="127.0.0.1") as hosted:
        address = f"http://127.0.0.1:{hosted.port}"
        start = shop.clock.now().astimezone(UTC)
        async with slack_stand.stand(app_address=address, start=start, patience=3.0) as stand:
            shop.clock.__dict__["now"] = stand.world.clock.now
            async with aiohttp.ClientSession() as session:
                client = AsyncWebClient(
                    "xoxb-sandbox-bot", base_url=f"{stand.world.address}/slack/api/", session=session, timeout=2 * LONG
                )
                engine = Punctual(engine=shop.store, within=LONG)
                slack_desk = SlackDesk(
                    desk=door, catalogue=Catalogue(), client=client, session=session, nobody=shop.shop,
                    responses=f"{stand.world.address}/slack/response/",
                )
                handlers.append(events(slack_desk, engine, [SECRET, "the-next-secret"], shop.clock.now))
                yield Workspace(stand=stand, desk=shop, door=door, address=address, listeners=[slack_desk])


# --- the door


async def test_unsigned_requests_are_refused_whatever_their_bytes(workspace: Workspace) -> None:
    for body in (b"", b"\xff\xfe", b"{", b"payload=%7B", b"command=%2Fops&text=help&user_id=U0ADA&team_id=T0"):
        async with workspace.stand.client.post(f"{workspace.address}/slack/events", data=body, headers={"Content-Type": FORM}) as answer:
            assert answer.status == 401
        headers = workspace.signed(body, secret="another")
        async with workspace.stand.client.post(f"{workspace.address}/slack/events", data=body, headers=headers) as answer:
            assert answer.status == 401


async def test_signed_bytes_that_are_no_text_are_said_to_be_none(workspace: Workspace) -> None:
    body = b"payload=\xff\xfe"
    headers = workspace.signed(body, secret="the-next-secret")
    async with workspace.stand.client.post(f"{workspace.address}/slack/events", data=body, headers=headers) as answer:
        assert answer.status == 400


# --- commands


async def test_a_command_is_answered_to_its_author_alone(workspace: Workspace) -> None:
    assert "Blue mug" in await workspace.says("/stock MUG")
    assert "/ops stock low" in await workspace.says("/ops help")
    assert "20:00 to 07:00" in await workspace.says("/quiet 20:00-07:00")
    assert "20:00 to 07:00" in await workspace.says("/quiet")


async def test_a_slip_a_stranger_and_a_guest_hear_why(workspace: Workspace) -> None:
    assert "Did you mean /ops stock low" in await workspace.says("/ops stokc low")
    answer = await workspace.act("command", user="mallory", channel="shared", text="/ops stock low")
    assert "saw" in answer or "error" in answer
    shown = " ".join(words(entry) for entry in answer.get("saw", []))
    assert "MUG" not in shown
    assert "MUG" not in await workspace.says("/ops stock low", user="gus")


async def test_a_missing_word_opens_a_form_and_the_form_answers(workspace: Workspace) -> None:
    opened = await workspace.act("command", text="/stock why")
    (view,) = [entry for entry in opened["saw"] if entry["kind"] == "view"]
    wrong = await workspace.act("submit", view_id=view["view_id"], values={"SKU": " "})
    assert not wrong["ok"]
    sent = await workspace.act("submit", view_id=view["view_id"], values={"SKU": "MUG"})
    assert sent["ok"], sent
    (entry,) = [entry for entry in sent["saw"] if entry["kind"] == "message"]
    assert entry["ephemeral_to"] is not None
    assert "Blue mug" in words(entry)


async def test_a_replayed_command_runs_once(workspace: Workspace) -> None:
    await workspace.says("/ops help")
    again = await workspace.act("again")
    assert "already" in " ".join(words(entry) for entry in again["saw"]) + str(again["ack"])


# --- buttons


async def test_a_pressed_button_is_answered_to_the_presser_alone(workspace: Workspace) -> None:
    ts = await workspace.card(Button(label="List", command=ListLowStock(), once=True))
    pressed = await workspace.act("press", ts=ts, label="List")
    (entry,) = pressed["saw"]
    assert entry["ephemeral_to"] is not None
    again = await workspace.act("press", ts=ts, label="List")
    assert "no longer valid" in words(again["saw"][0])


async def test_a_button_with_a_form_opens_it_and_says_what_is_wrong_beside_the_field(workspace: Workspace) -> None:
    ts = await workspace.card(Button(label="Reorder point", command=ChangeReorderPoint(sku="MUG")))
    opened = await workspace.act("press", ts=ts, label="Reorder point")
    (view,) = [entry for entry in opened["saw"] if entry["kind"] == "view"]
    wrong = await workspace.act("submit", view_id=view["view_id"], values={"reorder_point": "-5"})
    assert (wrong["ok"], list(wrong["errors"])) == (False, ["reorder_point"])
    assert workspace.desk.query(sa.select(variants.c.reorder_point)) == [(None,)]
    done = await workspace.act("submit", view_id=view["view_id"], values={"reorder_point": "40"})
    assert done["ok"], done
    assert workspace.desk.query(sa.select(variants.c.reorder_point)) == [(40,)]
    assert "40" in words(next(entry for entry in done["saw"] if entry["kind"] == "message"))


async def test_a_form_that_may_no_longer_be_sent_says_so_in_its_place(workspace: Workspace) -> None:
    ts = await workspace.card(Button(label="Reorder point", command=ChangeReorderPoint(sku="MUG")))
    opened = await workspace.act("press", ts=ts, label="Reorder point")
    (view,) = [entry for entry in opened["saw"] if entry["kind"] == "view"]
    workspace.desk.execute(sa.update(staff).values(role="viewer"))
    answer = await workspace.act("submit", view_id=view["view_id"], values={"reorder_point": "40"})
    (updated,) = [entry for entry in answer["saw"] if entry["kind"] == "view"]
    assert "You are viewer" in str(updated)
    assert workspace.desk.query(sa.select(variants.c.reorder_point)) == [(None,)]


async def test_an_item_of_the_more_menu_is_a_button_too(workspace: Workspace) -> None:
    ts = await workspace.card(
        Button(label="First", command=NeverMind(), more=True), Button(label="Second", command=ListLowStock(), more=True)
    )
    pressed = await workspace.act("press", ts=ts, label="First")
    assert "Nothing was changed" in words(pressed["saw"][0])


async def test_a_link_runs_nothing(workspace: Workspace) -> None:
    before = workspace.desk.query(sa.select(sa.func.count()).select_from(audit))
    ts = await workspace.card(Button(label="Open", url="https://example.com/"))
    pressed = await workspace.act("press", ts=ts, label="Open")
    assert pressed["ok"]
    assert pressed["saw"] == []
    assert workspace.desk.query(sa.select(sa.func.count()).select_from(audit)) == before


async def test_an_answer_comes_by_another_way_where_the_response_url_is_dead(workspace: Workspace) -> None:
    ts = await workspace.card(Button(label="List", command=ListLowStock()))
    await workspace.stand.control(
        "faults", {"slack": [{"method": "response_url", "kind": "http_500", "times": 5}]}
    )
    pressed = await workspace.act("press", ts=ts, label="List")
    (entry,) = pressed["saw"]
    assert entry["ephemeral_to"] is not None


# --- App Home


async def test_the_home_tab_is_made_for_whoever_opens_it(workspace: Workspace) -> None:
    home = await workspace.act("home")
    assert "Ada" in str(home["home"])
    pressed = await workspace.act("press", home=True, label="Stock (0)")
    assert pressed["ok"], pressed
    assert "Nothing has to be ordered" in str(pressed["saw"])
    assert "Waiting for a decision" in str(pressed["saw"]), "the page itself stays below the answer"
    refused = await workspace.act("home", user="gus")
    assert "I don't know you" in str(refused["home"])


async def test_what_is_pressed_on_the_home_tab_stands_above_what_is_read(workspace: Workspace) -> None:
    view = (await workspace.act("home"))["home"]
    kinds = [one["type"] for one in view["blocks"]]
    texts = [str(one.get("text", {}).get("text", "")) for one in view["blocks"]]
    staff = next(place for place, text in enumerate(texts) if "*Staff*" in text)
    waiting = next(place for place, text in enumerate(texts) if "Waiting for a decision" in text)
    assert waiting < kinds.index("actions") < staff


async def test_a_digest_of_ones_own_is_asked_for_on_the_home_tab_and_shown_there(workspace: Workspace) -> None:
    await workspace.act("home")
    opened = await workspace.act("press", home=True, label="Change my digest")
    (view,) = [entry for entry in opened["saw"] if entry["kind"] == "view"]
    wrong = await workspace.act("submit", view_id=view["view_id"], values={"hour": "noon", "shows": "stock"})
    assert list(wrong["errors"]) == ["hour"]
    done = await workspace.act("submit", view_id=view["view_id"], values={"hour": "7:30", "shows": "stock"})
    assert "Your own digest comes at 07:30, with stock" in str(done)
    assert "your own at 07:30" in str((await workspace.act("home"))["home"])


async def test_a_fault_of_ours_shows_a_reference_and_no_stack(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from handlers import run as run_module

    monkeypatch.setattr(run_module, "USE_CASES", {})
    assert "(ref 7Q2K)" in await workspace.says("/stock low")
    assert "7Q2K" in caplog.text


# --- once, in time, and to nobody else


async def test_a_replayed_form_runs_once_and_says_nothing(workspace: Workspace) -> None:
    ts = await workspace.card(Button(label="Reorder point", command=ChangeReorderPoint(sku="MUG")))
    opened = await workspace.act("press", ts=ts, label="Reorder point")
    (view,) = [entry for entry in opened["saw"] if entry["kind"] == "view"]
    await workspace.act("submit", view_id=view["view_id"], values={"reorder_point": "40"})
    workspace.desk.execute(sa.update(variants).values(reorder_point=7))
    again = await workspace.act("again")
    assert again["saw"] == []
    assert workspace.desk.query(sa.select(variants.c.reorder_point)) == [(7,)]


async def test_a_form_that_is_sent_off_twice_runs_once_whatever_its_signature(workspace: Workspace) -> None:
    """A second press of Send before the first is heard: another trigger, moment and signature, the same open form."""
    ts = await workspace.card(Button(label="Reorder point", command=ChangeReorderPoint(sku="MUG")))
    opened = await workspace.act("press", ts=ts, label="Reorder point")
    (view,) = [entry for entry in opened["saw"] if entry["kind"] == "view"]
    (token,) = [row.token for row in workspace.desk.query(sa.select(buttons)) if row.command == "change_reorder_point"]

    async def send(number: int, point: str) -> bool:
        form = {
            "id": view["view_id"], "hash": "1.a", "type": "modal", "callback_id": CALLBACK,
            "private_metadata": json.dumps({"token": token, "place": "C0STOCK"}),
            "state": {"values": {"reorder_point": {"reorder_point": {"value": point}}}},
        }
        body = urlencode({"payload": json.dumps({
            "type": "view_submission", "trigger_id": f"1.{number}", "view": form, "team": {"id": TEAM},
            "user": {"id": "U0ADA", "team_id": TEAM},
        })}).encode()
        headers = {**workspace.signed(body), "Content-Type": FORM}
        async with workspace.stand.client.post(f"{workspace.address}/slack/events", data=body, headers=headers) as answer:
            said = await answer.text()
            assert answer.status == 200
            return "errors" in said

    assert await send(1, "-5"), "what was refused may be sent again"
    await asyncio.gather(*(send(number, "40") for number in range(2, 6)))
    workspace.desk.execute(sa.update(variants).values(reorder_point=7))
    await send(6, "41")
    assert workspace.desk.query(sa.select(variants.c.reorder_point)) == [(7,)]
    done = sa.select(sa.func.count()).select_from(audit).where(audit.c.action.contains("reorder"))
    assert workspace.desk.query(done) == [(1,)]


async def test_in_socket_mode_every_click_is_its_own(workspace: Workspace) -> None:
    """Socket Mode has no signed bytes: two clicks differ by what they say, a repeated one does not."""
    first = {"type": "block_actions", "trigger_id": "1.2", "user": {"id": "U0ADA"}, "actions": [{"action_ts": "1"}]}
    assert requests.seen(first, b"") != requests.seen({**first, "trigger_id": "1.3"}, b"")
    assert requests.seen(first, b"") == requests.seen(dict(reversed(first.items())), b"")
    assert requests.seen(first, b"a=1") == requests.seen({}, b"a=1")


HOSTILE_URLS = [
    "https://hooks.slack.com.evil.example/x", "https://hooks.slack.com@evil.example/x", "https://evil.example/https://hooks.slack.com/",
    "http://hooks.slack.com/x", "//hooks.slack.com/x", "https:hooks.slack.com/x", "HTTPS://HOOKS.SLACK.COM/x", "https://hooks.slack.com:444/x",
    "https://hooks.slack.com\\@evil.example/", "https://hooks.slack.com#@evil.example/", "https://hooks.slack.com?x=@evil.example/", "file:///etc/passwd",
    "http://127.0.0.1/", "http://[::1]/", "http://169.254.169.254/latest/", "gopher://x", "javascript:alert(1)", "", " https://hooks.slack.com/x",
    "https://hooks.slack.com", "https://hooks.slack.co\u006d.evil.example/", "https://hooks。slack。com/x", "https://0x7f.1/", "ftp://hooks.slack.com/",
]



async def test_behind_socket_mode_bolt_hears_the_same_answers(workspace: Workspace) -> None:
    """Commands, buttons, forms and App Home each reach what the door does, and nonsense is refused."""
    app = bolt(workspace.listeners[0], "xoxb-sandbox-bot")

    async def hear(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        heard = await app.async_dispatch(AsyncBoltRequest(body=body, mode="socket_mode"))
        return heard.status, json.loads(heard.body) if heard.body.startswith("{") else {}

    person = {"user": {"id": "U0ADA", "team_id": TEAM}, "team": {"id": TEAM}, "channel": {"id": "C0STOCK"}, "trigger_id": "1.2"}
    typed = {"command": "/ops", "text": "help", "user_id": "U0ADA", "team_id": TEAM, "channel_id": "C0STOCK", "trigger_id": "1.2"}
    status, said = await hear(typed)
    assert (status, said["response_type"]) == (200, "ephemeral")
    assert "/ops stock low" in words(said)
    _, again = await hear(typed)
    assert "I have this already" in words(again)
    with workspace.desk.begin() as uow:
        (stamped,) = uow.outbox.stamp(ButtonsCard(only=(Button(label="List", command=ListLowStock(), once=True),)), None).buttons
    press = {"type": "button", "action_id": f"press:{stamped.token}", "value": stamped.token, "block_id": "b"}
    assert await hear({**person, "type": "block_actions", "actions": [press]}) == (200, {})
    assert workspace.desk.query(sa.select(buttons.c.used_by).where(buttons.c.token == stamped.token))[0].used_by == f"slack:{TEAM}/U0ADA"
    form = {"id": "V1", "type": "modal", "callback_id": CALLBACK, "private_metadata": '{"path": "stock why", "place": "C0STOCK"}',
            "state": {"values": {"sku": {"sku": {"value": ""}}}}}
    status, said = await hear({**person, "type": "view_submission", "view": form})
    assert (status, said["response_action"], list(said["errors"])) == (200, "errors", ["sku"])
    opened = {"type": "app_home_opened", "user": "U0ADA", "tab": "home"}
    assert await hear({"type": "event_callback", "event_id": "Ev7", "team_id": TEAM, "event": opened}) == (200, {})
    assert workspace.desk.query(sa.select(inbox.c.key).where(inbox.c.key == "Ev7"))
    status, _ = await hear({**typed, "trigger_id": "1.3", "user_id": ""})
    assert status == 400


async def test_an_answer_goes_to_slack_or_nowhere(shop: TestDesk, door: Desk) -> None:
    """S14: no other response URL is ever posted to, and a redirect is not followed."""
    asked: list[str] = []

    class Spy:
        def post(self, url: str, **how: Any) -> Any:
            asked.append(url)
            assert how["allow_redirects"] is False
            raise aiohttp.ClientConnectionError

    class Client:
        async def chat_postEphemeral(self, **_: Any) -> None:  # noqa: N802
            return None

    spy: Any = Spy()
    client: Any = Client()
    slack_desk = SlackDesk(desk=door, catalogue=Catalogue(), client=client, session=spy, nobody=shop.shop)
    answer = await door.typed(ADA, "ops", "help")
    for url in [*HOSTILE_URLS, "https://hooks.slack.com/actions/T0/1/2"]:
        pressed = requests.Pressed(who=ADA, token="t", trigger="1", response_url=url, in_home=False)
        await slack_desk._whisper(pressed, answer, "k")
    assert asked == ["https://hooks.slack.com/actions/T0/1/2"]


async def test_a_click_that_cannot_be_stored_in_time_is_an_error_that_the_person_sees(
    shop: TestDesk, door: Desk, workspace: Workspace
) -> None:
    held = threading.Event()
    slow = Desk(engine=Punctual(engine=_Held(shop.store, held), within=0.1, grace=0.1), reference=door.reference)
    before = workspace.listeners[0].desk
    object.__setattr__(workspace.listeners[0], "desk", slow)
    ts = await workspace.card(Button(label="List", command=ListLowStock(), once=True))
    pressed = await workspace.act("press", ts=ts, label="List")
    assert "http_error_503" in str(pressed)
    held.set()
    object.__setattr__(workspace.listeners[0], "desk", before)
    again = await workspace.act("press", ts=ts, label="List")  # the first was rolled back: the button still counts
    assert again["ok"], again
    assert "no longer valid" not in str(again["saw"])


async def test_an_event_that_slack_sends_again_counts_once_but_only_after_it_was_shown(workspace: Workspace) -> None:
    await workspace.stand.control("faults", {"slack": [{"method": "views.publish", "kind": "http_500", "times": 1}]})
    body = json.dumps({
        "type": "event_callback", "event_id": "Ev1", "team_id": TEAM,
        "event": {"type": "app_home_opened", "user": "U0ADA", "tab": "home"},
    }).encode()
    statuses = []
    for number in range(3):
        headers = {**workspace.signed(body), "Content-Type": "application/json", "X-Slack-Retry-Num": str(number)}
        async with workspace.stand.client.post(f"{workspace.address}/slack/events", data=body, headers=headers) as answer:
            statuses.append(answer.status)
    assert statuses == [503, 200, 200]
    published = [one for one in workspace.stand.world.calls if one.name == "views.publish"]
    assert [one.verdict for one in published][1:] == ["ok"], "shown by the second, and not again by the third"
    assert len(workspace.desk.query(sa.select(inbox.c.key).where(inbox.c.source == "slack-event"))) == 1


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"payload=%7Bbad", FORM, 400), (b"payload=" + b"%5B" * 100_000, FORM, 400), (b"payload=%22x%22", FORM, 400), (b"a=1&a=2", FORM, 400),
        (b"command=%2Fops&text=%00&user_id=U0ADA&team_id=T0&trigger_id=1", FORM, 400), (b"command=%2Fops&text=help", FORM, 400),
        (b"payload=%7B%22type%22%3A%22block_actions%22%2C%22actions%22%3A%5B%5D%7D", FORM, 400), (b"{", "application/json", 200),
        (b'{"type":"event_callback","event":{"type":"app_home_opened"}}', "application/json", 200),
        (b'{"type":"event_callback","event":{"type":"message"}}', "application/json", 200), (b"", FORM, 200),
        (b"payload=%7B%22type%22%3A%22view_closed%22%7D", FORM, 200), (b'{"type":"url_verification","challenge":"abc"}', "application/json", 200),
    ],
)
async def test_signed_nonsense_never_breaks(workspace: Workspace, body: bytes, kind: str, status: int) -> None:
    headers = {**workspace.signed(body), "Content-Type": kind}
    async with workspace.stand.client.post(f"{workspace.address}/slack/events", data=body, headers=headers) as answer:
        assert answer.status == status
        if b"challenge" in body:
            assert await answer.json() == {"challenge": "abc"}
