"""What a shop system's levels do to our stock: it is brought to the newest, whatever the order in which they come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from domain.connections import Connection
from domain.errors import BadInput
from domain.inventory.facts import arrive, look_again
from domain.inventory.levels import (
    ASKED_ALONE,
    LOOK_UP,
    Heard,
    ItemName,
    ItemsLookedUp,
    ItemsNamed,
    LevelChanged,
    StockItem,
    StockLevelTold,
    ToldLevel,
)
from domain.inventory.model import Movement, MovementKind
from domain.inventory.watch import sweep_stock
from domain.ports import UnitOfWork

#: a moment that lies further ahead is a mistake: every later level would be taken for an older one
_AHEAD: Final = timedelta(days=1)
#: an item that nobody knows is asked for at most so often
_ASK_AGAIN: Final = timedelta(hours=1)


def note_level_told(fact: StockLevelTold, uow: UnitOfWork) -> None:
    """Bring our stock to it; where the item or the place is not known, keep it and have the shop system asked."""
    _check(fact, uow)
    item = uow.levels.hold(fact.source, fact.item)
    heard = uow.levels.note(fact, final=False)
    if heard in (Heard.SAME, Heard.OLD):
        return
    item = _matched(uow, item)
    unknown = item.variant_id is None and (item.asked_at is None or item.asked_at <= uow.now - _ASK_AGAIN)
    nowhere = uow.levels.location(fact.source, fact.place) is None
    if unknown or nowhere or heard is Heard.TIE:
        item = _want(uow, item)
    _bring(uow, item)


def note_level_changed(fact: LevelChanged, uow: UnitOfWork) -> None:
    """Have the shop system asked what stands."""
    _want(uow, uow.levels.hold(fact.source, fact.item))


def note_items_named(fact: ItemsNamed, uow: UnitOfWork) -> None:
    """Match items with our variants, and bring their stock to what was told before that."""
    for item in _named(uow, fact.source, fact.items):
        _bring(uow, _matched(uow, item))


def note_items_looked_up(fact: ItemsLookedUp, uow: UnitOfWork) -> None:
    """The same with what was asked for: its word on levels of the same second is the last.

    Without an answer the places get locations by what is known here, and what stays unmatched a finding.
    """
    known, aside = {one.item for one in fact.items}, {one.item for one in fact.asked if one.since is None}
    held = {one.item: uow.levels.hold(fact.source, one.item) for one in sorted(fact.asked, key=lambda one: one.item)}
    for one in fact.asked:
        still = held[one.item].wanted_at if held[one.item].wanted_at != one.since else None
        held[one.item] = replace(held[one.item], asked_at=uow.now, wanted_at=still)
        if not fact.why and one.item not in known:
            held[one.item] = _renamed(uow, held[one.item], None)
        uow.levels.change(held[one.item])
    for renamed in _named(uow, fact.source, fact.items):
        held[renamed.item] = renamed
    for level in fact.levels:
        _check(level, uow)
        if level.item in held:
            uow.levels.note(level, final=True)
    names = dict(fact.places)
    for item in held.values():
        for waiting in uow.levels.open_levels(item.source, item.item):
            uow.levels.link(item.source, waiting.place, names.get(waiting.place))
    for item in held.values():
        matched = _matched(uow, item)
        if matched.variant_id is None:
            gone = not fact.why and matched.item not in known
            # One that was replaced by another with its SKU is nobody's matter any more.
            finding = None if gone and matched.item in aside else _finding(uow, matched, fact, gone=gone)
            uow.levels.change(replace(matched, finding=finding))
        elif matched.source in ASKED_ALONE:
            system = Connection(key=matched.source).name
            why = f"{system} was not asked how many of {matched.sku} there are: {fact.why}." if fact.why else None
            uow.levels.change(replace(matched, finding=why))
        _bring(uow, matched)


def look_after_stock(uow: UnitOfWork) -> None:
    """What is done every quarter of an hour: follow what was imported since its levels were told, and look at all."""
    match_known_items(uow)
    sweep_stock(uow)


def match_known_items(uow: UnitOfWork) -> None:
    """Follow the stock of variants that came after their levels."""
    for source, number in uow.levels.known_now():
        item = uow.levels.hold(source, number)
        for level in uow.levels.open_levels(source, number):
            uow.levels.link(source, level.place, None)
        _bring(uow, _matched(uow, item))


def _check(level: StockLevelTold, uow: UnitOfWork) -> None:
    if level.at > uow.now + _AHEAD:
        raise BadInput(f"The level of item {level.item} is of {level.at:%Y-%m-%d}, which is yet to come.", field="at")


def _named(uow: UnitOfWork, source: str, names: Iterable[ItemName]) -> list[StockItem]:
    """First every item lets go of a SKU that it no longer has: two may have changed theirs for each other's."""
    found = []
    for name in sorted(names, key=lambda one: one.item):
        item = uow.levels.hold(source, name.item)
        if item.named_at is not None and item.named_at > name.at:
            found.append(item)
            continue
        item = replace(_renamed(uow, item, name.sku), named_at=name.at)
        uow.levels.change(item)
        found.append(item)
    return found


