"""What can happen to the demo shop, at the press of a button: ``/control/shop/events``, ``/control/shop/event``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.demo_shop import ZONE
from sandbox.demo_shop.customers import NAMED
from sandbox.demo_shop.days import working_days_ago
from sandbox.demo_shop.featured import MARIA_ORDER
from sandbox.demo_shop.rows import Customer, Line
from sandbox.shop_state import NotPossible, NotTaken, Sent, ShopState
from sandbox.stripe.errors import Refusal

if TYPE_CHECKING:
    from sandbox.world import World

#: the answer waits so many real seconds for something to be seen, then for so many without any change, at most so many
FIRST, QUIET, AT_MOST = 3.0, 0.5, 10.0
MUG = "BLU-MUG-300"
#: most orders that one event places
MOST_ORDERS = 200

Asked = Mapping[str, Any]
#: what happened, in one sentence for the page
Act = Callable[[ShopState, Asked], Awaitable[str]]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A field of an event. ``kind``: sku, number, order, return, customer, refund, text; no default = chosen then."""

    name: str
    label: str
    kind: str
    default: str | int | None = None


@dataclass(frozen=True, kw_only=True)
class ShopEvent:
    """Something that can happen."""

    event: str
    label: str
    act: Act
    parameters: tuple[Parameter, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For the page's buttons."""
        fields = [
            {"name": one.name, "label": one.label, "kind": one.kind, "default": one.default} for one in self.parameters
        ]
        return {"event": self.event, "label": self.label, "parameters": fields}


def control_routes(world: World) -> list[web.RouteDef]:
    """The two addresses of the control API."""
    desk = _Desk(world)
    return [web.get("/control/shop/events", desk.show), web.post("/control/shop/event", desk.happen)]


class _Desk:
    """Runs one event after the other; begins anew after a reset."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._state: ShopState | None = None
        self._one_at_a_time = asyncio.Lock()

    def _shop(self) -> ShopState:
        if self._state is None or self._state.epoch != self._world.clock.epoch:
            self._state = ShopState(self._world)
        return self._state

    async def show(self, _: web.Request) -> web.Response:
        """The list of events."""
        return web.json_response({"events": [event.as_json() for event in EVENTS.values()]})

    async def happen(self, request: web.Request) -> web.Response:
        """Let one happen, and wait until everything it caused is there to be seen."""
        try:
            asked = json.loads(await request.read() or b"{}")
        except ValueError:
            asked = None
        if not isinstance(asked, dict) or asked.get("event") not in EVENTS:
            return _refused(f"Say which event: {', '.join(EVENTS)}.")
        event = EVENTS[asked["event"]]
        unknown = set(asked) - {"event"} - {one.name for one in event.parameters}
        if unknown:
            names = ", ".join(one.name for one in event.parameters) or "no parameters"
            return _refused(f"{event.event} takes {names}, not {', '.join(sorted(unknown))}.")
        return await self._run(event, asked)

    async def _run(self, event: ShopEvent, asked: dict[str, Any]) -> web.Response:
        given = {one.name: one.default for one in event.parameters} | {
            name: value for name, value in asked.items() if value not in (None, "")
        }
        async with self._one_at_a_time:
            await self._world.stripe.load()
            before = self._world.change
            try:
                happened = await event.act(self._shop(), given)
            except NotPossible as error:
                return _refused(str(error))
            except Refusal as error:
                return _refused(error.message)
            except NotTaken as error:
                return _refused(str(error), 502)
            await self._seen(before)
            saw = self._world.transcript.since(before)
        return web.json_response({"ok": True, "happened": happened, "saw": saw})


    async def _seen(self, before: int) -> None:
        """Until something became visible and all is quiet again; some events are seen nowhere."""
        loop = asyncio.get_running_loop()
        end = loop.time() + FIRST
        while self._world.change == before and loop.time() < end:
            await asyncio.sleep(0.02)
        await self._world.quiet(QUIET, AT_MOST)


def _refused(text: str, status: int = 400) -> web.Response:
    return web.json_response({"error": text}, status=status)


def _number(asked: Asked, name: str) -> int:
    """A whole number from 1 to 100,000."""
    value = asked[name]
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100_000:
        raise NotPossible(f"{name} must be a whole number from 1 to 100000.")
    return value


# -- stock


async def _sell_out(shop: ShopState, asked: Asked) -> str:
    sku = str(asked["sku"])
    available = shop.stock_of(sku).available
    if available <= 0:
        raise NotPossible(f"{sku} is sold out already.")
    await shop.move(sku, -available, "sale", "marketplace")
    return f"All {available} available pieces of {sku} were sold."


async def _sell_some(shop: ShopState, asked: Asked) -> str:
    sku, quantity = str(asked["sku"]), _number(asked, "quantity")
    available = shop.stock_of(sku).available
    if quantity > available:
        raise NotPossible(f"Only {available} of {sku} are available.")
    await shop.move(sku, -quantity, "sale", "marketplace")
    return f"{quantity} × {sku} sold, {available - quantity} left."


async def _restock(shop: ShopState, asked: Asked) -> str:
    sku, quantity = str(asked["sku"]), _number(asked, "quantity")
    await shop.move(sku, quantity, "receipt", "delivery")
    return f"{quantity} × {sku} came in, {shop.stock_of(sku).available} available."


async def _shopify_level(shop: ShopState, asked: Asked) -> str:
    """Somebody types a count into Shopify's admin; nothing but Shopify's own webhook tells of it."""
    sku, quantity = str(asked["sku"]), _number(asked, "quantity")
    before = shop.stock_of(sku).available
    await shop.set_in_shopify(sku, quantity)
    return f"Shopify's admin now says {quantity} of {sku}, {before} before."


# -- parcels


async def _parcel_stuck(shop: ShopState, asked: Asked) -> str:
    """An order of Jonas whose parcel the shop tells of late: its last scan is five working days old."""
    del asked
    if shop.stuck:
        raise NotPossible(f"Jonas' parcel of order {shop.stuck} is stuck already.")
    jonas, today = NAMED["jonas"], shop.now.astimezone(ZONE).date()
    ordered, handed = _local(today, 6, time(10, 12)), _local(today, 5, time(17, 44))
    lines = [_line(shop, "CUTTING-BOARD-S", 1), _line(shop, "SALAD-SERVERS", 1)]
    number = await shop.order(jonas, lines, ordered, promised_in=1, reserve=False)
    digits = f"{shop.random.randrange(10**12):012d}"
    sent = Sent(order=number, carrier="DHL", tracking_number=f"00340434{digits}", city=jonas.city)
    shop.parcels[number], shop.stuck = sent, number
    await shop.scan(sent, "InTransit", "Leipzig hub", at=handed)
    sent.steps = 0
    return f"Order {number} of Jonas Becker is promised for tomorrow, and its parcel was last seen on {handed:%d %B}."


async def _parcel_moves(shop: ShopState, asked: Asked) -> str:
    sent = _parcel(shop, asked)
    if sent.steps % 2:
        await shop.scan(sent, "OutForDelivery", sent.city)
        return f"The parcel of order {sent.order} is out for delivery in {sent.city}."
    await shop.scan(sent, "InTransit", f"{sent.city} hub")
    return f"The parcel of order {sent.order} reached {sent.city} hub."


async def _parcel_damaged(shop: ShopState, asked: Asked) -> str:
    sent = _parcel(shop, asked)
    await shop.scan(sent, "Exception", "Hannover hub", "damaged")
    return f"{sent.carrier} reports damage on the parcel of order {sent.order}."


async def _parcel_delivered(shop: ShopState, asked: Asked) -> str:
    sent = _parcel(shop, asked)
    await shop.scan(sent, "Delivered", sent.city)
    if shop.stuck == sent.order:
        shop.stuck = None
    return f"The parcel of order {sent.order} was delivered in {sent.city}."


def _parcel(shop: ShopState, asked: Asked) -> Sent:
    return shop.parcel_of(str(asked["order"] or shop.usual_parcel()).removeprefix("#"))


def _local(today: date, working_days: int, hour: time) -> datetime:
    return datetime.combine(working_days_ago(today, working_days), hour, tzinfo=ZONE)


# -- orders


async def _order_placed(shop: ShopState, asked: Asked) -> str:
    customer = NAMED.get(str(asked["customer"]).lower())
    if customer is None:
        raise NotPossible(f"There is no customer {asked['customer']!r}; there are {', '.join(NAMED)}.")
    quantity = _number(asked, "quantity")
    lines = [_line(shop, str(asked["sku"]), quantity)]
    number = await shop.order(customer, lines, shop.now, promised_in=5)
    return f"Order {number}: {customer.name} bought {quantity} × {lines[0].title}."


async def _busy_hour(shop: ShopState, asked: Asked) -> str:
    count = min(_number(asked, "orders"), MOST_ORDERS)
    await _orders(shop, count, shop.now - timedelta(hours=1))
    return f"{count} orders came in within an hour."


async def _catch_up(shop: ShopState, asked: Asked) -> str:
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
        lines = [_line(shop, product.sku, 1) for product in picked if shop.stock_of(product.sku).available > 0]
        await shop.order(customer, lines or [_line(shop, "SOAP-LAVENDER", 1)], moment, promised_in=5)
    shop.ordered_until = until


def _line(shop: ShopState, sku: str, quantity: int) -> Line:
    shop.stock_of(sku)
    product = shop.prices[sku]
    return Line(sku=sku, title=product.title, quantity=quantity, unit_price=product.price)


# -- what comes back


async def _return_received(shop: ShopState, asked: Asked) -> str:
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
    quantity = _number({"quantity": asked["quantity"] or announced[1]}, "quantity")
    shop.stock_of(sku)
    damaged = quantity if asked["condition"] == "damaged" else 0
    lines = [{"sku": sku, "received": quantity, "damaged": damaged}]
    await shop.tell("return.received", {"return": number, "lines": lines})
    shop.received.add(number)
    if quantity > damaged:
        await shop.move(sku, quantity - damaged, "return", number)
    return f"{number} came back: {quantity} × {sku}, {damaged or 'none'} damaged."


async def _refund_fails(shop: ShopState, asked: Asked) -> str:
    stripe = shop.world.stripe
    wanted = asked["refund"]
    if wanted is None:
        wanted = next((refund.id for _, refund in stripe.refunds() if refund.status in ("succeeded", "pending")), None)
    if wanted is None:
        raise NotPossible("There is no refund that could fail.")
    refund = stripe.settle(str(wanted), "failed")
    return f"The bank sent refund {refund.id} of €{refund.amount / 100:.2f} back: {refund.failure_reason}."


async def _dispute(shop: ShopState, asked: Asked) -> str:
    payment = shop.order_to_dispute(str(asked["order"]).removeprefix("#"))
    dispute = shop.world.stripe.open_dispute(payment)
    return f"{payment.name} disputes €{dispute.amount / 100:.2f} of order {payment.metadata['order']}."


_SKU = Parameter(name="sku", label="Article", kind="sku", default=MUG)
_ORDER = Parameter(name="order", label="Order", kind="order")


def _event(event: str, label: str, act: Act, *parameters: Parameter) -> tuple[str, ShopEvent]:
    return event, ShopEvent(event=event, label=label, act=act, parameters=parameters)


EVENTS: Mapping[str, ShopEvent] = dict(
    (
        _event("sell_out", "Sell out the blue mug", _sell_out, _SKU),
        _event(
            "sell_some",
            "Sell some",
            _sell_some,
            _SKU,
            Parameter(name="quantity", label="Pieces", kind="number", default=10),
        ),
        _event(
            "restock",
            "A delivery comes in",
            _restock,
            _SKU,
            Parameter(name="quantity", label="Pieces", kind="number", default=144),
        ),
        _event(
            "shopify_level",
            "A count is typed into Shopify",
            _shopify_level,
            _SKU,
            Parameter(name="quantity", label="Available", kind="number", default=200),
        ),
        _event("parcel_stuck", "Jonas' parcel is stuck", _parcel_stuck),
        _event("parcel_damaged", "The carrier reports damage", _parcel_damaged, _ORDER),
        _event("parcel_moves", "A parcel moves on", _parcel_moves, _ORDER),
        _event("parcel_delivered", "A parcel is delivered", _parcel_delivered, _ORDER),
        _event(
            "order_placed",
            "A customer orders",
            _order_placed,
            Parameter(name="customer", label="Customer", kind="customer", default="maria"),
            _SKU,
            Parameter(name="quantity", label="Pieces", kind="number", default=1),
        ),
        _event(
            "busy_hour",
            "A busy hour",
            _busy_hour,
            Parameter(name="orders", label="Orders", kind="number", default=30),
        ),
        _event("catch_up", "The orders since the clock was moved", _catch_up),
        _event(
            "return_received",
            "A return arrives in the warehouse",
            _return_received,
            Parameter(name="return", label="Return", kind="return"),
            Parameter(name="sku", label="Article", kind="sku"),
            Parameter(name="quantity", label="Pieces", kind="number"),
            Parameter(name="condition", label="Condition (good or damaged)", kind="text", default="good"),
        ),
        _event(
            "refund_fails",
            "A refund fails at the bank",
            _refund_fails,
            Parameter(name="refund", label="Refund", kind="refund"),
        ),
        _event(
            "dispute",
            "A dispute arrives",
            _dispute,
            Parameter(name="order", label="Order", kind="order", default=MARIA_ORDER),
        ),
    )
)
