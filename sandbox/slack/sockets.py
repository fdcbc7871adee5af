"""Socket Mode: the app's WebSockets at /slack/socket.

Source: docs.slack.dev/apis/events-api/using-socket-mode.
"""

import asyncio
import json
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from sandbox.people import APP
from sandbox.slack.delivery import Ack
from sandbox.slack.shown import Json

if TYPE_CHECKING:
    from sandbox.world import World

#: seconds the app has to acknowledge an envelope
ACK_TIMEOUT = 3.0
MOST_SOCKETS = 10


class Socket:
    """One open WebSocket of the app."""

    def __init__(self, world: "World", line: web.WebSocketResponse) -> None:
        self._world = world
        self._line = line
        self._waiting: dict[str, asyncio.Future[Json | None]] = {}
        #: hello was said and no disconnect yet
        self.ready = False

    async def hello(self, number: int) -> None:
        """Slack's first frame."""
        await self._line.send_json(
            {
                "type": "hello",
                "num_connections": number,
                "debug_info": {"host": "sandbox", "approximate_connection_time": 18060},
                "connection_info": {"app_id": APP},
            }
        )
        self.ready = True

    async def deliver(self, kind: str, payload: Json) -> Ack:
        """Send one envelope and wait for its ack."""
        envelope_id = self._world.slack.new_id("", 36).lower()
        envelope = {
            "envelope_id": envelope_id,
            "type": kind,
            "accepts_response_payload": kind != "events_api",
            "payload": payload,
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": 0, "retry_reason": ""}
        answer: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = answer
        try:
            await self._line.send_json(envelope)
            body = await asyncio.wait_for(answer, self._world.settings.app_seconds or ACK_TIMEOUT)
        except TimeoutError:
            return Ack(error="operation_timeout")
        except ConnectionError:
            return Ack(error="dispatch_failed")
        finally:
            self._waiting.pop(envelope_id, None)
        return Ack(error=None, body=body)

    def take(self, frame: str) -> None:
        """One text frame of the app: an ack; anything else is ignored as Slack does."""
        try:
            value: Any = json.loads(frame)
        except ValueError:
            return
        if not isinstance(value, dict):
            return
        waiting = self._waiting.get(str(value.get("envelope_id")))
        if waiting is not None and not waiting.done():
            body = value.get("payload")
            waiting.set_result(body if isinstance(body, dict) and body else None)

    def drop(self) -> None:
        """The line is gone: nobody waits any longer."""
        self.ready = False
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("socket closed"))

    async def disconnect(self, reason: str) -> None:
        """Tell the app to reconnect, then close."""
        self.ready = False
        await self._line.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}})
        await self._line.close()


def routes(world: "World") -> list[web.RouteDef]:
    """The WebSocket route."""

    async def connect(request: web.Request) -> web.StreamResponse:
        state = world.slack
        ticket = request.query.get("ticket", "")
        if ticket not in state.tickets or len(state.sockets) >= MOST_SOCKETS:
            return web.Response(status=401, text="invalid ticket")
        state.tickets.discard(ticket)
        line = web.WebSocketResponse(heartbeat=30.0)
        await line.prepare(request)
        socket = Socket(world, line)
        state.sockets.append(socket)
        world.record("slack", "in", "socket", {}, "ok", "connected")
        try:
            await socket.hello(len(state.sockets))
            async for frame in line:
                if frame.type is WSMsgType.TEXT:
                    socket.take(frame.data)
        finally:
            socket.drop()
            state.sockets.remove(socket)
        return line

    return [web.get("/slack/socket", connect)]
