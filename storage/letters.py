"""A job's payload read back as the letter it carries, and where the cards of letters stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from domain.jobs import Job, NotKnownHere
from domain.letters import CardTurn, Envelope
from domain.messages import MESSAGES_BY_KIND, Chat, Letter, MessageClass, StampedButton
from domain.people import Role
from domain.wire import Json, from_json
from storage.claim import still_open
from storage.database import Upsert
from storage.jobs import JobRows
from storage.shops import ShopRows
from storage.tables import cards, chats, jobs, staff

#: how far one attempt of a letter has come; whoever writes it once more begins anew
PROGRESS: Final = frozenset({"posted", "extras_done"})
#: a letter that had to leave without its photos is edited after that
_PHOTOS_AFTER: Final = timedelta(seconds=5)

NEW_CARD: Final = Upsert(cards, lambda new: new.on_conflict_do_nothing().returning(cards.c.id))
#: the chats of a shop that hear a topic
HEARS: Final = (
    sa.select(chats.c.platform, chats.c.address)
    .where(chats.c.shop_id == sa.bindparam("shop"), chats.c.topic == sa.bindparam("topic"))
    .order_by(chats.c.id)
)
_THIS_CARD: Final = sa.and_(
    cards.c.shop_id == sa.bindparam("shop"), cards.c.key == sa.bindparam("card"),
    cards.c.platform == sa.bindparam("on"), cards.c.address == sa.bindparam("at"),
)
SHOWN_AS: Final = sa.select(cards.c.message_id, cards.c.version).where(_THIS_CARD)
_SHOWN: Final = (
    sa.update(cards)
    .where(_THIS_CARD, cards.c.version <= sa.bindparam("shown"))
    .values(message_id=sa.bindparam("posted"), version=sa.bindparam("shown"))
)
_OWNERS: Final = (
    sa.select(staff.c.slack_user, staff.c.telegram_user)
    .where(staff.c.shop_id == sa.bindparam("shop"), staff.c.role == Role.OWNER.value, staff.c.active)
    .order_by(staff.c.id)
)
_PAYLOAD_OF: Final = sa.select(jobs.c.payload).where(jobs.c.id == sa.bindparam("which"))
_OTHERS: Final = sa.select(jobs.c.id, jobs.c.leased_until, jobs.c.sending, jobs.c.payload).where(
    jobs.c.card == sa.bindparam("card"), still_open(), jobs.c.shop_id == sa.bindparam("shop"),
    jobs.c.kind == sa.bindparam("kind"), jobs.c.id != sa.bindparam("which"),
)
_OVERTAKEN: Final = (
    sa.update(jobs)
    .where(
        jobs.c.id == sa.bindparam("which"), still_open(), jobs.c.sending.is_(False),
        sa.or_(jobs.c.leased_until.is_(None), jobs.c.leased_until <= sa.bindparam("real")),
    )
    .values(state="superseded", done_at=sa.bindparam("now"), owner=None, leased_until=None)
)
#: a job as long as its holder holds it; open or not, since the job at hand is settled with it
LEASED: Final = sa.update(jobs).where(
    jobs.c.id == sa.bindparam("which"), jobs.c.owner == sa.bindparam("holder"),
    jobs.c.leased_until == sa.bindparam("until"),
)


@dataclass(frozen=True, kw_only=True)
class Version:
    """Another open job of the same card in the same chat."""

    id: int
    leased_until: datetime | None
    sending: bool
    payload: dict[str, Json]


@dataclass(frozen=True)
class LetterRows:
    """Letters of every shop."""

    connection: sa.Connection
    now: datetime
    #: by which leases run; None: by ``now``
    real: datetime | None = None

    def open(self, job: Job) -> Envelope:
        """The envelope of a "say" job as its row stands now, with where its card stands."""
        payload = self._payload(job)
        shop = ShopRows(self.connection).by_id(job.shop_id or 0)
        card, thread = _text(payload, "card"), _text(payload, "thread")
        shown = self._shown(job, card or thread)
        return Envelope(
            letter=_letter(payload), shop=shop, address=str(payload["address"]),
            repeat=bool(payload.get("repeat", True)), card=card, version=_version(payload), shown_as=shown[0],
            shown_version=shown[1], thread=thread, message_id=_text(payload, "message_id"),
            posted=_text(payload, "posted"), extras_done=int(str(payload.get("extras_done", 0))),
            instead_of=_text(payload, "instead_of"), photos_follow=payload.get("photos_follow") is True,
        )

    def turn(self, job: Job) -> CardTurn:
        """Whether it is this version's turn; a newer one that waits is taken over, so that it is shown here and now.

        Only this card's own open jobs are looked at: a handful, whatever waits besides.
        """
        card = _text(job.payload, "card")
        if card is None:
            return CardTurn.NOW
        shown_as, shown_version = self._shown(job, card)
        if shown_as is not None and _version(job.payload) < shown_version and not job.in_doubt:
            return CardTurn.OVER
        newest: Version | None = None
        for row in self._others(job, card):
            under_way = row.sending or (row.leased_until is not None and row.leased_until > (self.real or self.now))
            if row.id < job.id and under_way:
                return CardTurn.LATER
            if _version(row.payload) <= _version(job.payload):
                continue
            if under_way:
                return CardTurn.NOW if job.in_doubt else CardTurn.OVER
            if newest is None or _version(row.payload) > _version(newest.payload):
                newest = row
        if newest is not None:
            self._take_over(job, newest.payload, card)
        return CardTurn.NOW

    def waits_for_card(self, job: Job) -> bool:
        """Whether a note's card is still on its way."""
        thread = _text(job.payload, "thread")
        if thread is None or self._shown(job, thread)[0] is not None:
            return False
        return any(row.id < job.id for row in self._others(job, thread))

    def is_post(self, job: Job) -> bool:
        """Whether this makes a new message in its chat: not an edit, and in Slack not a note in a thread."""
        if job.payload.get("message_id") is not None:
            return False
        if (card := _text(job.payload, "card")) is not None:
            return self._shown(job, card)[0] is None
        thread = _text(job.payload, "thread")
        return thread is None or job.kind == "say.telegram" or self._shown(job, thread)[0] is None

    def shown(self, job: Job, message_id: str) -> None:
        """Write where a card stands and in which version; an older version never overwrites a newer one."""
        payload = self._payload(job)
        card, version = _text(payload, "card"), _version(payload)
        if card is None:
            return
        self.connection.execute(_SHOWN, {**_card(job, card), "shown": version, "posted": message_id})

    def progress(self, job: Job, message_id: str, extras_done: int) -> None:
        """Remember how far a letter of several parts has come, so that no part is said twice."""
        payload = {**self._payload(job), "posted": message_id, "extras_done": extras_done}
        self.connection.execute(LEASED, {**leased(job), "payload": payload})
        self.shown(job, message_id)

    def photos_follow(self, job: Job, message_id: str) -> None:
        """The letter once more, as an edit with its photos, in a lane of its own: nobody waits behind them."""
        payload = {name: value for name, value in self._payload(job).items() if name not in PROGRESS}
        payload |= {"message_id": message_id, "photos_follow": True}
        JobRows(self.connection, self.now).add(
            key=f"photos:{job.id}", kind=job.kind, payload=payload, due_at=self.now + _PHOTOS_AFTER,
            shop_id=job.shop_id, card=_text(payload, "card"), message=str(payload["message"]),
        )

    def moved(self, job: Job, address: str) -> None:
        """A group has a new id: the shop's chats, its cards and everything that waits for it go there."""
        old, platform = str(job.payload["address"]), job.kind.removeprefix("say.")
        for table in (chats, cards):
            self.connection.execute(
                sa.update(table)
                .where(table.c.platform == platform, table.c.address == old)
                .values(address=address)
            )
        waiting = self.connection.execute(
            sa.select(jobs.c.id, jobs.c.lane, jobs.c.payload)
            .where(still_open(), jobs.c.lane.startswith(f"{platform}:{old}", autoescape=True))
        ).all()
        for row in waiting:
            if row.payload.get("address") == old:
                self.connection.execute(
                    sa.update(jobs).where(jobs.c.id == row.id).values(
                        payload={**row.payload, "address": address},
                        lane=row.lane.replace(f"{platform}:{old}", f"{platform}:{address}", 1),
                    )
                )

    def reroute(self, job: Job, why: str) -> tuple[Chat, ...]:
        """Send a letter that its chat refuses for good to somebody else; whom it reaches.

        Another chat of the same topic has its own copy already, and is then the answer; else the shop's owners.
        """
        payload = self._payload(job)
        here = Chat(platform=job.kind.removeprefix("say."), address=str(payload["address"]))
        if payload.get("instead_of") is not None:
            return ()  # a second detour helps nobody: the auditor has it
        kind = MESSAGES_BY_KIND[str(payload["message"])]
        others = tuple(
            Chat(platform=platform, address=address)
            for platform, address in self.connection.execute(HEARS, {"shop": job.shop_id, "topic": kind.topic.value})
            if (platform, address) != (here.platform, here.address)
        )
        reached = others
        if not others:
            reached = self.owners(job.shop_id or 0, rather=here.platform)
            for chat in reached:
                self._redirect(job, payload, chat, f"{here.address}: {why}")
        names = ", ".join(f"{chat.platform} {chat.address}" for chat in reached)
        said = jobs.c.error + (f"; it reaches {names} instead" if names else "; it reaches nobody else")
        self.connection.execute(sa.update(jobs).where(jobs.c.id == job.id).values(error=said))
        return reached

    def owners(self, shop_id: int, *, rather: str) -> tuple[Chat, ...]:
        """Each active owner's own chat, on that platform where they have it."""
        rows = self.connection.execute(_OWNERS, {"shop": shop_id})
        found = []
        for slack_user, telegram_user in rows:
            on = {"slack": slack_user, "telegram": None if telegram_user is None else str(telegram_user)}
            platform = rather if on.get(rather) else next((name for name, address in on.items() if address), None)
            if platform is not None:
                found.append(Chat(platform=platform, address=str(on[platform])))
        return tuple(found)

    def _redirect(self, job: Job, payload: dict[str, Json], chat: Chat, instead_of: str) -> None:
        card = _text(payload, "card")
        if card is not None:
            where = {"shop_id": job.shop_id, "platform": chat.platform, "address": chat.address}
            self.connection.execute(NEW_CARD.on(self.connection), {**where, "key": card, "version": 0})
        kind = MESSAGES_BY_KIND[str(payload["message"])]
        kept = {name: value for name, value in payload.items() if name not in {"message_id", *PROGRESS}}
        JobRows(self.connection, self.now).add(
            key=f"{job.key}>instead:{chat.platform}:{chat.address}", kind=f"say.{chat.platform}", due_at=self.now,
            payload={**kept, "address": chat.address, "instead_of": instead_of},
            lane=lane_of(chat, kind.message_class), shop_id=job.shop_id, card=card, message=kind.kind,
            within=kind.message_class.within,
        )

    def _payload(self, job: Job) -> dict[str, Json]:
        found = self.connection.execute(_PAYLOAD_OF, {"which": job.id}).scalar()
        return job.payload if found is None else found

    def _others(self, job: Job, card: str) -> list[Version]:
        which = {"card": card, "shop": job.shop_id, "kind": job.kind, "which": job.id}
        rows = self.connection.execute(_OTHERS, which)
        return [
            Version(id=row.id, leased_until=row.leased_until, sending=row.sending, payload=row.payload)
            for row in rows if row.payload.get("address") == job.payload["address"]
        ]

    def _take_over(self, job: Job, payload: dict[str, Json], card: str) -> None:
        """Say the newest words in this job's place, and close every version in between."""
        for row in self._others(job, card):
            if _version(row.payload) > _version(payload) or row.id < job.id:
                continue
            which = {"which": row.id, "now": self.now, "real": self.real or self.now}
            self.connection.execute(_OVERTAKEN, which)
        self.connection.execute(LEASED, {**leased(job), "payload": payload})

    def _shown(self, job: Job, key: str | None) -> tuple[str | None, int]:
        if key is None:
            return None, 0
        row = self.connection.execute(SHOWN_AS, _card(job, key)).first()
        return (row.message_id, row.version) if row else (None, 0)


