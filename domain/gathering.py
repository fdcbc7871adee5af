"""Alerts past a channel's budget: counted exactly, in one message that says how many of which kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.messages import MESSAGES_BY_KIND, Message, MessageClass


@dataclass(frozen=True, kw_only=True)
class KindCount:
    """How many alerts of one kind of message."""

    message: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Group:
    """Alerts that are called the same: "800 low stock"."""

    words: str
    count: int
    shown_by: str


@dataclass(frozen=True, kw_only=True)
class AlertsGathered(Message, message_class=MessageClass.ALERT):
    """Alerts that a channel could not bear one by one. The figures are fixed when it is sent."""

    counts: tuple[KindCount, ...] = ()
    #: when the first of them was made, and when they were counted
    since: datetime | None = None
    until: datetime | None = None

    @property
    def total(self) -> int:
        """All of them."""
        return sum(one.count for one in self.counts)

    @property
    def groups(self) -> tuple[Group, ...]:
        """Kinds that are called the same together, the largest first."""
        together: dict[tuple[str, str, str], int] = {}
        for one in self.counts:
            kind = MESSAGES_BY_KIND.get(one.message, Message)
            called = (kind.counted.one, kind.counted.many, kind.counted.shown_by)
            together[called] = together.get(called, 0) + one.count
        found = [
            Group(words=one if count == 1 else many, count=count, shown_by=shown_by)
            for (one, many, shown_by), count in together.items()
        ]
        return tuple(sorted(found, key=lambda group: (-group.count, group.words)))

    @property
    def commands(self) -> tuple[str, ...]:
        """What lists them all."""
        return tuple(dict.fromkeys(group.shown_by for group in self.groups if group.shown_by))

    @property
    def minutes(self) -> int:
        """How far back they go, in whole minutes, at least one."""
        if self.since is None or self.until is None:
            return 1
        return max(1, round((self.until - self.since) / timedelta(minutes=1)))
