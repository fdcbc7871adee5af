"""What happens to goods and parcels."""

from __future__ import annotations

from datetime import date, datetime, time

from sandbox.demo_shop import ZONE
from sandbox.demo_shop.customers import NAMED
from sandbox.demo_shop.days import working_days_ago
from sandbox.events.event import Asked, whole_number
from sandbox.events.sales import line
from sandbox.shop_state import NotPossible, Sent, ShopState


async def sell_out(shop: ShopState, asked: Asked) -> str:
    """All available pieces of an article go at a marketplace."""
    sku = str(asked["sku"])
    available = shop.stock_of(sku).available
    if available <= 0:
        raise NotPossible(f"{sku} is sold out already.")
    await shop.move(sku, -available, "sale", "marketplace")
    return f"All {available} available pieces of {sku} were sold."


async def sell_some(shop: ShopState, asked: Asked) -> str:
    """So many pieces go at a marketplace; NotPossible beyond what is available."""
    sku, quantity = str(asked["sku"]), whole_number(asked, "quantity")
    available = shop.stock_of(sku).available
    if quantity > available:
        raise NotPossible(f"Only {available} of {sku} are available.")
    await shop.move(sku, -quantity, "sale", "marketplace")
    return f"{quantity} × {sku} sold, {available - quantity} left."


async def restock(shop: ShopState, asked: Asked) -> str:
    """A delivery reaches the warehouse."""
    sku, quantity = str(asked["sku"]), whole_number(asked, "quantity")
    await shop.move(sku, quantity, "receipt", "delivery")
    return f"{quantity} × {sku} came in, {shop.stock_of(sku).available} available."


async def shopify_level(shop: ShopState, asked: Asked) -> str:
    """Somebody types a count into Shopify's admin; nothing but Shopify's own webhook tells of it."""
    sku, quantity = str(asked["sku"]), whole_number(asked, "quantity")
    before = shop.stock_of(sku).available
    await shop.set_in_shopify(sku, quantity)
    return f"Shopify's admin now says {quantity} of {sku}, {before} before."


async def woocommerce_level(shop: ShopState, asked: Asked) -> str:
    """Somebody types a count into WooCommerce; its webhook tells that it changed."""
    sku, quantity = str(asked["sku"]), whole_number(asked, "quantity")
    before = shop.stock_of(sku).available
    await shop.set_in_woocommerce(sku, quantity)
    return f"WooCommerce now says {quantity} of {sku}, {before} before."


# -- parcels


async def parcel_stuck(shop: ShopState, asked: Asked) -> str:
    """An order of Jonas whose parcel the shop tells of late: its last scan is five working days old."""
    del asked
    if shop.stuck:
        raise NotPossible(f"Jonas' parcel of order {shop.stuck} is stuck already.")
    jonas, today = NAMED["jonas"], shop.now.astimezone(ZONE).date()
    ordered, handed = _local(today, 6, time(10, 12)), _local(today, 5, time(17, 44))
    lines = [line(shop, "CUTTING-BOARD-S", 1), line(shop, "SALAD-SERVERS", 1)]
    number = await shop.order(jonas, lines, ordered, promised_in=1, reserve=False)
    digits = f"{shop.random.randrange(10**12):012d}"
    sent = Sent(order=number, carrier="DHL", tracking_number=f"00340434{digits}", city=jonas.city)
    shop.parcels[number], shop.stuck = sent, number
    await shop.scan(sent, "InTransit", "Leipzig hub", at=handed)
    sent.steps = 0
    return f"Order {number} of Jonas Becker is promised for tomorrow, and its parcel was last seen on {handed:%d %B}."


async def parcel_moves(shop: ShopState, asked: Asked) -> str:
    """The parcel's next scan: a hub, then the courier's van."""
    sent = _parcel(shop, asked)
    if sent.steps % 2:
        await shop.scan(sent, "OutForDelivery", sent.city)
        return f"The parcel of order {sent.order} is out for delivery in {sent.city}."
    await shop.scan(sent, "InTransit", f"{sent.city} hub")
    return f"The parcel of order {sent.order} reached {sent.city} hub."


async def parcel_damaged(shop: ShopState, asked: Asked) -> str:
    """The carrier reports damage."""
    sent = _parcel(shop, asked)
    await shop.scan(sent, "Exception", "Hannover hub", "damaged")
    return f"{sent.carrier} reports damage on the parcel of order {sent.order}."


async def parcel_delivered(shop: ShopState, asked: Asked) -> str:
    """The parcel is handed over."""
    sent = _parcel(shop, asked)
    await shop.scan(sent, "Delivered", sent.city)
    if shop.stuck == sent.order:
        shop.stuck = None
    return f"The parcel of order {sent.order} was delivered in {sent.city}."


def _parcel(shop: ShopState, asked: Asked) -> Sent:
    return shop.parcel_of(str(asked["order"] or shop.usual_parcel()).removeprefix("#"))


def _local(today: date, working_days: int, hour: time) -> datetime:
    return datetime.combine(working_days_ago(today, working_days), hour, tzinfo=ZONE)
