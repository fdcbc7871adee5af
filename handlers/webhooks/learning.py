"""learn(): the one door for facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeVar

from domain import inventory, payments, returns, shipping
from domain.errors import OpsError
from domain.foreign import Unreadable
from domain.jobs import Received, Transaction
from domain.messages import Fact, NoteFact
from domain.order_lists import AppUninstalled, note_app_uninstalled
from domain.orders import OrderPaid, OrderPlaced, note_order_paid, note_order_placed
from domain.ports import UnitOfWork

T = TypeVar("T")

#: what is done for each fact
FACTS: Final[Mapping[type[Fact], NoteFact]] = {
    **inventory.FACTS, **shipping.FACTS, **returns.FACTS, **payments.FACTS, OrderPlaced: note_order_placed,
    OrderPaid: note_order_paid, AppUninstalled: note_app_uninstalled,
}


class NotYet(Exception):
    """It speaks of something that we may hear of soon: try again."""


class Source(Protocol):
    """One kind of sender whose events are stored first and worked off later."""

    @property
    def source(self) -> str:
        """How rows of the inbox name it."""

    def work(self, received: Received, transaction: Transaction) -> None:
        """Work off one event; OpsError if it cannot be, NotYet if it cannot be now."""

    def refuse(self, received: Received, error: OpsError, transaction: Transaction) -> None:
        """Tell whoever sent it, where there is somebody to tell."""


def learn(fact: Fact, uow: UnitOfWork) -> None:
    """Note a fact."""
    FACTS[type(fact)](fact, uow)


def understood(read: Callable[[], T]) -> T:
    """What a reader makes of an event that was verified; Unreadable with its words where it is not as it should be."""
    try:
        return read()
    except OpsError:
        raise
    except KeyError as error:
        raise Unreadable(f"The event lacks {error}.") from None
    except (TypeError, ValueError, OverflowError, OSError, AttributeError) as error:  # OSError: a moment too far away
        raise Unreadable(f"The event cannot be read: {str(error)[:200]}") from None
