"""The sandbox's Slack over real HTTP: the Web API, what people do, and what the app is sent."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sandbox.slack.api import METHODS
from sandbox.slack.manifest import METHOD_SCOPES
from tests.sandbox.slack_stand import Json, Stand, stand


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[Stand]:
    async with stand() as one:
        yield one


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def section(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def row(*elements: Json, **more: Any) -> Json:
    return {"type": "actions", "elements": list(elements), **more}


def button(label: str, action_id: str = "go", **more: Any) -> Json:
    return {"type": "button", "text": plain(label), "action_id": action_id, **more}


CONFIRM = {"title": plain("Sure?"), "text": plain("It cannot be taken back."), "confirm": plain("Yes"), "deny": plain("No")}
NAME = {"type": "input", "block_id": "name", "label": plain("Name"), "element": {"type": "plain_text_input", "action_id": "t", "max_length": 10}}
COUNT = {
    "type": "input", "block_id": "count", "label": plain("How many"), "optional": True,
    "element": {"type": "number_input", "action_id": "n", "is_decimal_allowed": False, "min_value": "1", "max_value": "9"},
}
MODAL = {"type": "modal", "callback_id": "form", "title": plain("Form"), "submit": plain("Send"), "blocks": [NAME, COUNT]}


# ---------------------------------------------------------------- Web API

async def test_a_message_is_posted_and_shown(slack: Stand) -> None:
    blocks = [section("*18* left"), row(button("Order 72", value="tok", style="primary", confirm=CONFIRM))]
    posted = await slack.api("chat.postMessage", channel="C0STOCK", text="Mug runs out <!channel>", blocks=blocks)
    assert posted["ok"]
    assert posted["message"]["bot_id"]
    shown = (await slack.control("transcript"))["entries"]
    assert [entry["text"] for entry in shown] == ["Mug runs out <!channel>"]
    [pressable] = shown[0]["buttons"]
    assert (pressable["label"], pressable["value"], pressable["style"], pressable["kind"]) == ("Order 72", "tok", "primary", "button")
    assert pressable["confirm"]["text"] == "It cannot be taken back."
    assert shown[0]["blocks"][0]["block_id"]


async def test_forms_with_json_inside_and_queries_are_understood_like_json(slack: Stand) -> None:
    posted = await slack.form("chat.postMessage", channel="C0STOCK", text="x", blocks='[{"type":"divider"}]')
    assert posted["ok"]
    address = f"{slack.world.address}/slack/api/users.info"
    headers = {"Authorization": f"Bearer {slack.world.settings.slack_bot_token}"}
    async with slack.client.get(address, params={"user": "U0GUEST"}, headers=headers) as answer:
        assert (await answer.json())["user"]["is_restricted"] is True


def modal(**more: Any) -> Json:
    return {**MODAL, **more}


METADATA = {"event_type": "case", "event_payload": {"id": "R-1"}}
BAD_CALLS: list[tuple[str, Json, str]] = [
    ("chat.postMessage", {"text": "x"}, "invalid_arguments"),
    ("chat.postMessage", {"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": "C0STOCK"}, "no_text"),
    ("chat.postMessage", {"channel": "C0STOCK", "text": "  "}, "no_text"),
    ("chat.postMessage", {"channel": "C0STOCK", "text": "x", "blocks": [{"type": "none"}]}, "invalid_blocks"),
    ("chat.postMessage", {"channel": "C0STOCK", "text": "x", "blocks": "none"}, "invalid_blocks_format"),
    ("chat.postMessage", {"channel": "C0STOCK", "text": "x", "blocks": [section("x" * 3000)] * 5}, "msg_blocks_too_long"),
    ("chat.postMessage", {"channel": "C0STOCK", "text": "x", "thread_ts": "1.000001"}, "cannot_reply_to_message"),
    ("chat.postMessage", {"channel": "C0STOCK", "text": "x", "metadata": {"event_type": 1}}, "invalid_metadata_schema"),
    ("chat.postMessage", {"channel": "C0STOCK", "text": "x", "metadata": "none"}, "invalid_metadata_format"),
    ("chat.postMessage", {"channel": "C0STOCK", "text": "x", "metadata": {**METADATA, "event_payload": {"x": "y" * 16_000}}}, "metadata_too_large"),
    ("chat.postMessage", {"channel": "C0STOCK", "text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
    ("chat.postMessage", {"channel": "C0STOCK", "text": "x", "attachments": "none"}, "invalid_attachments"),
    ("chat.postMessage", {"channel": "U0MALLORY", "text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": "C0STOCK", "text": "x", "blocks": [{"type": "image", "alt_text": "x", "slack_file": {"id": "F0NONE"}}]}, "invalid_blocks"),
    ("chat.postEphemeral", {"channel": "C0STOCK", "user": "U0MALLORY", "text": "x"}, "user_not_in_channel"),
    ("chat.postEphemeral", {"channel": "C0STOCK", "text": "x"}, "invalid_arguments"),
    ("chat.update", {"channel": "C0STOCK", "ts": "1.000001", "text": "x"}, "message_not_found"),
    ("chat.delete", {"channel": "C0STOCK", "ts": "1.000001"}, "message_not_found"),
    ("conversations.info", {"channel": "C0STOCK"}, "invalid_arguments"),  # JSON is not taken there
    ("conversations.history", {"channel": "C0STOCK", "oldest": "yesterday"}, "invalid_ts_oldest"),
    ("conversations.history", {"channel": "C0STOCK", "cursor": "???"}, "invalid_cursor"),
    ("conversations.open", {}, "users_list_not_supplied"),
    ("conversations.history", {"channel": "C0STOCK", "limit": 0}, "invalid_limit"),
    ("views.open", {"trigger_id": "1.2.x", "view": MODAL}, "invalid_trigger_id"),
    ("views.open", {"trigger_id": "1.2.x", "view": modal(title=plain("x" * 25))}, "invalid_arguments"),
    ("views.open", {"trigger_id": "1.2.x", "view": modal(blocks=[section("é" * 1300)] * 100)}, "view_too_large"),
    ("views.update", {"view_id": "V0NONE", "view": MODAL}, "not_found"),
    ("views.publish", {"user_id": "U0ADA", "view": MODAL}, "invalid_arguments"),
    ("files.completeUploadExternal", {"files": [{"id": "F0NONE"}]}, "file_not_found"),
    ("reactions.add", {"channel": "C0STOCK", "name": "no such", "timestamp": "1.000001"}, "invalid_name"),
    ("team.info", {"team": "T0ELSEWHERE"}, "team_not_found"),
    ("api.test", {"error": "my_error"}, "my_error"),
    ("chat.shout", {}, "unknown_method"),
]


@pytest.mark.parametrize(("method", "arguments", "error"), BAD_CALLS, ids=[f"{m}-{e}-{n}" for n, (m, _, e) in enumerate(BAD_CALLS)])
async def test_a_wrong_call_gets_slacks_error(slack: Stand, method: str, arguments: Json, error: str) -> None:
    answer = await slack.api(method, **arguments)
    assert (answer["ok"], answer["error"]) == (False, error)
    assert (await slack.control("transcript"))["entries"] == []
    assert (await slack.control("calls"))["calls"][-1]["verdict"] == error


COMMON_ERRORS = {"invalid_arguments", "invalid_attachments", "invalid_limit", "unknown_method"}


def test_every_error_is_one_slack_documents_for_that_method(shared_fixtures: Path) -> None:
    for method, _, error in BAD_CALLS:
        page = shared_fixtures / "slack-api-ref" / "methods" / f"{method}.json"
        if page.exists() and error not in COMMON_ERRORS and method != "api.test":
            assert error in json.loads(page.read_text())["errors"], f"{method} does not know {error}"


def test_methods_take_what_slack_documents(shared_fixtures: Path) -> None:
    for name, method in METHODS.items():
        page = json.loads((shared_fixtures / "slack-api-ref" / "methods" / f"{name}.json").read_text())
        required = set(page["args"].get("required") or ()) - {"token"}
        assert set(method.required) == required, name
        assert method.takes_json == bool(page.get("json_input_supported")), name
        assert f"t{method.tier}" == page["rate_limits"], name


async def test_invalid_blocks_say_where(slack: Stand) -> None:
    answer = await slack.api("chat.postMessage", channel="C0STOCK", text="x", blocks=[section("x" * 3001)])
    assert answer["response_metadata"]["messages"] == ["[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"]


@pytest.mark.parametrize(("token", "error"), [("xoxb-other", "invalid_auth"), ("xapp-sandbox-app", "not_allowed_token_type")])
async def test_only_the_bots_token_posts(slack: Stand, token: str, error: str) -> None:
    assert (await slack.api("chat.postMessage", token=token, channel="C0STOCK", text="x"))["error"] == error
    async with slack.client.post(f"{slack.world.address}/slack/api/auth.test") as answer:
        assert (await answer.json())["error"] == "not_authed"


async def test_tokens_never_reach_the_call_log(slack: Stand) -> None:
    await slack.form("chat.postMessage", channel="C0STOCK", text="my token is xoxb-sandbox-bot")
    assert "xoxb-sandbox-bot" not in str(await slack.control("calls"))


async def test_long_text_is_cut_with_a_warning(slack: Stand) -> None:
    answer = await slack.api("chat.postMessage", channel="C0STOCK", text="x" * 40_001)
    assert answer["warning"] == "message_truncated"
    assert len(answer["message"]["text"]) == 40_000
    assert (await slack.api("chat.update", channel="C0STOCK", ts=answer["ts"], text="x" * 4001))["error"] == "msg_too_long"


async def test_archived_and_foreign_channels_refuse_posts(slack: Stand) -> None:
    await slack.act("channel", channel="daily", archived=True)
    assert (await slack.api("chat.postMessage", channel="C0DAILY", text="x"))["error"] == "is_archived"
    await slack.act("channel", channel="stock", remove=["bot"])
    assert (await slack.api("chat.postMessage", channel="C0STOCK", text="x"))["error"] == "not_in_channel"


async def test_an_edit_replaces_text_and_keeps_what_was_there_before(slack: Stand) -> None:
    ts = (await slack.api("chat.postMessage", channel="C0STOCK", text="one", blocks=[row(button("Go"))], metadata=METADATA))["ts"]
    await slack.api("chat.update", channel="C0STOCK", ts=ts, text="two", blocks=[])
    [entry] = (await slack.control("transcript"))["entries"]
    assert (entry["text"], entry["buttons"], entry["metadata"]) == ("two", [], METADATA)
    assert [edit["text"] for edit in entry["edits"]] == ["one"]


async def test_nobody_elses_message_can_be_changed(slack: Stand) -> None:
    ts = (await slack.act("message", user="ada", channel="stock", text="mine"))["ts"]
    assert (await slack.api("chat.update", channel="C0STOCK", ts=ts, text="x"))["error"] == "cant_update_message"
    assert (await slack.api("chat.delete", channel="C0STOCK", ts=ts))["error"] == "cant_delete_message"


async def test_a_deleted_message_is_gone(slack: Stand) -> None:
    ts = (await slack.api("chat.postMessage", channel="C0STOCK", text="x"))["ts"]
    assert (await slack.api("chat.delete", channel="C0STOCK", ts=ts))["ok"]
    assert (await slack.api("chat.update", channel="C0STOCK", ts=ts, text="y"))["error"] == "message_not_found"
    assert (await slack.control("transcript"))["entries"][0]["deleted"] is True


async def test_message_times_are_unique_and_rise(slack: Stand) -> None:
    times = [(await slack.api("chat.postMessage", channel="C0STOCK", text=str(n)))["ts"] for n in range(4)]
    assert times == sorted(set(times))
    assert all(len(ts.split(".")[1]) == 6 for ts in times)


async def test_threads_history_and_metadata_are_read_back(slack: Stand) -> None:
    top = (await slack.api("chat.postMessage", channel="C0STOCK", text="top", metadata=METADATA))["ts"]
    await slack.api("chat.postMessage", channel="C0STOCK", text="in thread", thread_ts=top)
    await slack.api("chat.postMessage", channel="C0STOCK", text="both", thread_ts=top, reply_broadcast=True)
    history = await slack.api("conversations.history", channel="C0STOCK", include_all_metadata=True)
    assert [one["text"] for one in history["messages"]] == ["both", "top"]
    assert history["messages"][1]["metadata"] == METADATA
    assert history["messages"][1]["reply_count"] == 2
    bare = await slack.api("conversations.history", channel="C0STOCK")
    assert "metadata" not in bare["messages"][1]
    replies = await slack.form("conversations.replies", channel="C0STOCK", ts=top)
    assert [one["text"] for one in replies["messages"]] == ["top", "in thread", "both"]
    assert (await slack.form("conversations.replies", channel="C0STOCK", ts="1.000001"))["error"] == "thread_not_found"


async def test_history_pages_by_cursor_and_time(slack: Stand) -> None:
    times = [(await slack.api("chat.postMessage", channel="C0STOCK", text=str(n)))["ts"] for n in range(4)]
    first = await slack.api("conversations.history", channel="C0STOCK", limit=3)
    assert first["has_more"]
    rest = await slack.api("conversations.history", channel="C0STOCK", limit=3, cursor=first["response_metadata"]["next_cursor"])
    assert [one["text"] for one in (*first["messages"], *rest["messages"])] == ["3", "2", "1", "0"]
    after = await slack.api("conversations.history", channel="C0STOCK", oldest=times[1])
    assert [one["text"] for one in after["messages"]] == ["3", "2"]
    after = await slack.api("conversations.history", channel="C0STOCK", oldest=times[1], inclusive=True)
    assert len(after["messages"]) == 3


async def test_ephemeral_messages_are_seen_by_one_person_and_by_no_history(slack: Stand) -> None:
    ts = (await slack.api("chat.postEphemeral", channel="C0STOCK", user="U0ADA", text="only you"))["message_ts"]
    assert (await slack.api("conversations.history", channel="C0STOCK"))["messages"] == []
    assert (await slack.control("transcript"))["entries"][0]["ephemeral_to"] == "ada"
    assert (await slack.api("chat.update", channel="C0STOCK", ts=ts, text="x"))["error"] == "message_not_found"


async def test_small_methods_answer(slack: Stand) -> None:
    who = await slack.api("auth.test")
    assert (who["team_id"], who["user_id"]) == ("T0NORDLICHT", "U0OPSBELL")
    assert (await slack.form("conversations.info", channel="C0STOCK"))["channel"]["is_member"] is True
    assert "U0MALLORY" not in (await slack.form("conversations.members", channel="C0STOCK"))["members"]
    assert (await slack.form("users.info", user="U0MALLORY"))["user"]["team_id"] == "T0ELSEWHERE"
    ts = (await slack.api("chat.postMessage", channel="C0STOCK", text="x"))["ts"]
    link = await slack.form("chat.getPermalink", channel="C0STOCK", message_ts=ts)
    assert link["permalink"].endswith(f"/archives/C0STOCK/p{ts.replace('.', '')}")
    assert (await slack.api("reactions.add", channel="C0STOCK", name="eyes", timestamp=ts))["ok"]
    assert (await slack.api("reactions.add", channel="C0STOCK", name="eyes", timestamp=ts))["error"] == "already_reacted"
    direct = (await slack.api("conversations.open", users="U0ADA"))["channel"]["id"]
    assert (await slack.api("chat.postMessage", channel="U0ADA", text="hi"))["channel"] == direct


# ---------------------------------------------------------------- files

async def test_a_file_is_uploaded_in_three_steps_and_can_be_read(slack: Stand) -> None:
    asked = await slack.form("files.getUploadURLExternal", filename="chart.png", length=4)
    image = {"type": "image", "alt_text": "Sales", "slack_file": {"id": asked["file_id"]}}
    early = await slack.api("chat.postMessage", channel="C0DAILY", text="x", blocks=[image])
    assert early["errors"] == ["invalid slack file [json-pointer:/blocks/0/slack_file]"]
    async with slack.client.post(asked["upload_url"], data=b"\x89PNG") as uploaded:
        assert uploaded.status == 200
    done = await slack.api("files.completeUploadExternal", files=[{"id": asked["file_id"], "title": "Sales"}], channel_id="C0DAILY", initial_comment="Today")
    assert done["ok"]
    [entry] = (await slack.control("transcript"))["entries"]
    assert (entry["text"], entry["files"][0]["title"], entry["files"][0]["mimetype"]) == ("Today", "Sales", "image/png")
    async with slack.client.get(entry["files"][0]["url"]) as read:
        assert await read.read() == b"\x89PNG"
    assert (await slack.api("chat.postMessage", channel="C0DAILY", text="x", blocks=[image]))["ok"]


async def test_an_upload_of_another_length_is_refused(slack: Stand) -> None:
    asked = await slack.form("files.getUploadURLExternal", filename="a.csv", length=4)
    async with slack.client.post(asked["upload_url"], data=b"12345") as uploaded:
        assert uploaded.status == 400
    assert (await slack.api("files.completeUploadExternal", files=[{"id": asked["file_id"]}]))["error"] == "file_not_found"


# ---------------------------------------------------------------- slash commands

async def test_a_command_reaches_the_app_signed_and_its_ack_is_shown_to_the_asker_only(slack: Stand) -> None:
    slack.answer = lambda form: f"stock of {form['text']}"
    answer = await slack.act("command", user="ada", channel="stock", text="/ops stock <A&B>")
    assert answer["ok"]
    assert [(one["text"], one["ephemeral_to"]) for one in answer["saw"]] == [("stock of stock &lt;A&amp;B&gt;", "ada")]
    [got] = slack.received
    assert got.signed_with(slack.world.settings.slack_signing_secret)
    assert not got.signed_with("other secret")
    fields = ("command", "user_id", "user_name", "team_id", "channel_id", "channel_name", "api_app_id", "is_enterprise_install")
    assert [got.payload[name] for name in fields] == ["/ops", "U0ADA", "ada", "T0NORDLICHT", "C0STOCK", "stock", "A0OPSBELL", "false"]


async def test_an_ack_in_json_may_speak_to_the_channel(slack: Stand) -> None:
    slack.answer = lambda form: {"response_type": "in_channel", "text": "all", "blocks": [section("all")]}
    [entry] = (await slack.act("command", user="ada", channel="stock", text="/ops"))["saw"]
    assert (entry["ephemeral_to"], entry["text"]) == (None, "all")


@pytest.mark.parametrize(("answer", "error"), [(500, "http_error_500"), ({"blocks": [{"type": "none"}]}, "invalid_blocks")])
async def test_a_failing_command_shows_slacks_text(slack: Stand, answer: Any, error: str) -> None:
    slack.answer = lambda form: answer
    got = await slack.act("command", user="ada", channel="stock", text="/ops")
    assert got["error"] == f'/ops failed with the error "{error}"'


async def test_an_app_that_is_too_slow_is_told_on() -> None:
    async def slow(form: Json) -> None:
        await asyncio.sleep(3600)

    async with stand(app_seconds=0.2) as slack:
        slack.answer = slow
        got = await slack.act("command", user="ada", channel="stock", text="/ops")
    assert got["error"] == '/ops failed with the error "operation_timeout"'


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"user": "nobody", "channel": "stock", "text": "/ops"}, "There is no Slack user 'nobody'"),
        ({"user": "ada", "channel": "nowhere", "text": "/ops"}, "There is no Slack channel 'nowhere'"),
        ({"user": "mallory", "channel": "stock", "text": "/ops"}, "mallory is not in #stock."),
        ({"user": "ada", "channel": "stock", "text": "/shop"}, "/shop is not a valid command."),
    ],
)
async def test_a_verb_that_cannot_be_says_why(slack: Stand, asked: Json, error: str) -> None:
    assert (await slack.act("command", **asked))["error"].startswith(error)
    assert slack.received == []


async def test_a_stranger_carries_her_own_team(slack: Stand) -> None:
    ts = (await slack.api("chat.postMessage", channel="C0RETURNS", text="x", blocks=[row(button("Go"))]))["ts"]
    await slack.act("press", user="mallory", channel="returns", ts=ts, label="Go")
    payload = slack.received[-1].payload
    assert (payload["user"]["team_id"], payload["team"]["id"]) == ("T0ELSEWHERE", "T0NORDLICHT")
    slack.received.clear()
    await slack.act("command", user="mallory", channel="general", text="/ops")
    assert slack.received[-1].payload["team_id"] == "T0ELSEWHERE"


# ---------------------------------------------------------------- response URLs

async def test_a_response_url_takes_five_answers_within_half_an_hour(slack: Stand) -> None:
    slack.answer = lambda form: "ok"
    await slack.act("command", user="ada", channel="stock", text="/ops")
    url = slack.received[0].payload["response_url"]
    assert [await slack.respond(url, text=str(n)) for n in range(6)] == [200] * 5 + [404]
    await slack.act("command", user="ada", channel="stock", text="/ops")
    late = slack.received[1].payload["response_url"]
    await slack.control("clock", {"advance_seconds": 1801})
    assert await slack.respond(late, text="late") == 404
    assert [call["verdict"] for call in (await slack.control("calls"))["calls"]][-1] == "expired_url"


async def test_a_response_url_replaces_or_deletes_the_pressed_message(slack: Stand) -> None:
    ts = (await slack.api("chat.postMessage", channel="C0STOCK", text="card", blocks=[row(button("Go"))]))["ts"]
    await slack.act("press", user="ben", channel="stock", ts=ts, label="Go")
    url = slack.received[0].payload["response_url"]
    await slack.respond(url, text="done", replace_original=True)
    [entry] = (await slack.control("transcript"))["entries"]
    assert (entry["text"], entry["buttons"]) == ("done", [])
    assert await slack.respond(url, blocks=[{"type": "none"}]) == 400
    await slack.respond(url, text="only ben")
    await slack.respond(url, delete_original=True)
    entries = (await slack.control("transcript"))["entries"]
    assert (entries[0]["deleted"], entries[1]["ephemeral_to"]) == (True, "ben")


# ---------------------------------------------------------------- presses

async def test_a_press_sends_the_whole_payload(slack: Stand) -> None:
    async def edit(payload: Json) -> None:
        await slack.api("chat.update", channel="C0STOCK", ts=payload["message"]["ts"], text="decided", blocks=[])

    slack.answer = edit
    ts = (await slack.api("chat.postMessage", channel="C0STOCK", text="card", blocks=[row(button("Go", value="tok", confirm=CONFIRM), block_id="b")]))["ts"]
    answer = await slack.act("press", user="ben", channel="stock", label="Go")
    assert [(one["ts"], one["text"]) for one in answer["saw"]] == [(ts, "decided")]
    payload = slack.received[0].payload
    assert payload["type"] == "block_actions"
    assert payload["user"] == {"id": "U0BEN", "username": "ben", "name": "ben", "team_id": "T0NORDLICHT"}
    assert payload["container"] == {"type": "message", "message_ts": ts, "channel_id": "C0STOCK", "is_ephemeral": False}
    assert payload["channel"] == {"id": "C0STOCK", "name": "stock"}
    assert payload["message"]["text"] == "card"
    assert payload["state"] == {"values": {}}
    [action] = payload["actions"]
    assert (action["type"], action["block_id"], action["action_id"], action["value"]) == ("button", "b", "go", "tok")
    assert payload["trigger_id"]
    assert payload["response_url"].startswith(slack.world.address)


async def test_no_in_a_confirm_dialog_sends_nothing(slack: Stand) -> None:
    await slack.api("chat.postMessage", channel="C0STOCK", text="card", blocks=[row(button("Go", confirm=CONFIRM))])
    answer = await slack.act("press", user="ben", channel="stock", label="Go", confirm=False)
    assert (answer["cancelled"], slack.received) == (True, [])


async def test_menus_are_chosen_by_the_label_of_an_option(slack: Stand) -> None:
    options = [{"text": plain("Why?"), "value": "why"}, {"text": plain("Reship"), "value": "reship"}]
    menu = {"type": "overflow", "action_id": "more", "options": options}
    picker = {"type": "static_select", "action_id": "snooze", "placeholder": plain("Snooze"), "options": options[:1]}
    await slack.api("chat.postMessage", channel="C0STOCK", text="card", blocks=[row(menu, block_id="m"), row(picker, block_id="p")])
    await slack.act("press", user="ben", channel="stock", label="Reship")
    assert slack.received[0].payload["actions"][0]["selected_option"] == options[1]
    await slack.act("press", user="ben", channel="stock", action_id="snooze", option="why")
    payload = slack.received[1].payload
    assert payload["actions"][0]["selected_option"]["value"] == "why"
    assert payload["state"]["values"]["p"]["snooze"]["selected_option"]["value"] == "why"


async def test_what_is_not_there_or_not_seen_cannot_be_pressed(slack: Stand) -> None:
    await slack.api("chat.postEphemeral", channel="C0STOCK", user="U0ADA", text="x", blocks=[row(button("Secret"))])
    wrong = await slack.act("press", user="ben", channel="stock", label="Secret")
    assert wrong["error"] == "There is no 'Secret' to press; there is: nothing."
    await slack.act("press", user="ada", channel="stock", label="Secret")
    payload = slack.received[0].payload
    assert payload["container"]["is_ephemeral"] is True
    assert "message" not in payload


async def test_a_failing_press_shows_slacks_text(slack: Stand) -> None:
    slack.answer = lambda payload: 500
    await slack.api("chat.postMessage", channel="C0STOCK", text="card", blocks=[row(button("Go"))])
    answer = await slack.act("press", user="ben", channel="stock", label="Go")
    assert answer["error"] == "We had some trouble connecting. Try again? (http_error_500)"


async def test_the_last_request_can_be_sent_again(slack: Stand) -> None:
    assert (await slack.act("again"))["error"] == "Nothing was sent to the app over HTTP yet."
    await slack.act("command", user="ada", channel="stock", text="/ops")
    slack.answer = lambda form: {"text": "again"}
    assert (await slack.act("again"))["ack"] == {"text": "again"}
    first, second = slack.received
    assert first.body == second.body
    assert first.headers["X-Slack-Signature"] == second.headers["X-Slack-Signature"]


# ---------------------------------------------------------------- modals

async def opened(slack: Stand, view: Json | None = None) -> Json:
    """Ada opens a modal with a command."""

    async def open_it(payload: Json) -> None:
        if "command" in payload:
            assert (await slack.api("views.open", trigger_id=payload["trigger_id"], view=view or MODAL))["ok"]

    slack.answer = open_it
    [entry] = (await slack.act("command", user="ada", channel="stock", text="/ops form"))["saw"]
    slack.received.clear()
    return entry


async def test_a_trigger_opens_one_view_within_three_seconds(slack: Stand) -> None:
    slack.answer = lambda form: "ok"
    await slack.act("command", user="ada", channel="stock", text="/ops")
    trigger = slack.received[0].payload["trigger_id"]
    assert (await slack.api("views.open", trigger_id=trigger, view=MODAL))["ok"]
    assert (await slack.api("views.open", trigger_id=trigger, view=MODAL))["error"] == "exchanged_trigger_id"
    await slack.act("command", user="ada", channel="stock", text="/ops")
    await slack.control("clock", {"advance_seconds": 3.1})
    late = slack.received[1].payload["trigger_id"]
    assert (await slack.api("views.open", trigger_id=late, view=MODAL))["error"] == "expired_trigger_id"


async def test_a_submission_carries_what_was_typed_and_closes_the_modal(slack: Stand) -> None:
    view = await opened(slack, modal(private_metadata="R-1"))
    assert (view["kind"], view["title"], view["state"]) == ("view", "Form", "open")
    slack.answer = lambda payload: {"response_action": "clear"}
    answer = await slack.act("submit", user="ada", view_id=view["view_id"], values={"Name": "Mug", "count": 3})
    assert (answer["ok"], answer["saw"][0]["state"]) == (True, "submitted")
    payload = slack.received[0].payload
    assert (payload["type"], payload["view"]["callback_id"], payload["view"]["private_metadata"]) == ("view_submission", "form", "R-1")
    assert payload["view"]["state"]["values"] == {
        "name": {"t": {"type": "plain_text_input", "value": "Mug"}},
        "count": {"n": {"type": "number_input", "value": "3"}},
    }
    again = await slack.act("submit", user="ada", view_id=view["view_id"], values={})
    assert again["error"] == f"The view {view['view_id']} is submitted."


@pytest.mark.parametrize(
    ("values", "field", "complaint"),
    [
        ({}, "name", "Please complete this required field."),
        ({"Name": "x" * 11}, "name", "Please enter at most 10 characters."),
        ({"Name": "x", "How many": "many"}, "count", "Please enter a number."),
        ({"Name": "x", "How many": "1.5"}, "count", "Please enter a whole number."),
        ({"Name": "x", "How many": 0}, "count", "Please enter a number of at least 1."),
        ({"Name": "x", "How many": 10}, "count", "Please enter a number of at most 9."),
    ],
)
async def test_slacks_own_client_refuses_wrong_input(slack: Stand, values: Json, field: str, complaint: str) -> None:
    view = await opened(slack)
    answer = await slack.act("submit", user="ada", view_id=view["view_id"], values=values)
    assert (answer["ok"], answer["errors"]) == (False, {field: complaint})
    assert slack.received == []


async def test_errors_of_the_app_stand_at_their_fields(slack: Stand) -> None:
    view = await opened(slack)
    slack.answer = lambda payload: {"response_action": "errors", "errors": {"name": "Unknown."}}
    answer = await slack.act("submit", user="ada", view_id=view["view_id"], values={"Name": "x"})
    assert (answer["ok"], answer["errors"], answer["labels"]) == (False, {"name": "Unknown."}, {"Name": "Unknown."})
    assert (await slack.control("transcript"))["entries"][0]["errors"] == {"name": "Unknown."}
    slack.answer = lambda payload: {"response_action": "errors", "errors": {"other": "Unknown."}}
    answer = await slack.act("submit", user="ada", view_id=view["view_id"], values={"Name": "x"})
    assert answer["error"] == "We had some trouble connecting. Try again? (invalid_errors)"


async def test_a_submission_may_update_and_push_views_up_to_three(slack: Stand) -> None:
    view = await opened(slack)
    slack.answer = lambda payload: {"response_action": "update", "view": modal(title=plain("Step 2"))}
    await slack.act("submit", user="ada", view_id=view["view_id"], values={"Name": "x"})
    slack.answer = lambda payload: {"response_action": "push", "view": modal(title=plain("On top"))}
    for _ in range(2):
        await slack.act("submit", user="ada", values={"Name": "x"})
    views = [one for one in (await slack.control("transcript"))["entries"] if one["kind"] == "view"]
    assert [(one["title"], one["state"]) for one in views] == [("Step 2", "open"), ("On top", "open"), ("On top", "open")]
    answer = await slack.act("submit", user="ada", values={"Name": "x"})
    assert "push_limit_reached" in answer["error"]
    assert "lies on top" in (await slack.act("submit", user="ada", view_id=view["view_id"], values={}))["error"]
    slack.answer = lambda payload: {"response_action": "clear"}
    await slack.act("submit", user="ada", values={"Name": "x"})
    views = [one for one in (await slack.control("transcript"))["entries"] if one["kind"] == "view"]
    assert {one["state"] for one in views} == {"submitted"}


async def test_closing_tells_the_app_only_if_it_asked(slack: Stand) -> None:
    view = await opened(slack)
    await slack.act("close", user="ada", view_id=view["view_id"])
    assert slack.received == []
    view = await opened(slack, modal(notify_on_close=True))
    answer = await slack.act("close", user="ada", view_id=view["view_id"])
    assert answer["saw"][0]["state"] == "closed"
    assert (slack.received[0].payload["type"], slack.received[0].payload["is_cleared"]) == ("view_closed", False)


async def test_a_view_is_updated_only_with_its_present_hash(slack: Stand) -> None:
    view = await opened(slack)
    first = await slack.api("views.update", view_id=view["view_id"], view=modal(title=plain("New")))
    assert first["ok"]
    stale = await slack.api("views.update", view_id=view["view_id"], view=MODAL, hash="1.old")
    assert stale["error"] == "hash_conflict"
    assert (await slack.api("views.update", view_id=view["view_id"], view=MODAL, hash=first["view"]["hash"]))["ok"]


async def test_buttons_in_modals_carry_the_view(slack: Stand) -> None:
    view = await opened(slack, modal(blocks=[NAME, row(button("Add"))]))
    pushed: list[Json] = []

    async def push(payload: Json) -> None:
        pushed.append(await slack.api("views.push", trigger_id=payload["trigger_id"], view=MODAL))

    slack.answer = push
    await slack.act("press", user="ada", view_id=view["view_id"], label="Add")
    payload = slack.received[0].payload
    assert payload["container"] == {"type": "view", "view_id": view["view_id"]}
    assert (payload["view"]["id"], "response_url" in payload) == (view["view_id"], False)
    assert pushed[0]["view"]["previous_view_id"] == view["view_id"]
    assert "has no view" in (await slack.act("press", user="ben", view_id=view["view_id"], label="Add"))["error"]


# ---------------------------------------------------------------- Home and events

async def test_opening_home_lets_the_app_publish_and_its_buttons_work(slack: Stand) -> None:
    async def publish(payload: Json) -> None:
        if payload["type"] == "event_callback":
            home = {"type": "home", "blocks": [section("Hello"), row(button("Refresh"))]}
            await slack.api("views.publish", user_id=payload["event"]["user"], view=home)

    slack.answer = publish
    answer = await slack.act("home", user="ada")
    assert answer["home"]["kind"] == "home"
    event = slack.received[0].payload
    assert (event["type"], event["event"]["type"], event["event"]["tab"]) == ("event_callback", "app_home_opened", "home")
    await slack.act("press", user="ada", home=True, label="Refresh")
    assert slack.received[-1].payload["view"]["type"] == "home"


async def test_messages_and_mentions_become_events(slack: Stand) -> None:
    answer = await slack.act("message", user="ben", channel="stock", text="@opsbell <!channel> please")
    kinds = [one.payload["event"]["type"] for one in slack.received]
    assert kinds == ["message", "app_mention"]
    event = slack.received[0].payload["event"]
    assert (event["text"], event["ts"]) == ("<@U0OPSBELL> &lt;!channel&gt; please", answer["ts"])
    assert slack.received[0].payload["event_id"] != slack.received[1].payload["event_id"]
    direct = await slack.act("message", user="ben", channel="opsbell", text="hi")
    assert direct["ok"]
    assert slack.received[-1].payload["event"]["channel_type"] == "im"


async def test_a_failed_event_is_sent_again_three_times(slack: Stand) -> None:
    slack.answer = lambda payload: 500
    await slack.act("message", user="ben", channel="stock", text="hello")
    await slack.control("clock", {"advance_seconds": 61})
    await slack.control("clock", {"advance_seconds": 301})
    numbers = [one.headers.get("X-Slack-Retry-Num") for one in slack.received]
    assert numbers == [None, "1", "2", "3"]
    assert len({one.payload["event_id"] for one in slack.received}) == 1
    assert slack.received[1].headers["X-Slack-Retry-Reason"] == "http_error"


# ---------------------------------------------------------------- the manifest

MANIFEST = {
    "display_information": {"name": "Opsbell"},
    "features": {"slash_commands": [{"command": "/desk", "description": "Ask"}], "app_home": {"home_tab_enabled": False}},
    "oauth_config": {"scopes": {"bot": ["commands", "chat:write", "chat:write.public"]}},
    "settings": {"event_subscriptions": {"bot_events": ["app_home_opened"]}},
}


async def test_a_manifest_says_which_commands_events_and_scopes_there_are(slack: Stand) -> None:
    assert (await slack.act("manifest", manifest=MANIFEST))["commands"] == ["/desk"]
    assert (await slack.act("command", user="ada", channel="stock", text="/ops"))["error"] == "/ops is not a valid command."
    slack.answer = lambda form: "ok"
    assert (await slack.act("command", user="ada", channel="stock", text="/desk"))["ok"]
    refused = await slack.form("files.getUploadURLExternal", filename="a", length=1)
    assert (refused["error"], refused["needed"]) == ("missing_scope", "files:write")
    assert refused["provided"] == "chat:write,chat:write.public,commands"
    slack.received.clear()
    assert (await slack.act("message", user="ada", channel="stock", text="@opsbell hi"))["events"] == []
    assert slack.received == []
    assert "no Home tab" in (await slack.act("home", user="ada"))["error"]
    home = {"type": "home", "blocks": []}
    assert (await slack.api("views.publish", user_id="U0ADA", view=home))["error"] == "not_enabled"
    await slack.act("channel", channel="stock", remove=["bot"])
    assert (await slack.api("chat.postMessage", channel="C0STOCK", text="x"))["ok"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"display_information": {}}, "A manifest needs display_information.name."),
        ({"features": {"slash_commands": [{"command": "ops", "description": "x"}]}}, "A slash command is a / and up to 31 characters, not 'ops'."),
        ({"features": {"slash_commands": [{"command": "/Ops", "description": "x"}]}}, "A slash command is lower case and without spaces, not '/Ops'."),
        ({"features": {"slash_commands": [{"command": "/ops"}]}}, "The command /ops needs a description."),
        ({"features": {"slash_commands": [{"command": "/ops", "description": "x"}] * 2}}, "A slash command is named twice."),
        ({"oauth_config": {}}, "Slash commands need the scope commands."),
        ({"settings": {"event_subscriptions": {"bot_events": ["app_mention"]}}}, "The event app_mention needs the scope app_mentions:read."),
    ],
)
async def test_a_manifest_slack_would_not_take_is_refused(slack: Stand, change: Json, error: str) -> None:
    assert (await slack.act("manifest", manifest={**MANIFEST, **change}))["error"] == error
    assert slack.world.slack.installation.scopes is None


def test_scopes_are_those_slack_documents(shared_fixtures: Path) -> None:
    for name in METHODS:
        page = json.loads((shared_fixtures / "slack-api-ref" / "methods" / f"{name}.json").read_text())
        documented = (page.get("scope") or {}).get("bot", [])
        assert (METHOD_SCOPES.get(name) in documented) if documented else (name not in METHOD_SCOPES), name


# ---------------------------------------------------------------- Socket Mode

async def test_a_socket_carries_what_http_would(slack: Stand) -> None:
    opened_ = await slack.api("apps.connections.open", token=slack.world.settings.slack_app_token)
    async with slack.client.ws_connect(opened_["url"]) as socket:
        assert (await socket.receive_json())["type"] == "hello"
        asking = asyncio.create_task(slack.act("command", user="ada", channel="stock", text="/ops"))
        envelope = await socket.receive_json()
        assert (envelope["type"], envelope["payload"]["command"], envelope["accepts_response_payload"]) == ("slash_commands", "/ops", True)
        await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "by socket"}})
        assert (await asking)["saw"][0]["text"] == "by socket"
        assert slack.received == []
        asking = asyncio.create_task(slack.act("disconnect"))
        assert (await socket.receive_json())["type"] == "disconnect"
        await socket.close()
        assert (await asking)["sockets"] == 1
    await slack.act("command", user="ada", channel="stock", text="/ops")
    assert len(slack.received) == 1


async def test_a_socket_needs_a_fresh_ticket(slack: Stand) -> None:
    async with slack.client.get(f"{slack.world.address}/slack/socket?ticket=old") as answer:
        assert answer.status == 401
    assert (await slack.api("apps.connections.open"))["error"] == "not_allowed_token_type"


# ---------------------------------------------------------------- pace and faults

async def post_status(slack: Stand, **more: Any) -> tuple[int, str | None]:
    headers = {"Authorization": f"Bearer {slack.world.settings.slack_bot_token}"}
    body = {"channel": "C0STOCK", "text": "x", **more}
    async with slack.client.post(f"{slack.world.address}/slack/api/chat.postMessage", json=body, headers=headers) as answer:
        return answer.status, answer.headers.get("Retry-After")


async def test_a_channel_takes_a_burst_and_then_one_message_a_second(slack: Stand) -> None:
    assert [await post_status(slack) for _ in range(5)] == [(200, None)] * 5
    assert await post_status(slack) == (429, "1")
    assert await post_status(slack, channel="C0DAILY") == (200, None)
    await slack.control("clock", {"advance_seconds": 1})
    assert await post_status(slack) == (200, None)


async def test_limits_may_be_only_warned_of() -> None:
    async with stand(enforce_rate_limits=False) as slack:
        assert [await post_status(slack) for _ in range(7)] == [(200, None)] * 7
        assert "over the rate limit" in (await slack.control("calls"))["calls"][-1]["detail"]


async def test_faults_come_as_often_as_asked_for(slack: Stand) -> None:
    await slack.control("faults", {"slack": [
        {"method": "chat.postMessage", "kind": "ratelimit", "retry_after": 7},
        {"method": "chat.postMessage", "kind": "error", "error": "internal_error"},
        {"method": "*", "kind": "http_500", "status": 503},
    ]})
    assert await post_status(slack) == (429, "7")
    assert (await slack.api("chat.postMessage", channel="C0STOCK", text="x"))["error"] == "internal_error"
    assert (await post_status(slack))[0] == 503
    assert (await post_status(slack))[0] == 200


@pytest.mark.parametrize(("kind", "posted"), [("reset_before", 0), ("reset_after", 1)])
async def test_a_cut_line_leaves_the_work_undone_or_done(slack: Stand, kind: str, posted: int) -> None:
    await slack.control("faults", {"slack": {"method": "chat.postMessage", "kind": kind}})
    with pytest.raises((ConnectionError, Exception), match=r"(?i)disconnect|reset"):
        await slack.api("chat.postMessage", channel="C0STOCK", text="x")
    assert len((await slack.control("transcript"))["entries"]) == posted


async def test_a_hanging_call_ends_without_an_answer(slack: Stand) -> None:
    await slack.control("faults", {"slack": {"method": "auth.test", "kind": "timeout", "seconds": 0.2}})
    start = time.monotonic()
    with pytest.raises(Exception, match=r"(?i)disconnect|reset"):
        await slack.api("auth.test")
    assert time.monotonic() - start >= 0.2
