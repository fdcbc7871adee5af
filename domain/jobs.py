"""Jobs and the inbox: what happens later or elsewhere, and the engine that does it, whole transactions at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

from domain.alarms import Alarms
from domain.letters import Buttons, Gatherings, Letters
from domain.messages import Chat
from domain.people import Staff
from domain.ports import UnitOfWork
from domain.shops import Shop
from domain.wire import Json

T = TypeVar("T")

#: by kind of job: how long after it fell due it must be final, or the auditor raises it; "" = every other kind.
#: A letter's own time follows from its message (domain.messages.MessageClass).
FINAL_WITHIN: Final[Mapping[str, timedelta]] = {
    "refund": timedelta(minutes=15), "learn": timedelta(minutes=5), "answer.telegram": timedelta(seconds=60),
    "": timedelta(minutes=15),
}


@dataclass(frozen=True, kw_only=True)
class Job:
    """One claimed job. ``attempts`` counts this one; ``in_doubt``: an earlier attempt may have gone through.

    ``abandoned``: whoever held it before let its lease run out, so it may be what killed them.
    """

    id: int
    shop_id: int | None
    key: str
    kind: str
    lane: str
    payload: dict[str, Json]
    attempts: int
    in_doubt: bool
    owner: str
    leased_until: datetime
    made_at: datetime
    abandoned: bool = False
    #: not final by then = an alarm; None only in what an older version wrote
    final_by: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A lane's next free place in our own pace, and the moment before which the other side wants nothing on it."""

    free_at: datetime
    held_until: datetime | None = None
    #: the other side takes nothing of us (our token is refused): one letter tries for all that wait
    shut: bool = False


@dataclass(frozen=True, kw_only=True)
class Due:
    """Which kinds of jobs a look at the longest due saw: one look for all kinds, since most of them have none."""

    #: kinds with a due job that nobody holds
    free: frozenset[str]
    #: kinds with a job whose holder let the lease run out
    abandoned: frozenset[str]
    #: whether that look saw every due job; if not, any kind may have one
    all_seen: bool

    def may_have(self, kind: str) -> bool:
        """Whether it is worth asking for jobs of that kind."""
        return not self.all_seen or kind in self.free or kind in self.abandoned


class NotKnownHere(Exception):
    """A newer version of Opsbell wrote this; it is left for that version."""


class Jobs(Protocol):
    """The jobs of the whole installation."""

    def add(
        self, *, key: str, kind: str, payload: Mapping[str, Json], due_at: datetime, lane: str = "",
        shop_id: int | None = None, card: str | None = None, message: str | None = None,
        within: timedelta | None = None,
    ) -> bool:
        """Write a job; False if one with this key was ever written.

        ``card``: the card that it posts or edits; ``message``: the kind of what it says. ``within``: how long after
        ``due_at`` it must be final (None = by its kind).
        """

    def due(self, kinds: tuple[str, ...]) -> Due:
        """One look at what could be claimed of those kinds."""

    def claim(
        self, *, kinds: tuple[str, ...], owner: str, limit: int, lease: timedelta, abandoned: bool = True,
        due: Due | None = None,
    ) -> tuple[Job, ...]:
        """Up to ``limit`` due jobs that head their lanes, held until now + lease; the attempt is counted.

        At most one of them is an abandoned job, and none if ``abandoned`` is False. ``due``: what this transaction's
        look at those kinds saw, if it has looked.
        """

    def mark_sending(self, claimed: Sequence[Job]) -> frozenset[int]:
        """Remember, before the wire, that they may go through; the numbers of those whose lease is still ours."""

    def done(self, job: Job, outcome: Mapping[str, Json] | None = None, *, state: str = "done") -> bool:
        """It happened (or ``superseded``); False if somebody else holds it now."""

    def later(self, job: Job, *, at: datetime, error: str, in_doubt: bool, counts: bool = True) -> bool:
        """Try again at that moment."""

    def bury(self, job: Job, reason: str) -> bool:
        """Give it up, with the reason, for a person to look at."""

    def lanes(self, keys: Collection[str]) -> dict[str, Lane]:
        """Where lanes stand; nobody else moves them before this transaction ends."""

    def move_lanes(self, free: Mapping[str, datetime]) -> None:
        """The next free moments of lanes that this transaction holds."""

    def hold(self, lane: str, *, until: datetime, shut: bool = False) -> None:
        """Nothing leaves on this lane before that moment; ``shut``: then one letter tries, until one gets through."""

    def held_lanes(self, keys: Iterable[str]) -> Mapping[str, datetime]:
        """Those of the lanes that are held now, and until when nothing may leave on them."""

    def closed_lanes(self, keys: Iterable[str]) -> Mapping[str, Lane]:
        """Those of the lanes that are held now or shut; nobody is kept from moving them."""

    def try_lanes(self, trials: Mapping[str, datetime]) -> None:
        """Hold shut lanes that this transaction holds, for all but one letter, until those moments."""

    def open_lanes(self, trials: Mapping[str, datetime]) -> bool:
        """A letter came through on these trials: their lanes are open; False if they were held anew meanwhile."""

    def look_again(self, kinds: Collection[str], *, waiting: Collection[str]) -> int:
        """Jobs of those kinds that were put back with these words are due now; how many."""

    def at_once(self, lane: str) -> None:
        """The open jobs of that lane that nobody holds are due now."""

    def held(self, prefix: str, *, but: str) -> tuple[str, ...]:
        """The other lanes whose key begins so, and that are held now."""

    def raised(self, job: Job) -> None:
        """Somebody was told of it: the auditor need not."""

    def stands(self, lane: str, *, after: int = 0) -> bool:
        """Whether a job of that lane is open, and was written after the one of that number."""

    def open_payloads(self, kind: str) -> tuple[dict[str, Json], ...]:
        """What the open jobs of a kind carry, the longest due first."""

    def waiting(self) -> int:
        """How many open jobs are due."""

    def counts(self) -> dict[tuple[str, str], int]:
        """How many jobs are open or dead, by state and kind."""

    def oldest_due(self) -> timedelta:
        """For how long the oldest open job has been due; zero if none is."""

    def last_runs(self, name: str, *, since: datetime) -> dict[str, datetime]:
        """When a schedule last ran in each shop, by the shop's key, if it did since then."""


