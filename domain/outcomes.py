"""What carrying a job came to. Three outcomes are told apart: it happened, it cannot happen, and nobody knows.

Only an Unknown one is ever carried a second time without looking, and each carrier says how it looks first. They are
values, not exceptions, so that none can be missed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol, TypeAlias

from domain.jobs import Job, Transaction
from domain.wire import Json

_FIRST_WAIT: Final = timedelta(seconds=2)
_LONGEST_WAIT: Final = timedelta(minutes=15)
#: why a job was put back though nothing is wrong with it: its lane's pace
WAITS_FOR_TURN: Final = "waiting for its turn"
#: ... and because another tries its shut lane for all
WAITS_FOR_TRIAL: Final = "waiting until one letter has come through"


@dataclass(frozen=True, kw_only=True)
class Done:
    """It happened; ``receipt`` is what the other side gave us (a message's id, a refund's state)."""

    receipt: dict[str, Json] = field(default_factory=dict)
    #: whether the other side was heard at all: a look that could not be made is over, too
    heard: bool = True


@dataclass(frozen=True, kw_only=True)
class Later:
    """It did not happen, and may after ``wait``. ``lane``: what else must wait as long ("" = only this job)."""

    wait: timedelta
    reason: str
    lane: str = ""
    #: the other side takes nothing on that lane: after the wait one job at a time tries it, until one comes through
    shut: bool = False
    #: a platform that asks us to wait is obeyed for as long as it asks, without counting attempts
    counts: bool = True


@dataclass(frozen=True, kw_only=True)
class Failed:
    """It can never happen like this; a person must know. ``code``: the other side's own word for it, if it has one."""

    reason: str
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """The wire broke after we spoke: it may have happened."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Superseded:
    """A newer version of the same card has gone out or is on its way."""


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """It is counted in another message instead of being shown by itself. ``into``: the job that carries that one."""

    into: int


Outcome: TypeAlias = Done | Later | Failed | Unknown | Superseded | Gathered


def knows_us(outcome: Outcome) -> bool:
    """Whether the other side took it, or refused it alone in a word of its own: our token is not what is wrong."""
    return (isinstance(outcome, Done) and outcome.heard) or (isinstance(outcome, Failed) and outcome.code != "")


@dataclass(eq=False)
class NotNow(Exception):
    """The other side wants nothing for so long. Nothing was said since the last turn."""

    wait: timedelta


class TooLate(Exception):
    """So little of the lease is left that somebody else may speak, too. Nothing was said since the last turn."""


class Turn(Protocol):
    """Awaited right before the wire, once for each call out."""

    async def __call__(self, lanes: Mapping[str, timedelta] | None = None) -> None:
        """Return when the job may speak; NotNow or TooLate if it may not.

        ``lanes``: those of this call, with their distances as in ``Carrier.gaps``; None = the job's own.
        """


async def at_once(lanes: Mapping[str, timedelta] | None = None) -> None:
    """The turn of whoever need not wait."""


class Carrier(Protocol):
    """One way out: a chat platform, a payment service."""

    @property
    def kind(self) -> str:
        """The kind of job it carries."""

    def gaps(self, job: Job) -> Mapping[str, timedelta]:
        """The lanes to take a place in before the wire, narrowest first, with the distance each keeps.

        Zero = only obey its holds.
        """

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:
        """A last look before the wire, in the transaction that marks the job as sending; None = go on.

        An outcome settles the job at once, and takes no place in any lane.
        """

    async def carry(self, job: Job, turn: Turn) -> Outcome:
        """Do it, once, at its turn. ``job.in_doubt``: an earlier attempt may have gone through, so look first.

        NotNow and TooLate pass through: the job comes again.
        """

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        """Write what the outcome leaves behind, in the transaction that closes the job."""


def in_our_words(reason: str) -> str:
    """A reason as far as we wrote it: what the other side said after it may quote a person, so no log gets it.

    The whole reason stands with the job (``opsbell jobs list``).
    """
    return reason.partition(": ")[0]


def retry_after(header: str | None, *, usual: timedelta = timedelta(seconds=30)) -> timedelta:
    """What a Retry-After header asks for, in [1 s, 1 h]; ``usual`` where it cannot be read (none, a date, "soon")."""
    try:
        seconds = float(header or "")
    except ValueError:
        return usual
    if seconds != seconds:  # noqa: PLR0124  not a number
        return usual
    return timedelta(seconds=min(max(seconds, 1.0), 3600.0))


def wait_before(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 2 s, 4 s, 8 s ... 15 min."""
    doublings: int = 2 ** (min(attempts, 20) - 1)
    return min(_FIRST_WAIT * doublings, _LONGEST_WAIT)
