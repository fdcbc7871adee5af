"""Stripe's events and how they reach the app: signed, in order, and again until they are accepted.

Source: docs.stripe.com/webhooks (signature, retries for up to three days), read 2026-11-23.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.stripe.objects import API_VERSION, Json

if TYPE_CHECKING:
    from sandbox.world import World

PATH = "/webhooks/stripe"
#: seconds of sandbox time until the next attempt; after the last one the event is given up (three days)
_BACKOFF = (2, 10, 60, 300, 1800, 3600, *(14_400 for _ in range(18)))
#: real seconds between two looks at the clock while something waits
_LOOK_EVERY = 0.1


@dataclass(kw_only=True)
class Delivery:
    """An event that the app has not accepted yet; ``due_at`` in Unix seconds of the sandbox."""

    event: Json
    due_at: float
    attempts: int = 0


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The value of the header ``Stripe-Signature``."""
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={signed}"


class Webhooks:
    """Keeps all events and delivers them one after the other."""

    def __init__(self, world: World, new_id: Callable[[str], str]) -> None:
        self._world = world
        self._new_id = new_id
        self.events: list[Json] = []
        self._waiting: list[Delivery] = []
        self._running = False

    @property
    def undelivered(self) -> int:
        """How many events the app has not accepted yet."""
        return len(self._waiting)

    def clear(self) -> None:
        """Forget all events."""
        self.events.clear()
        self._waiting.clear()

    def emit(self, kind: str, about: Json, request: Json, before: Json | None = None) -> Json:
        """Keep an event and begin to deliver it; ``before``: the former values of what changed."""
        now = self._world.clock.now().timestamp()
        content: Json = {"object": about}
        if before is not None:
            content["previous_attributes"] = before
        event: Json = {
            "id": self._new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": int(now),
            "data": content,
            "livemode": False,
            "pending_webhooks": 1,
            "request": request,
            "type": kind,
        }
        # what the object was at this moment; it goes on changing
        event = json.loads(json.dumps(event))
        self.events.append(event)
        self._waiting.append(Delivery(event=event, due_at=now))
        if not self._running:
            self._running = True
            self._world.spawn(self._deliver())
        return event

    async def _deliver(self) -> None:
        try:
            while self._waiting:
                now = self._world.clock.now().timestamp()
                due = next((delivery for delivery in self._waiting if delivery.due_at <= now), None)
                if due is None:
                    await asyncio.sleep(_LOOK_EVERY)
                else:
                    await self._attempt(due)
        finally:
            self._running = False

    async def _attempt(self, delivery: Delivery) -> None:
        accepted = await self._post(delivery.event)
        delivery.attempts += 1
        if delivery not in self._waiting:
            return  # the world was reset meanwhile
        if accepted or delivery.attempts > len(_BACKOFF):
            self._waiting.remove(delivery)
            delivery.event["pending_webhooks"] = 0 if accepted else 1
            return
        delivery.due_at = self._world.clock.now().timestamp() + _BACKOFF[delivery.attempts - 1]

    async def _post(self, event: Json) -> bool:
        """One attempt; True if the app answered 2xx."""
        from sandbox.world import AppUnreachable

        body = json.dumps(event, indent=2).encode()
        timestamp = int(self._world.clock.now().timestamp())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(self._world.settings.stripe_webhook_secret, timestamp, body),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            answer = await self._world.post_to_app(PATH, body, headers, timeout=20)
        except AppUnreachable as error:
            verdict, detail = "unreachable", str(error)
        else:
            verdict = "ok" if 200 <= answer.status < 300 else f"http_{answer.status}"
            detail = event["id"]
        self._world.record(
            "stripe",
            "out",
            event["type"],
            {"id": event["id"], "about": event["data"]["object"]["id"]},
            verdict,
            detail,
        )
        return verdict == "ok"
