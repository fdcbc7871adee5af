"""What we answer to anybody: a refusal in one sentence, a question before it counts, the list of commands."""

from __future__ import annotations

from dataclasses import dataclass

from domain.forms import Field
from domain.messages import COMMANDS_BY_KIND, Button, Command, Message
from domain.wire import from_json, object_json


@dataclass(frozen=True, kw_only=True)
class Refused(Message):
    """What could not be done, and what to do instead."""

    sentence: str


@dataclass(frozen=True, kw_only=True)
class Noted(Message):
    """Something small that was done."""

    sentence: str


@dataclass(frozen=True, kw_only=True)
class NeverMind(Command):
    """No to a question: nothing is changed."""


@dataclass(frozen=True, kw_only=True)
class AreYouSure(Message):
    """A question before a button counts, where the platform has no dialog for it."""

    question: str
    yes: str
    no: str
    #: the command behind the yes, as rows hold it
    command: str
    fields: dict[str, object]

    @classmethod
    def about(cls, command: Command, question: str, yes: str, no: str) -> AreYouSure:
        """The question for a command."""
        return cls(question=question, yes=yes, no=no, command=command.kind, fields=dict(object_json(command)))

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Yes, once; no."""
        meant = from_json(COMMANDS_BY_KIND[self.command], self.fields)  # type: ignore[arg-type]  # came from object_json
        return (Button(label=self.yes, command=meant, once=True), Button(label=self.no, command=NeverMind()))


@dataclass(frozen=True, kw_only=True)
class AnswerForm(Command):
    """The answer to the question of a form that is asked one by one."""

    value: str


@dataclass(frozen=True, kw_only=True)
class LeaveForm(Command):
    """Stop answering; nothing is changed."""


@dataclass(frozen=True, kw_only=True)
class FormQuestion(Message):
    """One question of a form, on a platform without forms."""

    title: str
    intro: str | None
    field: Field
    number: int
    of: int

    @property
    def buttons(self) -> tuple[Button, ...]:
        """The choices, what stands there already, and the way out."""
        found = [Button(label=one.label, command=AnswerForm(value=one.value)) for one in self.field.choices]
        if self.field.initial and not self.field.choices:
            found.append(Button(label="Take it as it is", command=AnswerForm(value=self.field.initial)))
        if not self.field.required:
            found.append(Button(label="Leave empty", command=AnswerForm(value="")))
        return (*found, Button(label="Cancel", command=LeaveForm()))


@dataclass(frozen=True, kw_only=True)
class HelpLine:
    """One command: how it is typed, and what it gives."""

    usage: str
    summary: str


@dataclass(frozen=True, kw_only=True)
class Help(Message, lasting=True):
    """Every command."""

    lines: tuple[HelpLine, ...]
