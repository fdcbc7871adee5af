"""What shop systems and carriers' services tell, in the shop and on the topic that the address named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.errors import NotFound, OpsError
from domain.foreign import json_object
from domain.jobs import Received, Transaction
from domain.messages import Fact
from domain.order_lists import AppUninstalled
from domain.shipping import ParcelScanned, ParcelTracked
from domain.wire import Json
from gateways import aftership, easypost, shop_api, shopify, woocommerce
from handlers.webhooks.learning import NotYet, learn, understood

Read = Callable[[str, Mapping[str, Json], str], tuple[Fact, ...]]

#: source -> its reader of (topic, event, the shop's time zone)
VENDORS: Final[Mapping[str, Read]] = {
    "shopify": lambda topic, event, _zone: shopify.facts(topic, event),
    "woocommerce": lambda topic, event, _zone: woocommerce.facts(topic, event),
    "easypost": lambda topic, event, _zone: easypost.facts(topic, event),
    "aftership": lambda topic, event, zone: aftership.facts(topic, event, zone=zone),
}
#: a parcel may be scanned before the shop tells us whose it is
_PATIENCE: Final = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class VendorEvents:
    """Works off what one vendor told. Kinds that mean nothing here are left as they are stored."""

    source: str

    def work(self, received: Received, transaction: Transaction) -> None:
        """Note the event's facts, all or none."""
        uow = transaction.of(received.headers["shop"])
        event, zone = json_object(received.body), uow.shop.calendar.time_zone
        for fact in understood(lambda: VENDORS[self.source](received.headers["topic"], event, zone)):
            try:
                learn(fact, uow)
            except NotFound as error:
                if isinstance(fact, (ParcelScanned, ParcelTracked)) and transaction.now - received.heard_at < _PATIENCE:
                    raise NotYet(error.sentence) from None
                raise
            if isinstance(fact, AppUninstalled):
                shop_api.cut_off(self.source, uow.shop.key, transaction)

    def refuse(self, received: Received, error: OpsError, transaction: Transaction) -> None:
        """None of them reads sentences; the event is kept with its error."""
