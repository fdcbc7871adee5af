"""Suppliers as rows, and their terms for a variant: what was chosen, and what was ordered before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from domain.errors import NotFound
from domain.inventory import Offer, Supplier
from domain.shops import Shop
from storage.database import Upsert
from storage.tables import purchase_order_lines, purchase_orders, supplier_terms, suppliers, variants

_SHOP: Final[sa.BindParameter[int]] = sa.bindparam("shop")
_WHICH: Final[sa.BindParameter[int]] = sa.bindparam("which")

_SUPPLIER: Final = (
    suppliers.c.id, suppliers.c.name, suppliers.c.lead_time_days, suppliers.c.lead_time_sd_days,
)
_ALL: Final = sa.select(*_SUPPLIER).where(suppliers.c.shop_id == _SHOP).order_by(suppliers.c.name, suppliers.c.id)
_FIRST: Final = _ALL.limit(sa.bindparam("most", type_=sa.Integer()))
_BY_ID: Final = _ALL.where(suppliers.c.id == _WHICH)
_NAMED: Final = _ALL.where(sa.func.lower(suppliers.c.name) == sa.bindparam("name", type_=sa.String()))

_ORDERED_FROM: Final = (
    sa.select(purchase_orders.c.supplier_id)
    .join(purchase_order_lines, purchase_order_lines.c.purchase_order_id == purchase_orders.c.id)
    .where(purchase_orders.c.shop_id == _SHOP, purchase_order_lines.c.variant_id == _WHICH)
)
_KNOWN: Final = (
    sa.select(
        *_SUPPLIER,
        sa.func.coalesce(supplier_terms.c.pack_size, variants.c.pack_size).label("pack_size"),
        sa.func.coalesce(supplier_terms.c.minimum_order, variants.c.minimum_order).label("minimum_order"),
    )
    .select_from(
        suppliers.join(variants, sa.and_(variants.c.shop_id == suppliers.c.shop_id, variants.c.id == _WHICH))
        .outerjoin(supplier_terms, sa.and_(
            supplier_terms.c.supplier_id == suppliers.c.id, supplier_terms.c.variant_id == variants.c.id,
        ))
    )
    .where(
        suppliers.c.shop_id == _SHOP,
        sa.or_(
            supplier_terms.c.id.is_not(None), suppliers.c.id == variants.c.supplier_id,
            suppliers.c.id.in_(_ORDERED_FROM),
        ),
    )
    .order_by(suppliers.c.name, suppliers.c.id)
)
_REMEMBER: Final = Upsert(supplier_terms, lambda new: new.on_conflict_do_update(
    index_elements=["variant_id", "supplier_id"],
    set_={"pack_size": new.excluded.pack_size, "minimum_order": new.excluded.minimum_order},
))
_CHOOSE: Final = sa.update(variants).where(variants.c.shop_id == _SHOP, variants.c.id == _WHICH)


@dataclass(frozen=True)
class SupplierRows:
    """The suppliers of one shop."""

    connection: sa.Connection
    shop: Shop

    def known_for(self, variant_id: int) -> tuple[Offer, ...]:
        """By terms, by its own row, by past purchase orders."""
        rows = self.connection.execute(_KNOWN, {"shop": self.shop.id, "which": variant_id})
        return tuple(
            Offer(supplier=_supplier(row), pack_size=row.pack_size, minimum_order=row.minimum_order) for row in rows
        )

    def all(self, limit: int) -> tuple[Supplier, ...]:
        """By name."""
        rows = self.connection.execute(_FIRST, {"shop": self.shop.id, "most": limit})
        return tuple(_supplier(row) for row in rows)

    def named(self, name: str) -> Supplier | None:
        """Whatever the case."""
        row = self.connection.execute(_NAMED, {"shop": self.shop.id, "name": name.lower()}).first()
        return None if row is None else _supplier(row)

    def by_id(self, supplier_id: int) -> Supplier:
        """That one; NotFound."""
        row = self.connection.execute(_BY_ID, {"shop": self.shop.id, "which": supplier_id}).first()
        if row is None:
            raise NotFound("I don't know that supplier any more.")
        return _supplier(row)

    def choose(self, variant_id: int, offer: Offer) -> None:
        """The variant's own row, and the terms beside it."""
        self.connection.execute(_CHOOSE, {
            "shop": self.shop.id, "which": variant_id, "supplier_id": offer.supplier.id,
            "pack_size": offer.pack_size, "minimum_order": offer.minimum_order,
        })
        self.remember(variant_id, offer)

    def remember(self, variant_id: int, offer: Offer) -> None:
        """One row for a variant and a supplier."""
        self.connection.execute(_REMEMBER.on(self.connection), {
            "shop_id": self.shop.id, "variant_id": variant_id, "supplier_id": offer.supplier.id,
            "pack_size": offer.pack_size, "minimum_order": offer.minimum_order,
        })


def _supplier(row: sa.Row[*tuple[Any, ...]]) -> Supplier:
    return Supplier(id=row.id, name=row.name, lead_time_days=row.lead_time_days,
                    lead_time_sd_days=row.lead_time_sd_days)
