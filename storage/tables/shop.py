"""The shop, its people, its customers and the chats it speaks in."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables.core import flag, instant, link, metadata, minor, row_id, shop_id, text

shops = sa.Table(
    "shops",
    metadata,
    row_id(),
    sa.Column("key", sa.Text(), nullable=False, unique=True),
    text("name"),
    text("currency"),
    text("time_zone"),
    text("language"),
    text("country"),
    #: the shop file's [shop], [calendar], [policies] as JSON, read by domain.shops.Shop
    sa.Column("settings", sa.JSON(), nullable=False),
)

staff = sa.Table(
    "staff",
    metadata,
    row_id(),
    shop_id(),
    text("key"),
    text("name"),
    text("role"),
    #: largest refund this person may approve alone; null = no limit of their own (owner, finance), 0 = none
    minor("refund_limit_minor", nullable=True),
    #: most that they may let go in one local day; null = the policy's
    minor("day_limit_minor", nullable=True),
    #: so that nobody decides on what they bought themselves
    text("email", nullable=True),
    text("slack_team", nullable=True),
    text("slack_user", nullable=True),
    sa.Column("telegram_user", sa.BigInteger(), nullable=True),
    flag("active", default=True),
    sa.UniqueConstraint("shop_id", "key"),
    sa.UniqueConstraint("shop_id", "slack_team", "slack_user"),
    sa.UniqueConstraint("shop_id", "telegram_user"),
)

customers = sa.Table(
    "customers",
    metadata,
    row_id(),
    shop_id(),
    text("external_id"),
    text("name", nullable=True),
    text("email", nullable=True),
    text("phone", nullable=True),
    text("language", nullable=True),
    text("country", nullable=True),
    text("region", nullable=True),
    text("postcode", nullable=True),
    sa.Column("telegram_user", sa.BigInteger(), nullable=True),
    #: the number of the orders that the account has proved; "" of those without one; NULL: ``phone``
    text("proved_phone", nullable=True),
    instant("consent_at", nullable=True),
    #: set when the platform says that this person blocked us
    instant("unreachable_at", nullable=True),
    sa.UniqueConstraint("shop_id", "external_id"),
    sa.UniqueConstraint("shop_id", "telegram_user"),
    sa.Index("ix_customers_email", "shop_id", "email"),
    sa.Index("ix_customers_phone", "shop_id", "phone"),
)

#: a person's own digest, beside the shop's
own_digests = sa.Table(
    "own_digests",
    metadata,
    row_id(),
    shop_id(),
    link("staff_id", "staff"),
    #: on the shop's clock: "07:30"
    text("hour"),
    #: all, sales, parcels, returns, stock, to_do
    text("shows"),
    #: slack or telegram: where it was asked for, and comes
    text("platform"),
    instant("changed_at"),
    #: the shop's date of the last one at this hour
    sa.Column("sent_on", sa.Date(), nullable=True),
    sa.UniqueConstraint("staff_id"),
)

#: when a person is told nothing that they did not ask for
quiet_hours = sa.Table(
    "quiet_hours",
    metadata,
    row_id(),
    shop_id(),
    link("staff_id", "staff"),
    #: on the shop's clock, every day: "20:00" to "07:00"; NULL where only whole days are quiet
    text("starts", nullable=True),
    text("ends", nullable=True),
    #: whole days, "5 6": 0 = Monday
    sa.Column("days", sa.Text(), nullable=False, server_default=""),
    instant("changed_at"),
    sa.UniqueConstraint("staff_id"),
)

#: which chat hears which topic
chats = sa.Table(
    "chats",
    metadata,
    row_id(),
    shop_id(),
    text("topic"),
    text("platform"),
    text("address"),
    sa.UniqueConstraint("shop_id", "topic", "platform", "address"),
)

#: a customer who waits for a variant
stock_wishes = sa.Table(
    "stock_wishes",
    metadata,
    row_id(),
    shop_id(),
    link("customer_id", "customers"),
    link("variant_id", "variants"),
    sa.Column("telegram_user", sa.BigInteger(), nullable=False),
    instant("asked_at"),
    instant("told_at", nullable=True),
)
sa.Index(
    "uq_stock_wishes_open",
    stock_wishes.c.shop_id,
    stock_wishes.c.variant_id,
    stock_wishes.c.telegram_user,
    unique=True,
    sqlite_where=stock_wishes.c.told_at.is_(None),
    postgresql_where=stock_wishes.c.told_at.is_(None),
)
