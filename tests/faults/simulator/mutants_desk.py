"""Defects in what staff and customers hear: late parcels, and chats that refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import domain.shipping.actions
import domain.shipping.facts
import domain.shipping.watch
import notifications.telegram.carrier
from storage.parcels import ParcelRows
from tests.faults.simulator.mutants import Planting, mutant, put, reword

if TYPE_CHECKING:
    from tests.faults.simulator.world import World


@mutant("I5", story="parcel")
def parcel_by_the_last_word(world: World, planting: Planting) -> None:
    """Where a parcel is, is what was heard last, not what happened last."""
    del world
    before = domain.shipping.facts.progress
    told: list[Any] = []

    def add_scan(self: Any, parcel_id: int, scan: Any, *, key: str) -> bool:
        told.append(scan)
        return adds(self, parcel_id, scan, key=key)

    adds = put(planting, ParcelRows, "add_scan", add_scan)
    put(planting, domain.shipping.facts, "progress", lambda _scans: before(told[-1:]))


@mutant("I4", "I6", "I8", story="parcel")
def case_without_compare_and_set(world: World, planting: Planting) -> None:
    """A case is changed whatever its version is by now: two people write to one customer."""
    reword(world, planting, ("cases.version = ?", "(cases.version = ? OR 1)"), only="UPDATE cases")


@mutant("I6", story="parcel")
def told_from_an_old_card(world: World, planting: Planting) -> None:
    """A button under an older version of a parcel's card writes to the customer once more."""
    del world
    before = domain.shipping.actions.parcel_case
    put(planting, domain.shipping.actions, "parcel_case", lambda case: replace(before(case), told=None))


@mutant("I4", story="parcel")
def trouble_without_a_card(world: World, planting: Planting) -> None:
    """Only parcels that are late by the calendar get a card, not those that their carrier reports in trouble."""
    del world
    before = domain.shipping.watch.late_of

    def late_of(uow: Any, parcel: Any, at: Any) -> Any:
        found = before(uow, parcel, at)
        return found if found is not None and found.days_late else None

    put(planting, domain.shipping.watch, "late_of", late_of)


@mutant("I4", story="parcel")
def refused_in_silence(world: World, planting: Planting) -> None:
    """A customer has blocked the bot, and the staff who wrote to them never hear of it."""
    del world
    put(planting, notifications.telegram.carrier, "cannot_reach", lambda *_: None)
