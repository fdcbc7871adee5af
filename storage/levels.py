"""What shop systems told of stock, as rows: their items and places, and the newest level of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from domain.inventory import (
    Counted,
    Heard,
    MovementKind,
    StockItem,
    StockLevelTold,
    ToldLevel,
    Wanted,
    end_of_second,
)
from domain.shops import Shop
from storage.database import Insert, Upsert
from storage.tables import locations, stock_items, stock_levels, stock_movements, stock_places, told_levels, variants

_SHOP: Final[sa.BindParameter[int]] = sa.bindparam("shop")
_SOURCE: Final = sa.bindparam("of_source", type_=sa.Text())
_ITEM: Final = sa.bindparam("of_item", type_=sa.Text())
_PLACE: Final = sa.bindparam("of_place", type_=sa.Text())
_WHICH: Final[sa.BindParameter[int]] = sa.bindparam("which")
_item, _told, _place, _level, _moved = (
    stock_items.c, told_levels.c, stock_places.c, stock_levels.c, stock_movements.c
)

_THIS_ITEM: Final = (_item.shop_id == _SHOP, _item.source == _SOURCE, _item.item == _ITEM)
_LEVELS_OF_ITEM: Final = (_told.shop_id == _SHOP, _told.source == _SOURCE, _told.item == _ITEM)
#: writing it as it is locks it; a row that is new is locked by being written
_HOLD: Final = Upsert(
    stock_items,
    lambda new: new.on_conflict_do_update(
        index_elements=["shop_id", "source", "item"], set_={"item": new.excluded.item}
    ).returning(stock_items),
)
_CHANGE: Final = sa.update(stock_items).where(*_THIS_ITEM)
_HOLDER: Final = sa.select(_item.item).where(
    _item.shop_id == _SHOP, _item.source == _SOURCE, _item.variant_id == _WHICH
)
_KEPT: Final = sa.select(_told.available, _told.told_at).where(*_LEVELS_OF_ITEM, _told.place == _PLACE)
_KEEP: Final = Upsert(
    told_levels,
    lambda new: new.on_conflict_do_update(
        index_elements=["shop_id", "source", "item", "place"],
        set_={"available": new.excluded.available, "told_at": new.excluded.told_at, "open": sa.true()},
    ),
)
_FORGET: Final = sa.update(told_levels).where(*_LEVELS_OF_ITEM).values(counted_at=None, open=sa.true())
_OPEN: Final = (
    sa.select(_told.place, _told.available, _told.told_at, _told.counted_at)
    .where(*_LEVELS_OF_ITEM, _told.open.is_(True))
    .order_by(_told.place)
)
_COUNTED: Final = (
    sa.update(told_levels).where(*_LEVELS_OF_ITEM, _told.place == _PLACE)
    .values(counted_at=_told.told_at, open=sa.false())
)
_LOCATION_OF: Final = (
    sa.select(locations.c.key).join(stock_places, stock_places.c.location_id == locations.c.id)
    .where(_place.shop_id == _SHOP, _place.source == _SOURCE, _place.place == _PLACE)
)
_LINKED: Final = sa.select(_place.location_id).where(_place.shop_id == _SHOP, _place.source == _SOURCE)
_NAMED: Final = (
    sa.select(locations.c.id)
    .where(
        locations.c.shop_id == _SHOP, locations.c.id.not_in(_LINKED),
        sa.or_(
            sa.func.lower(locations.c.key) == sa.bindparam("called", type_=sa.Text()),
            sa.func.lower(locations.c.name) == sa.bindparam("called", type_=sa.Text()),
        ),
    )
    .order_by(locations.c.id).limit(1)
)
_FIRST: Final = (
    sa.select(locations.c.id).where(locations.c.shop_id == _SHOP, ~sa.exists(_LINKED)).order_by(locations.c.id).limit(1)
)
_ADD_LOCATION: Final = Upsert(locations, lambda new: new.on_conflict_do_nothing())
_LOCATION: Final = sa.select(locations.c.id).where(
    locations.c.shop_id == _SHOP, locations.c.key == sa.bindparam("of_key", type_=sa.Text())
)
_LINK: Final = Upsert(stock_places, lambda new: new.on_conflict_do_nothing())


def _as_it_is(new: Insert) -> Insert:
    """A level that is there is locked and left as it is."""
    return new.on_conflict_do_update(
        index_elements=["shop_id", "variant_id", "location_id"], set_={"on_hand": stock_levels.c.on_hand}
    )


_HOLD_STOCK: Final = Upsert(stock_levels, _as_it_is)
_THERE: Final = (_level.shop_id == _SHOP, _level.variant_id == _WHICH, _level.location_id == sa.bindparam("where"))
_NOW: Final = sa.select(_level.on_hand - _level.reserved).where(*_THERE)
_HERE: Final = (_moved.shop_id == _SHOP, _moved.variant_id == _WHICH, _moved.location_id == sa.bindparam("where"))
_LATER: Final = sa.select(sa.func.coalesce(sa.func.sum(_moved.on_hand - _moved.reserved), 0)).where(
    *_HERE, _moved.at > sa.bindparam("until")
)
#: an import's differences are counts, too (storage.imports.derived)
_OPENED: Final = sa.select(
    sa.func.coalesce(sa.func.sum(_moved.on_hand - _moved.reserved), 0).label("pieces"),
    sa.func.max(_moved.at, type_=_moved.at.type).label("last"),
).where(
    *_HERE, _moved.at > sa.bindparam("until"),
    sa.or_(_moved.kind == MovementKind.OPENING.value, _moved.reference == "import"),
)
#: goods on the way are no count
_COUNTS: Final = sa.or_(_moved.on_hand != 0, _moved.reserved != 0, _moved.kind == MovementKind.OPENING.value)
_EVER: Final = sa.select(sa.exists().where(*_HERE, _COUNTS))
_HOLDS: Final = (
    sa.select(sa.func.max(_told.counted_at, type_=_told.counted_at.type))
    .join(stock_items, sa.and_(
        _item.shop_id == _told.shop_id, _item.source == _told.source, _item.item == _told.item
    ))
    .join(stock_places, sa.and_(
        _place.shop_id == _told.shop_id, _place.source == _told.source, _place.place == _told.place
    ))
    .join(locations, locations.c.id == _place.location_id)
    .where(
        _item.shop_id == _SHOP, _item.variant_id == _WHICH,
        locations.c.key == sa.bindparam("of_key", type_=sa.Text()),
    )
)
_WANTED: Final = (
    sa.select(_item.item, _item.wanted_at)
    .where(_item.shop_id == _SHOP, _item.source == _SOURCE, _item.wanted_at.is_not(None))
    .order_by(_item.wanted_at, _item.id).limit(sa.bindparam("most", type_=sa.Integer()))
)
_other = stock_items.alias("other").c
_KNOWN_NOW: Final = (
    sa.select(_item.source, _item.item)
    .join(variants, sa.and_(variants.c.shop_id == _item.shop_id, variants.c.sku == _item.sku))
    .where(
        _item.shop_id == _SHOP, _item.variant_id.is_(None),
        sa.exists().where(_told.shop_id == _SHOP, _told.source == _item.source, _told.item == _item.item),
        ~sa.exists().where(_other.shop_id == _SHOP, _other.source == _item.source, _other.variant_id == variants.c.id),
    )
    .order_by(_item.source, _item.item)
)


@dataclass(frozen=True)
class LevelRows:
    """What shop systems told of one shop's stock."""

    connection: sa.Connection
    shop: Shop
    now: datetime

    def hold(self, source: str, item: str) -> StockItem:
        """That item, its row locked."""
        row = self.connection.execute(
            _HOLD.on(self.connection), {"shop_id": self.shop.id, "source": source, "item": item}
        ).one()
        return StockItem(
            source=row.source, item=row.item, sku=row.sku, named_at=row.named_at, variant_id=row.variant_id,
            wanted_at=row.wanted_at, asked_at=row.asked_at, finding=row.finding,
        )

    def change(self, item: StockItem) -> None:
        """Write what changed of it."""
        self.connection.execute(_CHANGE, {
            **self._of(item.source, item.item), "sku": item.sku, "named_at": item.named_at,
            "variant_id": item.variant_id, "wanted_at": item.wanted_at, "asked_at": item.asked_at,
            "finding": item.finding,
        })

    def holder(self, source: str, variant_id: int) -> str | None:
        """The item of that variant."""
        given = {"shop": self.shop.id, "of_source": source, "which": variant_id}
        found: str | None = self.connection.execute(_HOLDER, given).scalar()
        return found

    def note(self, level: StockLevelTold, *, final: bool) -> Heard:
        """Whoever holds the item is alone with its levels: they may be read before they are written."""
        given = {**self._of(level.source, level.item), "of_place": level.place}
        kept = self.connection.execute(_KEPT, given).one_or_none()
        heard = Heard.NEW
        if kept is not None and kept.told_at >= level.at:
            if kept.told_at > level.at:
                return Heard.OLD
            if kept.available == level.available:
                return Heard.SAME
            heard = Heard.NEW if final else Heard.TIE
        self.connection.execute(_KEEP.on(self.connection), {
            "shop_id": self.shop.id, "source": level.source, "item": level.item, "place": level.place,
            "available": level.available, "told_at": level.at,
        })
        return heard

    def forget_counts(self, source: str, item: str) -> None:
        """As if our stock had never been brought to its levels."""
        self.connection.execute(_FORGET, self._of(source, item))

    def open_levels(self, source: str, item: str) -> tuple[ToldLevel, ...]:
        """Those that our stock was not brought to."""
        rows = self.connection.execute(_OPEN, self._of(source, item))
        return tuple(
            ToldLevel(place=row.place, available=row.available, told_at=row.told_at, counted_at=row.counted_at)
            for row in rows
        )

    def counted(self, source: str, item: str, place: str) -> None:
        """Our stock is what was told there last."""
        self.connection.execute(_COUNTED, {**self._of(source, item), "of_place": place})

    def location(self, source: str, place: str) -> str | None:
        """Our location's key."""
        given = {"shop": self.shop.id, "of_source": source, "of_place": place}
        found: str | None = self.connection.execute(_LOCATION_OF, given).scalar()
        return found

    def link(self, source: str, place: str, name: str | None) -> str:
        """The location of that name; else the first one if the source has none yet; else a new one."""
        if (known := self.location(source, place)) is not None:
            return known
        given = {"shop": self.shop.id, "of_source": source}
        found = None
        if name is not None:
            found = self.connection.execute(_NAMED, {**given, "called": name.strip().lower()}).scalar()
        if found is None:
            found = self.connection.execute(_FIRST, given).scalar()
        if found is None:
            found = self._new_location(f"{source}-{place}", name)
        self.connection.execute(_LINK.on(self.connection), {
            "shop_id": self.shop.id, "source": source, "place": place, "location_id": found,
        })
        # Two at once may have chosen the same location: whose link was not written takes one of its own.
        if (linked := self.location(source, place)) is not None:
            return linked
        self.connection.execute(_LINK.on(self.connection), {
            "shop_id": self.shop.id, "source": source, "place": place,
            "location_id": self._new_location(f"{source}-{place}", name),
        })
        return self.location(source, place) or f"{source}-{place}"

    def stock(self, variant_id: int, location: str, until: datetime) -> Counted:
        """Held by its level's row, which every movement writes."""
        where = self.connection.execute(_LOCATION, {"shop": self.shop.id, "of_key": location}).scalar_one()
        given = {"shop": self.shop.id, "which": variant_id, "where": where}
        before = self.connection.execute(_NOW, given).scalar()
        self.connection.execute(_HOLD_STOCK.on(self.connection), {
            "shop_id": self.shop.id, "variant_id": variant_id, "location_id": where, "on_hand": 0, "reserved": 0,
            "incoming": 0, "changed_at": min(until, self.now),
        })
        now = self.connection.execute(_NOW, given).scalar_one()
        later = self.connection.execute(_LATER, {**given, "until": until}).scalar_one()
        # Where nothing ever was, the ledger of other places is not read through to find that out.
        known = before is not None and (before != 0 or bool(self.connection.execute(_EVER, given).scalar()))
        opened = self.connection.execute(_OPENED, {**given, "until": until}).one()
        return Counted(available=now - int(later), known=known, opened=int(opened.pieces), opened_at=opened.last)

    def holds_until(self, variant_id: int, location: str) -> datetime | None:
        """The end of the second of the newest level that our stock was brought to."""
        given = {"shop": self.shop.id, "which": variant_id, "of_key": location}
        found = self.connection.execute(_HOLDS, given).scalar()
        return None if found is None else end_of_second(found)

    def wanted(self, source: str, limit: int) -> tuple[Wanted, ...]:
        """Those that wait longest."""
        rows = self.connection.execute(_WANTED, {"shop": self.shop.id, "of_source": source, "most": limit})
        return tuple(Wanted(item=row.item, since=row.wanted_at) for row in rows)

    def known_now(self) -> tuple[tuple[str, str], ...]:
        """Unmatched items with levels, whose SKU is a variant's by now."""
        rows = self.connection.execute(_KNOWN_NOW, {"shop": self.shop.id})
        return tuple((row.source, row.item) for row in rows)

    def _new_location(self, key: str, name: str | None) -> int:
        self.connection.execute(
            _ADD_LOCATION.on(self.connection), {"shop_id": self.shop.id, "key": key, "name": name or key.capitalize()}
        )
        found: int = self.connection.execute(_LOCATION, {"shop": self.shop.id, "of_key": key}).scalar_one()
        return found

    def _of(self, source: str, item: str) -> dict[str, object]:
        return {"shop": self.shop.id, "of_source": source, "of_item": item}
