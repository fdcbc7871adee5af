"""What the bot says to a customer, one kind for each question. ``hint``: why it is asked again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.dialogue.commands import (
    Back,
    CancelDialogue,
    ChangeReturn,
    ChooseOrder,
    ChooseQuantity,
    ChooseReason,
    ConfirmReturn,
    LinesChosen,
    OtherOrder,
    ReturnSomething,
    ShowMenu,
    TellMeWhenBack,
    ToggleLine,
    WhereIsParcel,
)
from domain.dialogue.model import Draft, Hint
from domain.dialogue.words import label
from domain.messages import Button, Message, Style
from domain.money import Money
from domain.returns.commands import CancelReturn
from domain.returns.model import CUSTOMER_REASONS, Goods, Reason


def _back(language: str) -> Button:
    return Button(label=label("back", language), command=Back())


def _cancel(language: str) -> Button:
    return Button(label=label("cancel", language), command=CancelDialogue())


@dataclass(frozen=True, kw_only=True)
class Greeting(Message):
    """The menu. ``cancelled``: something was called off just now; ``order_number``: proved by a link just now."""

    name: str | None = None
    order_number: str | None = None
    cancelled: bool = False
    puzzled: bool = False
    #: they thanked, or wanted nothing else
    thanked: bool = False
    #: somebody of the shop's staff, who can ask for more than customers can
    staff: bool = False
    language: str = "en"

    @property
    def buttons(self) -> tuple[Button, ...]:
        """The three things it can do."""
        return (
            Button(label=label("where", self.language), command=WhereIsParcel()),
            Button(label=label("return", self.language), command=ReturnSomething()),
            Button(label=label("back_in_stock", self.language), command=TellMeWhenBack()),
        )


@dataclass(frozen=True, kw_only=True)
class OrderChoice:
    """An order as a button: its items counted, and days since delivery (None: not known as delivered)."""

    order_id: int
    number: str
    items: int
    days_ago: int | None

    @property
    def text(self) -> str:
        """"#1042 · 4 items · 6 days ago"."""
        items = f"{self.items} item{'' if self.items == 1 else 's'}"
        if self.days_ago is None:
            when = "on its way"
        else:
            when = ("today", "yesterday")[self.days_ago] if self.days_ago < 2 else f"{self.days_ago} days ago"
        return f"#{self.number.lstrip('#')} · {items} · {when}"


@dataclass(frozen=True, kw_only=True)
class WhichOrder(Message):
    """Asks which order."""

    orders: tuple[OrderChoice, ...]
    hint: Hint | None = None
    language: str = "en"

    @property
    def buttons(self) -> tuple[Button, ...]:
        """The newest orders, and the way to another one."""
        return (
            *(Button(label=one.text, command=ChooseOrder(order_id=one.order_id)) for one in self.orders),
            Button(label=label("other_order", self.language), command=OtherOrder()),
            _cancel(self.language),
        )


@dataclass(frozen=True, kw_only=True)
class OrderNumberAsked(Message):
    """Asks for the order's number."""

    hint: Hint | None = None
    language: str = "en"

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Only the way out."""
        return (_back(self.language), _cancel(self.language))


@dataclass(frozen=True, kw_only=True)
class ProductAsked(Message):
    """Asks which product to wait for."""

    hint: Hint | None = None
    language: str = "en"

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Only the way out."""
        return (_cancel(self.language),)


@dataclass(frozen=True, kw_only=True)
class ContactAsked(Message):
    """Show that it is yours: share the phone number that the order was placed with.

    Telegram shows either a contact's button or others, so going back is said in words as well.
    """

    number: str
    hint: Hint | None = None
    language: str = "en"

    @property
    def buttons(self) -> tuple[Button, ...]:
        """The ways out."""
        return (_back(self.language), _cancel(self.language))

    @property
    def asks_contact(self) -> str | None:
        """Telegram shares the sender's own number."""
        return label("share", self.language)


