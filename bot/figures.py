"""The figures of /metrics, in Prometheus' text format."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from domain.jobs import Engine, Transaction
from domain.wire import Json
from gateways.order_polls import KIND as ORDER_LOOKS
from handlers.run import Desk
from notifications.auditor import Auditor
from notifications.detour import Defects

_STATES = ("open", "dead")


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What /metrics tells: the jobs' states from the database, the rest of this process alone."""

    engine: Engine
    desk: Desk
    #: the kinds of jobs that this process works off
    kinds: frozenset[str]
    auditor: Auditor | None
    defects: Defects

    async def text(self) -> bytes:
        """Prometheus' text format."""
        queue = await self.engine.read(_counted)
        registry = CollectorRegistry()
        jobs = Gauge("opsbell_jobs", "Open jobs, and dead ones: they wait for a person", ["state"], registry=registry)
        kinds = Gauge("opsbell_jobs_by_kind", "The same by kind", ["state", "kind"], registry=registry)
        for state in _STATES:
            jobs.labels(state).set(sum(count for (of, _), count in queue.counts.items() if of == state))
        for (state, kind), count in queue.counts.items():
            kinds.labels(state, kind).set(count)
        Gauge("opsbell_jobs_overdue", "Open jobs past their time", registry=registry).set(queue.overdue)
        foreign = sum(count for (of, kind), count in queue.counts.items() if of == "open" and kind not in self.kinds)
        Gauge(
            "opsbell_jobs_left_alone", "Open jobs of kinds that this process does not know: another version's",
            registry=registry,
        ).set(foreign)
        age = Gauge("opsbell_queue_age_seconds", "For how long the oldest open job has been due", registry=registry)
        age.set(queue.age.total_seconds())
        digests = Gauge(
            "opsbell_last_digest_timestamp_seconds", "When each shop had its last digest; none = not for 8 days",
            ["shop"], registry=registry,
        )
        for shop, at in queue.digests.items():
            digests.labels(shop).set(at.timestamp())
        read = Gauge(
            "opsbell_orders_read_until_timestamp_seconds", "How far each shop system's list of orders has been read",
            ["source", "shop"], registry=registry,
        )
        failed = Gauge(
            "opsbell_orders_list_failures", "Looks in a row that did not reach a shop system's list of orders",
            ["source", "shop"], registry=registry,
        )
        for look in queue.looks:
            whose = str(look["source"]), str(look["shop"])
            failed.labels(*whose).set(int(str(look["failures"])))
            if look["since"]:
                read.labels(*whose).set(datetime.fromisoformat(str(look["since"])).timestamp())
        kept = Gauge(
            "opsbell_quarantined", "Events that could not be worked off, kept with the reason", ["source"],
            registry=registry,
        )
        for source, number in queue.quarantined.items():
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


@dataclass(frozen=True, kw_only=True)
class _Queue:
    counts: dict[tuple[str, str], int]
    overdue: int
    quarantined: dict[str, int]
    age: timedelta
    digests: dict[str, datetime]
    looks: tuple[dict[str, Json], ...]


def _counted(transaction: Transaction) -> _Queue:
    jobs = transaction.jobs
    return _Queue(
        counts=jobs.counts(), overdue=transaction.alarms.overdue(),
        quarantined=transaction.inbox.quarantined(), age=jobs.oldest_due(),
        digests=jobs.last_runs("digest", since=transaction.now - timedelta(days=8)),
        looks=jobs.open_payloads(ORDER_LOOKS),
    )
