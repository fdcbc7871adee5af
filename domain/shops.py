"""A shop: its money, its calendar, and the rules that its owner sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time

from domain.money import Money
from domain.time import Calendar


@dataclass(frozen=True, kw_only=True)
class ReturnPolicy:
    """When goods may come back and what is paid for them. Amounts are minor units of the shop's currency."""

    #: days after delivery; the EU's floor is 14 (Directive 2011/83, article 9)
    window_days: int = 30
    #: at or below this a damaged item is refunded without being sent back; 0 = never
    refund_without_return_minor: int = 0
    photo_required_for: tuple[str, ...] = ("damaged", "wrong_item")
    #: reasons for which sending back costs the customer nothing
    free_return_reasons: tuple[str, ...] = ("damaged", "wrong_item", "not_as_described")
    return_cost_minor: int = 0
    #: working hours are not counted: plain hours after the request
    answer_within_hours: int = 24
    #: above this a second person must approve as well; 0 = never
    second_approver_above_minor: int = 0
    #: one person may let so much go in one local day, unless the shop file gives them a figure of their own; 0 = any
    approver_day_limit_minor: int = 0
    #: one customer gets at most so much within ``customer_limit_days``, the local day of the decision included; 0 = any
    customer_limit_minor: int = 0
    customer_limit_days: int = 30
    #: the whole shop lets at most so much go in one local day; 0 = any
    shop_day_limit_minor: int = 0
    #: refund when the goods have arrived (False: as soon as approved)
    refund_on_receipt: bool = True


@dataclass(frozen=True, kw_only=True)
class StockPolicy:
    """How demand is looked at: the field's usual defaults (docs/sources.md)."""

    #: days of sales that demand is taken from
    demand_days: int = 56
    #: with fewer days of history than this, the thin-data rule counts
    thin_below_days: int = 28
    #: thin data: this many days of sales are the reorder point (the field's default is 14 to 21)
    thin_cover_days: int = 14
    #: service level of the safety stock
    z: float = 1.65
    #: lead time when the supplier's is not known
    lead_time_days: float = 7.0
    #: how many days of sales an order should last beyond the lead time
    order_days: int = 14
    #: a customer who waits is told at this many available or more
    back_in_stock_from: int = 1


@dataclass(frozen=True, kw_only=True)
class DeliveryPolicy:
    """From when a parcel counts as late, in working days of the shop's calendar (docs/sources.md)."""

    #: approved and not handed to a carrier
    handover_days: int = 3
    #: label made and never scanned
    first_scan_days: int = 4
    no_scan_domestic_days: int = 3
    no_scan_international_days: int = 5
    #: days without any scan after which a parcel is presumed lost (calendar days)
    lost_domestic_days: int = 7
    lost_international_days: int = 20
    #: days before the promised date from which an undelivered parcel is watched
    due_soon_days: int = 3
    #: calendar days after the last update within which a claim must be filed
    claim_within_days: int = 30
    #: the same for a parcel that the carrier reports as damaged
    claim_damaged_within_days: int = 15


#: an alert, an approval and a count of the rest
FEWEST_A_MINUTE = 3


@dataclass(frozen=True, kw_only=True)
class ChatPolicy:
    """How much a channel may be spoken to."""

    #: new messages a channel bears in any minute; past it, waiting alerts are counted in one message. At least 3.
    messages_a_minute: int = 20

    @property
    def alerts_a_minute(self) -> int:
        """Alerts shown one by one in any minute: a fifth is kept for approvals and disputes, one for the count."""
        reserved = max(1, self.messages_a_minute // 5)
        return max(1, self.messages_a_minute - reserved - 1)


@dataclass(frozen=True, kw_only=True)
class PrivacyPolicy:
    """How long what is known of people is kept, in days; 0 = for ever. Figures and the audit trail always stay."""

    #: raw events as they came; their keys stay, so that a repetition is still known
    events_days: int = 90
    #: messages that were sent, as they were sent
    messages_days: int = 365
    #: customers who have ordered and asked for nothing for so long
    customers_days: int = 0


@dataclass(frozen=True, kw_only=True)
class Policies:
    """All rules of a shop."""

    returns: ReturnPolicy = field(default_factory=ReturnPolicy)
    stock: StockPolicy = field(default_factory=StockPolicy)
    delivery: DeliveryPolicy = field(default_factory=DeliveryPolicy)
    chat: ChatPolicy = field(default_factory=ChatPolicy)
    privacy: PrivacyPolicy = field(default_factory=PrivacyPolicy)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A shop as the domain sees it."""

    id: int
    key: str
    name: str
    currency: str
    language: str
    calendar: Calendar
    digest_at: time = time(8)
    policies: Policies = field(default_factory=Policies)

    def __hash__(self) -> int:
        """Of its number alone, since shops are looked up at every turn; two that are equal have the same."""
        return hash(self.id)

    def money(self, minor: int) -> Money:
        """An amount in the shop's currency."""
        return Money(minor=minor, currency=self.currency)