def lane_of(chat: Chat, kind: MessageClass, *, changes: bool = False) -> str:
    """The lane of a chat's letters of one class. ``changes``: edits and notes, which no budget holds back."""
    lane = f"{chat.platform}:{chat.address}:{kind.value}"
    return f"{lane}:changes" if changes and kind is MessageClass.ALERT else lane


def _card(job: Job, key: str) -> dict[str, object]:
    """Which card, in which chat, as the values of a statement."""
    return {
        "shop": job.shop_id, "card": key, "on": job.kind.removeprefix("say."),
        "at": str(job.payload["address"]),
    }


def leased(job: Job) -> dict[str, object]:
    """Which job, as long as its holder holds it."""
    return {"which": job.id, "holder": job.owner, "until": job.leased_until}


def _letter(payload: Mapping[str, Json]) -> Letter:
    kind = MESSAGES_BY_KIND.get(str(payload["message"]))
    if kind is None:
        raise NotKnownHere(f"this version knows no message {payload['message']}")
    stamped = payload["buttons"]
    try:
        buttons = tuple(from_json(StampedButton, one) for one in stamped) if isinstance(stamped, list) else ()
        return Letter(message=from_json(kind, payload["fields"]), buttons=buttons)
    except ValueError as error:
        # Its fields are another version's. Which do not fit stays out of the reason: it would quote a person's words.
        raise NotKnownHere(f"this version cannot read the fields of {payload['message']}") from error


def _version(payload: Mapping[str, Json]) -> int:
    return int(str(payload.get("version", 0)))


def _text(payload: Mapping[str, Json], name: str) -> str | None:
    value = payload.get(name)
    return value if isinstance(value, str) else None
