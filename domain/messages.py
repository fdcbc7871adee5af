"""The three nouns: a Command is said by a person, a Fact by the world, a Message by us."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar, Final, TypeAlias

#: ``def verb_noun(command, actor, uow) -> Message``; each takes its own kind of command, hence the dots
UseCase: TypeAlias = "Callable[..., Message]"  # type: ignore[explicit-any]
#: ``def note_something(fact, uow) -> None``
NoteFact: TypeAlias = "Callable[..., None]"  # type: ignore[explicit-any]

COMMANDS_BY_KIND: Final[dict[str, type[Command]]] = {}
MESSAGES_BY_KIND: Final[dict[str, type[Message]]] = {}


def kind_of(name: str) -> str:
    """LowStock -> low_stock: how a class is called in rows and template names."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Topic(StrEnum):
    """What a chat may be told about; the shop file says which chat hears which."""

    STOCK = "stock"
    PARCELS = "parcels"
    RETURNS = "returns"
    DAILY = "daily"
    #: what the person asked for themselves, or a customer's own chat
    PERSONAL = "personal"


class MessageClass(StrEnum):
    """How a message travels: what it may wait behind, and by when it must have left."""

    #: decisions about money: a lane of their own and a reserved share of the channel's budget
    APPROVAL = "approval"
    #: bulk: past a channel's budget alerts are counted in one message
    ALERT = "alert"
    #: to the one person who waits for it
    ANSWER = "answer"
    DIGEST = "digest"

    @property
    def within(self) -> timedelta:
        """Not final by then = an alarm."""
        return _WITHIN[self]


_WITHIN: Final[Mapping[MessageClass, timedelta]] = {
    MessageClass.APPROVAL: timedelta(seconds=60), MessageClass.ALERT: timedelta(minutes=5),
    MessageClass.ANSWER: timedelta(seconds=60), MessageClass.DIGEST: timedelta(minutes=15),
}
_CLASS_OF: Final[Mapping[Topic, MessageClass]] = {
    Topic.STOCK: MessageClass.ALERT, Topic.PARCELS: MessageClass.ALERT, Topic.RETURNS: MessageClass.APPROVAL,
    Topic.DAILY: MessageClass.DIGEST, Topic.PERSONAL: MessageClass.ANSWER,
}


@dataclass(frozen=True, kw_only=True)
class Counted:
    """How alerts of a kind are called when they are only counted. ``shown_by``: the command that lists them all."""

    one: str
    many: str
    shown_by: str = ""


@dataclass(frozen=True, kw_only=True)
class Command:
    """What a person asks for. Each kind has one use case: ``def approve_return(command, actor, uow) -> Message``."""

    kind: ClassVar[str]

    def __init_subclass__(cls) -> None:
        """Every command is known by its kind, so that a button can hold it."""
        cls.kind = kind_of(cls.__name__)
        COMMANDS_BY_KIND[cls.kind] = cls


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What a shop, Stripe, a carrier or a file tells us. One function each: ``def note_x(fact, uow) -> None``."""

    kind: ClassVar[str]

    def __init_subclass__(cls) -> None:
        """Known by its kind in logs."""
        cls.kind = kind_of(cls.__name__)


@dataclass(frozen=True, kw_only=True)
class Chat:
    """One place to speak in: a Slack channel or a Telegram chat."""

    #: "slack" or "telegram"
    platform: str
    #: the platform's id of the channel, person or group
    address: str


class Style(StrEnum):
    """How a button looks."""

    PLAIN = "plain"
    PRIMARY = "primary"
    DANGER = "danger"


@dataclass(frozen=True, kw_only=True)
class Confirm:
    """A question before a button takes effect, with amount and name in it."""

    question: str
    yes: str
    no: str = "Not now"


@dataclass(frozen=True, kw_only=True)
class Button:
    """A command that somebody can press. ``more`` puts it under "More", ``menu`` under a menu of that name.

    ``once``: single use, for whatever changes state. ``url`` buttons open a page and hold no command.
    """

    label: str
    command: Command | None = None
    style: Style = Style.PLAIN
    confirm: Confirm | None = None
    more: bool = False
    menu: str = ""
    once: bool = False
    url: str | None = None


class ChartKind(StrEnum):
    """How a chart is drawn."""

    BAR = "bar"
    LINE = "line"


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line or set of bars: a value for each label of its chart."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A small chart: native in Slack, a picture in Telegram. ``unit`` stands at the axis."""

    title: str
    kind: ChartKind
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of short texts under a caption; the first row are the headings."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A picture by the id under which a platform keeps it, with the words for who cannot see it."""

    platform: str
    file_id: str
    alt: str


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A small text file (a draft order as CSV), shown in the thread or chat."""

    name: str
    title: str
    content: str


@dataclass(frozen=True, kw_only=True)
class Message:
    """What we say. Its words are the template of the same kind; the rest is built from the properties below."""

    kind: ClassVar[str]
    topic: ClassVar[Topic] = Topic.PERSONAL
    message_class: ClassVar[MessageClass] = MessageClass.ANSWER
    counted: ClassVar[Counted] = Counted(one="update", many="updates")
    #: about nobody and nothing that changes: its words may be kept
    lasting: ClassVar[bool] = False
    #: waits for nobody's quiet hours: a deadline, or a fault of the desk
    pressing: ClassVar[bool] = False

    def __init_subclass__(
        cls, *, topic: Topic = Topic.PERSONAL, counted: Counted | None = None,
        message_class: MessageClass | None = None, lasting: bool = False, pressing: bool = False,
    ) -> None:
        """Every message is known by its kind, which names its template. Its class follows from its topic."""
        cls.lasting, cls.pressing = lasting, pressing
        cls.kind = kind_of(cls.__name__)
        cls.topic = topic
        cls.message_class = message_class or _CLASS_OF[topic]
        if counted is not None:
            cls.counted = counted
        MESSAGES_BY_KIND[cls.kind] = cls

    @property
    def buttons(self) -> tuple[Button, ...]:
        """What can be pressed, the likeliest first."""
        return ()

    @property
    def charts(self) -> tuple[Chart, ...]:
        """Charts under the words."""
        return ()

    @property
    def tables(self) -> tuple[Table, ...]:
        """Tables under the words."""
        return ()

    @property
    def photos(self) -> tuple[Photo, ...]:
        """Pictures under the words."""
        return ()

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """Files beside the message."""
        return ()

    @property
    def asks_contact(self) -> str | None:
        """The label of a button with which a Telegram person shares their phone number; None for none."""
        return None


@dataclass(frozen=True, kw_only=True)
class StampedButton:
    """A button as it goes out: the command is kept by us under an unguessable token."""

    label: str
    token: str | None = None
    style: Style = Style.PLAIN
    confirm: Confirm | None = None
    more: bool = False
    menu: str = ""
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A message ready to go: its facts, and its buttons with their tokens. Words are made when it is sent."""

    message: Message
    buttons: tuple[StampedButton, ...] = ()