@dataclass(frozen=True, kw_only=True)
class NotProved(Message):
    """Order and phone number do not belong together, or there is no such order: the same words for both."""

    number: str
    tries_left: int
    language: str = "en"

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Another try, while there are some left."""
        again = (Button(label=label("again", self.language), command=OtherOrder()),) if self.tries_left else ()
        return (*again, Button(label=label("menu", self.language), command=ShowMenu()))


@dataclass(frozen=True, kw_only=True)
class NotArrived(Message):
    """As far as the carrier says, it is still on its way."""

    order_id: int
    number: str
    hint: Hint | None = None
    language: str = "en"

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Where it is, or on with the return."""
        return (
            Button(label=label("where", self.language), command=WhereIsParcel()),
            Button(label=label("arrived", self.language), command=ChooseOrder(order_id=self.order_id, arrived=True)),
            _back(self.language),
        )


@dataclass(frozen=True, kw_only=True)
class ItemChoice:
    """An item that may come back; ``left`` pieces of it."""

    order_line_id: int
    title: str
    left: int
    chosen: bool


@dataclass(frozen=True, kw_only=True)
class WhichItems(Message):
    """What would you like to return? Pressing an item ticks it in place."""

    number: str
    items: tuple[ItemChoice, ...]
    hint: Hint | None = None
    language: str = "en"

    @property
    def buttons(self) -> tuple[Button, ...]:
        """A box for each item."""
        return (
            *(
                Button(
                    label=f"{'☑' if one.chosen else '☐'} {one.left} × {one.title}",
                    command=ToggleLine(order_line_id=one.order_line_id),
                )
                for one in self.items
            ),
            Button(label=label("next", self.language), command=LinesChosen(), style=Style.PRIMARY),
            _back(self.language),
            _cancel(self.language),
        )


@dataclass(frozen=True, kw_only=True)
class HowMany(Message):
    """Asks how many of them."""

    order_line_id: int
    title: str
    left: int
    hint: Hint | None = None
    language: str = "en"

    @property
    def buttons(self) -> tuple[Button, ...]:
        """One button for each number up to eight; more can be typed."""
        return (
            *(
                Button(
                    label=str(count), command=ChooseQuantity(order_line_id=self.order_line_id, quantity=count)
                )
                for count in range(1, min(self.left, 8) + 1)
            ),
            _back(self.language),
            _cancel(self.language),
        )


@dataclass(frozen=True, kw_only=True)
class WhatIsWrong(Message):
    """Asks what is wrong."""

    hint: Hint | None = None
    language: str = "en"

    @property
    def buttons(self) -> tuple[Button, ...]:
        """The reasons, likeliest first."""
        return (
            *(
                Button(label=label(reason.value, self.language), command=ChooseReason(reason=reason))
                for reason in CUSTOMER_REASONS
            ),
            _back(self.language),
            _cancel(self.language),
        )


@dataclass(frozen=True, kw_only=True)
class PhotoAsked(Message):
    """Please send a photo."""

    reason: Reason
    hint: Hint | None = None
    language: str = "en"

    @property
    def buttons(self) -> tuple[Button, ...]:
        """The ways out."""
        return (_back(self.language), _cancel(self.language))


@dataclass(frozen=True, kw_only=True)
class ReturnSummary(Message):
    """All of it, before it is sent. ``fits`` False: the shop will look at it more closely."""

    draft: Draft
    number: str
    pieces: str
    reason: Reason
    goods: Goods
    refund: Money
    cost: Money
    on_receipt: bool
    fits: bool
    hint: Hint | None = None
    language: str = "en"

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Sending takes exactly the draft that was shown; single use, so that two presses are one return."""
        return (
            Button(
                label=label("send", self.language), command=ConfirmReturn(draft=self.draft), style=Style.PRIMARY,
                once=True,
            ),
            Button(label=label("change", self.language), command=ChangeReturn()),
            _back(self.language),
            _cancel(self.language),
        )


@dataclass(frozen=True, kw_only=True)
class ReturnTaken(Message):
    """Got it: its number, and by when they hear. ``again``: it had been sent before."""

    number: str
    version: int
    answer_by: datetime
    answer_today: bool
    again: bool = False
    language: str = "en"

    @property
    def buttons(self) -> tuple[Button, ...]:
        """What else, or never mind."""
        cancel = CancelReturn(return_number=self.number, version=self.version)
        return (
            Button(label=label("menu", self.language), command=ShowMenu()),
            Button(label=label("cancel_return", self.language), command=cancel),
        )
