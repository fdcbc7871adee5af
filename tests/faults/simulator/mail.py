"""Whoever sends us webhooks and updates: again until 2xx, sometimes twice, late, or before what came first."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from aiohttp import web
from multidict import CIMultiDict

from tests.faults.simulator.replica import SECRET, SHOP_SECRET, Killed

if TYPE_CHECKING:
    from tests.faults.simulator.world import World

#: a sender gives up after so many tries (Stripe: three days)
_TRIES = 60


class Letter:
    """A request as a door reads it: headers, and a body in one piece."""

    def __init__(self, body: bytes, headers: Mapping[str, str]) -> None:
        self.body, self.headers = body, CIMultiDict({"Content-Type": "application/json", **headers})
        self.content_length = len(body)
        self.content = self

    async def iter_any(self) -> AsyncIterator[bytes]:
        """The raw bytes."""
        yield self.body


@dataclass
class Mail:
    """Everything on its way to us."""

    world: World
    under_way: int = 0
    updates: list[dict[str, Any]] = field(default_factory=list)
    _posting: bool = False

    def stripe(self, event: dict[str, Any]) -> None:
        """An event of Stripe's."""
        body = json.dumps(event).encode()

        def headers() -> dict[str, str]:
            stamp = str(int(self.world.now().timestamp()))
            mac = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
            return {"Stripe-Signature": f"t={stamp},v1={mac}"}

        self._send("stripe", str(event.get("id")), body, headers)

    def shop(self, key: str, event: dict[str, Any]) -> None:
        """An event of the shop's own system."""
        body = json.dumps(event).encode()

        def headers() -> dict[str, str]:
            stamp = str(int(self.world.now().timestamp()))
            secret = base64.b64decode(SHOP_SECRET.removeprefix("whsec_"))
            mac = hmac.new(secret, f"{key}.{stamp}.".encode() + body, hashlib.sha256).digest()
            return {
                "webhook-id": key, "webhook-timestamp": stamp,
                "webhook-signature": "v1," + base64.b64encode(mac).decode(),
            }

        self._send("shop", key, body, headers)

    def telegram(self, update: dict[str, Any]) -> None:
        """An update: one after the other, as Telegram sends them."""
        self.updates.append(update)
        self.under_way += 1
        if not self._posting:
            self._posting = True
            self.world.spawn(self._post_updates())

    def _send(self, source: str, key: str, body: bytes, headers: Callable[[], dict[str, str]]) -> None:
        world = self.world
        times = 2 if world.chance(world.swarm.twice) else 1
        for _ in range(times):
            delay = world.random.uniform(0.0, 0.2)
            if world.chance(world.swarm.late) or (source == "stripe" and world.swarm.forgets):
                delay += world.random.uniform(0.0, 90.0)
            self.under_way += 1
            world.spawn(self._until_taken(delay, source, key, body, headers))

    async def _until_taken(
        self, delay: float, source: str, key: str, body: bytes, headers: Callable[[], dict[str, str]]
    ) -> None:
        await self.world.sleep(delay)
        try:
            for _ in range(_TRIES):
                if await self._once(source, key, body, headers()):
                    return
                await self.world.sleep(self.world.random.uniform(0.5, 10.0))
            self.world.violation("I5", f"{source} {key} was never taken")
        finally:
            self.under_way -= 1

    async def _post_updates(self) -> None:
        while self.updates:
            update = self.updates[0]
            body = json.dumps(update).encode()
            head = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
            if not await self._once("telegram", str(update["update_id"]), body, head):
                await self.world.sleep(self.world.random.uniform(0.5, 10.0))
                continue
            self.under_way -= 1
            self.updates.pop(0)
            if self.world.chance(self.world.swarm.twice):
                await self._once("telegram", str(update["update_id"]), body, head)
        self._posting = False

    async def _once(self, source: str, key: str, body: bytes, headers: dict[str, str]) -> bool:
        """One try at a replica; whether it said 2xx."""
        replica = self.world.any_replica()
        if replica is None:
            return False
        door = replica.doors[source]
        try:
            answer = await door(cast("web.Request", Letter(body, headers)))
        except Killed:
            return False
        except Exception as error:  # what aiohttp would answer 500 to
            self.world.trace("door", source, key, type(error).__name__)
            return False
        self.world.trace("door", source, key, answer.status)
        if not 200 <= answer.status < 300:
            return False
        self.world.oracle.acknowledged(source, key)
        return True
