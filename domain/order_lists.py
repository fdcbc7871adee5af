"""Whether a shop system can be asked: its list of orders makes up for webhooks that were lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.cases import Case, CaseState
from domain.messages import Fact, Message, Topic
from domain.people import Role
from domain.ports import UnitOfWork

#: the kind of case under which a list's being away is said once
AWAY: Final = "order_list_away"
#: why nothing more is asked of a shop system, as its jobs and App Home say it
CUT_OFF: Final = "cut off: the app was uninstalled, or it refused our key"
#: the kinds of jobs that ask shop systems
ASKING: Final = ("orders", "items", "levels")
_NAMES: Final = {"shopify": "Shopify", "woocommerce": "WooCommerce"}
#: source -> where a new key is made
_NEW_KEYS: Final = {
    "shopify": "in Shopify, install the app again (Settings > Apps > Develop apps)",
    "woocommerce": "in WordPress, make a new key that may read (WooCommerce > Settings > Advanced > REST API)",
}


@dataclass(frozen=True, kw_only=True)
class AppUninstalled(Fact):
    """A shop system says that our app is no longer there: its key opens nothing any more."""

    source: str


@dataclass(frozen=True, kw_only=True)
class OrderListReach(Message, topic=Topic.PARCELS, pressing=True):
    """The shop system cannot be asked for its orders, or can again."""

    system: str
    reached: bool
    names: str
    #: the key counts for nothing any more; trying on does not help
    cut_off: bool = False
    #: where a new key is made, and the setting it belongs in; "" unless it is cut off
    new_key: str = ""
    setting: str = ""


def note_list_reached(source: str, uow: UnitOfWork, *, reached: bool) -> None:
    """Say once that a list cannot be read, and once that it can again."""
    case = uow.cases.open_one(AWAY, source)
    if reached and case is not None:
        uow.cases.change(case, state=CaseState.RESOLVED)
        uow.outbox.publish(_reach(source, uow, reached=True), once=f"{case.card}:back")
    elif not reached and case is None and (opened := uow.cases.open(AWAY, source, {})) is not None:
        uow.outbox.publish(_reach(source, uow, reached=False), once=f"{opened.card}:away")


def note_cut_off(source: str, uow: UnitOfWork) -> None:
    """Say once that a shop system does not let us in any more, also where it could not be reached before."""
    case = uow.cases.open_one(AWAY, source)
    if case is None:
        case = uow.cases.open(AWAY, source, {"cut_off": True})
    elif not case.facts.get("cut_off"):
        case = uow.cases.change(case, facts={"cut_off": True})
    else:
        return
    if case is not None:
        uow.outbox.publish(_reach(source, uow, reached=False, cut_off=True), once=f"{case.card}:cut off")


def is_cut_off(uow: UnitOfWork) -> bool:
    """Whether some shop system lets us in no more, and staff have heard it."""
    return any(case.facts.get("cut_off") for case in uow.cases.open_all(AWAY))


def note_app_uninstalled(fact: AppUninstalled, uow: UnitOfWork) -> None:
    """What the shop system tells of itself, before a call is refused."""
    note_cut_off(fact.source, uow)


def note_not_asked(source: str, uow: UnitOfWork) -> None:
    """Nobody has a key for it any more: that it was cut off is no news."""
    case: Case | None = uow.cases.open_one(AWAY, source)
    if case is not None:
        uow.cases.change(case, state=CaseState.RESOLVED)


def _reach(source: str, uow: UnitOfWork, *, reached: bool, cut_off: bool = False) -> OrderListReach:
    owners = ", ".join(f"@{one.name}" for one in uow.people.all() if one.active and one.role is Role.OWNER)
    return OrderListReach(
        system=_NAMES.get(source, source), reached=reached, names=owners, cut_off=cut_off,
        new_key=_NEW_KEYS.get(source, "make a new key") if cut_off else "",
        setting=f"OPSBELL_{source.upper()}_API" if cut_off else "",
    )
