"""What can be typed: one table, from which the slash commands, the help, the manifest and the README's table come."""

from __future__ import annotations

import difflib
import re
import shlex
import types
import typing
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Final

from domain.answers import Help, HelpLine
from domain.digest import ShowDigest
from domain.errors import BadInput
from domain.forms import Field, FieldKind, Form
from domain.inventory import ListLowStock, ShowStock, WhyStock
from domain.messages import Command, Message
from domain.own_digest import ShowMyDigest
from domain.people import ANY_STAFF, Actor
from domain.ports import UnitOfWork
from domain.quiet_hours import ChangeQuietHours, ShowQuietHours
from domain.returns import ListReturns, ReturnHistory, ShowReturn
from domain.shipping import ListLateParcels, ShowParcels


@dataclass(frozen=True, kw_only=True)
class ShowHelp(Command):
    """Every command."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One command as it is typed. ``arguments``: fields of the command, filled in this order; the last takes the rest.

    ``bare``: what is meant where no argument follows.
    """

    path: str
    command: type[Command]
    summary: str
    arguments: tuple[str, ...] = ()
    bare: type[Command] | None = None

    @property
    def usage(self) -> str:
        """How it is typed after /ops."""
        optional = self.bare is not None
        words = [f"[{word}]" if optional or _optional(self.command, word) else f"<{word}>" for word in self.arguments]
        return " ".join([self.path, *(word.replace("return_number", "return") for word in words)])


COMMANDS: Final = (
    Entry(path="stock", command=ShowStock, arguments=("sku",), bare=ListLowStock,
          summary="what there is of a SKU and how long it lasts; alone: everything that is low"),
    Entry(path="stock low", command=ListLowStock, summary="what to order, the most lost sales first"),
    Entry(path="stock why", command=WhyStock, arguments=("sku",), summary="a SKU's reorder point, with its figures"),
    Entry(path="parcels", command=ShowParcels, arguments=("order",), bare=ListLateParcels,
          summary="where an order's parcels are; alone: every late one"),
    Entry(path="parcels late", command=ListLateParcels, summary="parcels that are late or will be"),
    Entry(path="returns", command=ShowReturn, arguments=("return_number",), bare=ListReturns,
          summary="a return with its policy verdict; alone: what waits for a decision"),
    Entry(path="returns waiting", command=ListReturns, summary="returns that wait for a decision"),
    Entry(path="returns history", command=ReturnHistory, arguments=("return_number",),
          summary="what happened to a return, step by step"),
    Entry(path="digest", command=ShowDigest, arguments=("day",),
          summary="a day's figures: yesterday (also when left out), today, or a date such as 2026-03-15"),
    Entry(path="digest mine", command=ShowMyDigest, summary="your own digest: at your hour, with the figures you want"),
    Entry(path="quiet", command=ChangeQuietHours, arguments=("hours", "days"), bare=ShowQuietHours,
          summary="your quiet hours, such as 20:00-07:00 sat sun, or off; alone: how they stand"),
    Entry(path="help", command=ShowHelp, summary="this list"),
)
#: slash commands besides /ops; each is "/ops <name>"
SHORT_NAMES: Final = ("stock", "parcels", "returns", "digest", "quiet")
BY_PATH: Final = {entry.path: entry for entry in COMMANDS}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A typed command: whole, or with ``missing`` fields that a form must ask for."""

    entry: Entry
    command: Command | None
    missing: Form | None = None


def read(name: str, text: str) -> Asked:
    """The command of "/ops stock low" (name "ops", text "stock low") or "/stock low"; BadInput with a near miss."""
    words = _words(text)
    if name != "ops":
        words = [name, *words]
    if not words:
        words = ["help"]
    entry, rest = _longest(words)
    if not rest and entry.bare is not None:
        return Asked(entry=entry, command=entry.bare())
    if len(rest) > len(entry.arguments):
        if not entry.arguments:
            raise BadInput(f"{entry.path} takes nothing more, but I read {' '.join(rest)[:60]!r}. {_nearest(words)}")
        keep = len(entry.arguments) - 1
        rest = [*rest[:keep], " ".join(rest[keep:])]
    return fill(entry, dict(zip(entry.arguments, rest, strict=False)))


def fill(entry: Entry, values: dict[str, str]) -> Asked:
    """The entry's command with these texts as its fields."""
    missing = [name for name in entry.arguments if name not in values and not _optional(entry.command, name)]
    if missing:
        asked = tuple(Field(name=name, label=_label(name), kind=FieldKind.TEXT, max_length=200) for name in missing)
        form = Form(title=entry.path.capitalize()[:24], submit="Show", fields=asked, intro=entry.summary)
        return Asked(entry=entry, command=None, missing=form)
    known = {name: typed(entry.command, name, values[name]) for name in entry.arguments if name in values}
    return Asked(entry=entry, command=entry.command(**known))


def typed(command: type[Command], name: str, text: str) -> object:
    """A typed text as the field wants it; BadInput names the field."""
    kind: type = command
    hint = _hints(kind)[name]
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    text = text.strip()
    if not text and type(None) in kinds:
        return None
    if int in kinds:
        if not re.fullmatch(r"-?\d{1,9}", text.replace(",", "")):
            raise BadInput(f"{_label(name)} must be a whole number, but I read {text[:40]!r}.", field=name)
        return int(text.replace(",", ""))
    if not text:
        raise BadInput(f"{_label(name)} is missing.", field=name)
    return text


@cache
def _hints(command: type) -> dict[str, object]:
    return typing.get_type_hints(command)


def show_help(command: ShowHelp, actor: Actor, uow: UnitOfWork) -> Message:
    """The table as a message."""
    del command, uow
    actor.require(ANY_STAFF, "see the commands")
    return _help()


@cache
def _help() -> Help:
    return Help(lines=tuple(HelpLine(usage=f"/ops {entry.usage}", summary=entry.summary) for entry in COMMANDS))


def table() -> str:
    """The table as Markdown, for the README."""
    lines = ["| command | gives |", "|---|---|"]
    for entry in COMMANDS:
        short = f" or `/{entry.usage}`" if entry.path.split()[0] in SHORT_NAMES else ""
        lines.append(f"| `/ops {entry.usage}`{short} | {entry.summary} |")
    return "\n".join(lines) + "\n"


def _words(text: str) -> list[str]:
    # A phone writes typographic quotes; an unclosed one is a word like another.
    plain = text.replace("“", '"').replace("”", '"').replace("‘", "'").replace("’", "'")
    try:
        return shlex.split(plain)[:40]
    except ValueError:
        return plain.split()[:40]


def _longest(words: Sequence[str]) -> tuple[Entry, list[str]]:
    lowered = [word.lower() for word in words]
    for length in range(min(len(words), 3), 0, -1):
        entry = BY_PATH.get(" ".join(lowered[:length]))
        if entry is not None:
            return entry, list(words[length:])
    raise BadInput(f"I don't know {' '.join(words)[:60]!r}. {_nearest(lowered)}")


def _nearest(words: Sequence[str]) -> str:
    near = difflib.get_close_matches(" ".join(words[:2]), BY_PATH, n=1, cutoff=0.5)
    near = near or difflib.get_close_matches(words[0], BY_PATH, n=1, cutoff=0.5)
    return f"Did you mean /ops {near[0]}?" if near else "/ops help shows what I know."


def _optional(command: type[Command], name: str) -> bool:
    field = next(field for field in fields(command) if field.name == name)
    return field.default is not MISSING


def _label(name: str) -> str:
    return {"sku": "SKU", "return_number": "Return"}.get(name, name.replace("_", " ").capitalize())
