"""Levels as a shop system tells them: its items and places as ours, and what was last told of each.

A told level is absolute and ours are sums of movements (docs/decisions/0005-told-levels.md has the rule).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, Protocol

from domain.messages import Fact

#: the kind of job that asks a shop system what its items are
LOOK_UP: Final = "items"
#: whose levels are known by asking alone, as of the moment of the question
ASKED_ALONE: Final = frozenset({"woocommerce"})
#: how precise a shop system's moments are: what moved within the same second is in the level
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class StockLevelTold(Fact):
    """A shop system says how many pieces of its item can be sold at its place. ``at``: its own moment of that level."""

    source: str
    item: str
    place: str
    available: int
    at: datetime


@dataclass(frozen=True, kw_only=True)
class LevelChanged(Fact):
    """A shop system says that an item's level is another now, in no order with what else it says: it is to be asked."""

    source: str
    item: str


@dataclass(frozen=True, kw_only=True)
class ItemName:
    """The SKU that a shop system's item carries; None = it has none. ``at``: its own moment of that word."""

    item: str
    sku: str | None
    at: datetime


@dataclass(frozen=True, kw_only=True)
class ItemsNamed(Fact):
    """A shop system says which SKUs its items carry."""

    source: str
    items: tuple[ItemName, ...]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An item that is to be asked for, since then; None: for another item's sake."""

    item: str
    since: datetime | None


@dataclass(frozen=True, kw_only=True)
class ItemsLookedUp(Fact):
    """What a shop system answered about its items. ``why``: the reason why it was not asked or did not answer.

    An asked item that is not among ``items`` is gone there. ``places``: their names by their numbers, as far as known.
    """

    source: str
    asked: tuple[Wanted, ...]
    items: tuple[ItemName, ...] = ()
    levels: tuple[StockLevelTold, ...] = ()
    places: tuple[tuple[str, str], ...] = ()
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class StockItem:
    """A shop system's item as we know it. ``finding``: why its stock is not followed, in a sentence for the owner."""

    source: str
    item: str
    sku: str | None = None
    named_at: datetime | None = None
    variant_id: int | None = None
    wanted_at: datetime | None = None
    asked_at: datetime | None = None
    finding: str | None = None


@dataclass(frozen=True, kw_only=True)
class ToldLevel:
    """The newest level of an item at a place. ``counted_at``: our stock was brought to an earlier or this one then."""

    place: str
    available: int
    told_at: datetime
    counted_at: datetime | None

    @property
    def holds_until(self) -> datetime:
        """What moved up to then is in it."""
        return end_of_second(self.told_at)


class Heard(Enum):
    """What a level is to what was told before."""

    NEW = "new"
    SAME = "same"
    OLD = "old"
    #: another level of the same second: which of the two was last cannot be told from them
    TIE = "tie"


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What we had of a variant at a location up to a moment. ``known``: whether anything ever moved there.

    ``opened`` and ``opened_at``: pieces that an import counted later than that, and when it last did.
    """

    available: int
    known: bool
    opened: int = 0
    opened_at: datetime | None = None


class ShopLevels(Protocol):
    """What shop systems told of one shop's stock."""

    def hold(self, source: str, item: str) -> StockItem:
        """That item, made where it is new, and held until the transaction ends: its events are taken in turn."""

    def change(self, item: StockItem) -> None:
        """Write what changed of it."""

    def holder(self, source: str, variant_id: int) -> str | None:
        """The item that stands for that variant."""

    def note(self, level: StockLevelTold, *, final: bool) -> Heard:
        """Keep a level unless a newer one is known. ``final``: of two of the same second this one is the later."""

    def forget_counts(self, source: str, item: str) -> None:
        """Its levels are of another variant from now on: our stock has yet to be brought to them."""

    def open_levels(self, source: str, item: str) -> tuple[ToldLevel, ...]:
        """Levels of it that our stock was not brought to, by place."""

    def counted(self, source: str, item: str, place: str) -> None:
        """Our stock is what was told there last."""

    def location(self, source: str, place: str) -> str | None:
        """The key of our location that stands for that place."""

    def link(self, source: str, place: str, name: str | None) -> str:
        """The same, found or made: the one of that name; the first one where the source has none yet; a new one."""

    def stock(self, variant_id: int, location: str, until: datetime) -> Counted:
        """What there is, without what moved later, held until the transaction ends."""

    def holds_until(self, variant_id: int, location: str) -> datetime | None:
        """Up to which moment whatever moved is in a level that was told; None where none was."""

    def wanted(self, source: str, limit: int) -> tuple[Wanted, ...]:
        """Items that are to be asked for, the longest waiting first."""

    def known_now(self) -> tuple[tuple[str, str], ...]:
        """Source and number of unmatched items whose SKU is a variant's by now."""


def end_of_second(moment: datetime) -> datetime:
    """The last microsecond of that second."""
    return moment.replace(microsecond=0) + _SECOND - timedelta(microseconds=1)
