"""A person's quiet hours: what nobody asked for waits until they end, on the shop's clock; then it comes, in order."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final, Protocol

from domain.errors import BadInput, RuleBroken
from domain.forms import OFF, Field, Form
from domain.messages import Button, Command, Message, UseCase
from domain.people import ANY_STAFF, Actor, Staff, listed
from domain.ports import UnitOfWork
from domain.time import DAY, Calendar

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_HOUR: Final = r"(\d{1,2})(?:[:.h](\d{2}))?"
_HOURS: Final = re.compile(rf"{_HOUR}\s*(?:-|–|to|until)\s*{_HOUR}(?!\S)", re.ASCII)
_EXAMPLE: Final = "Write it like 20:00-07:00, 20:00-07:00 sat sun, or off."
#: quiet stretches that follow each other without a break end within a week and a day; each is a step or two
_STEPS: Final = 24
#: the kind of job that looks again after a change
SETTLE: Final = "quiet_hours"


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """Every day from ``start`` up to ``end`` (over midnight where that is earlier), and on whole days.

    Local time of the shop; both None where only days are quiet. BadInput where no time would be left, or nothing quiet.
    """

    start: time | None = None
    end: time | None = None
    #: 0 = Monday; from midnight to midnight
    days: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        """Some time is quiet and some is not, or whatever waits would wait for ever."""
        if (self.start is None) != (self.end is None) or (self.start is None and not self.days):
            raise BadInput(f"I read no quiet hours. {_EXAMPLE}", field="hours")
        if self.start is not None and self.start == self.end:
            raise BadInput(f"Quiet hours end at another time than they begin. {_EXAMPLE}", field="hours")
        if len(self.days) >= len(_DAYS):
            raise BadInput("Leave one day of the week that is not quiet: else nothing reaches you.", field="days")

    def until(self, moment: datetime, calendar: Calendar) -> datetime | None:
        """When the quiet that holds at that moment ends, in UTC; None where it is not quiet."""
        at = moment
        for _ in range(_STEPS):
            end = self._end_of_stretch(at, calendar)
            if end is None:
                break
            at = end
        return None if at == moment else at

    def _end_of_stretch(self, moment: datetime, calendar: Calendar) -> datetime | None:
        """The latest end of a night or a day that holds this moment."""
        today, ends = calendar.today(moment), list[datetime]()
        # Yesterday's night reaches into today; tomorrow has begun already where a clock goes back over midnight.
        for day in (today - DAY, today, today + DAY):
            if day.weekday() in self.days and moment in calendar.day(day):
                ends.append(calendar.day(day).end)
            if self.start is not None and self.end is not None:
                last = calendar.at(day if self.start < self.end else day + DAY, self.end)
                if calendar.at(day, self.start) <= moment < last:
                    ends.append(last)
        return max(ends, default=None)

    @property
    def words(self) -> str:
        """"20:00 to 07:00 and on Saturdays and Sundays"."""
        hours = "" if self.start is None or self.end is None else f"{self.start:%H:%M} to {self.end:%H:%M}"
        days = listed([f"{_DAYS[day]}s" for day in sorted(self.days)])
        return " and ".join(part for part in (hours, f"on {days}" if days else "") if part)

    @property
    def hours_typed(self) -> str:
        """As one types it: "20:00-07:00"; "" where only days are quiet."""
        return "" if self.start is None or self.end is None else f"{self.start:%H:%M}-{self.end:%H:%M}"

    @property
    def days_typed(self) -> str:
        """As one types them: "Sat Sun"."""
        return " ".join(_DAYS[day][:3] for day in sorted(self.days))


class AllQuietHours(Protocol):
    """The quiet hours of one shop's staff."""

    def of(self, staff_id: int) -> QuietHours | None:
        """That person's; None where they have none."""

    def put(self, staff_id: int, hours: QuietHours, *, at: datetime) -> None:
        """Have it so from now on."""

    def end(self, staff_id: int) -> None:
        """None any more."""


@dataclass(frozen=True, kw_only=True)
class ShowQuietHours(Command):
    """My quiet hours."""


@dataclass(frozen=True, kw_only=True)
class ChangeQuietHours(Command):
    """Be left alone: ``hours`` "20:00-07:00" ("off" for none), ``days`` "sat sun" that are quiet as a whole."""

    hours: str | None = None
    days: str | None = None


@dataclass(frozen=True, kw_only=True)
class MyQuietHours(Message):
    """How a person's quiet hours stand. ``hours`` "": they have none."""

    hours: str = ""
    #: where it is quiet at this moment: until then
    until: datetime | None = None
    #: they have just changed it
    changed: bool = False
    #: letters that had waited and that the change lets go
    freed: int = 0

    @property
    def buttons(self) -> tuple[Button, ...]:
        """To change them."""
        return (Button(label=f"{'Change' if self.hours else 'Set'} my quiet hours", command=ChangeQuietHours()),)


def show_quiet_hours(command: ShowQuietHours, actor: Actor, uow: UnitOfWork) -> Message:
    """One's own, and nobody else's."""
    del command
    staff = actor.require(ANY_STAFF, "have quiet hours")
    return _mine(uow.quiet_hours.of(staff.id), uow)