def _renamed(uow: UnitOfWork, item: StockItem, sku: str | None) -> StockItem:
    if item.variant_id is not None and sku != item.sku:
        uow.levels.forget_counts(item.source, item.item)
        return replace(item, sku=sku, variant_id=None)
    return replace(item, sku=sku)


def _matched(uow: UnitOfWork, item: StockItem) -> StockItem:
    """The item with its variant. One whose SKU another item stands for has both asked for, unless that was done."""
    if item.variant_id is not None or item.sku is None:
        return item
    variant = uow.inventory.by_sku(item.sku)
    if variant is None:
        return item
    holder = uow.levels.holder(item.source, variant.id)
    if holder is not None and holder != item.item:
        recent = item.asked_at is not None and item.asked_at > uow.now - _ASK_AGAIN
        return item if recent and item.finding else _want(uow, item, also=holder)
    matched = replace(item, variant_id=variant.id, finding=None)
    uow.levels.change(matched)
    return matched


def _want(uow: UnitOfWork, item: StockItem, also: str | None = None) -> StockItem:
    wanted = replace(item, wanted_at=uow.now)
    uow.levels.change(wanted)
    lane = f"{LOOK_UP}:{item.source}:{uow.shop.key}"
    uow.outbox.later(
        LOOK_UP, {"source": item.source, "shop": uow.shop.key, "also": also}, lane=lane, due_at=uow.now,
        once=f"{lane}:{uow.new_id()}",
    )
    return wanted


def _bring(uow: UnitOfWork, item: StockItem) -> None:
    """Our stock becomes what was told, at every place that is known."""
    if item.variant_id is None:
        return
    changed = rose = False
    for level in uow.levels.open_levels(item.source, item.item):
        location = uow.levels.location(item.source, level.place)
        if location is None:
            continue
        change = _correct(uow, item, item.variant_id, level, location)
        uow.levels.counted(item.source, item.item, level.place)
        changed, rose = True, rose or change > 0
    if changed:
        look_again(uow, item.variant_id, rose=rose)


def _correct(uow: UnitOfWork, item: StockItem, variant_id: int, level: ToldLevel, location: str) -> int:
    """Move the difference between a level and what we had when it was told; how many pieces."""
    before, at = uow.levels.stock(variant_id, location, level.holds_until), level.holds_until
    change = level.available - before.available
    if level.counted_at is None and before.opened_at is not None:
        # An import counted what Shopify has had since then: the first level takes its place, or there would be both.
        change, at = change - before.opened, before.opened_at
    if change == 0 and before.known:
        return 0
    kind = MovementKind.CORRECTION if before.known else MovementKind.OPENING
    moved = Movement(
        variant_id=variant_id, location=location, kind=kind, at=at, on_hand=change,
        key=f"told:{item.source}:{item.item}:{level.place}:{uow.new_id()}", reference=item.source,
    )
    uow.inventory.move(moved)
    if change > 0 and level.counted_at is not None:
        sku = uow.inventory.by_id(variant_id).sku
        arrive(uow, variant_id, sku, moved, change)
    return change


def _finding(uow: UnitOfWork, item: StockItem, fact: ItemsLookedUp, *, gone: bool) -> str:
    system = Connection(key=item.source).name
    if fact.why and item.sku is None:
        return f"The SKU of {system}'s inventory item {item.item} is not known: {fact.why}."
    if gone:
        return f"{system} knows no inventory item {item.item}."
    if item.sku is None:
        return f"{system}'s inventory item {item.item} has no SKU: give its variant one."
    if (variant := uow.inventory.by_sku(item.sku)) is None:
        return f"No product here has the SKU {item.sku}: import the products."
    other = uow.levels.holder(item.source, variant.id)
    return f"{system}'s inventory items {other} and {item.item} both have the SKU {item.sku}: give each its own."
