"""What Slack's people do, as commands of the desk. Committed before it is acknowledged.

Four catch-all listeners: Bolt tries its listeners one after the other, 8 µs each, so the names are ours to look up.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from domain.foreign import Unreadable
from domain.home import ShowHome
from domain.messages import Letter
from domain.shops import Shop
from handlers.commands import read
from handlers.deadline import TooSlow
from handlers.run import Answer, Desk, Who
from handlers.slack.requests import Opened, Pressed, opened, pressed, seen, submitted, typed
from notifications.catalogue import Catalogue
from notifications.dialect import MRKDWN
from notifications.slack.blocks import Block, blocks
from notifications.slack.modals import modal, told

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
    #: how every response URL begins; the slash at its end closes the host's name
    responses: str = "https://hooks.slack.com/"

    def listen(self, app: AsyncApp) -> None:
        """Register the listeners."""
        app.command(_ANY)(self.on_command)
        app.action(_ANY)(self.on_action)
        app.view(_ANY)(self.on_view)
        app.event("app_home_opened")(self.on_home)
        app.error(self.on_error)

    async def on_command(self, ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest) -> None:
        """A slash command: answered in the acknowledgement itself."""
        asked = typed(body)
        answer = await self.desk.typed(asked.who, asked.name, asked.text, seen=seen(body, request.raw_body))
        if answer.form is not None:
            path = read(asked.name, asked.text).entry.path
            await self._open(asked.trigger, answer, {"path": path, "place": asked.who.place})
            await ack()
            return
        await ack(**self._said(answer), response_type="ephemeral")

    async def on_action(self, ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest) -> None:
        """A pressed button or a chosen item of a menu; the answer is only for the presser."""
        asked = pressed(body)
        if asked.token is None:
            await ack()
            return
        answer = await self.desk.pressed(asked.who, asked.token, seen=seen(body, request.raw_body))
        if answer.form is not None:
            await self._open(asked.trigger, answer, {"token": asked.token, "place": asked.who.place})
            await ack()
            return
        await ack()
        if not answer.repeated:
            await self._whisper(asked, answer)

    async def on_view(self, ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest) -> None:
        """A form sent off. What is wrong stands beside its field, and the form stays."""
        asked = submitted(body)
        who, key = asked.who, seen(body, request.raw_body)
        if asked.token is not None:
            answer = await self.desk.submitted(who, asked.token, asked.values, seen=key)
        else:
            answer = await self.desk.filled(who, asked.path or "", asked.values, seen=key)
        if answer.repeated:
            await ack()
            return
        if answer.refused and answer.field in asked.values:
            await ack(response_action="errors", errors={answer.field: self._plain(answer)[:2000]})
            return
        if answer.refused or who.place is None:
            await ack(response_action="update", view=told(str(self._said(answer)["text"])))
            return
        await ack()
        await self._ephemeral(who, answer)

    async def on_home(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """App Home: made anew whenever it is opened, before Slack hears that we know.

        Slack sends an event again until it is acknowledged: it counts by its id, and only once the tab was shown.
        """
        asked = opened(body)
        if asked is not None and not await self._known(asked):
            answer = await self.desk.commanded(asked.who, ShowHome())
            await self._publish(asked.who, answer)
            await self.desk.engine.write(lambda transaction: transaction.inbox.first("slack-event", asked.event_id))
        await ack()

    async def on_error(self, error: Exception) -> BoltResponse:
        """What was not done is not acknowledged: Slack shows the person a warning, and sends an event again."""
        if isinstance(error, Unreadable):
            return BoltResponse(status=400, body=error.sentence)
        if not isinstance(error, TooSlow):
            log.error("a request of Slack's broke", exc_info=error)
        return BoltResponse(status=503, body="not done; try again")

    async def _known(self, asked: Opened) -> bool:
        return await self.desk.engine.read(lambda transaction: transaction.inbox.has("slack-event", asked.event_id))

    async def _publish(self, who: Who, answer: Answer) -> None:
        built = self._blocks(answer.letter, answer.shop)
        await self.client.views_publish(user_id=who.user, view={"type": "home", "blocks": built[:100]})

    async def _open(self, trigger: str, answer: Answer, metadata: dict[str, str | None]) -> None:
        if answer.form is not None:
            await self.client.views_open(trigger_id=trigger, view=modal(answer.form, json.dumps(metadata)))

    async def _whisper(self, asked: Pressed, answer: Answer) -> None:
        """Only to the presser: by the response URL, else as an ephemeral post, else refreshing App Home."""
        url = asked.response_url
        if not url:
            if asked.in_home:
                await self._publish(asked.who, answer)
            return
        if url.startswith(self.responses):
            said = {**self._said(answer), "response_type": "ephemeral", "replace_original": False}
            try:
                async with self.session.post(url, json=said, timeout=_TIMEOUT, allow_redirects=False) as response:
                    if response.status < 300:
                        return
            except (aiohttp.ClientError, TimeoutError, ValueError):
                log.warning("a response URL could not be reached")
        else:
            log.warning("a response URL was not Slack's")
        await self._ephemeral(asked.who, answer)

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
