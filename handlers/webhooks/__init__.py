"""Events of others: verified, stored, answered; then read into facts and worked off once, in one transaction."""

from handlers.webhooks.addresses import TOPICS, address, known_token
from handlers.webhooks.doors import shop_door, stripe_door, vendor_door
from handlers.webhooks.learning import FACTS, NotYet, Source, learn
from handlers.webhooks.shop_events import ShopEvents
from handlers.webhooks.stripe_events import StripeEvents
from handlers.webhooks.vendor_events import VENDORS, VendorEvents

__all__ = [
    "FACTS", "TOPICS", "VENDORS", "NotYet", "ShopEvents", "Source", "StripeEvents", "VendorEvents", "address",
    "known_token", "learn", "shop_door", "stripe_door", "vendor_door",
]
