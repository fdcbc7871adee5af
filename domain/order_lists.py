"""Whether a shop system's list of orders can be read: it makes up for webhooks that were lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.cases import CaseState
from domain.messages import Message, Topic
from domain.people import Role
from domain.ports import UnitOfWork

#: the kind of case under which a list's being away is said once
AWAY: Final = "order_list_away"
_NAMES: Final = {"shopify": "Shopify", "woocommerce": "WooCommerce"}


@dataclass(frozen=True, kw_only=True)
class OrderListReach(Message, topic=Topic.PARCELS, pressing=True):
    """The shop system cannot be asked for its orders, or can again."""

    system: str
    reached: bool
    names: str


def note_list_reached(source: str, uow: UnitOfWork, *, reached: bool) -> None:
    """Say once that a list cannot be read, and once that it can again."""
    case = uow.cases.open_one(AWAY, source)
    if reached and case is not None:
        uow.cases.change(case, state=CaseState.RESOLVED)
        uow.outbox.publish(_reach(source, uow, reached=True), once=f"{case.card}:back")
    elif not reached and case is None and (opened := uow.cases.open(AWAY, source, {})) is not None:
        uow.outbox.publish(_reach(source, uow, reached=False), once=f"{opened.card}:away")


def _reach(source: str, uow: UnitOfWork, *, reached: bool) -> OrderListReach:
    owners = ", ".join(f"@{one.name}" for one in uow.people.all() if one.active and one.role is Role.OWNER)
    return OrderListReach(system=_NAMES.get(source, source), reached=reached, names=owners)