@dataclass(frozen=True, kw_only=True)
class Received:
    """One stored event, as it came."""

    id: int
    source: str
    key: str
    heard_at: datetime
    body: bytes
    headers: dict[str, str]
    shop_id: int | None


class Inbox(Protocol):
    """What arrived, stored before it was answered."""

    def keep(
        self, source: str, key: str, body: bytes, *, headers: Mapping[str, str] | None = None,
        shop_id: int | None = None, lane: str = "",
    ) -> bool:
        """Store an event and the job that works it off; False if it was here before."""

    def first(self, source: str, key: str) -> bool:
        """Remember that this came, where it is worked off at once; False if it was here before."""

    def has(self, source: str, key: str) -> bool:
        """Whether it came before."""

    def quarantine(self, source: str, key: str, body: bytes, reason: str) -> None:
        """Keep what nobody can work off, with the reason, for a person to look at."""

    def quarantined(self) -> dict[str, int]:
        """How many events were kept with a reason why they could not be worked off, by source."""

    def one(self, inbox_id: int) -> Received:
        """A stored event."""

    def worked(self, inbox_id: int, error: str | None = None) -> None:
        """Worked off, or given up with the reason."""


class ShopDirectory(Protocol):
    """Every shop, and which one somebody speaks to."""

    def names(self, shop: Shop, chat: Chat) -> bool:
        """Whether that is a chat of the shop: its file names it."""

    def all(self) -> tuple[Shop, ...]:
        """Every shop, oldest first."""

    def by_key(self, key: str) -> Shop:
        """That shop; NotFound names the ones there are."""

    def of_slack(self, team: str, user: str, channel: str | None) -> tuple[Shop, Staff | None] | None:
        """The shop that a person in a channel means, and who they are of its staff; None if it cannot be told."""

    def asking(self, user: int) -> Shop | None:
        """The shop that waits for the answer of one of its staff in their own Telegram chat; the newest question's."""

    def of_telegram(self, user: int, chat: str) -> Shop | None:
        """The shop that a Telegram account means; None if it cannot be told."""


class Old(Protocol):
    """What is over."""

    def prune(self, keep: timedelta, *, limit: int) -> int:
        """Delete up to ``limit`` rows of each kind that were over before ``keep`` ago; how many went."""


class Transaction(Protocol):
    """One transaction over all shops, as the engine needs it."""

    @property
    def now(self) -> datetime:
        """The moment of this transaction."""

    @property
    def jobs(self) -> Jobs:
        """Jobs and lanes."""

    @property
    def letters(self) -> Letters:
        """What "say" jobs carry."""

    @property
    def old(self) -> Old:
        """What is over."""

    @property
    def alarms(self) -> Alarms:
        """What nobody has been told of yet."""

    @property
    def gatherings(self) -> Gatherings:
        """Channels' budgets."""

    @property
    def buttons(self) -> Buttons:
        """Stored commands."""

    @property
    def inbox(self) -> Inbox:
        """What arrived."""

    @property
    def shops(self) -> ShopDirectory:
        """Every shop."""

    def of(self, shop: Shop | str | int) -> UnitOfWork:
        """The ports of one shop, named by its key or id, in this same transaction."""

    def rehearse(self, work: Callable[[], object]) -> None:
        """Do it and undo it; whatever it raises is raised."""


class Engine(Protocol):
    """The database as seen from outside: whole transactions, one at a time each."""

    @property
    def now(self) -> Callable[[], datetime]:
        """The clock."""

    def write(self, work: Callable[[Transaction], T]) -> Awaitable[T]:
        """Run a function whole in one transaction; returning commits, an exception rolls back."""

    def read(self, work: Callable[[Transaction], T]) -> Awaitable[T]:
        """The same, only looking; takes no writer's place."""
