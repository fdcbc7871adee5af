"""Returns, approvals, cases with their cards, dialogues, buttons and the audit trail."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables.core import RowId, count, instant, link, metadata, minor, row_id, shop_id, text

returns = sa.Table(
    "returns",
    metadata,
    row_id(),
    shop_id(),
    text("number"),
    link("order_id", "orders"),
    link("customer_id", "customers", nullable=True),
    #: requested, photo_asked, approved, declined, received, refunding, refunded, refund_failed, cancelled
    text("state"),
    #: rises with every change; a button pressed for an older one is refused
    count("version", default=1),
    text("reason"),
    text("note", nullable=True),
    #: the platform's file id of the customer's photo
    text("photo", nullable=True),
    sa.Column("telegram_user", sa.BigInteger(), nullable=True),
    minor("requested_minor"),
    minor("approved_minor", nullable=True),
    #: what the customer pays for sending it back
    minor("cost_minor"),
    text("currency"),
    #: keep or send_back
    text("goods"),
    #: the policy's verdict with its figures, for the card and for later
    sa.Column("verdict", sa.JSON(), nullable=False),
    instant("requested_at"),
    instant("answer_by"),
    link("decided_by", "staff", nullable=True),
    instant("decided_at", nullable=True),
    text("decision_note", nullable=True),
    instant("received_at", nullable=True),
    instant("closed_at", nullable=True),
    sa.UniqueConstraint("shop_id", "number"),
    sa.Index("ix_returns_requested", "shop_id", "requested_at"),
    sa.Index("ix_returns_decided", "shop_id", "decided_at"),
    sa.Index("ix_returns_order", "shop_id", "order_id"),
    sa.Index("ix_returns_customer", "shop_id", "customer_id"),
    sa.Index("ix_returns_telegram", "shop_id", "telegram_user"),
)

#: of a return that waits for staff; written out, or neither database finds the index by it
RETURN_WAITS = "state IN ('photo_asked', 'received', 'refund_failed', 'requested')"
sa.Index(
    "ix_returns_waiting", returns.c.shop_id, returns.c.answer_by, sqlite_where=sa.text(RETURN_WAITS),
    postgresql_where=sa.text(RETURN_WAITS),
)

return_lines = sa.Table(
    "return_lines",
    metadata,
    row_id(),
    shop_id(),
    link("return_id", "returns"),
    link("order_line_id", "order_lines"),
    count("quantity"),
    count("received"),
    count("damaged"),
    sa.UniqueConstraint("return_id", "order_line_id"),
    sa.CheckConstraint("quantity > 0", name="quantity_positive"),
)

#: one decision that lets money go: exactly this return, this version, this amount
approvals = sa.Table(
    "approvals",
    metadata,
    row_id(),
    shop_id(),
    link("return_id", "returns"),
    count("version"),
    minor("amount_minor"),
    text("currency"),
    link("staff_id", "staff"),
    instant("at"),
    #: the version that the first of two people approved; null where one was enough
    count("first_version", default=None),
    #: the local day on which it counts against the limits; null for a first of two, which lets nothing go
    sa.Column("counted_on", sa.Date(), nullable=True),
    #: when it stopped counting: the refund failed, or the return was called off or decided anew
    instant("released_at", nullable=True),
    #: MAC over the row under a key that is not in the database; empty = from before there were any, and worth nothing
    text("mac", default=""),
    sa.UniqueConstraint("return_id", "version"),
)

#: what was let go, by whom, to whom and in all: limits are guarded updates of these rows
allowances = sa.Table(
    "allowances",
    metadata,
    row_id(),
    shop_id(),
    #: staff:3, staff:3:order:9, customer:17, shop
    text("scope"),
    #: the shop's local day; 1970-01-01 where it counts for ever, and for the row that is locked for a period
    sa.Column("day", sa.Date(), nullable=False),
    minor("used_minor"),
    sa.UniqueConstraint("shop_id", "scope", "day"),
    sa.CheckConstraint("used_minor >= 0", name="used_not_negative"),
)

#: an alert, a late parcel, a return, a dispute: what a card is about
cases = sa.Table(
    "cases",
    metadata,
    row_id(),
    shop_id(),
    #: low_stock, late_parcel, return, dispute, ...
    text("kind"),
    #: what it is about: a SKU, a parcel, a return number
    text("subject"),
    #: open, snoozed, resolved
    text("state"),
    count("version", default=1),
    #: rule and figures, as the card shows them
    sa.Column("facts", sa.JSON(), nullable=False),
    instant("opened_at"),
    instant("changed_at"),
    instant("snoozed_until", nullable=True),
    instant("resolved_at", nullable=True),
    link("owner_id", "staff", nullable=True),
)
_RESOLVED = cases.c.resolved_at.is_not(None)
sa.Index(
    "ix_cases_resolved", cases.c.shop_id, cases.c.kind, cases.c.subject, sqlite_where=_RESOLVED,
    postgresql_where=_RESOLVED,
)
sa.Index(
    "uq_cases_one_open",
    cases.c.shop_id,
    cases.c.kind,
    cases.c.subject,
    unique=True,
    sqlite_where=cases.c.resolved_at.is_(None),
    postgresql_where=cases.c.resolved_at.is_(None),
)

#: where a card stands: one row for each chat that shows it
cards = sa.Table(
    "cards",
    metadata,
    row_id(),
    shop_id(),
    text("key"),
    text("platform"),
    text("address"),
    #: the platform's id of the message; null until it was posted
    text("message_id", nullable=True),
    count("version"),
    sa.UniqueConstraint("shop_id", "key", "platform", "address"),
)

#: a stored command behind a button
buttons = sa.Table(
    "buttons",
    metadata,
    sa.Column("token", sa.Text(), primary_key=True),
    shop_id(),
    text("command"),
    sa.Column("fields", sa.JSON(), nullable=False),
    #: the one person who may press it ("slack:T/U", "telegram:1001"); null = whoever is entitled
    text("presser", nullable=True),
    #: the question before it counts, where the platform has no dialog of its own for that
    sa.Column("confirm", sa.JSON(none_as_null=True), nullable=True),
    #: the kind of the message it stands under
    text("shown_in"),
    #: single use: the first press that goes through marks it
    sa.Column("once", sa.Boolean(), nullable=False),
    instant("made_at"),
    instant("expires_at", nullable=True),
    instant("used_at", nullable=True),
    text("used_by", nullable=True),
    sa.Index("ix_buttons_expires_at", "expires_at"),
)

#: where a person stands in a conversation of several steps
dialogues = sa.Table(
    "dialogues",
    metadata,
    row_id(),
    shop_id(),
    text("platform"),
    text("address"),
    text("name"),
    sa.Column("state", sa.JSON(), nullable=False),
    instant("changed_at"),
    sa.UniqueConstraint("shop_id", "platform", "address"),
)

#: codes sent to prove that an order is one's own
proofs = sa.Table(
    "proofs",
    metadata,
    row_id(),
    shop_id(),
    text("address"),
    link("order_id", "orders", nullable=True),
    text("code_hash"),
    count("tries"),
    instant("made_at"),
    instant("expires_at"),
    instant("used_at", nullable=True),
)

audit = sa.Table(
    "audit",
    metadata,
    row_id(),
    shop_id(),
    instant("at"),
    #: "staff:ada", "customer:1001", "stripe", "clock"
    text("actor"),
    text("action"),
    text("subject"),
    sa.Column("detail", sa.JSON(), nullable=False),
    text("previous_hash"),
    text("hash"),
    sa.Index("ix_audit_subject", "shop_id", "subject"),
    sa.Index("ix_audit_shop", "shop_id", "id"),
)

#: how long each shop's trail is and how it ends, under a MAC: what is cut off at the end is missed here
audit_heads = sa.Table(
    "audit_heads",
    metadata,
    sa.Column("shop_id", RowId, sa.ForeignKey("shops.id", ondelete="CASCADE"), primary_key=True),
    count("lines"),
    text("hash"),
    text("mac"),
)

#: numbers given out in order: PO-1043, R-319
counters = sa.Table(
    "counters",
    metadata,
    row_id(),
    shop_id(),
    text("name"),
    count("value"),
    sa.UniqueConstraint("shop_id", "name"),
)

disputes = sa.Table(
    "disputes",
    metadata,
    row_id(),
    shop_id(),
    text("stripe_dispute"),
    link("payment_id", "payments"),
    text("state"),
    text("reason"),
    minor("amount_minor"),
    text("currency"),
    instant("opened_at"),
    instant("due_by", nullable=True),
    sa.UniqueConstraint("shop_id", "stripe_dispute"),
)
