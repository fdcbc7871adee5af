"""The demo shop as files: shop.toml, the CSVs of docs/import-template.md, and what the sandbox's Stripe knows."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from sandbox.demo_shop.catalogue import Product
from sandbox.demo_shop.rows import Demo, Return
from sandbox.demo_shop.stripe_seed import payments_at_stripe

SHOP_TOML = """\
# Nordlicht Shop: the demo shop. Every field is explained in docs/import-template.md.
[shop]
key = "nordlicht"
name = "Nordlicht Shop"
currency = "EUR"
time_zone = "Europe/Berlin"
language = "en"
country = "DE"
digest_at = "08:00"

[policies.returns]
window_days = 30
# damaged goods up to 40 euros: money back, and the customer keeps them
refund_without_return_minor = 4000
photo_required_for = ["damaged", "wrong_item"]
return_cost_minor = 490
answer_within_hours = 7
# 0: one person is enough, within their own limit
second_approver_above_minor = 0
refund_on_receipt = true

[policies.stock]

[policies.delivery]

[[staff]]
key = "ada"
name = "Ada Lindqvist"
role = "owner"
slack_team = "T0NORDLICHT"
slack_user = "U0ADA"
telegram_user = 2002

[[staff]]
key = "ben"
name = "Ben Carter"
role = "support"
refund_limit_minor = 5000
slack_team = "T0NORDLICHT"
slack_user = "U0BEN"

[[staff]]
key = "cleo"
name = "Cleo Martin"
role = "finance"
slack_team = "T0NORDLICHT"
slack_user = "U0CLEO"

[[staff]]
key = "dan"
name = "Dan Weber"
role = "ops"
slack_team = "T0NORDLICHT"
slack_user = "U0DAN"
telegram_user = 2001

[[staff]]
key = "eve"
name = "Eve Novak"
role = "viewer"
slack_team = "T0NORDLICHT"
slack_user = "U0EVE"

[[staff]]
key = "finn"
name = "Finn Okafor"
role = "support"
refund_limit_minor = 5000
slack_team = "T0NORDLICHT"
slack_user = "U0FINN"

[channels.slack]
stock = "C0STOCK"
parcels = "C0PARCELS"
returns = "C0RETURNS"
daily = "C0DAILY"

[channels.telegram]
stock = ["2001"]
daily = ["2002"]
"""


def write(demo: Demo, folder: Path) -> dict[str, int]:
    """Write the folder anew; how many rows went into each CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shop.toml").write_text(SHOP_TOML, encoding="utf-8")
    seed = json.dumps(payments_at_stripe(demo), separators=(",", ":"), ensure_ascii=False)
    (folder / "stripe.json").write_text(seed + "\n", encoding="utf-8")
    return {name: _csv(folder / name, columns, rows) for name, columns, rows in _tables(demo)}


def _csv(path: Path, columns: str, rows: Iterable[tuple[object, ...]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns.split(","))
        for row in rows:
            writer.writerow([_cell(value) for value in row])
            count += 1
    return count


def _cell(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return int(value)
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case _:
            return value


def _amount(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _tables(demo: Demo) -> Iterator[tuple[str, str, Iterable[tuple[object, ...]]]]:
    """Name, columns and rows of every CSV, in the order in which they can be imported."""
    yield (
        "suppliers.csv",
        "supplier,name,lead_time_days,lead_time_sd_days,region",
        ((s.key, s.name, s.lead_time_days, s.lead_time_sd_days, s.region) for s in demo.suppliers),
    )
    yield (
        "products.csv",
        "sku,title,product,category,price,cost,supplier,pack_size,minimum_order,barcode",
        (_product(p) for p in demo.products),
    )
    yield (
        "stock.csv",
        "sku,location,on_hand,reserved,incoming,counted_at",
        (
            (level.sku, level.location, level.on_hand, level.reserved, level.incoming, level.counted_at)
            for level in demo.levels
        ),
    )
    yield (
        "customers.csv",
        "customer,name,email,phone,country,language",
        ((c.key, c.name, c.email, c.phone, c.country, c.language) for c in demo.customers),
    )
    yield from _order_tables(demo)
    yield (
        "returns.csv",
        "return,order,sku,quantity,reason,state,requested_at,decided_at,received_at,refunded_at,amount,refund",
        (_return(row) for row in demo.returns),
    )


def _order_tables(demo: Demo) -> Iterator[tuple[str, str, Iterable[tuple[object, ...]]]]:
    yield (
        "orders.csv",
        "order,customer,status,placed_at,approved_at,currency,promised_on,ship_by,country",
        (
            (
                o.number,
                o.customer.key,
                o.status,
                o.placed_at,
                o.approved_at,
                "EUR",
                o.promised_on,
                o.ship_by,
                o.customer.country,
            )
            for o in demo.orders
        ),
    )
    yield (
        "order_lines.csv",
        "order,line,sku,title,quantity,unit_price,freight",
        (
            (o.number, place, line.sku, line.title, line.quantity, _amount(line.unit_price), _amount(line.freight))
            for o in demo.orders
            for place, line in enumerate(o.lines, 1)
        ),
    )
    yield (
        "payments.csv",
        "order,sequence,method,amount,paid_at,payment_intent,card_last4",
        (
            (
                o.number,
                1,
                o.payment.method,
                _amount(o.payment.amount),
                o.payment.paid_at,
                o.payment.intent,
                o.payment.last4,
            )
            for o in demo.orders
        ),
    )
    shipped = [(order, order.parcel) for order in demo.orders if order.parcel]
    yield (
        "parcels.csv",
        "order,parcel,carrier,tracking_number,origin,destination,international,expected_on",
        (
            (o.number, 1, p.carrier, p.tracking_number, "Leipzig", p.destination, p.international, p.expected_on)
            for o, p in shipped
        ),
    )
    yield (
        "scans.csv",
        "order,parcel,at,milestone,substatus,place",
        ((o.number, 1, scan.at, scan.milestone, scan.substatus, scan.place) for o, p in shipped for scan in p.scans),
    )


def _product(p: Product) -> tuple[object, ...]:
    head = (p.sku, p.title, p.product, p.category, _amount(p.price), _amount(p.cost))
    return (*head, p.supplier, p.pack_size, p.minimum_order, p.barcode)


def _return(row: Return) -> tuple[object, ...]:
    head = (row.number, row.order.number, row.sku, row.quantity, row.reason, row.state)
    return (
        *head,
        row.requested_at,
        row.decided_at,
        row.received_at,
        row.refunded_at,
        _amount(row.amount),
        row.refund,
    )
