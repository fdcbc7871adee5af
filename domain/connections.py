"""How our connections to the outside are: when each last worked, what fails, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

#: how each is called; a vendor that is not named here is called by its own name
_NAMES: Final = {
    "slack": "Slack", "telegram": "Telegram", "stripe": "Stripe", "shop": "Your shop's events", "shopify": "Shopify",
    "woocommerce": "WooCommerce", "easypost": "EasyPost", "aftership": "AfterShip",
}
#: words of a reason -> what to do; the first that fits
_REMEDIES: Final = (
    ("refuses our token", "set a new token, restart, then opsbell check"),
    ("refused our key", "set a new key, restart, then opsbell check"),
    ("cannot be reached", "I keep trying; look at this machine's network"),
    ("asked us to wait", "nothing to do, it goes on by itself"),
)
_LIST: Final = "on the server: opsbell jobs list"


@dataclass(frozen=True, kw_only=True)
class Connection:
    """One connection of a shop, lately. ``key``: "slack", "stripe", or a vendor's name."""

    key: str
    #: when something last went through or was heard
    worked_at: datetime | None = None
    #: letters or refunds that were tried and are not through yet, and since when the oldest waits
    waiting: int = 0
    waiting_since: datetime | None = None
    #: letters or refunds that were given up
    given_up: int = 0
    #: events that were heard and could not be worked off
    unread: int = 0
    #: articles whose levels it tells and that are no product here
    unmatched: int = 0
    #: the other side does not let us in any more: nothing is asked of it
    cut_off: bool = False
    #: why, as the attempts ended
    reason: str = ""

    @property
    def name(self) -> str:
        """As a person calls it."""
        return _NAMES.get(self.key, self.key)

    @property
    def well(self) -> bool:
        """Whether nothing waits for it, nothing was given up, and it lets us in."""
        return not (self.waiting or self.given_up or self.unread or self.unmatched or self.cut_off)

    @property
    def remedy(self) -> str:
        """What to do; "" where all is well."""
        if self.well:
            return ""
        # What is not followed says in its reason what to do.
        listed = _LIST if self.waiting or self.given_up or self.unread else ""
        return next((remedy for words, remedy in _REMEDIES if words in self.reason), listed)


class Connections(Protocol):
    """The connections of one shop."""

    def lately(self) -> tuple[Connection, ...]:
        """Those that the shop names or that were used lately, by name."""
