"""A person's own digest: at their hour, with the figures they want, in their own chat; the shop's stays as it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Protocol

from domain.digest import ChangeMyDigest, Digest, Shows, morning_figures
from domain.errors import BadInput, RuleBroken
from domain.forms import OFF, Choice, Field, FieldKind, Form
from domain.messages import Button, Chat, Command, Message, UseCase
from domain.people import ANY_STAFF, Actor, Staff
from domain.ports import UnitOfWork
from domain.time import DAY

#: a digest that is later than this, because nothing ran, is left out that day
_STILL_GOOD: Final = timedelta(hours=6)
SHOWS_WORDS: Final = {
    Shows.ALL: "everything", Shows.SALES: "sales", Shows.PARCELS: "orders and parcels",
    Shows.RETURNS: "returns and refunds", Shows.STOCK: "stock", Shows.TO_DO: "only what needs doing",
}


@dataclass(frozen=True, kw_only=True)
class OwnDigest:
    """What one person wants: the hour on the shop's clock, the figures, and the platform on which they asked."""

    staff_id: int
    hour: time
    shows: Shows
    platform: str
    changed_at: datetime
    #: the shop's date on which it was sent last, at this hour
    sent_on: date | None = None


class OwnDigests(Protocol):
    """The own digests of one shop's staff."""

    def of(self, staff_id: int) -> OwnDigest | None:
        """That person's; None where they have none."""

    def all(self) -> tuple[OwnDigest, ...]:
        """Everybody's, of people who are not switched off."""

    def put(self, wish: OwnDigest) -> None:
        """Have it so from now on."""

    def end(self, staff_id: int) -> None:
        """None any more."""

    def sent(self, staff_id: int, day: date) -> bool:
        """Mark it as sent for that date; False if it was already (one winner)."""


@dataclass(frozen=True, kw_only=True)
class ShowMyDigest(Command):
    """Whether I have a digest of my own, and what is in it."""


@dataclass(frozen=True, kw_only=True)
class MyDigest(Message):
    """How a person's own digest stands. ``hour`` None: they have none. ``shop_hour``: when the shop's comes."""

    shop_hour: str
    hour: str | None = None
    shows: str = ""
    platform: str = ""
    next_at: datetime | None = None
    #: they have just changed it
    changed: bool = False

    @property
    def buttons(self) -> tuple[Button, ...]:
        """To change it."""
        return (Button(label="Change my digest", command=ChangeMyDigest()),)


def show_my_digest(command: ShowMyDigest, actor: Actor, uow: UnitOfWork) -> Message:
    """One's own, and nobody else's."""
    del command
    staff = actor.require(ANY_STAFF, "have a digest")
    return _my_digest(uow.own_digests.of(staff.id), uow)


def change_my_digest(command: ChangeMyDigest, actor: Actor, uow: UnitOfWork) -> Message:
    """From now on at that hour, on the platform on which it was asked for; or not at all."""
    staff = actor.require(ANY_STAFF, "have a digest")
    hour = read_hour(command.hour)
    if hour is None:
        uow.own_digests.end(staff.id)
        uow.record(actor, "digest.changed", staff.key, {"hour": None})
        return _my_digest(None, uow, changed=True)
    platform = actor.identity.partition(":")[0]
    if _chat(staff, platform) is None:
        raise RuleBroken("Ask for it in Slack or in Telegram: that is where it will come.")
    shows = command.shows or Shows.ALL.value
    if shows not in {one.value for one in Shows}:
        raise BadInput(f"I don't know {shows[:40]!r}. Choose one of {', '.join(Shows)}.", field="shows")
    wish = OwnDigest(staff_id=staff.id, hour=hour, shows=Shows(shows), platform=platform, changed_at=uow.now)
    uow.own_digests.put(wish)
    uow.record(actor, "digest.changed", staff.key, {"hour": f"{hour:%H:%M}", "shows": shows})
    return _my_digest(wish, uow, changed=True)


