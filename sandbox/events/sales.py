"""What customers do: they order, send back and dispute."""

from __future__ import annotations

from datetime import datetime, timedelta

from sandbox.demo_shop.customers import NAMED
from sandbox.demo_shop.rows import Customer, Line
from sandbox.events.event import MUG, Asked, whole_number
from sandbox.shop_state import NotPossible, ShopState

#: most orders that one event places
MOST_ORDERS = 200


async def order_placed(shop: ShopState, asked: Asked) -> str:
    """One of the named customers orders one article."""
    customer = NAMED.get(str(asked["customer"]).lower())
    if customer is None:
        raise NotPossible(f"There is no customer {asked['customer']!r}; there are {', '.join(NAMED)}.")
    quantity = whole_number(asked, "quantity")
    lines = [line(shop, str(asked["sku"]), quantity)]
    number = await shop.order(customer, lines, shop.now, promised_in=5)
    return f"Order {number}: {customer.name} bought {quantity} × {lines[0].title}."


async def busy_hour(shop: ShopState, asked: Asked) -> str:
    """So many strangers' orders within the last hour."""
    count = min(whole_number(asked, "orders"), MOST_ORDERS)
    await _orders(shop, count, shop.now - timedelta(hours=1))
    return f"{count} orders came in within an hour."


async def catch_up(shop: ShopState, asked: Asked) -> str:
    """As many orders as usual since the last ones, so that a moved clock does not leave an empty day."""
    del asked
    hours = (shop.now - shop.ordered_until).total_seconds() / 3600
    count = min(round(hours * 3.2), MOST_ORDERS)
    if count < 1:
        raise NotPossible("No time has passed in which orders could have come. Move the clock first.")
    await _orders(shop, count, shop.ordered_until)
    return f"{count} orders came in since the last ones."


async def _orders(shop: ShopState, count: int, since: datetime) -> None:
    rng, until = shop.random, shop.now
    weights = [product.weight for product in shop.demo.products]
    strangers = shop.demo.customers[len(NAMED) :]
    for moment in sorted(since + (until - since) * rng.random() for _ in range(count)):
        customer: Customer = rng.choice(strangers)
        picked = dict.fromkeys(rng.choices(shop.demo.products, weights, k=rng.choice((1, 1, 2))))
        lines = [line(shop, product.sku, 1) for product in picked if shop.stock_of(product.sku).available > 0]
        await shop.order(customer, lines or [line(shop, "SOAP-LAVENDER", 1)], moment, promised_in=5)
    shop.ordered_until = until


def line(shop: ShopState, sku: str, quantity: int) -> Line:
    """So many of an article at its price; NotPossible where there is no such article."""
    shop.stock_of(sku)
    product = shop.prices[sku]
    return Line(sku=sku, title=product.title, quantity=quantity, unit_price=product.price)


# -- what comes back


async def return_received(shop: ShopState, asked: Asked) -> str:
    """The warehouse unpacks a return: the newest made in chat, else the newest approved one of the history."""
    number = asked["return"]
    if number is None:
        out = [row.number for row in shop.demo.returns if row.state == "approved"] + shop.returns_of_chats()
        out = [one for one in out if one not in shop.received]
        if not out:
            raise NotPossible("All returns that were approved have come back. Name another one.")
        number = out[-1]
    number = str(number).upper()
    announced = shop.announced(number) or (MUG, 1)
    sku = str(asked["sku"] or announced[0])
    quantity = whole_number({"quantity": asked["quantity"] or announced[1]}, "quantity")
    shop.stock_of(sku)
    damaged = quantity if asked["condition"] == "damaged" else 0
    lines = [{"sku": sku, "received": quantity, "damaged": damaged}]
    await shop.tell("return.received", {"return": number, "lines": lines})
    shop.received.add(number)
    if quantity > damaged:
        await shop.move(sku, quantity - damaged, "return", number)
    return f"{number} came back: {quantity} × {sku}, {damaged or 'none'} damaged."


async def refund_fails(shop: ShopState, asked: Asked) -> str:
    """The bank sends a refund back: the one that is named, else the newest that can fail."""
    stripe = shop.world.stripe
    wanted = asked["refund"]
    if wanted is None:
        wanted = next((refund.id for _, refund in stripe.refunds() if refund.status in ("succeeded", "pending")), None)
    if wanted is None:
        raise NotPossible("There is no refund that could fail.")
    refund = stripe.settle(str(wanted), "failed")
    return f"The bank sent refund {refund.id} of €{refund.amount / 100:.2f} back: {refund.failure_reason}."


async def dispute(shop: ShopState, asked: Asked) -> str:
    """The customer of an order disputes its payment."""
    payment = shop.order_to_dispute(str(asked["order"]).removeprefix("#"))
    dispute = shop.world.stripe.open_dispute(payment)
    return f"{payment.name} disputes €{dispute.amount / 100:.2f} of order {payment.metadata['order']}."
