"""Answers that only one person sees, said later: Slack took none when they were due.

In a channel they are ephemeral posts; what was asked for in App Home, which is no channel, is a direct message. There
is nothing to look back at, so an answer of unknown outcome is said again; only its own person sees it twice.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from domain.jobs import Engine, Job, Transaction
from domain.messages import Letter
from domain.outcomes import Done, Later, Outcome, Turn, Unknown, wait_before
from notifications.catalogue import Catalogue, Words
from notifications.detour import Defects
from notifications.pace import distance
from notifications.slack import calls
from notifications.slack.blocks import beside, blocks
from notifications.slack.calls import Lost, NotSent, Refused, ask

log = logging.getLogger("opsbell.slack")

#: chat.postEphemeral is of tier 4, 100 a minute over the whole workspace
_GAP: Final = distance(100, timedelta(minutes=1))


@dataclass(frozen=True, kw_only=True)
class WhisperCarrier:
    """Carries ``whisper.slack`` jobs."""

    client: AsyncWebClient
    engine: Engine
    catalogue: Catalogue
    defects: Defects = field(default_factory=Defects)
    kind: str = "whisper.slack"

    def gaps(self, job: Job) -> Mapping[str, timedelta]:
        """The method's own tier, or one a second in direct messages; a hold of the whole app is obeyed."""
        address = str(job.payload["address"])
        return calls.posts(address) if calls.is_person(address) else {calls.EPHEMERAL: _GAP, calls.ALL: timedelta(0)}

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:
        """Always."""

    async def carry(self, job: Job, turn: Turn) -> Outcome:
        """Say it to that person; where they cannot hear it any more it is over."""
        envelope = await self.engine.read(lambda transaction: transaction.letters.open(job))
        words = self.catalogue.words(envelope.letter.message, envelope.shop, "slack")
        place: dict[str, Any] = {"channel": envelope.address}
        if not calls.is_person(envelope.address):
            place["user"] = str(job.payload["to"])
        try:
            await turn()
            try:
                await self._say(place, said(words, envelope.letter))
            except Refused as error:
                if error.code not in calls.LAYOUT:
                    raise
                self.defects.note("slack", envelope.letter.message.kind, f"{error.code} {error.details}".strip())
                await turn()
                await self._say(place, {"text": said(words, envelope.letter)["text"]})
        except Refused as error:
            if (later := calls.put_off(error)) is not None:
                return later
            log.warning("an answer was done but could not be shown: %s", error.code)
            return Done(receipt={"unheard": error.code})
        except NotSent:
            return Later(wait=wait_before(job.attempts), reason="Slack cannot be reached")
        except Lost as error:
            return Unknown(reason=error.reason)
        return Done()

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        """Nothing is left behind."""

    async def _say(self, place: Mapping[str, Any], content: Mapping[str, Any]) -> None:
        if "user" in place:
            await ask(self.client.chat_postEphemeral(**place, **content), lane=calls.EPHEMERAL)
        else:
            posting = self.client.chat_postMessage(**place, **content, unfurl_links=False, unfurl_media=False)
            await ask(posting, lane=calls.post(place["channel"]))


def said(words: Words, letter: Letter) -> dict[str, Any]:
    """An answer's text and blocks."""
    return {"text": beside(words) or "Done.", "blocks": blocks(words, letter)}
