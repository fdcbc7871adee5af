"""Files and photos in Slack, in three steps: ask for an address, send the bytes there, complete. Each at its own turn.

Each step obeys what Slack asked of its method, whichever letter or process it asked.
Source: docs.slack.dev/messaging/working-with-files, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from domain.messages import Attachment, Photo
from domain.outcomes import Turn
from notifications.slack import calls
from notifications.slack.blocks import Block
from notifications.slack.calls import Lost, NotSent, Refused, ask, told

#: what may go wrong with a photo for a while: Slack, Telegram that keeps it, or the way there
NOT_YET: Final = (Refused, NotSent, Lost, aiohttp.ClientError, OSError, TimeoutError)
#: pictures that are remembered as uploaded
_KNOWN: Final = 500


@dataclass(kw_only=True)
class Files:
    """What is uploaded to one workspace."""

    client: AsyncWebClient
    #: fetches a picture that another platform keeps; LookupError: nobody has it
    fetch: Callable[[Photo], Awaitable[bytes]]
    _known: dict[str, str] = field(default_factory=dict)

    async def photo(self, photo: Photo, turn: Turn) -> Block:
        """An image block; LookupError if nobody has the picture, NotNow or one of NOT_YET where it can't be had yet."""
        known = self._known.get(photo.file_id)
        if known is None:
            known = await self._upload("photo.png", await self.fetch(photo), turn)
            await self._complete(known, photo.alt, turn, calls.looks(calls.COMPLETE))
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[photo.file_id] = known
        return {"type": "image", "slack_file": {"id": known}, "alt_text": photo.alt[:2000] or "photo"}

    def forget(self, photo: Photo) -> None:
        """Slack does not know that picture any more, or not yet."""
        self._known.pop(photo.file_id, None)

    async def attach(
        self, attachment: Attachment, turn: Turn, *, channel: str, thread: str, posts: Mapping[str, timedelta]
    ) -> None:
        """A file as a message in a thread. ``posts``: the lanes of a post there."""
        file_id = await self._upload(attachment.name, attachment.content.encode(), turn)
        lanes = {**posts, calls.COMPLETE: timedelta(0)}
        await self._complete(file_id, attachment.title, turn, lanes, channel_id=channel, thread_ts=thread)

    async def _upload(self, name: str, content: bytes, turn: Turn) -> str:
        await turn(calls.looks(calls.UPLOAD_URL))
        asking = self.client.files_getUploadURLExternal(filename=name, length=len(content))
        asked = await ask(asking, lane=calls.UPLOAD_URL)
        await turn(calls.looks(calls.UPLOAD))
        await ask(self._send(str(asked["upload_url"]), content), lane=calls.UPLOAD)
        return str(asked["file_id"])

    async def _send(self, address: str, content: bytes) -> None:
        session = self.client.session
        if session is None:
            raise LookupError("the client has no session of its own")
        limit = aiohttp.ClientTimeout(total=self.client.timeout)
        async with session.post(address, data=content, timeout=limit) as answer:
            if answer.status != 200:
                raise told(answer, calls.UPLOAD)

    async def _complete(
        self, file_id: str, title: str, turn: Turn, lanes: Mapping[str, timedelta], **where: Any
    ) -> None:
        await turn(lanes)
        completing = self.client.files_completeUploadExternal(files=[{"id": file_id, "title": title}], **where)
        await ask(completing, lane=calls.COMPLETE)
