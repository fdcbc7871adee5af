"""Forms: what a person is asked when a command lacks something. Slack shows a modal, Telegram asks one by one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

#: the name of a dialogue in which a form is asked
DIALOGUE: Final = "form"
#: what people write, in small letters, where they want none of what is asked
OFF: Final = frozenset({"off", "none", "no", "-"})


class FieldKind(StrEnum):
    """How a field is typed."""

    TEXT = "text"
    MULTILINE = "multiline"
    NUMBER = "number"
    MONEY = "money"
    CHOICE = "choice"
    DATE = "date"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One choice: ``value`` fills the command, ``label`` is read."""

    value: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Field:
    """One question; ``name`` is the command's field that its answer fills."""

    name: str
    label: str
    kind: FieldKind = FieldKind.TEXT
    choices: tuple[Choice, ...] = ()
    initial: str | None = None
    required: bool = True
    hint: str | None = None
    max_length: int = 2000


@dataclass(frozen=True, kw_only=True)
class Form:
    """Questions under a title; ``submit`` is the button's word, ``intro`` a line above the questions."""

    title: str
    submit: str
    fields: tuple[Field, ...]
    intro: str | None = None
