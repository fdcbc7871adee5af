"""Letters to Slack: posts, edits, replies in threads, files and photos. One call at a time, each outcome told apart.

After an unknown outcome the channel is read back by message metadata before anything is posted a second time:
chat.postMessage has no idempotency key.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient

from domain.jobs import Engine, Envelope, Job, Transaction
from domain.messages import Photo
from domain.outcomes import Done, Failed, Later, Outcome, Superseded, Unknown, wait_before
from notifications.catalogue import Catalogue, Words
from notifications.dialect import MRKDWN
from notifications.slack.blocks import Block, blocks

log = logging.getLogger("opsbell.slack")

#: posts in one channel; docs.slack.dev/apis/web-api/rate-limits: "1 per second per channel"
_CHANNEL_GAP: Final = timedelta(seconds=1)
#: edits count towards chat.update's own tier 3, 50 a minute
_EDIT_GAP: Final = timedelta(milliseconds=200)
_EVENT: Final = "opsbell_letter"
#: errors after which the same call can never succeed
_FINAL: Final = frozenset({
    "channel_not_found", "not_in_channel", "is_archived", "msg_too_long", "invalid_blocks", "invalid_blocks_format",
    "no_text", "restricted_action", "invalid_auth", "account_inactive", "token_revoked", "token_expired",
    "missing_scope", "cant_update_message", "edit_window_closed", "user_not_found", "cannot_dm_bot",
    "not_allowed_token_type", "invalid_arguments", "invalid_metadata_format", "file_not_found", "no_permission",
})


@dataclass(kw_only=True)
class SlackCarrier:
    """Carries ``say.slack`` jobs."""

    client: AsyncWebClient
    engine: Engine
    catalogue: Catalogue
    #: fetches a picture that another platform keeps
    fetch: Callable[[Photo], Awaitable[bytes]]
    kind: str = "say.slack"
    _files: dict[str, str] = field(default_factory=dict)

    def gaps(self, job: Job) -> Mapping[str, timedelta]:
        """One post a second in a channel."""
        gap = _EDIT_GAP if job.payload.get("message_id") else _CHANNEL_GAP
        return {f"slack:{job.payload['address']}": gap}

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:
        """Always."""

    async def carry(self, job: Job) -> Outcome:
        """Post, edit or reply; a card whose newer version is on its way is left out."""
        envelope = await self.engine.read(lambda transaction: transaction.letters.open(job))
        if envelope.card is not None and (envelope.newer_waits or envelope.version < envelope.shown_version):
            return Superseded()
        if envelope.thread is not None and envelope.shown_as is None:
            return Later(wait=wait_before(job.attempts), reason="its card is not posted yet")
        try:
            return await self._say(job, envelope)
        except SlackApiError as error:
            return _refused(job, error, edits=_edited(envelope) is not None)
        except (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError) as error:
            # Nothing was written to a connection that never stood; a broken one may have carried the call.
            if isinstance(error, aiohttp.ClientConnectorError):
                return Later(wait=wait_before(job.attempts), reason="Slack cannot be reached")
            return Unknown(reason="Slack closed the connection")
        except (aiohttp.ClientError, SlackRequestError, TimeoutError, OSError) as error:
            return Unknown(reason=f"{type(error).__name__} while speaking to Slack")

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        """Remember where a card stands."""
        if isinstance(outcome, Done) and (message_id := outcome.receipt.get("message_id")):
            transaction.letters.shown(job, str(message_id))

    async def _say(self, job: Job, envelope: Envelope) -> Outcome:
        words = self.catalogue.words(envelope.letter.message, envelope.shop, "slack")
        content: dict[str, Any] = {
            "channel": envelope.address,
            "text": str(MRKDWN.escape(words.plain_title)) or " ",
            "blocks": await self.blocks(words, envelope),
        }
        edited = _edited(envelope)
        if edited is not None:
            try:
                await self.client.chat_update(ts=edited, **content)
            except SlackApiError as error:
                if error.response.get("error") != "message_not_found":
                    raise
                edited = None  # somebody deleted the card: it is posted anew
        if edited is None:
            edited = await self._find(job, envelope) if job.in_doubt else None
        if edited is None:
            edited = await self._post(job, envelope, content)
        await self._attach(envelope, edited)
        return Done(receipt={"message_id": edited})

    async def blocks(self, words: Words, envelope: Envelope) -> list[Block]:
        """The blocks of a letter, its pictures uploaded first."""
        photos = [await self._photo(photo) for photo in envelope.letter.message.photos]
        return blocks(words, envelope.letter, photos=tuple(block for block in photos if block))

    async def _post(self, job: Job, envelope: Envelope, content: dict[str, Any]) -> str:
        metadata = {"event_type": _EVENT, "event_payload": {"job": job.key}}
        thread: dict[str, Any] = {"thread_ts": envelope.shown_as} if envelope.thread is not None else {}
        answer = await self.client.chat_postMessage(
            metadata=metadata, unfurl_links=False, unfurl_media=False, **content, **thread
        )
        return str(answer["ts"])

    async def _find(self, job: Job, envelope: Envelope) -> str | None:
        """The message that an earlier attempt of this job left in the channel, if it did."""
        oldest = f"{(job.made_at - timedelta(minutes=2)).timestamp():.6f}"
        where: dict[str, Any] = {"channel": envelope.address, "oldest": oldest, "limit": 200}
        if envelope.thread is not None:
            answer = await self.client.conversations_replies(
                ts=str(envelope.shown_as), include_all_metadata=True, **where
            )
        else:
            answer = await self.client.conversations_history(include_all_metadata=True, **where)
        for message in answer["messages"]:
            payload = (message.get("metadata") or {}).get("event_payload") or {}
            if payload.get("job") == job.key:
                return str(message["ts"])
        return None

    async def _attach(self, envelope: Envelope, ts: str) -> None:
        for attachment in envelope.letter.message.attachments:
            await self.client.files_upload_v2(
                channel=envelope.address, thread_ts=envelope.shown_as or ts, filename=attachment.name,
                title=attachment.title, content=attachment.content,
            )

    async def _photo(self, photo: Photo) -> Block | None:
        """An image block; a picture that cannot be had is left out, since the card must not wait for it."""
        try:
            file_id = self._files.get(photo.file_id) or await self._upload(photo)
        except (aiohttp.ClientError, SlackApiError, OSError, LookupError, TimeoutError) as error:
            log.warning("a photo could not be shown: %s", type(error).__name__)
            return None
        return {"type": "image", "slack_file": {"id": file_id}, "alt_text": photo.alt[:2000] or "photo"}

    async def _upload(self, photo: Photo) -> str:
        picture = await self.fetch(photo)
        answer = await self.client.files_upload_v2(file=picture, filename="photo.png", title=photo.alt)
        file_id = str(answer["files"][0]["id"])
        if len(self._files) > 500:
            self._files.clear()
        self._files[photo.file_id] = file_id
        return file_id


def _edited(envelope: Envelope) -> str | None:
    """The message to edit, if this letter edits one."""
    return envelope.message_id or (envelope.shown_as if envelope.card is not None else None)


def _refused(job: Job, error: SlackApiError, *, edits: bool) -> Outcome:
    response = error.response
    code = str(response.get("error", "")) if hasattr(response, "get") else ""
    if response.status_code == 429 or code == "ratelimited":
        wait = timedelta(seconds=float(response.headers.get("Retry-After", 1)))
        return Later(wait=wait, reason="Slack asked us to wait", lane=f"slack:{job.payload['address']}", counts=False)
    if code in _FINAL:
        details = (response.get("response_metadata") or {}).get("messages") or []
        return Failed(reason=" ".join([f"Slack refused: {code}", *map(str, details)])[:400])
    if response.status_code >= 500 and not edits:
        return Unknown(reason=f"Slack answered {response.status_code}")
    return Later(wait=wait_before(job.attempts), reason=f"Slack answered {code or response.status_code}")
