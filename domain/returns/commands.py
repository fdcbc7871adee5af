"""What staff and customers can ask for about returns. A version is the one its button was made for."""

from __future__ import annotations

from dataclasses import dataclass

from domain.messages import Command
from domain.money import Money


@dataclass(frozen=True, kw_only=True)
class ApproveReturn(Command):
    """Let the refund go. ``amount_minor`` None: all that was asked for. ``version`` None: as it stands now."""

    return_number: str
    version: int | None = None
    amount_minor: int | None = None


@dataclass(frozen=True, kw_only=True)
class ApproveInPart(Command):
    """Refund less than was asked for; the amount comes from a form, typed or already read."""

    return_number: str
    version: int | None = None
    amount: Money | str | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class DeclineReturn(Command):
    """Refuse, with a reason that the customer reads (at most 500 characters, as Shopify's decline note)."""

    return_number: str
    version: int | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class AskForPhoto(Command):
    """Ask the customer for a photo, or for another one."""

    return_number: str
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class CancelReturn(Command):
    """The customer calls their own return off, or staff do for them."""

    return_number: str
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class ShowReturn(Command):
    """The return's card, only for the asker."""

    return_number: str


@dataclass(frozen=True, kw_only=True)
class ListReturns(Command):
    """Every return that waits for a decision."""


@dataclass(frozen=True, kw_only=True)
class ReturnHistory(Command):
    """What happened to a return, from the audit trail."""

    return_number: str
