"""Letters and buttons: what "say" jobs carry, where it goes, and what a press of it means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from domain.messages import Chat, Command, Confirm, Letter
from domain.shops import Shop

if TYPE_CHECKING:
    from domain.jobs import Job


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """A letter with where it goes. Whether it is a post, an edit or a reply follows from card, thread, message_id."""

    letter: Letter
    shop: Shop
    address: str
    #: may be said again after an unknown outcome
    repeat: bool
    card: str | None = None
    version: int = 0
    #: where the card stands already; None before it was posted
    shown_as: str | None = None
    shown_version: int = 0
    thread: str | None = None
    message_id: str | None = None
    #: the message that an earlier attempt of this letter left, and how many of its further parts went out too
    posted: str | None = None
    extras_done: int = 0
    #: the words stand there already, and the letter is here for its photos alone
    photos_follow: bool = False
    #: the chat that refuses this letter, if it goes out here instead
    instead_of: str | None = None


class CardTurn(Enum):
    """Whether a version of a card may go out."""

    NOW = "now"
    #: an older version is under way
    LATER = "later"
    #: a newer version is shown or under way
    OVER = "over"


class Letters(Protocol):
    """What "say" jobs carry, and where cards stand."""

    def open(self, job: Job) -> Envelope:
        """The envelope of a job."""

    def turn(self, job: Job) -> CardTurn:
        """Whether it is this version's turn; a newer one that waits is shown here, in its place."""

    def waits_for_card(self, job: Job) -> bool:
        """Whether the card that a note belongs to is still on its way."""

    def is_post(self, job: Job) -> bool:
        """Whether this makes a new message in its chat."""

    def shown(self, job: Job, message_id: str) -> None:
        """The job's card now stands there, in its version; an older version never overwrites a newer one."""

    def progress(self, job: Job, message_id: str, extras_done: int) -> None:
        """How far a letter of several parts has come."""

    def photos_follow(self, job: Job, message_id: str) -> None:
        """The letter stands there without its photos: it is edited once they can be had."""

    def moved(self, job: Job, address: str) -> None:
        """The job's chat has a new id: everything that waits for it goes there."""

    def reroute(self, job: Job, why: str) -> tuple[Chat, ...]:
        """Send a letter that its chat refuses for good to others; whom it reaches. ``why``: "it is archived"."""

    def owners(self, shop_id: int, *, rather: str) -> tuple[Chat, ...]:
        """Each active owner's own chat, on that platform where they have it."""


class Gatherings(Protocol):
    """Channels' budgets, and alerts counted in one message."""

    def admit(self, job: Job) -> int | None:
        """None if this alert may be shown by itself; otherwise the job that counts it."""

    def freeze(self, job: Job) -> bool:
        """Fix what a gathering says; False if it has nothing to count."""

    def burst(self, lane: str, *, gap: timedelta, most: int) -> timedelta:
        """Take a place on a lane that bears ``most`` at once; how long to wait if there is none (zero: taken)."""


@dataclass(frozen=True, kw_only=True)
class StoredButton:
    """What a token stands for."""

    token: str
    shop_id: int
    command: Command
    presser: str | None
    once: bool
    #: the kind of the message it stands under
    shown_in: str = ""
    confirm: Confirm | None = None


class Buttons(Protocol):
    """Commands behind buttons, by their unguessable token."""

    def find(self, token: str) -> StoredButton | None:
        """An unused, unexpired button; None otherwise."""

    def use(self, token: str, by: str) -> bool:
        """Mark a single-use button; False if somebody was faster."""
