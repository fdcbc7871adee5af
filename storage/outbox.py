"""The outbox: messages, cards, refunds and later work, as job rows of the transaction that decided them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa

from domain.letters import StoredButton
from domain.messages import (
    COMMANDS_BY_KIND,
    MESSAGES_BY_KIND,
    Button,
    Chat,
    Command,
    Confirm,
    Letter,
    Message,
    StampedButton,
)
from domain.shops import Shop
from domain.wire import Json, from_json, object_json, to_json
from storage.jobs import JobRows
from storage.letters import HEARS, NEW_CARD, PROGRESS, SHOWN_AS, lane_of
from storage.quiet_hours import MAY_WAIT, QuietHoursRows, is_own, quiet_lane, without_quiet
from storage.tables import buttons, cards, jobs

#: a button on a card that nobody pressed for so long is for a matter long over
_BUTTON_LIFE: Final = timedelta(days=120)
_STORE_BUTTONS: Final = sa.insert(buttons)
_BUTTON: Final = sa.select(buttons).where(buttons.c.token == sa.bindparam("token"), buttons.c.used_at.is_(None))
_USE: Final = (
    sa.update(buttons)
    .where(buttons.c.token == sa.bindparam("which"), buttons.c.used_at.is_(None))
    .values(used_at=sa.bindparam("now"), used_by=sa.bindparam("by"))
)
_STANDS_IN: Final = sa.select(cards.c.platform, cards.c.address, cards.c.message_id).where(
    cards.c.shop_id == sa.bindparam("shop"), cards.c.key == sa.bindparam("card")
)


@dataclass(frozen=True)
class OutboxRows:
    """The outbox of one shop."""

    connection: sa.Connection
    shop: Shop
    now: datetime
    new_id: Callable[[], str]
    #: which chats hear a topic, as this transaction found them
    _heard: dict[str, tuple[Chat, ...]] = field(default_factory=dict, init=False, repr=False)

    def stamp(self, message: Message, presser: str | None) -> Letter:
        """The message with each button's command stored under a fresh token, all in one statement."""
        stamped, rows = [], []
        for button in message.buttons:
            token = None
            if button.command is not None:
                token = self.new_id()
                rows.append(self._row(button, button.command, token, presser, message.kind))
            stamped.append(StampedButton(
                label=button.label, token=token, style=button.style, confirm=button.confirm, more=button.more,
                menu=button.menu, url=button.url,
            ))
        if rows:
            self.connection.execute(_STORE_BUTTONS, rows)
        return Letter(message=message, buttons=tuple(stamped))

    def publish(self, message: Message, *, once: str) -> None:
        """One job for each chat that hears the topic, so that a failing chat is retried alone."""
        for chat in self._chats(message):
            self._say(chat, message, once=f"{once}>{chat.platform}:{chat.address}", unasked=True)

    def card(self, key: str, message: Message, *, version: int) -> None:
        """One job for each chat; whether it posts or edits is decided when it is sent."""
        for chat in self._chats(message):
            row = {"shop_id": self.shop.id, "key": key, "platform": chat.platform, "address": chat.address}
            new = self.connection.execute(NEW_CARD.on(self.connection), {"version": 0, **row}).scalar()
            shown = new is None and self._is_shown(key, chat)
            once = f"card:{key}@{version}>{chat.platform}:{chat.address}"
            self._say(chat, message, once=once, card=key, version=version, changes=shown, unasked=not shown)

    def card_again(self, key: str) -> frozenset[tuple[Chat, str | None]]:
        """The newest job of the card in each chat, written once more; its buttons are those that stand there."""
        rows = self.connection.execute(_STANDS_IN, {"shop": self.shop.id, "card": key}).all()
        for platform, address, _ in rows:
            newest = self.connection.execute(
                sa.select(jobs).where(
                    jobs.c.shop_id == self.shop.id, jobs.c.card == key,
                    jobs.c.key.contains(f">{platform}:{address}", autoescape=True),
                ).order_by(jobs.c.id.desc()).limit(1)
            ).first()
            if newest is not None and newest.state != "open" and "message" in newest.payload:
                base = newest.key.partition("#")[0]
                payload = {name: value for name, value in newest.payload.items() if name not in PROGRESS}
                self._jobs.add(
                    key=f"{base}#{self.now.astimezone(UTC):%Y%m%d%H%M}", kind=newest.kind, payload=payload,
                    due_at=self.now, lane=without_quiet(newest.lane), shop_id=self.shop.id, card=key,
                    message=newest.message,
                    within=MESSAGES_BY_KIND[newest.payload["message"]].message_class.within,
                )
        return frozenset((Chat(platform=row.platform, address=row.address), row.message_id) for row in rows)

    def note(self, key: str, message: Message, *, once: str) -> None:
        """Into the thread wherever the card stands."""
        rows = self.connection.execute(_STANDS_IN, {"shop": self.shop.id, "card": key}).all()
        for platform, address, message_id in rows:
            chat = Chat(platform=platform, address=address)
            shown = message_id is not None and platform == "slack"
            self._say(chat, message, once=f"{once}>{platform}:{address}", thread=key, changes=shown, unasked=True)

    def tell(
        self, chat: Chat, message: Message, *, once: str, repeat: bool = True, about: str | None = None,
        unasked: bool = False,
    ) -> None:
        """To one chat."""
        key = f"{once}>{chat.platform}:{chat.address}"
        self._say(chat, message, once=key, repeat=repeat, about=about, unasked=unasked)

    def wait_until(self, chat: Chat, until: datetime) -> int:
        """Other quiet hours, or none."""
        return self._quiet.wait_until(chat, until, self.now)

    def alone(self, chat: Chat) -> bool:
        """Nobody writes there by hours that were changed meanwhile."""
        return self._quiet.alone(chat)

    def whisper(self, chat: Chat, letter: Letter, *, to: str, once: str) -> None:
        """An answer that is stamped already, for one person alone.

        A kind of its own: whoever does not know it must not say it to the whole chat.
        """
        message = letter.message
        payload = {**_payload(chat, letter), "to": to}
        self._jobs.add(
            key=f"{self.shop.key}/{once}>{chat.platform}:{chat.address}", kind=f"whisper.{chat.platform}",
            payload=payload, due_at=self.now, lane=f"{chat.platform}:whisper:{to}", shop_id=self.shop.id,
            message=message.kind, within=message.message_class.within,
        )

    def replace(self, chat: Chat, message_id: str, message: Message, *, once: str) -> None:
        """Edit a message of ours."""
        self._say(chat, message, once=f"{once}>{chat.platform}:{chat.address}", message_id=message_id)

    def refund(self, refund_id: str, *, payment_id: int) -> None:
        """One job for the intent, on the payment's own lane."""
        self._jobs.add(
            key=f"refund:{refund_id}", kind="refund", payload={"refund": refund_id}, due_at=self.now,
            lane=f"refund:{payment_id}", shop_id=self.shop.id,
        )

    def later(
        self, kind: str, payload: Mapping[str, Json], *, once: str, due_at: datetime, lane: str = ""
    ) -> None:
        """An internal job."""
        self._jobs.add(key=once, kind=kind, payload=payload, due_at=due_at, lane=lane, shop_id=self.shop.id)

    @property
    def _quiet(self) -> QuietHoursRows:
        return QuietHoursRows(self.connection, self.shop)

    @property
    def _jobs(self) -> JobRows:
        return JobRows(self.connection, self.now)

    def _say(
        self, chat: Chat, message: Message, *, once: str, card: str | None = None, version: int = 0,
        thread: str | None = None, message_id: str | None = None, repeat: bool = True, about: str | None = None,
        changes: bool = False, unasked: bool = False,
    ) -> None:
        private = chat.platform == "telegram" and not chat.address.startswith("-")
        letter = self.stamp(message, f"{chat.platform}:{chat.address}" if private else None)
        payload: dict[str, Json] = {**_payload(chat, letter), "repeat": repeat}
        extras: dict[str, Json] = {"card": card, "thread": thread, "message_id": message_id, "about": about}
        payload |= {name: value for name, value in extras.items() if value is not None}
        if card is not None:
            payload["version"] = version
        lane, due_at = lane_of(chat, message.message_class, changes=changes), self.now
        if unasked and (waits := self._waits(chat, message, thread)) is not None:
            lane, due_at = waits
        self._jobs.add(
            key=f"{self.shop.key}/{once}", kind=f"say.{chat.platform}", payload=payload, due_at=due_at, lane=lane,
            shop_id=self.shop.id, card=card, message=message.kind, within=message.message_class.within,
        )

    def _waits(self, chat: Chat, message: Message, thread: str | None) -> tuple[str, datetime] | None:
        """On which lane and until when a letter that nobody asked for waits for its reader; None: it does not."""
        may_wait = message.message_class in MAY_WAIT and not message.pressing
        if not is_own(chat) or (thread is None and not may_wait):
            return None
        self._quiet.share(chat)
        # A note to a card that waits would otherwise ask for it every second, whatever kind of note it is.
        if thread is not None and (due := self._quiet.card_waits_until(chat, thread)) is not None:
            return quiet_lane(chat), due
        if not may_wait:
            return None
        lane, hours = quiet_lane(chat, message.message_class), self._quiet.on(chat)
        if hours is not None and (until := hours.until(self.now, self.shop.calendar)) is not None:
            return lane, until
        # Quiet no more, but what waited is still on its way: this one comes after it.
        last = self._quiet.last_due(lane)
        return (lane, self.now) if last is not None and last <= self.now else None

    def _row(
        self, button: Button, command: Command, token: str, presser: str | None, shown_in: str
    ) -> dict[str, object]:
        return {
            "token": token, "shop_id": self.shop.id, "command": command.kind, "fields": object_json(command),
            "presser": presser, "once": button.once, "made_at": self.now, "shown_in": shown_in,
            "confirm": None if button.confirm is None else to_json(button.confirm),
            "expires_at": self.now + _BUTTON_LIFE,
        }

    def _is_shown(self, key: str, chat: Chat) -> bool:
        where = {"shop": self.shop.id, "card": key, "on": chat.platform, "at": chat.address}
        shown = self.connection.execute(SHOWN_AS, where).first()
        return shown is not None and shown.message_id is not None

    def _chats(self, message: Message) -> tuple[Chat, ...]:
        topic = message.topic.value
        if topic not in self._heard:
            rows = self.connection.execute(HEARS, {"shop": self.shop.id, "topic": topic})
            self._heard[topic] = tuple(Chat(platform=platform, address=address) for platform, address in rows)
        return self._heard[topic]


def _payload(chat: Chat, letter: Letter) -> dict[str, Json]:
    """What every letter's job carries."""
    return {
        "address": chat.address, "message": letter.message.kind, "fields": object_json(letter.message),
        "buttons": to_json(letter.buttons),
    }


@dataclass(frozen=True)
class ButtonRows:
    """Stored commands, over all shops."""

    connection: sa.Connection
    now: datetime

    def find(self, token: str) -> StoredButton | None:
        """The command behind a token that is unused and not expired; None otherwise."""
        row = self.connection.execute(_BUTTON, {"token": token}).first()
        if row is None or (row.expires_at and row.expires_at <= self.now) or row.command not in COMMANDS_BY_KIND:
            return None
        command = from_json(COMMANDS_BY_KIND[row.command], row.fields)
        return StoredButton(
            token=token, shop_id=row.shop_id, command=command, presser=row.presser, once=row.once,
            shown_in=row.shown_in, confirm=None if row.confirm is None else from_json(Confirm, row.confirm),
        )

    def use(self, token: str, by: str) -> bool:
        """Mark a single-use button; False if somebody was faster."""
        changed = self.connection.execute(_USE, {"which": token, "now": self.now, "by": by})
        return changed.rowcount == 1
