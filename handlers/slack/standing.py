"""Who a Slack account is in this workspace: a member, or somebody whom a signed request alone does not tell from one.

A request carries the person's and the workspace's ids and no word of being a guest, a bot, or of another workspace of
a shared channel (docs.slack.dev/reference/interaction-payloads). users.info does, so it is asked, once a minute at
most for each person, and given a second: an acknowledgement is due within three.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from domain.outcomes import NotNow, Turn
from handlers.run import Who
from notifications.slack import calls
from notifications.slack.calls import Direct, Lost, NotSent, Refused

log = logging.getLogger("opsbell.slack")

#: how long what Slack said is believed: somebody made a guest keeps their rights no longer than this
LIFE: Final = timedelta(seconds=60)
_PATIENCE: Final = 1.0
#: people remembered at once
_MOST: Final = 5_000
#: errors that are an answer: this workspace has, or shows, no such person
_NOBODY: Final = frozenset({"user_not_found", "user_not_visible", "users_not_found"})


@dataclass(frozen=True, kw_only=True)
class Standings:
    """What users.info says of people, remembered for a minute."""

    client: AsyncWebClient
    direct: Direct
    now: Callable[[], datetime]
    _known: OrderedDict[str, tuple[datetime, bool]] = field(default_factory=OrderedDict)

    async def of(self, who: Who) -> Who:
        """The same person, marked as a stranger, or as unsure where Slack would not say."""
        if who.platform != "slack" or who.stranger:
            return who
        known = self._known.get(who.identity)
        if known is not None and self.now() < known[0]:
            return replace(who, stranger=known[1])
        stranger = await self._ask(who)
        return replace(who, unsure=True) if stranger is None else self._remembered(who, stranger)

    async def at(self, who: Who, turn: Turn) -> Who:
        """The same for a job, at its turn: NotNow, Refused, NotSent or Lost where Slack would not say."""
        known = self._known.get(who.identity)
        if known is not None and self.now() < known[0]:
            return replace(who, stranger=known[1])
        await turn(calls.looks(calls.USER))
        try:
            answer = await calls.ask(self._info(who), lane=calls.USER)
        except Refused as error:
            if error.code not in _NOBODY:
                raise
            return self._remembered(who, stranger=True)
        stranger = _stranger(answer, who)
        return replace(who, unsure=True) if stranger is None else self._remembered(who, stranger)

    def _remembered(self, who: Who, stranger: bool) -> Who:
        self._known[who.identity] = (self.now() + LIFE, stranger)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return replace(who, stranger=stranger)

    async def _ask(self, who: Who) -> bool | None:
        try:
            answer = await self.direct.ask(lambda: self._info(who), lane=calls.USER)
        except NotNow:
            why = "it takes no calls now"
        except Refused as error:
            if error.code in _NOBODY:
                return True
            why = error.code
        except Lost as error:
            why = error.reason
        except NotSent:
            why = "it cannot be reached"
        else:
            return _stranger(answer, who)
        log.warning("Slack does not say who somebody is: %s", why)
        return None

    async def _info(self, who: Who) -> AsyncSlackResponse:
        async with asyncio.timeout(_PATIENCE):
            return await self.client.users_info(user=who.user)


def _stranger(answer: AsyncSlackResponse, who: Who) -> bool | None:
    person = answer.get("user")
    return is_stranger(person, who.team, who.user) if isinstance(person, dict) else None


def is_stranger(person: dict[str, Any], team: str, user: str) -> bool:
    """Whether users.info's person is anything but a full, living member of that workspace.

    Guests of one or several channels, bots, the deactivated, and people of other workspaces; one of an Enterprise
    organisation counts as a member of each workspace that it names for them.
    """
    grid = person.get("enterprise_user")
    teams = {person.get("team_id"), *(grid.get("teams") or ())} if isinstance(grid, dict) else {person.get("team_id")}
    marks = ("deleted", "is_restricted", "is_ultra_restricted", "is_stranger", "is_bot", "is_workflow_bot")
    return person.get("id") != user or team not in teams or any(person.get(mark) for mark in marks)
