"""The events at the press of a button: ``/control/shop/events``, ``/control/shop/event``."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.events.event import ShopEvent
from sandbox.events.listed import EVENTS
from sandbox.shop_state import NotPossible, NotTaken, ShopState
from sandbox.stripe.errors import Refusal

if TYPE_CHECKING:
    from sandbox.world import World

#: the answer waits so many real seconds for something to be seen, then for so many without any change, at most so many
FIRST, QUIET, AT_MOST = 3.0, 0.5, 10.0


def control_routes(world: World) -> list[web.RouteDef]:
    """The two addresses of the control API."""
    desk = _Desk(world)
    return [web.get("/control/shop/events", desk.show), web.post("/control/shop/event", desk.happen)]


class _Desk:
    """Runs one event after the other; begins anew after a reset."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._state: ShopState | None = None
        self._one_at_a_time = asyncio.Lock()

    def _shop(self) -> ShopState:
        if self._state is None or self._state.epoch != self._world.clock.epoch:
            self._state = ShopState(self._world)
        return self._state

    async def show(self, _: web.Request) -> web.Response:
        """The list of events."""
        return web.json_response({"events": [event.as_json() for event in EVENTS.values()]})

    async def happen(self, request: web.Request) -> web.Response:
        """Let one happen, and wait until everything it caused is there to be seen."""
        try:
            asked = json.loads(await request.read() or b"{}")
        except ValueError:
            asked = None
        if not isinstance(asked, dict) or asked.get("event") not in EVENTS:
            return _refused(f"Say which event: {', '.join(EVENTS)}.")
        event = EVENTS[asked["event"]]
        unknown = set(asked) - {"event"} - {one.name for one in event.parameters}
        if unknown:
            names = ", ".join(one.name for one in event.parameters) or "no parameters"
            return _refused(f"{event.event} takes {names}, not {', '.join(sorted(unknown))}.")
        return await self._run(event, asked)

    async def _run(self, event: ShopEvent, asked: dict[str, Any]) -> web.Response:
        given = {one.name: one.default for one in event.parameters} | {
            name: value for name, value in asked.items() if value not in (None, "")
        }
        async with self._one_at_a_time:
            await self._world.stripe.load()
            before = self._world.change
            try:
                happened = await event.act(self._shop(), given)
            except NotPossible as error:
                return _refused(str(error))
            except Refusal as error:
                return _refused(error.message)
            except NotTaken as error:
                return _refused(str(error), 502)
            await self._seen(before)
            saw = self._world.transcript.since(before)
        return web.json_response({"ok": True, "happened": happened, "saw": saw})

    async def _seen(self, before: int) -> None:
        """Until something became visible and all is quiet again; some events are seen nowhere."""
        loop = asyncio.get_running_loop()
        end = loop.time() + FIRST
        while self._world.change == before and loop.time() < end:
            await asyncio.sleep(0.02)
        await self._world.quiet(QUIET, AT_MOST)


def _refused(text: str, status: int = 400) -> web.Response:
    return web.json_response({"error": text}, status=status)