def change_quiet_hours(command: ChangeQuietHours, actor: Actor, uow: UnitOfWork) -> Message:
    """From now on so, or not at all; what waited for the quiet hours before waits for these now."""
    staff = actor.require(ANY_STAFF, "have quiet hours")
    if not staff.own_chats:
        raise RuleBroken("I know no chat of yours in Slack or Telegram. Ask an owner to add it to the shop file.")
    hours = read_quiet_hours(f"{command.hours or ''} {command.days or ''}")
    if hours is None:
        uow.quiet_hours.end(staff.id)
    else:
        uow.quiet_hours.put(staff.id, hours, at=uow.now)
    until, waited = _move(staff, hours, uow)
    # A letter that is being written at this moment goes by the hours before, and is not there yet to be moved.
    lane = f"{SETTLE}:{uow.shop.key}:{staff.key}"
    uow.outbox.later(SETTLE, {"staff": staff.id}, once=f"{lane}:{uow.new_id()}", due_at=uow.now, lane=lane)
    detail = {"hours": hours.hours_typed, "days": hours.days_typed} if hours else {"hours": None}
    uow.record(actor, "quiet_hours.changed", staff.key, detail)
    return _mine(hours, uow, changed=True, freed=0 if until else waited)


def settle_quiet_hours(staff_id: int, uow: UnitOfWork) -> bool:
    """Whatever was being written while they changed waits by those that stand now; False: somebody still writes."""
    staff = uow.people.by_id(staff_id)
    if not all(uow.outbox.alone(chat) for chat in staff.own_chats):
        return False
    _move(staff, uow.quiet_hours.of(staff.id), uow)
    return True


def quiet_hours_form(command: Command, actor: Actor, uow: UnitOfWork) -> Form:
    """Hours and days, as they are now."""
    if not isinstance(command, ChangeQuietHours):
        raise BadInput("That form is for your quiet hours.")
    staff = actor.require(ANY_STAFF, "have quiet hours")
    hours = uow.quiet_hours.of(staff.id)
    return Form(
        title="My quiet hours", submit="Save",
        intro="While it is quiet, digests and alerts in your own chat wait, and come when it ends. "
              "Answers, approvals and deadlines still reach you at once.",
        fields=(
            Field(name="hours", label="Quiet hours, every day", max_length=20, required=False,
                  hint=f"For example 20:00-07:00, on the shop's clock ({uow.shop.calendar.time_zone}). "
                       "Write off to have no quiet hours.",
                  initial=(hours.hours_typed or None) if hours else "20:00-07:00"),
            Field(name="days", label="Days that are all quiet", max_length=60, required=False,
                  hint="For example Sat Sun. Empty: on none.",
                  initial=(hours.days_typed or None) if hours else None),
        ),
    )


def read_quiet_hours(text: str) -> QuietHours | None:
    """Hours and days as people write them ("20-7 sat sun"); None for "off"; BadInput for what is neither."""
    said = " ".join(text.lower().split())
    if said.split(" ")[0] in OFF:
        return None
    start = end = None
    found = _HOURS.match(said)
    if found is not None:
        start, end = _time(found[1], found[2], said), _time(found[3], found[4], said)
        said = said[found.end():]
    days = frozenset(_day(word) for word in re.split(r"[\s,;]+", said) if word not in {"", "and", "on"})
    return QuietHours(start=start, end=end, days=days)


def _move(staff: Staff, hours: QuietHours | None, uow: UnitOfWork) -> tuple[datetime | None, int]:
    """Whatever waits for that person waits by these hours: until when, if it is quiet now, and how many letters."""
    until = None if hours is None else hours.until(uow.now, uow.shop.calendar)
    return until, sum(uow.outbox.wait_until(chat, until or uow.now) for chat in staff.own_chats)


def _time(hour: str, minute: str | None, said: str) -> time:
    if int(hour) > 23 or int(minute or 0) > 59:
        raise BadInput(f"I can't read {said[:40]!r} as quiet hours. {_EXAMPLE}", field="hours")
    return time(int(hour), int(minute or 0))


def _day(word: str) -> int:
    """Sunday by "sun", "sunday" or "sundays"."""
    if word[:1].isdigit():
        raise BadInput(f"I can't read {word[:40]!r} as quiet hours. {_EXAMPLE}", field="hours")
    bare = word.removesuffix("s") if len(word) > 5 else word
    for number, name in enumerate(_DAYS):
        if len(bare) >= 3 and name.lower().startswith(bare):
            return number
    raise BadInput(f"I can't read {word[:40]!r} as a day of the week. {_EXAMPLE}", field="days")


def _mine(hours: QuietHours | None, uow: UnitOfWork, *, changed: bool = False, freed: int = 0) -> MyQuietHours:
    until = None if hours is None else hours.until(uow.now, uow.shop.calendar)
    return MyQuietHours(hours=hours.words if hours else "", until=until, changed=changed, freed=freed)


USE_CASES: Final[dict[type[Command], UseCase]] = {
    ChangeQuietHours: change_quiet_hours, ShowQuietHours: show_quiet_hours,
}
FORMS: Final[dict[type[Command], Form | Callable[[Command, Actor, UnitOfWork], Form]]] = {
    ChangeQuietHours: quiet_hours_form,
}
