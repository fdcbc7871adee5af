"""Customers as rows, and who waits for which variant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from domain.customers import Customer, StockWish
from domain.errors import Conflict, NotFound
from domain.shops import Shop
from storage.database import Insert, Upsert
from storage.tables import customers as table
from storage.tables import stock_wishes

#: the key of a customer who is known by a Telegram account alone, until an order proves who they are
_ACCOUNT_ONLY: Final = "telegram:"

_SHOP: Final[sa.BindParameter[int]] = sa.bindparam("shop")
_WHICH: Final[sa.BindParameter[int]] = sa.bindparam("which")
_VARIANT: Final[sa.BindParameter[int]] = sa.bindparam("variant")

_CUSTOMERS: Final = sa.select(table).where(table.c.shop_id == _SHOP).order_by(table.c.id)
_CUSTOMER: Final = _CUSTOMERS.where(table.c.id == _WHICH)
_BY_EXTERNAL_ID: Final = _CUSTOMERS.where(table.c.external_id == sa.bindparam("which"))
_BY_TELEGRAM: Final = _CUSTOMERS.where(table.c.telegram_user == sa.bindparam("which"))
_CHANGE: Final = sa.update(table).where(table.c.shop_id == _SHOP)
_CHANGE_ONE: Final = _CHANGE.where(table.c.id == _WHICH)
_CHANGE_ACCOUNT: Final = _CHANGE.where(table.c.telegram_user == sa.bindparam("which"))
_WISH: Final = Upsert(stock_wishes, lambda new: new.on_conflict_do_nothing().returning(stock_wishes.c.id))
_WISHES: Final = (
    sa.select(stock_wishes)
    .where(
        stock_wishes.c.shop_id == _SHOP, stock_wishes.c.variant_id == _VARIANT, stock_wishes.c.told_at.is_(None)
    )
    .order_by(stock_wishes.c.asked_at, stock_wishes.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer()))
)
_WISH_TOLD: Final = sa.update(stock_wishes).where(
    stock_wishes.c.shop_id == _SHOP, stock_wishes.c.id == _WHICH, stock_wishes.c.told_at.is_(None)
)
_TAKE_OVER: Final = sa.update(stock_wishes).where(
    stock_wishes.c.shop_id == _SHOP, stock_wishes.c.customer_id == _WHICH
)


@cache
def _upsert(known: frozenset[str]) -> Upsert[Insert]:
    """Made, or these fields brought up to date."""
    def conflict(new: Insert) -> Insert:
        keys = ["shop_id", "external_id"]
        if not known:
            return new.on_conflict_do_nothing(index_elements=keys)
        return new.on_conflict_do_update(
            index_elements=keys, set_={name: new.excluded[name] for name in sorted(known)}
        )

    return Upsert(table, conflict)


@dataclass(frozen=True)
class CustomerRows:
    """The customers of one shop."""

    connection: sa.Connection
    shop: Shop
    now: datetime

    def by_id(self, customer_id: int) -> Customer:
        """That customer; NotFound."""
        found = self._one(_CUSTOMER, which=customer_id)
        if found is None:
            raise NotFound("I don't know that customer any more.")
        return found

    def by_external_id(self, external_id: str) -> Customer | None:
        """By the shop system's key."""
        return self._one(_BY_EXTERNAL_ID, which=external_id)

    def by_telegram(self, user: int) -> Customer | None:
        """Whose Telegram account this is."""
        return self._one(_BY_TELEGRAM, which=user)

    def link_telegram(
        self, customer_id: int, user: int, *, language: str | None, phone: str | None = None
    ) -> Customer:
        """Remember the account as theirs; wishes made before they were known move to them.

        Conflict if the account is another customer's, or if theirs is another account.
        """
        owner = self.by_telegram(user)
        if owner is not None and owner.id != customer_id:
            if not owner.external_id.startswith(_ACCOUNT_ONLY):
                raise Conflict("This Telegram account belongs to another customer of the shop.")
            self._take_over(owner.id, customer_id)
        customer = self.by_id(customer_id)
        if customer.telegram_user not in (None, user):
            raise Conflict("That customer already writes from another Telegram account. Ask the shop.")
        values: dict[str, object] = {"telegram_user": user, "unreachable_at": None, "proved_phone": phone}
        if customer.consent_at is None or customer.telegram_user is None:
            values["consent_at"] = self.now
        if language and not customer.language:
            values["language"] = language
        self._run(_CHANGE_ONE, which=customer_id, **values)
        return self.by_id(customer_id)

    def unreachable(self, telegram_user: int) -> None:
        """They blocked us."""
        self._run(_CHANGE_ACCOUNT, which=telegram_user, unreachable_at=self.now)

    def wish(self, customer_id: int, variant_id: int, telegram_user: int) -> bool:
        """The unique index over open wishes decides."""
        row = self.connection.execute(_WISH.on(self.connection), {
            "shop_id": self.shop.id, "customer_id": customer_id, "variant_id": variant_id,
            "telegram_user": telegram_user, "asked_at": self.now,
        }).scalar()
        return row is not None

    def wishes(self, variant_id: int, limit: int) -> tuple[StockWish, ...]:
        """Who still waits, oldest first."""
        rows = self.connection.execute(_WISHES, {"shop": self.shop.id, "variant": variant_id, "most": limit})
        return tuple(
            StockWish(id=row.id, customer_id=row.customer_id, variant_id=row.variant_id,
                      telegram_user=row.telegram_user, asked_at=row.asked_at)
            for row in rows
        )

    def wish_told(self, wish_id: int) -> bool:
        """Once, by compare and set."""
        changed = self.connection.execute(
            _WISH_TOLD, {"shop": self.shop.id, "which": wish_id, "told_at": self.now}
        )
        return changed.rowcount == 1

    def upsert(
        self, external_id: str, *, name: str | None, email: str | None, phone: str | None, language: str | None = None
    ) -> Customer:
        """Made, or brought up to date; None leaves a field as it is."""
        given = {"name": name, "email": email, "phone": phone, "language": language}
        known = frozenset(field for field, value in given.items() if value is not None)
        self.connection.execute(
            _upsert(known).on(self.connection), {"shop_id": self.shop.id, "external_id": external_id, **given}
        )
        found = self._one(_BY_EXTERNAL_ID, which=external_id)
        if found is None:
            raise NotFound("I don't know that customer any more.")
        return found

    def _take_over(self, placeholder: int, customer_id: int) -> None:
        """Wishes of an account-only customer become the known customer's; the account becomes free."""
        self._run(_TAKE_OVER, which=placeholder, customer_id=customer_id)
        self._run(_CHANGE_ONE, which=placeholder, telegram_user=None)

    def _run(self, statement: sa.Update, **given: object) -> None:
        self.connection.execute(statement, {"shop": self.shop.id, **given})

    def _one(self, statement: sa.Select[*tuple[Any, ...]], **given: object) -> Customer | None:
        found = self._select(statement, **given)
        return found[0] if found else None

    def _select(self, statement: sa.Select[*tuple[Any, ...]], **given: object) -> tuple[Customer, ...]:
        rows = self.connection.execute(statement, {"shop": self.shop.id, **given})
        return tuple(
            Customer(
                id=row.id, external_id=row.external_id, name=row.name, email=row.email, phone=row.phone,
                language=row.language, telegram_user=row.telegram_user,
                proved_phone=row.proved_phone, consent_at=row.consent_at,
                unreachable_at=row.unreachable_at,
            )
            for row in rows
        )

