"""The HTTP server: the doors, the probes and the figures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from domain.jobs import Engine
from handlers.run import Desk
from handlers.webhooks import LARGEST


def server(routes: Sequence[web.RouteDef], engine: Engine, desk: Desk, healthy: Callable[[], bool]) -> web.Application:
    """The application: the given doors, and /live, /ready and /metrics."""
    app = web.Application(client_max_size=LARGEST)
    app.add_routes([*routes, *_probes(engine, desk, healthy)])
    return app


def _probes(engine: Engine, desk: Desk, healthy: Callable[[], bool]) -> list[web.RouteDef]:
    async def live(_request: web.Request) -> web.Response:
        """Whether the process answers at all: restart it if not."""
        return web.Response(text="alive\n")

    async def ready(_request: web.Request) -> web.Response:
        """Whether it can work: the loops run and the database answers."""
        if not healthy():
            return web.Response(status=503, text="a loop has stopped\n")
        try:
            async with asyncio.timeout(5):
                await engine.read(lambda transaction: transaction.jobs.counts())
        except Exception:  # noqa: BLE001  whatever it is, we cannot work
            return web.Response(status=503, text="the database does not answer\n")
        return web.Response(text="ready\n")

    async def metrics(_request: web.Request) -> web.Response:
        """Prometheus' text format."""
        counts = await engine.read(lambda transaction: transaction.jobs.counts())
        body = _figures(counts, desk)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [web.get("/live", live), web.get("/ready", ready), web.get("/metrics", metrics)]


def _figures(counts: dict[str, int], desk: Desk) -> bytes:
    registry = CollectorRegistry()
    jobs = Gauge("opsbell_jobs", "Jobs by state; dead ones wait for a person", ["state"], registry=registry)
    for state in ("open", "done", "superseded", "dead"):
        jobs.labels(state).set(counts.get(state, 0))
    answers = Gauge("opsbell_refusals", "Commands refused since the start, by why", ["why"], registry=registry)
    for why, count in zip(("rule", "fault"), desk.refusals, strict=True):
        answers.labels(why).set(count)
    return generate_latest(registry)
