"""All that can happen to the demo shop."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.demo_shop.featured import MARIA_ORDER
from sandbox.events import goods, sales
from sandbox.events.event import MUG, Act, Parameter, ShopEvent

_SKU = Parameter(name="sku", label="Article", kind="sku", default=MUG)
_ORDER = Parameter(name="order", label="Order", kind="order")


def _event(event: str, label: str, act: Act, *parameters: Parameter) -> tuple[str, ShopEvent]:
    return event, ShopEvent(event=event, label=label, act=act, parameters=parameters)


EVENTS: Mapping[str, ShopEvent] = dict(
    (
        _event("sell_out", "Sell out the blue mug", goods.sell_out, _SKU),
        _event(
            "sell_some",
            "Sell some",
            goods.sell_some,
            _SKU,
            Parameter(name="quantity", label="Pieces", kind="number", default=10),
        ),
        _event(
            "restock",
            "A delivery comes in",
            goods.restock,
            _SKU,
            Parameter(name="quantity", label="Pieces", kind="number", default=144),
        ),
        _event(
            "shopify_level",
            "A count is typed into Shopify",
            goods.shopify_level,
            _SKU,
            Parameter(name="quantity", label="Available", kind="number", default=200),
        ),
        _event(
            "woocommerce_level",
            "A count is typed into WooCommerce",
            goods.woocommerce_level,
            _SKU,
            Parameter(name="quantity", label="Available", kind="number", default=200),
        ),
        _event("parcel_stuck", "Jonas' parcel is stuck", goods.parcel_stuck),
        _event("parcel_damaged", "The carrier reports damage", goods.parcel_damaged, _ORDER),
        _event("parcel_moves", "A parcel moves on", goods.parcel_moves, _ORDER),
        _event("parcel_delivered", "A parcel is delivered", goods.parcel_delivered, _ORDER),
        _event(
            "order_placed",
            "A customer orders",
            sales.order_placed,
            Parameter(name="customer", label="Customer", kind="customer", default="maria"),
            _SKU,
            Parameter(name="quantity", label="Pieces", kind="number", default=1),
        ),
        _event(
            "busy_hour",
            "A busy hour",
            sales.busy_hour,
            Parameter(name="orders", label="Orders", kind="number", default=30),
        ),
        _event("catch_up", "The orders since the clock was moved", sales.catch_up),
        _event(
            "return_received",
            "A return arrives in the warehouse",
            sales.return_received,
            Parameter(name="return", label="Return", kind="return"),
            Parameter(name="sku", label="Article", kind="sku"),
            Parameter(name="quantity", label="Pieces", kind="number"),
            Parameter(name="condition", label="Condition (good or damaged)", kind="text", default="good"),
        ),
        _event(
            "refund_fails",
            "A refund fails at the bank",
            sales.refund_fails,
            Parameter(name="refund", label="Refund", kind="refund"),
        ),
        _event(
            "dispute",
            "A dispute arrives",
            sales.dispute,
            Parameter(name="order", label="Order", kind="order", default=MARIA_ORDER),
        ),
    )
)
