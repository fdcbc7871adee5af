"""What a customer does in their private chat: presses, types, sends a photo or shares a contact."""

from __future__ import annotations

from dataclasses import dataclass

from domain.dialogue.model import Draft
from domain.messages import Command
from domain.returns.model import Reason


@dataclass(frozen=True, kw_only=True)
class Start(Command):
    """Opens the chat, or presses a link; ``payload`` comes after /start (t.me/bot?start=...)."""

    payload: str | None = None


@dataclass(frozen=True, kw_only=True)
class Say(Command):
    """Types something."""

    text: str


@dataclass(frozen=True, kw_only=True)
class SendPhoto(Command):
    """Sends a photo; ``file_id`` is Telegram's id of its largest size."""

    file_id: str
    caption: str | None = None


@dataclass(frozen=True, kw_only=True)
class ShareContact(Command):
    """Shares a contact; ``user_id`` is whose it is, which Telegram says only for people with an account."""

    phone: str
    user_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class ShowMenu(Command):
    """What the bot can do."""


@dataclass(frozen=True, kw_only=True)
class ReturnSomething(Command):
    """Begin a return."""


@dataclass(frozen=True, kw_only=True)
class WhereIsParcel(Command):
    """Ask after a parcel."""


@dataclass(frozen=True, kw_only=True)
class TellMeWhenBack(Command):
    """Wait for a product; which one is asked next."""


@dataclass(frozen=True, kw_only=True)
class OtherOrder(Command):
    """An order that is not among the ones shown."""


@dataclass(frozen=True, kw_only=True)
class ChooseOrder(Command):
    """This order. ``arrived``: it has come, whatever the carrier says."""

    order_id: int
    arrived: bool = False


@dataclass(frozen=True, kw_only=True)
class ToggleLine(Command):
    """Choose an item, or no longer."""

    order_line_id: int


@dataclass(frozen=True, kw_only=True)
class LinesChosen(Command):
    """Done choosing items."""


@dataclass(frozen=True, kw_only=True)
class ChooseQuantity(Command):
    """So many of this item."""

    order_line_id: int
    quantity: int


@dataclass(frozen=True, kw_only=True)
class ChooseReason(Command):
    """What is wrong."""

    reason: Reason


@dataclass(frozen=True, kw_only=True)
class ConfirmReturn(Command):
    """Send exactly what was shown."""

    draft: Draft


@dataclass(frozen=True, kw_only=True)
class ChangeReturn(Command):
    """Begin again with the items of the same order."""


@dataclass(frozen=True, kw_only=True)
class Back(Command):
    """The question before."""


@dataclass(frozen=True, kw_only=True)
class CancelDialogue(Command):
    """Stop; nothing is sent."""
