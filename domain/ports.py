"""What a use case works with: one unit of work, whose fields are ports. Whoever runs it commits; nobody else can."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

from domain.wire import Json

if TYPE_CHECKING:
    from domain.cases import Cases
    from domain.connections import Connections
    from domain.customers import Customers, Personal
    from domain.inventory import Inventory, ShopLevels, Suppliers
    from domain.messages import Chat, Letter, Message
    from domain.metrics import Metrics
    from domain.orders import Orders
    from domain.own_digest import OwnDigests
    from domain.payments import Payments
    from domain.people import Actor, Staff
    from domain.quiet_hours import AllQuietHours
    from domain.returns import Returns
    from domain.shipping import Parcels
    from domain.shops import Shop


class Outbox(Protocol):
    """Everything that leaves, as rows of the transaction that decided it."""

    def stamp(self, message: Message, presser: str | None) -> Letter:
        """The message with its buttons stored, for an answer that is said at once. ``presser``: who alone may press."""

    def publish(self, message: Message, *, once: str) -> None:
        """To every chat that hears the message's topic. ``once`` makes a second call with the same words a no-op."""

    def card(self, key: str, message: Message, *, version: int) -> None:
        """Show the card ``key`` in every chat of its topic: posted the first time, edited afterwards.

        A lower version than the one shown is never shown again.
        """

    def card_again(self, key: str) -> frozenset[tuple[Chat, str | None]]:
        """Send a card once more as it was last shown, where a press says that somebody still sees an older one.

        At most once a minute for each chat, however many press. Where it stands, and as which message.
        """

    def note(self, key: str, message: Message, *, once: str) -> None:
        """Into the thread of the card ``key`` (Telegram: a reply to it)."""

    def tell(
        self, chat: Chat, message: Message, *, once: str, repeat: bool = True, about: str | None = None,
        unasked: bool = False,
    ) -> None:
        """To one chat. ``repeat``: whether it may be sent again after an unknown outcome (else at most once).

        ``about``: the card in whose thread staff hear that the person cannot be reached. ``unasked``: nobody asked for
        it, so that alerts and digests wait while it is quiet for the reader.
        """

    def wait_until(self, chat: Chat, until: datetime) -> int:
        """Whatever waits for somebody's quiet hours in their own chat waits until that moment now; how many."""

    def alone(self, chat: Chat) -> bool:
        """Whether no other transaction is writing there what may wait, by hours that it read before this moment."""

    def whisper(self, chat: Chat, letter: Letter, *, to: str, once: str) -> None:
        """An answer that is stamped already, in a chat but for one person alone: ``to``, the platform's own id."""

    def replace(self, chat: Chat, message_id: str, message: Message, *, once: str) -> None:
        """Put other words in the place of a message that we sent."""

    def refund(self, refund_id: str, *, payment_id: int) -> None:
        """Have the refund intent carried out; one payment's refunds go one after the other."""

    def later(self, kind: str, payload: Mapping[str, Json], *, once: str, due_at: datetime, lane: str = "") -> None:
        """Have an internal job run at that moment (handlers/jobs/ names the kinds)."""


class Audit(Protocol):
    """The trail of what was done: only ever added to."""

    def add(self, actor: str, action: str, subject: str, detail: Mapping[str, Json] | None = None) -> None:
        """One line: who, what, about what, with which figures. Never personal data beyond ids."""

    def about(self, subject: str) -> tuple[AuditLine, ...]:
        """The lines about a subject, oldest first."""

    def anchor(self) -> AuditAnchor:
        """How long the trail is and how it ends, to be kept outside the database."""


@dataclass(frozen=True, kw_only=True)
class AuditAnchor:
    """A trail's length, and the first letters of its last line's hash: "1204:3fa9c2d1b0aa"."""

    lines: int
    end: str

    def __str__(self) -> str:
        """As the digest says it."""
        return f"{self.lines}:{self.end}"


@dataclass(frozen=True, kw_only=True)
class AuditLine:
    """One line of the trail."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Json]


class People(Protocol):
    """The staff of one shop."""

    def by_slack(self, team: str, user: str) -> Staff | None:
        """Whoever signs in Slack with these ids, active or not."""

    def by_telegram(self, user: int) -> Staff | None:
        """Whoever writes from this Telegram account, active or not."""

    def by_id(self, staff_id: int) -> Staff:
        """That member of staff; NotFound."""

    def all(self) -> tuple[Staff, ...]:
        """Everybody, by key."""


@dataclass(frozen=True, kw_only=True)
class Dialogue:
    """Where a person stands in a conversation: its name, and what was said so far."""

    name: str
    state: dict[str, Json]
    changed_at: datetime


class Dialogues(Protocol):
    """Conversations of several steps, one for each chat; they outlive a restart."""

    def of(self, chat: Chat) -> Dialogue | None:
        """The one under way in this chat."""

    def put(self, chat: Chat, name: str, state: Mapping[str, Json]) -> None:
        """Remember where it stands."""

    def end(self, chat: Chat) -> None:
        """Forget it."""


class Allowances(Protocol):
    """What was let go, counted by scope ("staff:3", "customer:17", "shop") and local day. No day: for ever."""

    def take(self, scope: str, amount_minor: int, *, most: int | None, day: date | None = None, days: int = 1) -> bool:
        """Count an amount unless more than ``most`` minor units would be used in the ``days`` that end with ``day``.

        The limit is the condition of the statement that counts, so two at once never both fit. None: no limit.
        """

    def used(self, scope: str, *, day: date | None = None, days: int = 1) -> int:
        """Minor units counted in the ``days`` that end with that day."""

    def give_back(self, scope: str, amount_minor: int, *, day: date | None = None) -> None:
        """Count an amount no longer."""


class Numbers(Protocol):
    """Numbers given out in order, without gaps or doubles."""

    def next(self, name: str, *, first: int) -> int:
        """The next number of that series; ``first`` for the very first."""


@dataclass(frozen=True, kw_only=True)
class UnitOfWork:
    """One shop, one moment, one transaction."""

    shop: Shop
    now: datetime
    #: an unguessable id of 22 letters, fresh with every call
    new_id: Callable[[], str]
    #: signs links and codes; the domain never sees the secret itself
    sign: Callable[[str], str]
    people: People
    own_digests: OwnDigests
    quiet_hours: AllQuietHours
    customers: Customers
    personal: Personal
    inventory: Inventory
    suppliers: Suppliers
    levels: ShopLevels
    orders: Orders
    payments: Payments
    parcels: Parcels
    returns: Returns
    allowances: Allowances
    cases: Cases
    connections: Connections
    metrics: Metrics
    outbox: Outbox
    dialogues: Dialogues
    numbers: Numbers
    audit: Audit

    def record(self, actor: Actor, action: str, subject: str, detail: Mapping[str, Json] | None = None) -> None:
        """An audit line in the name of whoever acts."""
        self.audit.add(actor.audit_name, action, subject, detail)
