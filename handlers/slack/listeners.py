"""What Slack's people do, as commands of the desk. Committed before it is acknowledged.

Four catch-all listeners: Bolt tries its listeners one after the other, 8 µs each, so the names are ours to look up.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from domain.home import ShowHome
from domain.messages import Letter
from domain.shops import Shop
from handlers.run import Answer, Desk, Who
from notifications.catalogue import Catalogue
from notifications.dialect import MRKDWN
from notifications.slack.blocks import Block, blocks
from notifications.slack.modals import CALLBACK, modal, told, values

log = logging.getLogger("opsbell.slack")

_ANY: Final = re.compile(".*", re.DOTALL)
#: said where no shop is known, so that a refusal needs none
_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)


@dataclass(frozen=True, kw_only=True)
class SlackDesk:
    """The desk as Slack's people see it."""

    desk: Desk
    catalogue: Catalogue
    client: AsyncWebClient
    #: shared, since Bolt's own responder opens a new connection for each answer
    session: aiohttp.ClientSession
    #: a shop's look for words that belong to no shop
    nobody: Shop

    def listen(self, app: AsyncApp) -> None:
        """Register the listeners."""
        app.command(_ANY)(self.on_command)
        app.action(_ANY)(self.on_action)
        app.view(_ANY)(self.on_view)
        app.event("app_home_opened")(self.on_home)

    async def on_command(self, ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest) -> None:
        """A slash command: answered in the acknowledgement itself."""
        who = Who(platform="slack", user=body["user_id"], team=body["team_id"], place=body.get("channel_id"))
        name, text = body["command"].removeprefix("/"), body.get("text", "")
        answer = await self.desk.typed(who, name, text, seen=_seen(request))
        if answer.form is not None:
            metadata = {"path": _path(body), "place": who.place}
            await self._open(body["trigger_id"], answer, metadata)
            await ack()
            return
        await ack(**self._said(answer), response_type="ephemeral")

    async def on_action(self, ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest) -> None:
        """A pressed button or a chosen item of a menu; the answer is only for the presser."""
        token = _token(body["actions"][0])
        if token is None:
            await ack()
            return
        who = _who(body)
        answer = await self.desk.pressed(who, token, seen=_seen(request))
        if answer.form is not None:
            await self._open(body["trigger_id"], answer, {"token": token, "place": who.place})
            await ack()
            return
        await ack()
        await self._whisper(body, who, answer)

    async def on_view(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """A form sent off. What is wrong stands beside its field, and the form stays."""
        view = body["view"]
        if view.get("callback_id") != CALLBACK:
            await ack()
            return
        metadata = json.loads(view.get("private_metadata") or "{}")
        who = _who(body, metadata.get("place"))
        typed = values(view["state"])
        if "token" in metadata:
            answer = await self.desk.submitted(who, metadata["token"], typed)
        else:
            answer = await self.desk.filled(who, metadata["path"], typed)
        if answer.refused and answer.field in typed:
            await ack(response_action="errors", errors={answer.field: self._plain(answer)[:2000]})
            return
        if answer.refused or who.place is None:
            await ack(response_action="update", view=told(str(self._said(answer)["text"])))
            return
        await ack()
        await self._ephemeral(who, answer)

    async def on_home(self, ack: AsyncAck, body: dict[str, Any], event: dict[str, Any]) -> None:
        """App Home: made anew whenever it is opened, before Slack hears that we know."""
        if event.get("tab", "home") == "home":
            who = Who(platform="slack", user=event["user"], team=body.get("team_id", ""))
            answer = await self.desk.commanded(who, ShowHome())
            built = self._blocks(answer.letter, answer.shop)
            await self.client.views_publish(user_id=event["user"], view={"type": "home", "blocks": built[:100]})
        await ack()

    async def _open(self, trigger: str, answer: Answer, metadata: dict[str, str | None]) -> None:
        if answer.form is not None:
            await self.client.views_open(trigger_id=trigger, view=modal(answer.form, json.dumps(metadata)))

    async def _whisper(self, body: dict[str, Any], who: Who, answer: Answer) -> None:
        """Only to the presser: by the response URL, else as an ephemeral post, else refreshing App Home."""
        url = body.get("response_url")
        if not url:
            if body.get("view", {}).get("type") == "home":
                built = self._blocks(answer.letter, answer.shop)
                await self.client.views_publish(user_id=who.user, view={"type": "home", "blocks": built[:100]})
            return
        said = {**self._said(answer), "response_type": "ephemeral", "replace_original": False}
        try:
            async with self.session.post(url, json=said, timeout=_TIMEOUT) as response:
                if response.status < 300:
                    return
        except (aiohttp.ClientError, TimeoutError):
            log.warning("a response URL could not be reached")
        await self._ephemeral(who, answer)

    async def _ephemeral(self, who: Who, answer: Answer) -> None:
        try:
            await self.client.chat_postEphemeral(channel=str(who.place), user=who.user, **self._said(answer))
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("an answer was done but could not be shown: %s", type(error).__name__)

    def _said(self, answer: Answer) -> dict[str, Any]:
        words = self.catalogue.words(answer.letter.message, answer.shop or self.nobody, "slack")
        plain = words.plain_title or str(words.body)
        text = str(MRKDWN.escape(words.plain_title)) if words.plain_title else plain
        built = self._blocks(answer.letter, answer.shop)
        if answer.now is not None:
            built = [*built, {"type": "divider"}, *self._blocks(answer.now, answer.shop)][:50]
        return {"text": text or "Done.", "blocks": built}

    def _blocks(self, letter: Letter, shop: Shop | None) -> list[Block]:
        return blocks(self.catalogue.words(letter.message, shop or self.nobody, "slack"), letter)

    def _plain(self, answer: Answer) -> str:
        words = self.catalogue.words(answer.letter.message, answer.shop or self.nobody, "plain")
        return str(words.body) or words.plain_title


def _who(body: dict[str, Any], place: str | None = None) -> Who:
    user = body["user"]
    channel = (body.get("channel") or {}).get("id") or (body.get("container") or {}).get("channel_id") or place
    return Who(platform="slack", user=user["id"], team=user.get("team_id") or body["team"]["id"], place=channel)


def _token(action: dict[str, Any]) -> str | None:
    """The button's token; None for a plain link."""
    if action.get("type") == "button":
        value = action.get("value")
        return str(value) if value else None
    chosen = action.get("selected_option")
    return str(chosen["value"]) if chosen else None


def _seen(request: AsyncBoltRequest) -> str:
    """The same signed bytes are the same click, however often they come."""
    signature = (request.headers.get("x-slack-signature") or [""])[0]
    return hashlib.sha256(f"{signature}\n{request.raw_body}".encode()).hexdigest()


def _path(body: dict[str, Any]) -> str:
    from handlers.commands import read

    return read(body["command"].removeprefix("/"), body.get("text", "")).entry.path
