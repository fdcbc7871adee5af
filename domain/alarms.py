"""What is stuck or given up, for the owners: counted exactly, each item once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.messages import MESSAGES_BY_KIND, Message

#: more lines than this help nobody on a phone
_LINES = 8
_SAID_AS = {
    "refund": "refund", "learn": "received event", "fire": "scheduled job", "home.slack": "App Home",
    "quiet_hours": "change of quiet hours",
}


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """Jobs of one kind with one fate and one reason."""

    #: of the job: "say.slack", "refund"
    kind: str
    #: of its message; "" where it carries none
    message: str
    #: given up; False: still tried, but past its time
    dead: bool
    count: int
    oldest: datetime
    #: why, as the last attempt ended; "" = it was never tried
    reason: str

    @property
    def words(self) -> str:
        """"return card to Slack", "refund"."""
        if self.message:
            return f"{self.message.replace('_', ' ')} to {self.kind.partition('.')[2].title()}"
        return _SAID_AS.get(self.kind, self.kind)


class Alarms(Protocol):
    """What nobody has been told of yet."""

    def take(self) -> dict[int, tuple[Stuck, ...]]:
        """Everything past its time or given up that was not raised before, by shop, the most first; now it is."""

    def overdue(self) -> int:
        """How many open jobs are past their time."""


@dataclass(frozen=True, kw_only=True)
class DeskAlarm(Message):
    """To an owner, by another way than the one that is stuck."""

    stuck: tuple[Stuck, ...]
    at: datetime

    @property
    def late(self) -> int:
        """How many are past their time."""
        return sum(one.count for one in self.stuck if not one.dead)

    @property
    def given_up(self) -> int:
        """How many were given up."""
        return sum(one.count for one in self.stuck if one.dead)

    @property
    def lines(self) -> tuple[Stuck, ...]:
        """As many as fit a phone."""
        return self.stuck[:_LINES]

    @property
    def unsaid(self) -> int:
        """How many the lines leave out."""
        return sum(one.count for one in self.stuck[_LINES:])


def other_way(stuck: Sequence[Stuck]) -> str:
    """The platform to raise it on: the one that is not stuck; Slack where neither is."""
    platforms = [one.kind.partition(".")[2] for one in stuck if one.kind.startswith(("say.", "whisper.", "home."))]
    return "telegram" if platforms.count("slack") >= max(1, platforms.count("telegram")) else "slack"


def worth_a_message(stuck: Sequence[Stuck]) -> bool:
    """Not if all that is stuck are alarms themselves: those are only logged, else each would make the next."""
    return any(MESSAGES_BY_KIND.get(one.message) is not DeskAlarm for one in stuck)
