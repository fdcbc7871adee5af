"""The HTTP server: the doors, and the probes and figures on the same address or one of their own.

It speaks of nothing else: no version, no stack, no page that was not asked for. A client that does not say what it
wants within ten seconds is cut off, and so is one that then drips (handlers/door.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final
from weakref import WeakSet

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CONTENT_TYPE_LATEST

from bot.figures import Figures
from domain.jobs import Engine
from handlers.door import LARGEST

log = logging.getLogger("opsbell.web")

#: seconds from the connection to the end of the first request's headers
PATIENCE: Final = 10.0
#: all that is said of the program
_NAME: Final = "opsbell"
#: connections that have asked for something
_HEARD: Final = web.AppKey("heard", WeakSet[asyncio.BaseTransport])


def server(routes: Sequence[web.RouteDef], reference: Callable[[], str]) -> web.Application:
    """An application with these routes and nothing else."""
    app = web.Application(client_max_size=LARGEST, middlewares=[_heard, _unbroken(reference)])
    app[_HEARD] = WeakSet()
    app.add_routes(routes)
    app.on_response_prepare.append(_silent)
    return app


async def serve(app: web.Application, address: tuple[str, int], stack: AsyncExitStack) -> str:
    """Serve an application until the stack is left; the address as it is reached."""
    runner = web.AppRunner(app, shutdown_timeout=5)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    if runner.server is None:
        raise RuntimeError("the server was not set up")
    loop, made = asyncio.get_running_loop(), runner.server

    def connected() -> asyncio.Protocol:
        protocol = _Silent(
            made, loop=loop, auto_decompress=False, keepalive_timeout=75,
            access_log=None,  # type: ignore[arg-type]  # so AppRunner itself switches it off
        )
        loop.call_later(PATIENCE, _cut, protocol, app[_HEARD])
        return protocol

    host, port = address
    listening = await loop.create_server(connected, host, port, backlog=128)
    stack.callback(listening.close)
    found = listening.sockets[0].getsockname()
    return f"http://{found[0]}:{found[1]}"


class _Silent(web.RequestHandler):
    """A connection that says nothing of itself, nor of what it could not read."""

    __slots__ = ()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """What is no HTTP is answered with its status alone. It is not logged: anybody may send it, however often."""
        if status >= 500:
            failed = super().handle_error(request, status, exc, message)
            failed.headers["Server"] = _NAME
            return failed
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        response = web.Response(status=status, text="not HTTP", headers={"Server": _NAME})
        response.force_close()
        return response


def probes(engine: Engine, figures: Figures, healthy: Callable[[], bool]) -> list[web.RouteDef]:
    """/live, /ready and /metrics."""

    async def live(_request: web.Request) -> web.Response:
        """Whether the process answers at all: restart it if not."""
        return web.Response(text="alive\n")

    async def ready(_request: web.Request) -> web.Response:
        """Whether it can work: the loops run and the database answers."""
        if not healthy():
            return web.Response(status=503, text="a loop has stopped\n")
        try:
            async with asyncio.timeout(5):
                await engine.read(lambda transaction: transaction.jobs.waiting())
        except Exception:  # noqa: BLE001  whatever it is, we cannot work
            return web.Response(status=503, text="the database does not answer\n")
        return web.Response(text="ready\n")

    async def metrics(_request: web.Request) -> web.Response:
        """Prometheus' text format."""
        return web.Response(body=await figures.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [web.get("/live", live), web.get("/ready", ready), web.get("/metrics", metrics)]


def _cut(protocol: web.RequestHandler, heard: WeakSet[asyncio.BaseTransport]) -> None:
    transport = protocol.transport
    if transport is not None and transport not in heard:
        transport.abort()


@web.middleware
async def _heard(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.transport is not None:
        request.app[_HEARD].add(request.transport)
    return await handler(request)


def _unbroken(reference: Callable[[], str]) -> Middleware:
    """Whatever breaks, the sender hears that it was not taken, and nothing else."""

    @web.middleware
    async def handle(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except Exception:
            ref = reference()
            log.exception("a request broke (ref %s)", ref)
            return web.Response(status=503, text=f"not taken; send it again (ref {ref})", headers={"Retry-After": "5"})

    return handle


async def _silent(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = _NAME