def send_own_digests(uow: UnitOfWork) -> None:
    """To everybody whose hour has come today; once for a person, their hour and the shop's date."""
    today = uow.shop.calendar.today(uow.now)
    due = [wish for wish in uow.own_digests.all() if _is_due(wish, today, uow)]
    if not due:
        return
    figures = morning_figures(uow, today)
    for wish in due:
        chat = _chat(uow.people.by_id(wish.staff_id), wish.platform)
        if chat is not None and uow.own_digests.sent(wish.staff_id, today):
            hour = f"{wish.hour:%H:%M}"
            once = f"own_digest:{wish.staff_id}:{today.isoformat()}:{hour}"
            uow.outbox.tell(chat, Digest(figures=figures, shows=wish.shows, own_hour=hour), once=once, unasked=True)


def my_digest_form(command: Command, actor: Actor, uow: UnitOfWork) -> Form:
    """Hour and figures, as they are now."""
    if not isinstance(command, ChangeMyDigest):
        raise BadInput("That form is for your digest.")
    staff = actor.require(ANY_STAFF, "have a digest")
    wish = uow.own_digests.of(staff.id)
    where = actor.identity.partition(":")[0].capitalize()
    return Form(
        title="My digest", submit="Save",
        intro=f"A digest for you alone, in a {where} message. "
              f"The shop's comes at {uow.shop.digest_at:%H:%M} all the same.",
        fields=(
            Field(name="hour", label="At what time every day?", max_length=10,
                  hint="Such as 07:30. Write off to have none.",
                  initial=f"{wish.hour:%H:%M}" if wish else f"{uow.shop.digest_at:%H:%M}"),
            Field(name="shows", label="Which figures?", kind=FieldKind.CHOICE,
                  choices=tuple(Choice(value=one.value, label=words.capitalize())
                                for one, words in SHOWS_WORDS.items()),
                  initial=(wish.shows if wish else Shows.ALL).value,
                  hint="What waits for somebody is always in it."),
        ),
    )


def read_hour(text: str | None) -> time | None:
    """An hour as people write it ("7", "7:30", "07.30"); None for "off"; BadInput for what is neither."""
    word = (text or "").strip().lower()
    if word in OFF:
        return None
    found = re.fullmatch(r"(\d{1,2})(?:[:.h]?(\d{2}))?", word, re.ASCII)
    if found is None or int(found[1]) > 23 or int(found[2] or 0) > 59:
        raise BadInput(f"I can't read {word[:20]!r} as a time of day. Write it like 07:30, or off.", field="hour")
    return time(int(found[1]), int(found[2] or 0))


def _is_due(wish: OwnDigest, today: date, uow: UnitOfWork) -> bool:
    """Its hour has come today, after it was asked for, and not too long ago."""
    moment = uow.shop.calendar.at(today, wish.hour)
    return wish.sent_on != today and wish.changed_at <= moment <= uow.now < moment + _STILL_GOOD


def _chat(staff: Staff, platform: str) -> Chat | None:
    """Where that person reads alone on that platform."""
    return next((chat for chat in staff.own_chats if chat.platform == platform), None)


def _my_digest(wish: OwnDigest | None, uow: UnitOfWork, *, changed: bool = False) -> MyDigest:
    shop_hour = f"{uow.shop.digest_at:%H:%M}"
    if wish is None:
        return MyDigest(shop_hour=shop_hour, changed=changed)
    today = uow.shop.calendar.today(uow.now)
    moment = uow.shop.calendar.at(today, wish.hour)
    return MyDigest(
        shop_hour=shop_hour, hour=f"{wish.hour:%H:%M}", shows=SHOWS_WORDS[wish.shows],
        platform=wish.platform.capitalize(), changed=changed,
        next_at=moment if moment >= uow.now else uow.shop.calendar.at(today + DAY, wish.hour),
    )


USE_CASES: Final[dict[type[Command], UseCase]] = {ChangeMyDigest: change_my_digest, ShowMyDigest: show_my_digest}
FORMS: Final[dict[type[Command], Form | Callable[[Command, Actor, UnitOfWork], Form]]] = {
    ChangeMyDigest: my_digest_form,
}
