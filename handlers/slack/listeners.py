"""What Slack's people do, as commands of the desk. Committed before it is acknowledged."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from domain.home import ShowHome
from domain.messages import Letter
from domain.shops import Shop
from handlers.commands import read
from handlers.run import Answer, Desk, Who
from handlers.slack.requests import Asked, Opened, Pressed, Submitted, Typed
from notifications.catalogue import Catalogue, Words
from notifications.dialect import MRKDWN
from notifications.slack.blocks import Block, blocks
from notifications.slack.modals import modal, told

log = logging.getLogger("opsbell.slack")

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

    async def do(self, wish: Asked, key: str) -> dict[str, Any] | None:
        """Do what was asked; what the acknowledgement is to hold, None for nothing."""
        match wish:
            case Typed():
                return await self._typed(wish, key)
            case Pressed():
                await self._pressed(wish, key)
            case Submitted():
                return await self._submitted(wish, key)
            case Opened():
                await self._opened(wish)
        return None

    async def _typed(self, asked: Typed, key: str) -> dict[str, Any] | None:
        """A slash command: answered in the acknowledgement itself."""
        answer = await self.desk.typed(asked.who, asked.name, asked.text, seen=key)
        if answer.form is not None:
            path = read(asked.name, asked.text).entry.path
            await self._open(asked.trigger, answer, {"path": path, "place": asked.who.place})
            return None
        return {**self._said(answer), "response_type": "ephemeral"}

    async def _pressed(self, asked: Pressed, key: str) -> None:
        """A pressed button or a chosen item of a menu; the answer is only for the presser."""
        if asked.token is None:
            return
        answer = await self.desk.pressed(asked.who, asked.token, seen=key)
        if answer.form is not None:
            await self._open(asked.trigger, answer, {"token": asked.token, "place": asked.who.place})
        elif not answer.repeated:
            await self._whisper(asked, answer)

    async def _submitted(self, asked: Submitted, key: str) -> dict[str, Any] | None:
        """A form sent off. What is wrong stands beside its field, and the form stays."""
        who = asked.who
        if asked.token is not None:
            answer = await self.desk.submitted(who, asked.token, asked.values, seen=key)
        else:
            answer = await self.desk.filled(who, asked.path or "", asked.values, seen=key)
        if answer.repeated:
            return None
        if answer.refused and answer.field in asked.values:
            return {"response_action": "errors", "errors": {answer.field: self._plain(answer)[:2000]}}
        if who.place is None and not answer.refused:  # App Home is the only place without one
            await self._publish(who, await self.desk.commanded(who, ShowHome()))
        if answer.refused or who.place is None:
            return {"response_action": "update", "view": told(str(self._said(answer)["text"]))}
        await self._ephemeral(who, answer)
        return None

    async def _opened(self, asked: Opened) -> None:
        """App Home: made anew whenever it is opened, before Slack hears that we know.

        Slack sends an event again until it is acknowledged: it counts by its id, and only once the tab was shown.
        """
        if not await self._known(asked):
            answer = await self.desk.commanded(asked.who, ShowHome())
            await self._publish(asked.who, answer)
            await self.desk.engine.write(lambda transaction: transaction.inbox.first("slack-event", asked.event_id))

    async def _known(self, asked: Opened) -> bool:
        return await self.desk.engine.read(lambda transaction: transaction.inbox.has("slack-event", asked.event_id))

    async def _publish(self, who: Who, answer: Answer, home: Answer | None = None) -> None:
        """An answer as the person's page; above ``home``, where the page itself was not what they asked for."""
        built = self._blocks(answer.letter, answer.shop)
        if home is not None:
            built = [*built, {"type": "divider"}, *self._blocks(home.letter, home.shop)]
        await self.client.views_publish(user_id=who.user, view={"type": "home", "blocks": built[:100]})

    async def _open(self, trigger: str, answer: Answer, metadata: dict[str, str | None]) -> None:
        if answer.form is not None:
            await self.client.views_open(trigger_id=trigger, view=modal(answer.form, json.dumps(metadata)))

    async def _whisper(self, asked: Pressed, answer: Answer) -> None:
        """Only to the presser: by the response URL, else as an ephemeral post, else refreshing App Home."""
        url = asked.response_url
        if not url:
            if asked.in_home:
                await self._publish(asked.who, answer, await self.desk.commanded(asked.who, ShowHome()))
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
        words = self._words(answer.letter, answer.shop)
        plain = words.plain_title or str(words.body)
        text = str(MRKDWN.escape(words.plain_title)) if words.plain_title else plain
        built = blocks(words, answer.letter)
        if answer.now is not None:
            built = [*built, {"type": "divider"}, *self._blocks(answer.now, answer.shop)][:50]
        return {"text": text or "Done.", "blocks": built}

    def _blocks(self, letter: Letter, shop: Shop | None) -> list[Block]:
        return blocks(self._words(letter, shop), letter)

    def _words(self, letter: Letter, shop: Shop | None) -> Words:
        return self.catalogue.words(letter.message, shop or self.nobody, "slack")

    def _plain(self, answer: Answer) -> str:
        words = self.catalogue.words(answer.letter.message, answer.shop or self.nobody, "plain")
        return str(words.body) or words.plain_title
