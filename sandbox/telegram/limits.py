"""How often a bot may send: about one message a second to a chat, 20 a minute to a group, 30 a second in all.

Source: core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this, read 2026-11-24. The page allows
short bursts to one chat without a number; five is this sandbox's reading of it.
"""

import math
from dataclasses import dataclass, field
from datetime import datetime

#: messages a chat takes at once before one a second counts
BURST = 5
GROUP_MESSAGES = 20
GROUP_SECONDS = 60.0
ALL_MESSAGES = 30


@dataclass(kw_only=True)
class _Bucket:
    """A leaky bucket: `level` messages still count, one leaks away each second."""

    level: float = 0.0
    at: float = 0.0

    def wait(self, now: float) -> float:
        """Seconds until one more fits."""
        self.level = max(0.0, self.level - max(0.0, now - self.at))
        self.at = now
        return max(0.0, self.level + 1 - BURST)


@dataclass(kw_only=True)
class RateLimits:
    """Counts what the bot sends, in sandbox time."""

    chats: dict[int, _Bucket] = field(default_factory=dict)
    groups: dict[int, list[float]] = field(default_factory=dict)
    all: list[float] = field(default_factory=list)

    def clear(self) -> None:
        """Nothing was sent yet."""
        self.chats.clear()
        self.groups.clear()
        self.all.clear()

    def take(self, chat_id: int, now: datetime, *, is_group: bool, messages: int = 1, enforce: bool = True) -> int:
        """Count `messages` to a chat; gives the seconds to wait (0: it may be sent).

        What must wait is not counted, unless the limits are not enforced.
        """
        moment = now.timestamp()
        bucket = self.chats.setdefault(chat_id, _Bucket())
        self.all = [sent for sent in self.all if moment - 1 < sent <= moment]
        waits = [bucket.wait(moment)]
        if len(self.all) >= ALL_MESSAGES:
            waits.append(self.all[0] + 1 - moment)
        sent = self.groups.setdefault(chat_id, []) if is_group else []
        sent[:] = [one for one in sent if moment - GROUP_SECONDS < one <= moment]
        if is_group and len(sent) + messages > GROUP_MESSAGES:
            waits.append(sent[0] + GROUP_SECONDS - moment if sent else GROUP_SECONDS)
        wait = math.ceil(max(waits))
        if wait == 0 or not enforce:
            bucket.level += messages
            self.all += [moment] * messages
            sent += [moment] * messages
        return wait
