"""The HTTP server: the doors, the probes and the figures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from domain.jobs import Engine, Transaction
from handlers.run import Desk
from handlers.webhooks import LARGEST
from notifications.auditor import Auditor
from notifications.detour import Defects

_STATES = ("open", "done", "superseded", "gathered", "dead")


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What /metrics tells: the jobs' states from the database, the rest of this process alone."""

    engine: Engine
    desk: Desk
    auditor: Auditor | None
    defects: Defects

    async def text(self) -> bytes:
        """Prometheus' text format."""
        counts, overdue = await self.engine.read(_counted)
        registry = CollectorRegistry()
        jobs = Gauge("opsbell_jobs", "Jobs by state; dead ones wait for a person", ["state"], registry=registry)
        for state in _STATES:
            jobs.labels(state).set(counts.get(state, 0))
        Gauge("opsbell_jobs_overdue", "Open jobs past their time", registry=registry).set(overdue)
        answers = Gauge("opsbell_refusals", "Commands refused since the start, by why", ["why"], registry=registry)
        for why, count in zip(("rule", "fault"), self.desk.refusals, strict=True):
            answers.labels(why).set(count)
        if self.auditor is not None:
            raised = Gauge("opsbell_raised", "Items this process raised to the owners", ["fate"], registry=registry)
            for fate, count in zip(("late", "given_up"), self.auditor.raised, strict=True):
                raised.labels(fate).set(count)
            silent = Gauge("opsbell_silent_loops", "Loops that hang: restart the process", registry=registry)
            silent.set(len(self.auditor.silent))
        plain = Gauge(
            "opsbell_plain_letters", "Letters shown as plain text because their layout was refused: each a defect",
            ["platform", "message"], registry=registry,
        )
        for (platform, kind), count in self.defects.counts.items():
            plain.labels(platform, kind).set(count)
        return generate_latest(registry)


def _counted(transaction: Transaction) -> tuple[dict[str, int], int]:
    return transaction.jobs.counts(), transaction.alarms.overdue()


def server(
    routes: Sequence[web.RouteDef], engine: Engine, figures: Figures, healthy: Callable[[], bool]
) -> web.Application:
    """The application: the given doors, and /live, /ready and /metrics."""
    app = web.Application(client_max_size=LARGEST)
    app.add_routes([*routes, *_probes(engine, figures, healthy)])
    return app


def _probes(engine: Engine, figures: Figures, healthy: Callable[[], bool]) -> list[web.RouteDef]:
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
        return web.Response(body=await figures.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [web.get("/live", live), web.get("/ready", ready), web.get("/metrics", metrics)]
