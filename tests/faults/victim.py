"""A desk that dies by its own hand at a labelled step. The program is the real one: only its seams are wrapped.

A step is said by what is being done and how far it is: ``press: committed``, ``refund: before the wire``. Nothing in
the production code knows of it; a seam that is gone makes this module fail at once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import sqlalchemy as sa
from aiohttp import ClientSession
from aiohttp.client_reqrep import ClientRequest
from aiohttp.web_protocol import RequestHandler
from sqlalchemy import event

from domain.jobs import Job
from handlers import frontdoor
from handlers.jobs import Worker
from notifications.delivery import Delivery
from storage.jobs import JobRows
from storage.unit_of_work import Store

#: what the task at hand does; "" while nothing that matters is under way
DOING: ContextVar[str] = ContextVar("DOING", default="")
_ON_THREAD = threading.local()

#: where a process is killed, and the steps here that say so
CRASH_POINTS = {
    "C1": ("press: heard",), "C2": ("press: verified",), "C3": ("press: in its transaction",),
    "C4": ("press: statement", "press: before the commit"), "C5": ("press: committed",), "C6": ("press: acknowledged",),
    "C7": ("refund: claimed", "refund: committed"), "C8": ("refund: before the wire", "refund: sent"),
    "C9": ("refund: done there",), "C10": ("refund: answered",), "C11": ("refund: statement", "refund: before the commit"),
    "C12": ("card: claimed", "note: claimed"), "C13": ("card: committed", "note: committed"),
    "C14": ("note: done there",), "C15": ("note: answered",), "C16": ("card: before the wire", "card: answered"),
    "C17": ("customer: before the wire", "customer: done there", "customer: answered"),
}


class Steps:
    """Counts labelled steps, and kills this process at the chosen one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.at: tuple[str, int] | None = None
        self.seen: Counter[str] = Counter()

    def arm(self, at: tuple[str, int] | None) -> None:
        """Count from nought on; ``at``: die at the n-th step of that label, None: only count."""
        with self._lock:
            self.seen.clear()
            self.at = at

    def reached(self, label: str) -> None:
        with self._lock:
            self.seen[label] += 1
            if self.at == (label, self.seen[label]):
                os.kill(os.getpid(), signal.SIGKILL)

    def next_is(self, label: str) -> bool:
        return self.at == (label, self.seen[label] + 1)


def wrap(owner: Any, name: str, around: Callable[[Any], Any]) -> None:
    """Put something around a seam; AttributeError if it is gone."""
    setattr(owner, name, around(getattr(owner, name)))


def name_of(job: Job) -> str:
    """What a job does, in a word."""
    if job.kind == "say.slack":
        return "card" if job.payload.get("card") else "note"
    return "customer" if job.kind == "say.telegram" else job.kind


def label(steps: Steps) -> None:
    """Wrap every seam of this process."""
    _door(steps)
    _transactions(steps)
    _wire(steps)
    _loops(steps)


def _door(steps: Steps) -> None:
    def of_slack(real: Any) -> Any:
        def slack(*given: Any) -> bool:
            DOING.set("press")
            steps.reached("press: heard")
            good: bool = real(*given)
            steps.reached("press: verified")
            return good

        return slack

    def of_stripe(real: Any) -> Any:
        def stripe(*given: Any) -> bool:
            DOING.set("stripe's word")
            return bool(real(*given))

        return stripe

    def of_answers(real: Any) -> Any:
        async def finish_response(self: Any, *given: Any) -> Any:
            found = await real(self, *given)
            if DOING.get():
                steps.reached(f"{DOING.get()}: acknowledged")
            return found

        return finish_response

    wrap(frontdoor, "slack", of_slack)
    wrap(frontdoor, "stripe", of_stripe)
    wrap(RequestHandler, "finish_response", of_answers)


def _transactions(steps: Steps) -> None:
    def around(real: Any) -> Any:
        async def write(self: Store, work: Any, **how: Any) -> Any:
            doing = DOING.get()

            def whole(transaction: Any) -> Any:
                _ON_THREAD.doing = doing
                _step("in its transaction")
                return work(transaction)

            result = await real(self, whole, **how)
            if doing:
                steps.reached(f"{doing}: committed")
            return result

        return write

    def _step(what: str) -> None:
        if doing := getattr(_ON_THREAD, "doing", ""):
            steps.reached(f"{doing}: {what}")

    def _end(*_: Any) -> None:
        _step("before the commit")
        _ON_THREAD.doing = ""

    def claim(real: Any) -> Any:
        def claimed(self: JobRows, **given: Any) -> Any:
            found = real(self, **given)
            for job in found:
                steps.reached(f"{name_of(job)}: claimed")
            return found

        return claimed

    wrap(Store, "write", around)
    wrap(JobRows, "claim", claim)
    event.listen(sa.Engine, "before_cursor_execute", lambda *_: _step("statement"))
    event.listen(sa.Engine, "commit", _end)


def _wire(steps: Steps) -> None:
    def send(real: Any) -> Any:
        async def sent(self: ClientRequest, connection: Any) -> Any:
            doing = DOING.get()
            if not doing:
                return await real(self, connection)
            steps.reached(f"{doing}: before the wire")
            answer = await real(self, connection)
            if steps.next_is(f"{doing}: sent") or steps.next_is(f"{doing}: done there"):
                for _ in range(4):
                    await asyncio.sleep(0)  # the bytes leave
            steps.reached(f"{doing}: sent")
            if steps.next_is(f"{doing}: done there"):
                time.sleep(0.06)  # the other side does it and answers; nobody here reads that
            steps.reached(f"{doing}: done there")
            return answer

        return sent

    def request(real: Any) -> Any:
        async def requested(self: ClientSession, *given: Any, **more: Any) -> Any:
            answer = await real(self, *given, **more)
            if doing := DOING.get():
                steps.reached(f"{doing}: answered")
            return answer

        return requested

    wrap(ClientRequest, "send", send)
    wrap(ClientSession, "_request", request)


def _loops(steps: Steps) -> None:
    def named(real: Any) -> Any:
        async def of_job(self: Any, job: Job, **given: Any) -> Any:
            DOING.set(name_of(job))
            return await real(self, job, **given)

        return of_job

    def closed(real: Any) -> Any:
        def close(self: Any, rows: Any, now: Any, job: Job, outcome: Any) -> Any:
            _ON_THREAD.doing = name_of(job)  # several are settled in one transaction
            return real(self, rows, now, job, outcome)

        return close

    wrap(Delivery, "deliver", named)
    wrap(Delivery, "_close", closed)
    wrap(Worker, "_work", named)
