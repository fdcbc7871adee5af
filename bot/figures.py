"""The figures of /metrics, in Prometheus' text format."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from domain.jobs import Engine, Transaction
from handlers.run import Desk
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
        counts, overdue, quarantined = await self.engine.read(_counted)
        registry = CollectorRegistry()
        jobs = Gauge("opsbell_jobs", "Jobs by state; dead ones wait for a person", ["state"], registry=registry)
        for state in _STATES:
            jobs.labels(state).set(counts.get(state, 0))
        Gauge("opsbell_jobs_overdue", "Open jobs past their time", registry=registry).set(overdue)
        kept = Gauge(
            "opsbell_quarantined", "Events that could not be worked off, kept with the reason", ["source"],
            registry=registry,
        )
        for source, number in quarantined.items():
            kept.labels(source).set(number)
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


def _counted(transaction: Transaction) -> tuple[dict[str, int], int, dict[str, int]]:
    return transaction.jobs.counts(), transaction.alarms.overdue(), transaction.inbox.quarantined()
