"""What customers read about their return, in their own Telegram chat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.messages import Button, Confirm, Message
from domain.money import Money
from domain.returns.commands import CancelReturn


@dataclass(frozen=True, kw_only=True)
class ReturnApproved(Message):
    """Yes. ``send_back``: the goods must come first. ``in_part``: less than was asked for, for that reason."""

    number: str
    amount: Money
    requested: Money
    send_back: bool
    #: the refund waits until the goods are here
    on_receipt: bool
    cost: Money
    card_last4: str | None
    in_part: bool
    reason: str | None
    version: int

    @property
    def buttons(self) -> tuple[Button, ...]:
        """While the goods have not been sent, it can be called off."""
        if not self.on_receipt:
            return ()
        return (
            Button(
                label="Cancel this return", command=CancelReturn(return_number=self.number, version=self.version),
                confirm=Confirm(
                    question=f"Cancel return {self.number}? You keep the goods.", yes="Cancel it", no="Keep it"
                ),
            ),
        )


@dataclass(frozen=True, kw_only=True)
class ReturnDeclined(Message):
    """No, with the shop's reason."""

    number: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class PhotoWanted(Message):
    """Please send a photo, or another one."""

    number: str
    again: bool


@dataclass(frozen=True, kw_only=True)
class PhotoThanks(Message):
    """The photo has come."""

    number: str
    answer_by: datetime
    answer_today: bool


@dataclass(frozen=True, kw_only=True)
class ReturnCancelled(Message):
    """Called off."""

    number: str


@dataclass(frozen=True, kw_only=True)
class RefundOnItsWay(Message):
    """The money has left. Banks need 5 to 10 working days (docs.stripe.com/refunds)."""

    number: str
    amount: Money
    card_last4: str | None


@dataclass(frozen=True, kw_only=True)
class RefundBounced(Message):
    """The bank sent the money back after we had said that it was on its way."""

    number: str
    amount: Money
