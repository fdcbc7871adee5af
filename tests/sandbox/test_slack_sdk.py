"""Slack's own libraries work against the sandbox as against Slack: only the address differs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.sandbox.slack_stand import Stand, stand
from tests.waiting import until

BUTTON = {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "action_id": "open", "value": "R-1"}
MODAL = {
    "type": "modal", "callback_id": "form", "title": {"type": "plain_text", "text": "Form"}, "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [{"type": "input", "block_id": "b", "label": {"type": "plain_text", "text": "Why"}, "element": {"type": "plain_text_input", "action_id": "a"}}],
}


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[Stand]:
    async with stand(patience=2.0) as one:
        yield one


def client_of(slack: Stand) -> AsyncWebClient:
    settings = slack.world.settings
    return AsyncWebClient(token=settings.slack_bot_token, base_url=f"{slack.world.address}/slack/api/", session=slack.client, timeout=60)


def bolt_of(slack: Stand) -> AsyncApp:
    """A Bolt app with one command, one button and one modal."""
    secret = slack.world.settings.slack_signing_secret
    app = AsyncApp(client=client_of(slack), signing_secret=secret, process_before_response=True)

    @app.command("/ops")
    async def ops(ack: Any, command: Any, say: Any) -> None:
        await ack(f"you said {command['text']}")
        await say(text="card", blocks=[{"type": "actions", "elements": [BUTTON]}])

    @app.action("open")
    async def open_form(ack: Any, body: Any, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @app.view("form")
    async def form(ack: Any, view: Any, body: Any, client: AsyncWebClient) -> None:
        typed = view["state"]["values"]["b"]["a"]["value"]
        if typed == "no":
            await ack(response_action="errors", errors={"b": "Say more."})
            return
        await ack()
        await client.chat_postMessage(channel="C0STOCK", text=f"{body['user']['username']} wrote {typed}")

    return app


async def walk_through(slack: Stand) -> None:
    """Command, button, refused modal, sent modal."""
    seen = (await slack.act("command", user="ada", channel="stock", text="/ops hello"))["saw"]
    assert [one["text"] for one in seen] == ["card", "you said hello"]
    [view] = (await slack.act("press", user="ada", channel="stock", label="Open"))["saw"]
    wrong = await slack.act("submit", user="ada", view_id=view["view_id"], values={"Why": "no"})
    assert wrong["errors"] == {"b": "Say more."}
    sent = await slack.act("submit", user="ada", view_id=view["view_id"], values={"Why": "because"})
    assert "ada wrote because" in [one.get("text") for one in sent["saw"]]


async def test_bolt_answers_commands_buttons_and_modals_over_http() -> None:
    bolts: list[AsyncApp] = []

    async def hear(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await bolts[0].async_dispatch(await to_bolt_request(request)))

    app = web.Application()
    app.router.add_post("/slack/events", hear)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with stand(patience=2.0, app_address=f"http://127.0.0.1:{runner.addresses[0][1]}") as slack:
            bolts.append(bolt_of(slack))
            await walk_through(slack)
    finally:
        await runner.cleanup()


async def test_bolt_answers_commands_buttons_and_modals_over_a_socket(slack: Stand) -> None:
    handler = AsyncSocketModeHandler(bolt_of(slack), slack.world.settings.slack_app_token)
    # The handler's own client opens the connection, and it too must be told the address.
    handler.client.web_client = AsyncWebClient(token=slack.world.settings.slack_app_token, base_url=f"{slack.world.address}/slack/api/")
    await handler.connect_async()
    try:
        await until(lambda: any(socket.ready for socket in slack.world.slack.sockets))
        await walk_through(slack)
        assert slack.received == []
    finally:
        await handler.close_async()
        await asyncio.sleep(0.1)


async def test_the_sdk_uploads_files_and_reads_people(slack: Stand) -> None:
    client = client_of(slack)
    await client.files_upload_v2(channel="C0DAILY", content=b"a,b\n1,2\n", filename="draft.csv", title="Draft order", initial_comment="PO-1")
    [entry] = (await slack.control("transcript"))["entries"]
    assert (entry["files"][0]["name"], entry["files"][0]["size"], entry["text"]) == ("draft.csv", 8, "PO-1")
    assert (await client.users_info(user="U0CLEO"))["user"]["name"] == "cleo"
    assert len((await client.conversations_list())["channels"]) == 5
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await client.chat_postMessage(channel="C0NOWHERE", text="x")
