"""Updates on their way to the bot: kept until confirmed, pulled with getUpdates or pushed to a webhook.

Rules: core.telegram.org/bots/api#getting-updates and #setwebhook, read 2026-11-24.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.faults import Fault
from sandbox.telegram.arguments import Json
from sandbox.telegram.errors import conflict
from sandbox.world import AppUnreachable, Response

if TYPE_CHECKING:
    from sandbox.world import World

#: updates are not kept longer than a day
KEPT = timedelta(hours=24)
#: seconds a webhook has to answer
WEBHOOK_TIMEOUT = 60.0
#: real seconds before the first retry of a webhook call, doubled each time up to the longest
FIRST_RETRY = 0.25
LONGEST_RETRY = 5.0
#: all kinds of updates of the Bot API
KINDS = frozenset(
    """message edited_message channel_post edited_channel_post business_connection business_message
    edited_business_message deleted_business_messages message_reaction message_reaction_count inline_query
    chosen_inline_result callback_query shipping_query pre_checkout_query purchased_paid_media poll poll_answer
    my_chat_member chat_member chat_join_request chat_boost removed_chat_boost""".split()
)
#: kinds that only come when asked for by name
ONLY_WHEN_ASKED = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
#: most updates in one answer of getUpdates
MOST_PULLED = 100

Reply = Callable[[Response], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Update:
    """One update; `lane` is the chat whose updates stay in order."""

    id: int
    at: datetime
    kind: str
    lane: int
    payload: Json

    def as_json(self) -> Json:
        """The Update of the Bot API."""
        return {"update_id": self.id, self.kind: self.payload}


@dataclass(kw_only=True)
class Webhook:
    """Where updates are pushed to, and how the last pushes went."""

    url: str
    secret: str = ""
    max_connections: int = 40
    ip_address: str = ""
    last_error_at: datetime | None = None
    last_error: str = ""


@dataclass(kw_only=True)
class UpdateQueue:
    """All updates not yet confirmed, in order."""

    world: "World"
    #: what a webhook's answer may ask for (a method in the body)
    reply: Reply
    #: 0: there was none yet
    last_id: int = 0
    pending: deque[Update] = field(default_factory=deque)
    allowed: frozenset[str] = frozenset()
    webhook: Webhook | None = None
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    #: set to try refused updates again at once
    _hurry: asyncio.Event = field(default_factory=asyncio.Event)
    _poller: asyncio.Event | None = None
    _lanes: set[int] = field(default_factory=set)
    #: rises when the webhook changes, so that old deliveries end
    _era: int = 0

    def reset(self) -> None:
        """Forget all updates and end their deliveries; the webhook stays, it is the bot's, and numbers go on."""
        self.pending.clear()
        self._era += 1
        self._lanes.clear()

    def add(self, kind: str, lane: int, payload: Json) -> None:
        """Queue an update, if the bot wants its kind."""
        wanted = kind in self.allowed if self.allowed else kind not in ONLY_WHEN_ASKED
        if not wanted:
            return
        self.last_id = self.current_id() + 1
        update = Update(id=self.last_id, at=self.world.clock.now(), kind=kind, lane=lane, payload=payload)
        self.pending.append(update)
        self._wake()
        self.push()

    def current_id(self) -> int:
        """The newest update's number.

        Numbers begin at the real time in seconds, so that an app that keeps the numbers it has seen does not take
        a restarted sandbox's updates for repeats.
        """
        if not self.last_id:
            clock = self.world.clock
            self.last_id = int(clock.now().timestamp() - clock.offset_seconds)
        return self.last_id

    def _wake(self) -> None:
        self._arrived.set()
        self._arrived = asyncio.Event()

    def drop_old(self) -> None:
        """Forget what is older than a day."""
        limit = self.world.clock.now() - KEPT
        while self.pending and self.pending[0].at < limit:
            self.pending.popleft()

    def confirm(self, offset: int) -> None:
        """Forget updates below `offset`; a negative offset keeps only so many of the newest."""
        if offset < 0:
            while len(self.pending) > -offset:
                self.pending.popleft()
            return
        while self.pending and self.pending[0].id < offset:
            self.pending.popleft()

    async def pull(self, offset: int, limit: int, timeout: float) -> list[Json]:
        """The updates from `offset` on, waiting up to `timeout` seconds for the first. Raises ApiError 409."""
        if self.webhook:
            raise conflict(
                "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            )
        if self._poller:
            self._poller.set()
        ended = self._poller = asyncio.Event()
        try:
            self.drop_old()
            self.confirm(offset)
            loop = asyncio.get_running_loop()
            end = loop.time() + timeout
            while not self.pending and loop.time() < end and not ended.is_set():
                await _first(self._arrived, ended, end - loop.time())
            if ended.is_set():
                if self.webhook:
                    raise conflict("terminated by setWebhook request")
                raise conflict(
                    "terminated by other getUpdates request; make sure that only one bot instance is running"
                )
            return [update.as_json() for update in list(self.pending)[:limit]]
        finally:
            if self._poller is ended:
                self._poller = None

    def set_webhook(self, webhook: Webhook | None) -> None:
        """Push from now on to `webhook`, or to none; a waiting getUpdates ends with 409."""
        self.webhook = webhook
        self._era += 1
        self._lanes.clear()
        if webhook and self._poller:
            self._poller.set()
        self.push()

    def hurry(self) -> None:
        """Try refused updates again at once: the bot has just said that it is there."""
        self._hurry.set()
        self._hurry = asyncio.Event()
        self.push()

    def push(self) -> None:
        """Begin to deliver every lane that is not being delivered, as far as connections are allowed."""
        if not self.webhook:
            return
        self.drop_old()
        for update in self.pending:
            if len(self._lanes) >= self.webhook.max_connections:
                return
            if update.lane not in self._lanes:
                self._lanes.add(update.lane)
                self.world.spawn(self._deliver_lane(update.lane, self._era))

    async def _deliver_lane(self, lane: int, era: int) -> None:
        """Deliver a chat's updates one after another, each until the app takes it."""
        pause = FIRST_RETRY
        while self._era == era and self.webhook:
            update = next((one for one in self.pending if one.lane == lane), None)
            if update is None:
                break
            if await self._deliver(update, self.webhook):
                pause = FIRST_RETRY
                if update in self.pending:
                    self.pending.remove(update)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), pause)
            pause = min(pause * 2, LONGEST_RETRY)
            self.drop_old()
        if self._era == era:
            self._lanes.discard(lane)
            self.push()

    async def _deliver(self, update: Update, webhook: Webhook) -> bool:
        """One try; True: the app answered 2xx."""
        body = json.dumps(update.as_json(), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"}
        if webhook.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = webhook.secret
        fault = take_webhook_fault(self.world)
        error, answer = "", None
        if fault and fault.kind != "reset_after":
            error = f"fault {fault.kind}"
        else:
            try:
                answer = await self.world.post_to_app(webhook.url, body, headers, timeout=WEBHOOK_TIMEOUT)
            except AppUnreachable as unreachable:
                error = str(unreachable)
        if answer and not 200 <= answer.status < 300:
            error = f"Wrong response from the webhook: {answer.status}"
        if answer and fault:
            error = "fault reset_after: the answer was lost"
        self.world.record("telegram", "out", update.kind, update.as_json(), error or "ok", webhook.url)
        if error or answer is None:
            webhook.last_error, webhook.last_error_at = error, self.world.clock.now()
            return False
        await self.reply(answer)
        return True


async def _first(one: asyncio.Event, other: asyncio.Event, seconds: float) -> None:
    """Wait for the first of two events, or `seconds`."""
    waits = [asyncio.ensure_future(one.wait()), asyncio.ensure_future(other.wait())]
    try:
        await asyncio.wait(waits, timeout=max(seconds, 0), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def take_webhook_fault(world: "World") -> Fault | None:
    """The fault asked for method "webhook": the delivery, or its answer, is lost."""
    for fault in world.faults.waiting:
        if fault.platform == "telegram" and fault.method == "webhook":
            fault.times -= 1
            if fault.times <= 0:
                world.faults.waiting.remove(fault)
            return fault
    return None
