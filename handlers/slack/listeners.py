"""What Slack's people do, as commands of the desk. Committed before it is acknowledged."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from domain.answers import Refused as SaidNo
from domain.home import ShowHome
from domain.jobs import Transaction
from domain.messages import Chat, Letter
from domain.outcomes import NotNow
from domain.shops import Shop
from handlers.commands import read
from handlers.deadline import TooSlow
from handlers.run import Answer, Desk, Who
from handlers.slack.requests import Asked, Opened, Pressed, Submitted, Typed
from notifications.catalogue import Catalogue, Words
from notifications.direct import Barred
from notifications.slack import calls
from notifications.slack.blocks import Block, blocks
from notifications.slack.calls import Direct, Lost, NotSent, Refused, direct
from notifications.slack.calls import told as meaning
from notifications.slack.modals import modal, told
from notifications.slack.whispers import said

log = logging.getLogger("opsbell.slack")

T = TypeVar("T")

#: seconds an answer may take before the acknowledgement, which is due within three; later it comes through its lane
_PATIENCE: Final = 0.8
_TIMEOUT: Final = aiohttp.ClientTimeout(total=_PATIENCE)


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
    #: calls that are no job's; None: over the desk's own engine
    calls: Direct | None = None

    @property
    def direct(self) -> Direct:
        """Calls to Slack that obey what it asked of anybody."""
        return self.calls or direct(self.desk.engine)

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

    def home(self, answer: Answer, below: Answer | None = None) -> Block:
        """The view of somebody's App Home: an answer, and another below it."""
        built = self._blocks(answer.letter, answer.shop)
        if below is not None:
            built = [*built, {"type": "divider"}, *self._blocks(below.letter, below.shop)]
        return {"type": "home", "blocks": built[:100]}

    async def _typed(self, asked: Typed, key: str) -> dict[str, Any] | None:
        """A slash command: answered in the acknowledgement itself."""
        answer = await self.desk.typed(asked.who, asked.name, asked.text, seen=key)
        if answer.form is not None:
            path = read(asked.name, asked.text).entry.path
            held = await self._open(asked.trigger, answer, {"path": path, "place": asked.who.place})
            if held is None:
                return None
            answer = _no_form(answer, held)
        return {**self._said(answer), "response_type": "ephemeral"}

    async def _pressed(self, asked: Pressed, key: str) -> None:
        """A pressed button or a chosen item of a menu; the answer is only for the presser."""
        if asked.token is None:
            return
        answer = await self.desk.pressed(asked.who, asked.token, seen=key)
        if answer.form is not None:
            held = await self._open(asked.trigger, answer, {"token": asked.token, "place": asked.who.place})
            if held is None:
                return
            answer = _no_form(answer, held)
        if not answer.repeated:
            await self._whisper(asked, answer, key)

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
            await self._home_later(who, answer, key)
        if answer.refused or who.place is None:
            return {"response_action": "update", "view": told(str(self._said(answer)["text"]))}
        await self._ephemeral(who, answer, key)
        return None

    async def _opened(self, asked: Opened) -> None:
        """App Home: made anew whenever it is opened, before Slack hears that we know.

        Slack sends an event again until it is acknowledged: it counts by its id, and only once the tab was shown.
        """
        if not await self._known(asked):
            answer = await self.desk.commanded(asked.who, ShowHome())
            try:
                await self.direct.ask(
                    lambda: self.client.views_publish(user_id=asked.who.user, view=self.home(answer)), lane=calls.HOME
                )
            except NotNow:
                await self._home_later(asked.who, answer, asked.event_id)
            await self.desk.engine.write(lambda transaction: transaction.inbox.first("slack-event", asked.event_id))

    async def _known(self, asked: Opened) -> bool:
        return await self.desk.engine.read(lambda transaction: transaction.inbox.has("slack-event", asked.event_id))

    async def _at_home(self, who: Who, answer: Answer, key: str) -> None:
        """What was pressed in App Home is answered above the page.

        Where Slack takes no page now, the answer comes as a direct message: the person may be elsewhere by then, and
        App Home has no channel for a post that only they see. The page follows as it is then.
        """
        view = self.home(answer, await self.desk.commanded(who, ShowHome()))
        try:
            await self.direct.ask(
                _soon(lambda: self.client.views_publish(user_id=who.user, view=view)), lane=calls.HOME
            )
        except (NotNow, NotSent, Lost, Refused) as error:
            log.warning("App Home took no answer (%s): it comes as a direct message", type(error).__name__)
            await self._later(who, answer, key)
            await self._home_later(who, answer, key)

    async def _home_later(self, who: Who, answer: Answer, key: str) -> None:
        shop_id = None if answer.shop is None else answer.shop.id
        await self.desk.engine.write(lambda transaction: home_later(transaction, who, shop_id, key))

    async def _open(self, trigger: str, answer: Answer, metadata: dict[str, str | None]) -> Barred | None:
        """Open the answer's form; what bars it, since its trigger is long over when Slack takes it again."""
        if answer.form is None:
            return None
        view = modal(answer.form, json.dumps(metadata))
        try:
            await self.direct.ask(lambda: self.client.views_open(trigger_id=trigger, view=view), lane=calls.MODAL)
        except Barred as held:
            return held
        return None

    async def _whisper(self, asked: Pressed, answer: Answer, key: str) -> None:
        """Only to the presser: by the response URL, else as an ephemeral post; above App Home where that is pressed."""
        url = asked.response_url
        if not url:
            if asked.in_home:
                await self._at_home(asked.who, answer, key)
            return
        if url.startswith(self.responses):
            content = {**self._said(answer), "response_type": "ephemeral", "replace_original": False}
            try:
                await self.direct.ask(lambda: self._respond(url, content), lane=calls.RESPONSE, tokenless=True)
            except (NotNow, NotSent, Lost, Refused, ValueError) as error:
                log.warning("a response URL took no answer: %s", type(error).__name__)
            else:
                return
        else:
            log.warning("a response URL was not Slack's")
        await self._ephemeral(asked.who, answer, key)

    async def _respond(self, url: str, content: dict[str, Any]) -> None:
        async with self.session.post(url, json=content, timeout=_TIMEOUT, allow_redirects=False) as response:
            if response.status >= 300:
                raise meaning(response, calls.RESPONSE)

    async def _ephemeral(self, who: Who, answer: Answer, key: str) -> None:
        """A post that only one person sees, now or through its lane."""
        content = self._said(answer)
        try:
            await self.direct.ask(
                _soon(lambda: self.client.chat_postEphemeral(channel=str(who.place), user=who.user, **content)),
                lane=calls.EPHEMERAL,
            )
        except (NotNow, NotSent, Lost):
            await self._later(who, answer, key)
        except Refused as error:
            log.warning("an answer was done but could not be shown: %s", error.code)

    async def _later(self, who: Who, answer: Answer, key: str) -> None:
        """Said where it was asked for once Slack takes it; in a direct message where that is no channel."""
        def whole(transaction: Transaction) -> bool:
            meant = transaction.shops.of_slack(who.team, who.user, who.place)
            shop = answer.shop or (None if meant is None else meant[0])
            if shop is None:
                return False
            letters = (answer.letter,) if answer.now is None else (answer.letter, answer.now)
            for number, letter in enumerate(letters):
                chat = Chat(platform="slack", address=who.place or who.user)
                transaction.of(shop).outbox.whisper(chat, letter, to=who.user, once=f"whisper:{key}:{number}")
            return True

        try:
            written = await self.desk.engine.write(whole)
        except TooSlow:
            written = False  # what was asked for is done all the same
        if not written:
            log.warning("an answer was done but cannot be shown later")

    def _said(self, answer: Answer) -> dict[str, Any]:
        content = said(self._words(answer.letter, answer.shop), answer.letter)
        if answer.now is not None:
            now = self._blocks(answer.now, answer.shop)
            content["blocks"] = [*content["blocks"], {"type": "divider"}, *now][:50]
        return content

    def _blocks(self, letter: Letter, shop: Shop | None) -> list[Block]:
        return blocks(self._words(letter, shop), letter)

    def _words(self, letter: Letter, shop: Shop | None) -> Words:
        return self.catalogue.words(letter.message, shop or self.nobody, "slack")

    def _plain(self, answer: Answer) -> str:
        words = self.catalogue.words(answer.letter.message, answer.shop or self.nobody, "plain")
        return str(words.body) or words.plain_title


def _soon(call: Callable[[], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
    """The same call, given up as lost while the acknowledgement can still be in time."""

    async def bounded() -> T:
        async with asyncio.timeout(_PATIENCE):
            return await call()

    return bounded


def home_later(transaction: Transaction, who: Who, shop_id: int | None, key: str) -> None:
    """Have somebody's App Home made and shown once Slack takes it; of several the last one written counts."""
    transaction.jobs.add(
        key=f"home:{who.identity}:{key}", kind="home.slack", payload={"user": who.user, "team": who.team},
        due_at=transaction.now, lane=f"slack:home:{who.team}/{who.user}", shop_id=shop_id,
    )


def _no_form(answer: Answer, held: Barred) -> Answer:
    """Why no form opens, in the place of the form."""
    if held.shut:
        said = (
            "Slack refuses my token, so I can open no form, and nothing was changed. An owner sets a new token and "
            "restarts me; opsbell check says whether it works."
        )
    else:
        seconds = max(1, math.ceil(held.wait.total_seconds()))
        said = f"Slack wants no forms of me for {seconds} s, so nothing was changed. Try again after that."
    return Answer(shop=answer.shop, letter=Letter(message=SaidNo(sentence=said)), refused=True)
