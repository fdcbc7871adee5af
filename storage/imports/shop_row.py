"""The shop that an import is for: the one there is, or one made from the mapping's defaults."""

from __future__ import annotations

import re
from typing import Final

import sqlalchemy as sa

from domain.errors import BadInput, NotFound
from domain.imports import ShopDefaults
from domain.money import exponent
from domain.shops import Shop
from domain.time import zone
from storage.database import insert
from storage.shops import ShopRows
from storage.tables import shops

_KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")


def shop_for(connection: sa.Connection, key: str, defaults: ShopDefaults | None) -> Shop:
    """That shop; made where it is not there and the defaults say what it is. An existing one is left as it is."""
    if not _KEY.fullmatch(key):
        raise BadInput(f"{key[:60]!r} cannot be a shop's key: use a-z, 0-9, - and _, such as nordlicht.")
    rows = ShopRows(connection)
    try:
        return rows.by_key(key)
    except NotFound:
        if defaults is None:
            raise NotFound(
                f"There is no shop {key!r} yet, and the mapping has no [shop] to make it from. Put a shop.toml "
                "with [shop] name, currency and time_zone into the folder, or apply a shop file first."
            ) from None
    exponent(defaults.currency)
    zone(defaults.time_zone)
    connection.execute(
        insert(connection, shops)
        .values(
            key=key, name=defaults.name, currency=defaults.currency, time_zone=defaults.time_zone,
            language=defaults.language, country=defaults.country,
            settings={"digest_at": defaults.digest_at, "calendar": {"country": defaults.country}},
        )
        .on_conflict_do_nothing(index_elements=["key"])
    )
    return rows.by_key(key)
