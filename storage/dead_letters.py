"""Jobs as an operator sees them: what waits, what was given up and why; opened again, or dropped with a reason.

Nothing here tells what a message says or to whom: a payload is a hash, an address its last letters.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from domain.errors import BadInput, Conflict, NotFound, RuleBroken
from domain.messages import MESSAGES_BY_KIND
from domain.payments.model import RefundState
from domain.payments.settlement import refund_to_send
from domain.ports import UnitOfWork
from domain.wire import Json
from storage.jobs import NEW_WORK, OPEN, final_within
from storage.tables import inbox, jobs, shops

STATES: Final = ("open", "dead", "done", "superseded", "gathered", "dropped")
#: numbers of people and chats in a reason
_NUMBER: Final = re.compile(r"-?\d{5,}")

_WHICH: Final = jobs.c.id == sa.bindparam("which")
_SEEN: Final = sa.select(jobs, shops.c.key.label("shop")).join(shops, shops.c.id == jobs.c.shop_id, isouter=True)
_ONE: Final = _SEEN.where(_WHICH)
_LIST: Final = (
    _SEEN.where(jobs.c.state.in_(sa.bindparam("states", expanding=True)))
    .order_by(jobs.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer()))
)
_LIST_OF_KIND: Final = _LIST.where(jobs.c.kind == sa.bindparam("kind"))
_SHOP_OF: Final = sa.select(jobs.c.shop_id).where(_WHICH)
_PAYLOAD: Final = sa.select(jobs.c.payload).where(_WHICH)
#: what is set comes as values of its columns
_OPEN_DEAD: Final = sa.update(jobs).where(_WHICH, jobs.c.state == "dead")
_CLOSE: Final = sa.update(jobs).where(_WHICH, jobs.c.state.in_(("dead", OPEN)), jobs.c.leased_until.is_(None))
_HEAR_AGAIN: Final = (
    sa.update(inbox).where(inbox.c.id == sa.bindparam("event")).values(worked_at=None, error=None)
)


@dataclass(frozen=True, kw_only=True)
class JobSeen:
    """One job, without a word of anybody."""

    id: int
    shop: str | None
    state: str
    kind: str
    #: the kind of message it says, and how such a message travels; None for what is no message
    message: str | None
    message_class: str | None
    #: "…4321"
    address: str | None
    attempts: int
    #: an attempt may have gone through
    in_doubt: bool
    reason: str | None
    made_at: datetime
    due_at: datetime
    final_by: datetime | None
    ended_at: datetime | None
    #: of the payload: the same work has the same
    payload_hash: str


@dataclass(frozen=True)
class DeadLetters:
    """Jobs of every shop, for ``opsbell jobs``."""

    connection: sa.Connection
    now: datetime

    def list(self, states: tuple[str, ...], *, kind: str | None, limit: int) -> tuple[JobSeen, ...]:
        """The oldest of these states first."""
        which: dict[str, object] = {"states": states, "most": limit}
        if kind is None:
            return tuple(_seen(row) for row in self.connection.execute(_LIST, which))
        return tuple(_seen(row) for row in self.connection.execute(_LIST_OF_KIND, {**which, "kind": kind}))

    def one(self, job_id: int) -> JobSeen:
        """That job; NotFound."""
        row = self.connection.execute(_ONE, {"which": job_id}).first()
        if row is None:
            raise NotFound(f"There is no job {job_id}.")
        return _seen(row)

    def shop_of(self, job_id: int) -> int | None:
        """The shop it belongs to."""
        return self.connection.execute(_SHOP_OF, {"which": job_id}).scalar()

    def retry(self, job_id: int, uow: UnitOfWork | None, *, by: str) -> None:
        """Open a dead job again, its attempts forgotten. RuleBroken where that could do harm.

        Whether an attempt may have gone through is kept: a letter is looked for first, a refund has its old key.
        """
        seen = self.one(job_id)
        if seen.state != "dead":
            raise Conflict(f"Job {job_id} is {seen.state}: only a dead one can be opened again.")
        payload = self.connection.execute(_PAYLOAD, {"which": job_id}).scalar_one()
        if seen.kind == "fire":
            raise RuleBroken("A schedule goes on by itself with its next occurrence: there is nothing to open again.")
        if seen.kind == "refund" and (uow is None or refund_to_send(str(payload["refund"]), uow) is None):
            raise RuleBroken("That refund is settled already. Nothing may be sent for it any more.")
        opened = self.connection.execute(_OPEN_DEAD, {
            "which": job_id, "state": OPEN, "attempts": 0, "due_at": self.now, "done_at": None, "raised_at": None,
            "final_by": self.now + final_within(seen.kind),
        })
        if opened.rowcount != 1:
            raise Conflict(f"Job {job_id} has just been changed by somebody else.")
        if seen.kind == "learn":
            self.connection.execute(_HEAR_AGAIN, {"event": int(payload["inbox"])})
        self.connection.info.setdefault(NEW_WORK, set()).add(seen.kind)
        _note(uow, by, "job.retried", seen, {})

    def drop(self, job_id: int, uow: UnitOfWork | None, *, by: str, reason: str) -> None:
        """Close a dead job, or an open one that nobody works on, for good; with the reason, on record."""
        if not reason.strip():
            raise BadInput("Say why: --reason TEXT. It goes on record.", field="reason")
        seen = self.one(job_id)
        if seen.kind == "refund" and uow is not None and _undecided(self.connection, job_id, uow):
            raise RuleBroken("Money depends on it: its refund is neither sent nor given up. Retry it; then it closes.")
        dropped = self.connection.execute(_CLOSE, {
            "which": job_id, "state": "dropped", "done_at": self.now, "error": reason.strip()[:500],
        })
        if dropped.rowcount != 1:
            raise Conflict(f"Job {job_id} is {seen.state} or under way: it cannot be dropped now.")
        _note(uow, by, "job.dropped", seen, {"reason": reason.strip()[:500]})


def _undecided(connection: sa.Connection, job_id: int, uow: UnitOfWork) -> bool:
    payload = connection.execute(_PAYLOAD, {"which": job_id}).scalar_one()
    refund = uow.payments.refund(str(payload["refund"]))
    return refund is not None and refund.state is RefundState.INTENDED


def _note(uow: UnitOfWork | None, by: str, action: str, seen: JobSeen, detail: dict[str, Json]) -> None:
    if uow is not None:
        told: dict[str, Json] = {"job": seen.id, "kind": seen.kind, "was": seen.state, "after": seen.reason, **detail}
        uow.audit.add(by, action, seen.message or seen.kind, told)


def _seen(row: sa.Row[tuple[object, ...]]) -> JobSeen:
    found = row._mapping  # noqa: SLF001  the public name of a row's columns by name
    payload: dict[str, Json] = found["payload"]
    message = payload.get("message")
    kind = MESSAGES_BY_KIND.get(str(message))
    address = payload.get("address")
    canonical = json.dumps(payload, sort_keys=True, ensure_ascii=False).encode()
    return JobSeen(
        id=found["id"], shop=found["shop"], state=found["state"], kind=found["kind"],
        message=None if message is None else str(message),
        message_class=None if kind is None else kind.message_class.value,
        address=None if address is None else f"…{str(address)[-3:]}", attempts=found["attempts"],
        in_doubt=found["sending"], reason=None if found["error"] is None else _NUMBER.sub("…", found["error"]),
        made_at=found["made_at"], due_at=found["due_at"], final_by=found["final_by"], ended_at=found["done_at"],
        payload_hash=hashlib.sha256(canonical).hexdigest()[:16],
    )
