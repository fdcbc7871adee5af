"""The control API that all platforms share: transcript, clock, faults, calls, stream, world, reset."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.faults import PLATFORMS, BadFault, read_fault
from sandbox.people import SHOP, TELEGRAM_PEOPLE, TIME_ZONE
from sandbox.slack.control import world_entry
from sandbox.telegram.control import world_entry as telegram_entry

if TYPE_CHECKING:
    from sandbox.world import World

#: longest a long-poll for the clock waits, in real seconds
LONG_POLL = 25.0
#: after an advance: quiet this long, but wait at most that long
QUIET_AFTER_ADVANCE = 0.3
MOST_AFTER_ADVANCE = 5.0
#: seconds that a reset waits for whoever follows the clock
MOST_AFTER_RESET = 20.0
#: seconds between the comment lines that keep a stream open
STREAM_PULSE = 15.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def refused(text: str, status: int = 400) -> web.Response:
    """A control request that cannot be done, in one clear sentence."""
    return web.json_response({"error": text}, status=status)


async def _body(request: web.Request) -> dict[str, Any] | None:
    """The JSON object of the request; None: it is none."""
    try:
        value = json.loads(await request.read() or b"{}")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _number(request: web.Request, name: str, default: int = 0) -> int:
    try:
        return int(request.query.get(name, default))
    except ValueError:
        raise web.HTTPBadRequest(
            text=json.dumps({"error": f"{name} must be a whole number."}), content_type="application/json"
        ) from None


def _clock_routes(world: "World") -> list[web.RouteDef]:
    async def read(request: web.Request) -> web.Response:
        if "after" in request.query:
            await world.clock.changed(_number(request, "after"), LONG_POLL)
        return web.json_response(world.clock.as_json())

    async def advance(request: web.Request) -> web.Response:
        asked = await _body(request)
        seconds = (asked or {}).get("advance_seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 10**9:
            return refused("advance_seconds must be a number of seconds, zero or more.")
        await advance_and_settle(world, float(seconds))
        return web.json_response(world.clock.as_json())

    return [web.get("/control/clock", read), web.post("/control/clock", advance)]


async def advance_and_settle(world: "World", seconds: float) -> None:
    """Move the clock and wait until everyone who long-polls it has noticed and things are quiet.

    A poller has noticed once it polls again for the new version: by then it has acted on it.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + MOST_AFTER_ADVANCE
    expected = world.clock.pollers
    world.clock.advance(seconds)
    world.changed("clock", world.clock.as_json())
    await _until_polled(world, expected, MOST_AFTER_ADVANCE)
    await world.quiet(QUIET_AFTER_ADVANCE, max(0.0, end - loop.time()))


async def _until_polled(world: "World", expected: int, seconds: float) -> None:
    """Until as many follow the clock again as did before it changed; `seconds` at most."""
    loop = asyncio.get_running_loop()
    end, version = loop.time() + seconds, world.clock.version
    while world.clock.version == version and world.clock.pollers < expected and loop.time() < end:
        await asyncio.sleep(0.01)


def _transcript_routes(world: "World") -> list[web.RouteDef]:
    async def transcript(request: web.Request) -> web.Response:
        after, platform = _number(request, "after"), request.query.get("platform")
        changed_after = _number(request, "changed_after")
        entries = [
            entry
            for entry in world.transcript.since(changed_after)
            if entry["seq"] > after and platform in (None, "", entry["platform"])
        ]
        answer = {"entries": entries, "clock": world.clock.as_json(), "change": world.change}
        return web.json_response(answer)

    async def calls(request: web.Request) -> web.Response:
        after, platform = _number(request, "after"), request.query.get("platform")
        name = request.query.get("name")
        found = [
            asdict(call)
            for call in world.calls
            if call.seq > after and platform in (None, "", call.platform) and name in (None, "", call.name)
        ]
        return web.json_response({"calls": found})

    return [web.get("/control/transcript", transcript), web.get("/control/calls", calls)]


def _fault_routes(world: "World") -> list[web.RouteDef]:
    def waiting() -> web.Response:
        return web.json_response({"ok": True, "faults": [fault.as_json() for fault in world.faults.waiting]})

    async def read(_: web.Request) -> web.Response:
        return waiting()

    async def add(request: web.Request) -> web.Response:
        asked = await _body(request)
        if not asked:
            return refused(f'Say for which platform: {{"slack": {{"kind": ...}}}}; there are {", ".join(PLATFORMS)}.')
        try:
            faults = [
                read_fault(platform, one if isinstance(one, dict) else {})
                for platform, wanted in asked.items()
                for one in (wanted if isinstance(wanted, list) else [wanted])
            ]
        except BadFault as error:
            return refused(str(error))
        for fault in faults:
            world.faults.add(fault)
        return waiting()

    async def clear(_: web.Request) -> web.Response:
        world.faults.clear()
        return waiting()

    address = "/control/faults"
    return [web.get(address, read), web.post(address, add), web.delete(address, clear)]


def _stream(world: "World") -> Handler:
    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        world.listeners.add(queue)
        try:
            await response.write(_line({"kind": "clock", "payload": world.clock.as_json()}))
            while True:
                try:
                    await response.write(_line(await asyncio.wait_for(queue.get(), STREAM_PULSE)))
                except TimeoutError:
                    await response.write(b": still here\n\n")
        except (ConnectionError, asyncio.CancelledError):
            return response
        finally:
            world.listeners.discard(queue)

    return stream


def _line(change: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(change, ensure_ascii=False).encode() + b"\n\n"


def _telegram_entry(world: "World") -> dict[str, Any]:
    """Telegram's bot, chats and commands; a private chat also says whose it is."""
    people = {
        one.id: {**asdict(one), "phone": one.phone, "is_staff": one.role == "staff"} for one in TELEGRAM_PEOPLE
    }
    shown = telegram_entry(world)
    chats = [{**people.get(chat["chat_id"], {}), **chat} for chat in shown["chats"]]
    return {**shown, "chats": chats}


def _world_routes(world: "World") -> list[web.RouteDef]:
    async def show(_: web.Request) -> web.Response:
        return web.json_response(
            {
                "shop": {"key": SHOP, "name": "Nordlicht Shop", "currency": "EUR"},
                "time_zone": TIME_ZONE,
                "app": world.settings.app,
                "clock": world.clock.as_json(),
                "slack": world_entry(world),
                "telegram": _telegram_entry(world),
            }
        )

    async def reset(_: web.Request) -> web.Response:
        """Back to the start. Whoever follows the clock begins anew too; the answer waits until they are back."""
        expected = world.clock.pollers
        world.reset()
        await _until_polled(world, expected, MOST_AFTER_RESET)
        return web.json_response({"ok": True, **world.clock.as_json()})

    return [
        web.get("/control/world", show),
        web.post("/control/reset", reset),
        web.get("/control/stream", _stream(world)),
    ]


def control_routes(world: "World") -> list[web.RouteDef]:
    """The routes under /control that are no platform's own."""
    return [
        *_clock_routes(world),
        *_transcript_routes(world),
        *_fault_routes(world),
        *_world_routes(world),
    ]
