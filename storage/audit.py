"""The audit trail of a shop: each line carries the hash of the one before it, and a sealed row says how it ends.

A line that was changed, taken out or moved breaks the chain behind it; what is cut off at the end is missed by the
sealed head. Whoever can write the database may still put back an older end together with its own head: that shows
only against a figure kept elsewhere, which is why the morning digest says one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa

from domain.ports import AuditAnchor, AuditLine
from domain.shops import Shop
from domain.wire import Json, to_json
from storage.database import Upsert, is_sqlite
from storage.seals import Seals
from storage.tables import audit, audit_heads, shops

_FIRST_HASH: Final = "0" * 64
#: a line's place in the digest: enough to tell two ends apart, short enough to read aloud
_SHORT: Final = 12

#: NO KEY UPDATE: every insert of the shop's rows holds a KEY SHARE on it, and two such would deadlock
_LOCK: Final = sa.select(shops.c.id).where(shops.c.id == sa.bindparam("shop")).with_for_update(key_share=True)
_ADD: Final = sa.insert(audit)
_SEAL_END: Final = Upsert(audit_heads, lambda new: new.on_conflict_do_update(
    index_elements=["shop_id"], set_={name: new.excluded[name] for name in ("lines", "hash", "mac")}
))
_MINE: Final = audit.c.shop_id == sa.bindparam("shop")
_LINES: Final = sa.select(audit).where(_MINE).order_by(audit.c.id)
#: by whether a subject is asked for, and whether a moment
_WANTED: Final = {
    (False, False): _LINES, (True, False): _LINES.where(audit.c.subject == sa.bindparam("subject")),
    (False, True): _LINES.where(audit.c.at >= sa.bindparam("since")),
    (True, True): _LINES.where(audit.c.subject == sa.bindparam("subject"), audit.c.at >= sa.bindparam("since")),
}
_LAST: Final = sa.select(audit.c.id, audit.c.hash).where(_MINE).order_by(audit.c.id.desc()).limit(1)
_SEALED: Final = sa.select(audit.c.id).where(_MINE, audit.c.hash == sa.bindparam("sealed"))
_COUNT: Final = sa.select(sa.func.count()).select_from(audit).where(_MINE, audit.c.id > sa.bindparam("after"))
_HEAD: Final = sa.select(audit_heads).where(audit_heads.c.shop_id == sa.bindparam("shop"))


@dataclass(frozen=True)
class AuditRows:
    """The trail of one shop."""

    connection: sa.Connection
    shop: Shop
    now: datetime
    seals: Seals

    def add(self, actor: str, action: str, subject: str, detail: Mapping[str, Json] | None = None) -> None:
        """One line at the end of the chain; the shop's row is locked so that two lines never share a predecessor."""
        if not is_sqlite(self.connection):
            self.connection.execute(_LOCK, self._mine)
        lines, previous = self._end()
        form = to_json(dict(detail or {}))
        moment = self.now.astimezone(UTC)
        line = digest([previous, moment.isoformat(), actor, action, subject, form])
        self.connection.execute(_ADD, {
            "shop_id": self.shop.id, "at": moment, "actor": actor, "action": action, "subject": subject,
            "detail": form, "previous_hash": previous, "hash": line,
        })
        head = {"lines": lines + 1, "hash": line, "mac": self._seal(lines + 1, line)}
        self.connection.execute(_SEAL_END.on(self.connection), {"shop_id": self.shop.id, **head})

    def about(self, subject: str) -> tuple[AuditLine, ...]:
        """The lines about a subject, oldest first."""
        return tuple(self.lines(subject=subject))

    def lines(self, *, subject: str | None = None, since: datetime | None = None) -> Iterator[AuditLine]:
        """Lines, oldest first: of a subject, or from a moment on."""
        which = {"subject": subject, "since": since}
        asked = {name: value for name, value in which.items() if value is not None}
        wanted = _WANTED[subject is not None, since is not None]
        for row in self.connection.execute(wanted, {**self._mine, **asked}):
            yield AuditLine(at=row.at, actor=row.actor, action=row.action, subject=row.subject, detail=row.detail)

    def anchor(self) -> AuditAnchor:
        """How long the trail is, and how it ends."""
        lines, end = self._end()
        return AuditAnchor(lines=lines, end=end[:_SHORT])

    def broken(self, anchor: AuditAnchor | None = None) -> str | None:
        """The first thing that is wrong with the trail, in a sentence; None if nothing is.

        ``anchor``: what a digest once said; the trail must still have that line at that place.
        """
        previous, place = _FIRST_HASH, 0
        found = self.connection.execute(_LINES, self._mine)
        for place, row in enumerate(found, start=1):
            where = f"Line {place} (id {row.id}, {row.action} of {row.subject})"
            if row.previous_hash != previous:
                return f"{where} does not follow the line before it: one was taken out, put in or moved."
            line = [previous, row.at.isoformat(), row.actor, row.action, row.subject, row.detail]
            if row.hash != digest(line):
                return f"{where} was changed after it was written."
            previous = row.hash
            if anchor is not None and anchor.lines == place and not row.hash.startswith(anchor.end):
                return f"{where} is not the one that the digest named: the trail was written anew."
        if anchor is not None and anchor.lines > place:
            return f"The trail ends at line {place}, and the digest named line {anchor.lines}: the end was cut off."
        return self._broken_end(place, previous)

    def _broken_end(self, place: int, end: str) -> str | None:
        head = self._head()
        if head is None:
            return None if place == 0 else f"The sealed end of the trail is missing ({place} lines stand)."
        if not self.seals.holds(head.mac, "audit", self.shop.id, head.lines, head.hash):
            return "The sealed end of the trail was changed, or sealed with another OPSBELL_LINK_SECRET."
        if (head.lines, head.hash) != (place, end):
            return f"The trail ends at line {place}, and its sealed end says {head.lines}: lines were cut off or added."
        return None

    def _end(self) -> tuple[int, str]:
        """How many lines stand, and the hash of the last.

        A line that is missing at the end is never made up for: the chain goes on from the sealed end, and breaks there.
        """
        head = self._head()
        last = self.connection.execute(_LAST, self._mine).first()
        if head is None:
            return (0, _FIRST_HASH) if last is None else (self._count(), last.hash)
        if last is not None and last.hash != head.hash:
            sealed = self.connection.execute(_SEALED, {**self._mine, "sealed": head.hash}).scalar()
            if sealed is not None:  # the version before, during an update, wrote lines without sealing the end
                return head.lines + self._count(after=sealed), last.hash
        return head.lines, head.hash

    def _count(self, *, after: int = 0) -> int:
        return int(self.connection.execute(_COUNT, {**self._mine, "after": after}).scalar_one())

    def _head(self) -> sa.Row[tuple[object, ...]] | None:
        return self.connection.execute(_HEAD, self._mine).first()

    @property
    def _mine(self) -> dict[str, object]:
        return {"shop": self.shop.id}

    def _seal(self, lines: int, end: str) -> str:
        return self.seals.seal("audit", self.shop.id, lines, end)


def digest(line: list[Json]) -> str:
    """SHA-256 of a line's canonical JSON."""
    return hashlib.sha256(json.dumps(line, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
