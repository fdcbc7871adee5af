"""The photos of a letter to Slack. The words never wait for them, and none is lost without a word.

What cannot be shown now stands in the letter as a line, and the letter is edited once the photo is there. What that
takes is a job as any other: it obeys Slack's waits, and where it is given up the auditor raises it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import aiohttp

from domain.jobs import Engine
from domain.messages import Photo
from domain.outcomes import NotNow, Turn
from notifications.slack.blocks import Block
from notifications.slack.calls import TOKEN, Refused
from notifications.slack.files import NOT_YET, Files

log = logging.getLogger("opsbell.slack")

#: the words wait no longer for all photos of a letter together; what the whole letter may take is four times that
_PATIENCE: Final = timedelta(seconds=5)
#: what a letter's receipt says of photos that follow
LATER: Final = "later"
_FOLLOWS: Final = "A photo belongs here that I could not show yet. It follows."
_GONE: Final = "A photo belongs here that nobody has any more."


class NoPhoto(Exception):
    """A photo cannot be shown now; the letter is here for it alone."""


@dataclass(kw_only=True)
class Photos:
    """The photos of one letter."""

    files: Files
    engine: Engine
    turn: Turn
    #: the words stand there already, so that whatever goes wrong is the letter's own affair
    follows: bool
    #: how many the letter must do without for now
    missing: int = field(default=0, init=False)

    async def shown(self, photos: Sequence[Photo]) -> tuple[Block, ...]:
        """A block for each photo: the picture, or a line that it is not there."""
        if self.follows:
            return tuple([await self._whole(photo) for photo in photos])
        found = list[Block]()
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                for photo in photos:
                    found.append(await self._now(photo))  # those that were had are kept
        except TimeoutError:
            log.warning("photos could not be shown within %.0f s", _PATIENCE.total_seconds())
        late = len(photos) - len(found)
        self.missing += late
        return (*found, *[_line(_FOLLOWS)] * late)

    def refused(self, photos: Sequence[Photo], problem: str) -> None:
        """Slack does not take the letter with them; NoPhoto where they are all that it is about."""
        for photo in photos:
            self.files.forget(photo)
        if self.follows:
            raise NoPhoto(problem)

    async def _now(self, photo: Photo) -> Block:
        try:
            return await self._had(photo)
        except NotNow:
            why = "no files are given or taken at the moment"
        except Refused as error:
            why = error.code
            if error.wait is not None:
                # Nobody sends this method anything before that, while the letter itself goes on.
                await self._hold(error.lane, error.wait)
            elif error.code in TOKEN:
                raise
        except NOT_YET as error:
            why = type(error).__name__
        log.warning("a photo could not be shown yet: %s", why)
        self.missing += 1
        return _line(_FOLLOWS)

    async def _whole(self, photo: Photo) -> Block:
        try:
            return await self._had(photo)
        except (aiohttp.ClientError, OSError) as error:
            raise NoPhoto(type(error).__name__) from error
        except Refused as error:
            if error.wait is not None or error.code in TOKEN:
                raise
            raise NoPhoto(error.code) from error

    async def _had(self, photo: Photo) -> Block:
        try:
            return await self.files.photo(photo, self.turn)
        except LookupError as error:
            log.warning("a photo is gone: %s", error)
            return _line(_GONE)

    async def _hold(self, lane: str, wait: timedelta) -> None:
        await self.engine.write(lambda transaction: transaction.jobs.hold(lane, until=transaction.now + wait))


def _line(words: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": words}]}
