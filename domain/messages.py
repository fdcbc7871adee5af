"""The three nouns: a Command is said by a person, a Fact by the world, a Message by us."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
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
    """A command that somebody can press. ``more`` puts it under "More"; ``form`` opens a form of the fields it lacks.

    ``once``: single use, for whatever changes state. ``url`` buttons open a page and hold no command.
    """

    label: str
    command: Command | None = None
    style: Style = Style.PLAIN
    confirm: Confirm | None = None
    more: bool = False
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

    def __init_subclass__(cls, *, topic: Topic = Topic.PERSONAL) -> None:
        """Every message is known by its kind, which names its template."""
        cls.kind = kind_of(cls.__name__)
        cls.topic = topic
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
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A message ready to go: its facts, and its buttons with their tokens. Words are made when it is sent."""

    message: Message
    buttons: tuple[StampedButton, ...] = ()
