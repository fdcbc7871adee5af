"""Letters to Slack: posts, edits, replies in threads, files and photos. One call at a time, each outcome told apart.

After an unknown outcome the channel is read back by message metadata before anything is posted a second time:
chat.postMessage has no idempotency key.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from domain.jobs import Engine, Job, Transaction
from domain.letters import Envelope
from domain.messages import Attachment
from domain.outcomes import Done, Failed, Later, Outcome, Turn, Unknown, wait_before
from notifications.admission import admit
from notifications.catalogue import Catalogue, Words
from notifications.detour import Defects, elsewhere
from notifications.dialect import MRKDWN, PLAIN
from notifications.direct import TOKEN_WAIT
from notifications.pace import distance
from notifications.slack import calls
from notifications.slack.blocks import beside, blocks, cut
from notifications.slack.calls import Lost, NotSent, Refused, ask
from notifications.slack.files import Files
from notifications.slack.limits import over
from notifications.slack.photos import LATER, NoPhoto, Photos

log = logging.getLogger("opsbell.slack")

#: chat.update is of tier 3, 50 a minute over the whole workspace
_EDIT_GAP: Final = distance(50, timedelta(minutes=1))
_EVENT: Final = "opsbell_letter"
#: pages of history that are looked through after an unknown outcome: 10 x 200 messages since the letter was made
_PAGES: Final = 10
_PLAIN_LENGTH: Final = 3500


@dataclass(kw_only=True)
class SlackCarrier:
    """Carries ``say.slack`` jobs."""

    client: AsyncWebClient
    engine: Engine
    catalogue: Catalogue
    files: Files
    defects: Defects = field(default_factory=Defects)
    kind: str = "say.slack"
    #: a person's id -> the channel of their direct messages, which edits and look-ups want
    _direct: dict[str, str] = field(default_factory=dict)

    def gaps(self, job: Job) -> Mapping[str, timedelta]:
        """One post a second in a channel, edits at their method's own tier; a hold of the whole app is obeyed."""
        edits = job.payload.get("message_id") or (job.payload.get("card") and job.lane.endswith(":changes"))
        return _edits() if edits else _posts(job)

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:
        """In order within its card, and alerts within their channel's budget."""
        return admit(job, transaction)

    async def carry(self, job: Job, turn: Turn) -> Outcome:
        """Post, edit or reply."""
        envelope = await self.engine.read(lambda transaction: transaction.letters.open(job))
        try:
            return await self._say(job, envelope, turn)
        except Refused as error:
            return _refused(job, error)
        except NotSent:
            return Later(wait=wait_before(job.attempts), reason="Slack cannot be reached")
        except Lost as error:
            return Unknown(reason=error.reason)
        except NoPhoto as error:
            return Later(wait=wait_before(job.attempts), reason=f"a photo cannot be shown: {error}")

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        """Remember where a card stands; a letter that its chat refuses goes to somebody else."""
        if isinstance(outcome, Done) and (message_id := outcome.receipt.get("message_id")):
            transaction.letters.shown(job, str(message_id))
            if outcome.receipt.get("photos") == LATER:
                transaction.letters.photos_follow(job, str(message_id))
        if isinstance(outcome, Failed) and outcome.code in calls.CHAT:
            transaction.letters.reroute(job, calls.CHAT[outcome.code])

    async def _say(self, job: Job, envelope: Envelope, turn: Turn) -> Outcome:
        message = envelope.letter.message
        words = elsewhere(self.catalogue.words(message, envelope.shop, "slack"), envelope, MRKDWN)
        receipt: dict[str, Any] = {}
        ts = envelope.posted
        if ts is None:
            ts = await self._spoken(job, envelope, words, receipt, turn)
            if message.attachments:
                await self._progress(job, ts, 0)
        for number, attachment in enumerate(message.attachments, start=1):
            if number > envelope.extras_done:
                await self._attach(job, envelope, ts, attachment, turn)
                await self._progress(job, ts, number)
        return Done(receipt={"message_id": ts, **receipt})

    async def _spoken(
        self, job: Job, envelope: Envelope, words: Words, receipt: dict[str, Any], turn: Turn
    ) -> str:
        """The words are there, as they were meant or at least as plain text; the message's ts."""
        place = await self._place(envelope.address, turn)
        photos = Photos(files=self.files, engine=self.engine, turn=turn, follows=envelope.photos_follow)
        whole = {
            "channel": place, "text": beside(words) or " ",
            "blocks": blocks(words, envelope.letter, photos=await photos.shown(envelope.letter.message.photos)),
        }
        if photos.missing:
            receipt["photos"] = LATER
        if (problem := over(whole)) is None:
            try:
                return await self._placed(job, envelope, whole, turn)
            except Refused as error:
                if error.code not in calls.LAYOUT:
                    raise
                problem = f"{error.code} {error.details}".strip()
        if envelope.letter.message.photos:
            photos.refused(envelope.letter.message.photos, problem)
            receipt["photos"] = LATER
        self.defects.note("slack", envelope.letter.message.kind, problem)
        receipt["plain"] = problem[:200]
        return await self._placed(job, envelope, self._plain(envelope, place), turn)

    async def _placed(self, job: Job, envelope: Envelope, content: dict[str, Any], turn: Turn) -> str:
        """Edit what stands there, else what an earlier attempt left, else post."""
        edited = envelope.message_id or (envelope.shown_as if envelope.card is not None else None)
        if edited is None and job.in_doubt:
            edited = await self._find(job, envelope, turn)
        if edited is not None:
            await turn(_edits())
            try:
                await ask(self.client.chat_update(ts=edited, **content), lane=calls.UPDATE)
            except Refused as error:
                if error.code not in calls.GONE:
                    raise
            else:
                return edited
            # Somebody deleted it: it is posted anew, unless an earlier attempt did just that.
            again = await self._find(job, envelope, turn) if job.in_doubt else None
            if again is not None and again != edited:
                return again
        await turn(_posts(job))
        return await self._post(job, envelope, content)

    def _plain(self, envelope: Envelope, place: str) -> dict[str, Any]:
        words = self.catalogue.words(envelope.letter.message, envelope.shop, "plain")
        words = elsewhere(words, envelope, PLAIN)
        # No blocks at all: an empty list also takes away those of a message that is edited.
        return {
            "channel": place, "text": cut(str(MRKDWN.escape(words.whole)), _PLAIN_LENGTH) or " ", "blocks": [],
        }

    async def _post(self, job: Job, envelope: Envelope, content: dict[str, Any]) -> str:
        metadata = {"event_type": _EVENT, "event_payload": {"job": job.key}}
        thread: dict[str, Any] = {}
        if envelope.thread is not None and envelope.shown_as is not None:
            thread = {"thread_ts": envelope.shown_as}
        posting = self.client.chat_postMessage(
            metadata=metadata, unfurl_links=False, unfurl_media=False, **content, **thread
        )
        return str((await ask(posting, lane=_channel(job)))["ts"])

    async def _find(self, job: Job, envelope: Envelope, turn: Turn) -> str | None:
        """The message that an earlier attempt of this job left in the channel, if it did."""
        place = await self._place(envelope.address, turn)
        async for message in self._since(job, place, envelope.shown_as if envelope.thread else None, turn):
            payload = (message.get("metadata") or {}).get("event_payload") or {}
            if payload.get("job") == job.key:
                return str(message["ts"])
        return None

    async def _since(self, job: Job, channel: str, thread: str | None, turn: Turn) -> Any:
        """The messages of a channel or thread since the letter was made, page after page."""
        where: dict[str, Any] = {
            "channel": channel, "oldest": f"{(job.made_at - timedelta(minutes=2)).timestamp():.6f}", "limit": 200,
            "include_all_metadata": True,
        }
        for _ in range(_PAGES):
            await turn(calls.looks(calls.HISTORY if thread is None else calls.REPLIES))
            try:
                if thread is not None:
                    page = await ask(self.client.conversations_replies(ts=thread, **where), lane=calls.REPLIES)
                else:
                    page = await ask(self.client.conversations_history(**where), lane=calls.HISTORY)
            except Lost as error:
                # Only a look: whatever became of it, nothing was said.
                raise NotSent from error
            for message in page["messages"]:
                yield message
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return
            where["cursor"] = cursor

    async def _attach(
        self, job: Job, envelope: Envelope, ts: str, attachment: Attachment, turn: Turn
    ) -> None:
        """A file in the thread, once. One that Slack refuses is counted; the letter itself is there."""
        thread, place = envelope.shown_as or ts, await self._place(envelope.address, turn)
        try:
            if job.in_doubt and await self._is_attached(job, place, thread, attachment.name, turn):
                return
            await self.files.attach(attachment, turn, channel=place, thread=thread, posts=_posts(job))
        except Refused as error:
            if error.wait is not None or error.code in calls.TOKEN:
                raise
            self.defects.note("slack", envelope.letter.message.kind, f"its file was refused: {error.code}")

    async def _is_attached(self, job: Job, channel: str, thread: str, name: str, turn: Turn) -> bool:
        async for message in self._since(job, channel, thread, turn):
            if any(file.get("name") == name for file in message.get("files") or ()):
                return True
        return False

    async def _place(self, address: str, turn: Turn) -> str:
        """The channel of an address: itself, or a person's direct messages."""
        if not calls.is_person(address):
            return address
        if address not in self._direct:
            await turn(calls.looks(calls.OPEN))
            opened = await ask(self.client.conversations_open(users=address), lane=calls.OPEN)
            self._direct[address] = str(opened["channel"]["id"])
        return self._direct[address]

    async def _progress(self, job: Job, ts: str, extras_done: int) -> None:
        await self.engine.write(lambda transaction: transaction.letters.progress(job, ts, extras_done))


def _channel(job: Job) -> str:
    return calls.post(str(job.payload["address"]))


def _posts(job: Job) -> dict[str, timedelta]:
    return calls.posts(str(job.payload["address"]))


def _edits() -> dict[str, timedelta]:
    """The lanes of an edit."""
    return {calls.UPDATE: _EDIT_GAP, calls.ALL: timedelta(0)}


def _refused(job: Job, error: Refused) -> Outcome:
    if (later := calls.put_off(error)) is not None:
        return later
    if error.code in calls.SCOPE and error.lane in (_channel(job), calls.UPDATE):
        return calls.whole_refused(error)
    if error.code in calls.SCOPE | calls.HERE:
        # A scope that only reading back lacks, or a channel's own rule, holds up that letter alone.
        log.error("Slack refuses our token: %s. One letter waits until it works again.", error.code)
        return Later(wait=TOKEN_WAIT, reason=f"Slack refuses our token ({error.code})", counts=False)
    if error.code in calls.CHAT:
        return Failed(reason=f"{job.payload['address']} refuses it: {calls.CHAT[error.code]}", code=error.code)
    return Failed(reason=f"Slack refused: {error.code} {error.details}".strip()[:400], code=error.code)
