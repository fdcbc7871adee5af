"""When a parcel counts as late, and by which rule. Pure; the worse state silences the lesser.

Sources: docs/sources.md; days are working days of the shop's calendar unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Final

from domain.shipping.model import BEFORE_CARRIER, Milestone, ParcelAsOf, Substatus
from domain.shops import DeliveryPolicy
from domain.time import DAY, Calendar

#: with fewer past parcels than this, a lane says nothing
LANE_AT_LEAST: Final = 10


class DelayRule(StrEnum):
    """Why a parcel is late, the worst first."""

    EXCEPTION = "exception"
    PRESUMED_LOST = "presumed_lost"
    EXPIRED = "expired"
    OVERDUE = "overdue"
    ATTEMPT_FAIL = "attempt_fail"
    NO_SCAN = "no_scan"
    NEVER_SCANNED = "never_scanned"
    HANDOVER_OVERDUE = "handover_overdue"
    DUE_SOON = "due_soon"


#: 0 = the worst
SEVERITY: Final = {rule: place for place, rule in enumerate(DelayRule)}

#: AfterShip's reasons below Exception, in our words
EXCEPTIONS: Final[dict[str, str]] = {
    Substatus.DAMAGED: "the carrier reports damage",
    Substatus.LOST: "the carrier reports it lost",
    Substatus.CUSTOMS: "it is held at customs",
    Substatus.WRONG_ADDRESS: "the address is wrong or incomplete",
    Substatus.HELD_FOR_PAYMENT: "it is held until duties or fees are paid",
    Substatus.REJECTED: "the receiver refused it",
    Substatus.PICKUP_MISSED: "nobody picked it up",
    Substatus.RETURNING: "it is on its way back to us",
    Substatus.RETURNED: "it has come back to us",
    Substatus.EXTERNAL: "something outside holds it up (weather, strike, border)",
}


@dataclass(frozen=True, kw_only=True)
class Delay:
    """One parcel's delay at a moment."""

    rule: DelayRule
    #: since when the rule holds
    since: datetime
    promised_on: date | None
    #: calendar days past the promise, 0 before it
    days_late: int
    #: the reason in a few words: "no scan for 4 working days"
    reason: str
    explanation: str


@dataclass(frozen=True, kw_only=True)
class LaneGuess:
    """What past parcels on the same lane suggest: 8 of 10 that took this long came ``low`` to ``high`` days on."""

    expected_on: date
    #: how many past parcels that is taken from
    parcels: int
    low_on: date
    high_on: date


def delay(parcel: ParcelAsOf, policy: DeliveryPolicy, calendar: Calendar, at: datetime) -> Delay | None:
    """The worst rule that holds, None if all is well."""
    found = delays(parcel, policy, calendar, at)
    return found[0] if found else None


def delays(parcel: ParcelAsOf, policy: DeliveryPolicy, calendar: Calendar, at: datetime) -> tuple[Delay, ...]:
    """Every rule that holds, the worst first."""
    if parcel.state.milestone is Milestone.DELIVERED:
        return ()
    look = _Look(parcel, policy, calendar, at)
    found = (look.exception(), look.presumed_lost(), look.expired(), look.overdue(), look.attempt_fail(),
             look.no_scan(), look.never_scanned(), look.handover_overdue(), look.due_soon())
    return tuple(one for one in found if one is not None)


def lane_guess(past_days: Sequence[float], age_days: float, today: date, calendar: Calendar) -> LaneGuess | None:
    """When it should come, from parcels of the lane that took longer than this one has been on its way.

    The median of what was left for them, and the span of the middle eight tenths, each moved to the next working day;
    None below ten such parcels.
    """
    left = sorted(days - age_days for days in past_days if days > age_days)
    if len(left) < LANE_AT_LEAST:
        return None
    low, high = left[len(left) // 10], left[-1 - len(left) // 10]

    def on(days: float) -> date:
        return calendar.add_working_days(today + timedelta(days=round(days)) - DAY, 1)

    return LaneGuess(expected_on=on(median(left)), parcels=len(left), low_on=on(low), high_on=on(high))


@dataclass(frozen=True)
class _Look:
    """One parcel at one moment; each method is one rule."""

    parcel: ParcelAsOf
    policy: DeliveryPolicy
    calendar: Calendar
    at: datetime

    def exception(self) -> Delay | None:
        """The carrier reports trouble: at once."""
        state = self.parcel.state
        if state.milestone is not Milestone.EXCEPTION:
            return None
        reason = EXCEPTIONS.get(state.substatus or "", "the carrier reports a problem")
        return self._delay(DelayRule.EXCEPTION, state.since or self.at, reason,
                           f"The carrier said so {self._when(state.since)}; such news silences all other rules.")

    def presumed_lost(self) -> Delay | None:
        """No scan for so many calendar days, and the promised or the carrier's own day is over."""
        state, parcel = self.parcel.state, self.parcel
        if state.last_scan_at is None or not parcel.tracked or state.milestone is Milestone.AVAILABLE_FOR_PICKUP:
            return None
        limit = self.policy.lost_international_days if parcel.international else self.policy.lost_domestic_days
        since = state.last_scan_at + timedelta(days=limit)
        due = parcel.expected_on or parcel.promised_on
        if self.at < since or (due is not None and due >= self._today):
            return None
        days = (self.at - state.last_scan_at).days
        return self._delay(
            DelayRule.PRESUMED_LOST, since, f"no scan for {days} days, presumed lost",
            f"Last scan {self._when(state.last_scan_at)}; after {limit} days without one ({self._kind}), past its day,"
            f" a parcel is presumed lost. A claim must be filed by"
            f" {self._day(self._local(state.last_scan_at) + timedelta(days=self.policy.claim_within_days))}.",
        )

    def expired(self) -> Delay | None:
        """The carrier gave up following it (no information for 30 days)."""
        state = self.parcel.state
        if state.milestone is not Milestone.EXPIRED:
            return None
        return self._delay(DelayRule.EXPIRED, state.since or self.at, "the carrier no longer follows it",
                           "The carrier's tracking expired: no information for 30 days.")

    def overdue(self) -> Delay | None:
        """The promised day is over. Something that waits for its receiver at a shop is not late."""
        promised = self.parcel.promised_on
        if promised is None or promised >= self._today or self._waits_for_receiver:
            return None
        days = (self._today - promised).days
        return self._delay(
            DelayRule.OVERDUE, self.calendar.at(promised + DAY), f"promised for {self._day(promised)}",
            f"Promised for {self._day(promised)}, not delivered {self._days(days)} later. {self._where}",
        )

    def attempt_fail(self) -> Delay | None:
        """Nobody could take it."""
        state = self.parcel.state
        if state.milestone is not Milestone.ATTEMPT_FAIL:
            return None
        return self._delay(DelayRule.ATTEMPT_FAIL, state.since or self.at, "delivery was tried and failed",
                           f"The carrier could not hand it over {self._when(state.since)}.")

    def no_scan(self) -> Delay | None:
        """With the carrier, but not scanned for some working days."""
        state, parcel = self.parcel.state, self.parcel
        if state.last_scan_at is None or not parcel.tracked or self._waits_for_receiver:
            return None
        limit = self.policy.no_scan_international_days if parcel.international else self.policy.no_scan_domestic_days
        days = self.calendar.working_days_between(state.last_scan_at, self.at)
        if days < limit:
            return None
        since = self.calendar.at(self.calendar.add_working_days(self._local(state.last_scan_at), limit))
        return self._delay(
            DelayRule.NO_SCAN, since, f"no scan for {self._working(days)}",
            f"Last scan {self._when(state.last_scan_at)}{self._place}; {self._kind} parcels are scanned at least every"
            f" {self._working(limit)}.",
        )

    def never_scanned(self) -> Delay | None:
        """A label was made, and the carrier never scanned it."""
        state = self.parcel.state
        if state.label_at is None or state.handed_over_at is not None or state.milestone not in BEFORE_CARRIER:
            return None
        limit = self.policy.first_scan_days
        days = self.calendar.working_days_between(state.label_at, self.at)
        if days < limit:
            return None
        since = self.calendar.at(self.calendar.add_working_days(self._local(state.label_at), limit))
        return self._delay(
            DelayRule.NEVER_SCANNED, since, f"label made {self._working(days)} ago, never scanned",
            f"Label made {self._when(state.label_at)}; a first scan is due within {self._working(limit)}.",
        )

    def handover_overdue(self) -> Delay | None:
        """Paid for and not given to a carrier in time: past its own limit, else past the shop's working days."""
        parcel = self.parcel
        if parcel.approved_at is None or parcel.approved_at > self.at or parcel.state.handed_over_at is not None:
            return None
        if parcel.ship_by is None and not parcel.goods:
            return None
        if parcel.sequence > 1 and parcel.state.label_at is not None:
            # A further parcel, such as one that is sent again: its label says when it was made, never_scanned looks on.
            return None
        limit = self.policy.handover_days
        since = parcel.ship_by or self.calendar.at(
            self.calendar.add_working_days(self._local(parcel.approved_at), limit)
        )
        if self.at <= since:
            return None
        days = self.calendar.working_days_between(parcel.approved_at, self.at)
        rule = (f"it had to be with the carrier by {self._moment(since)}" if parcel.ship_by
                else f"orders leave within {self._working(limit)}")
        return self._delay(
            DelayRule.HANDOVER_OVERDUE, since, f"not with a carrier {self._working(days)} after approval",
            f"Approved {self._when(parcel.approved_at)}; {rule}, and it is not there.",
        )

    def due_soon(self) -> Delay | None:
        """Promised within the next days and not there: watched, not yet late."""
        promised = self.parcel.promised_on
        if promised is None or self._waits_for_receiver:
            return None
        left = (promised - self._today).days
        if not 0 <= left <= self.policy.due_soon_days:
            return None
        when = "today" if left == 0 else f"in {self._days(left)}"
        return self._delay(
            DelayRule.DUE_SOON, self.calendar.at(promised - timedelta(days=self.policy.due_soon_days)),
            f"promised for {self._day(promised)}, {self._stage}",
            f"Promised for {self._day(promised)}, {when}. {self._where}",
        )

    def _delay(self, rule: DelayRule, since: datetime, reason: str, explanation: str) -> Delay:
        promised = self.parcel.promised_on
        late = max(0, (self._today - promised).days) if promised else 0
        return Delay(rule=rule, since=since, promised_on=promised, days_late=late, reason=reason,
                     explanation=explanation)

    @property
    def _today(self) -> date:
        return self.calendar.today(self.at)

    @property
    def _waits_for_receiver(self) -> bool:
        return self.parcel.state.milestone is Milestone.AVAILABLE_FOR_PICKUP

    @property
    def _kind(self) -> str:
        return "international" if self.parcel.international else "domestic"

    @property
    def _place(self) -> str:
        return f" at {self.parcel.state.last_place}" if self.parcel.state.last_place else ""

    @property
    def _stage(self) -> str:
        return "not with a carrier yet" if self.parcel.state.handed_over_at is None else "still on the way"

    @property
    def _where(self) -> str:
        state = self.parcel.state
        if state.handed_over_at is None:
            return "It is not with a carrier yet."
        return f"With the carrier; last scan {self._when(state.last_scan_at or state.handed_over_at)}{self._place}."

    def _local(self, moment: datetime) -> date:
        return self.calendar.today(moment)

    def _when(self, moment: datetime | None) -> str:
        return f"on {self._moment(moment)}" if moment else "just now"

    def _moment(self, moment: datetime) -> str:
        return f"{self.calendar.local(moment):%a} {self._local(moment).day} {self.calendar.local(moment):%b %H:%M}"

    def _day(self, day: date) -> str:
        return f"{day:%a} {day.day} {day:%b}" + ("" if day.year == self._today.year else f" {day.year}")

    def _days(self, count: int) -> str:
        return f"{count} day" if count == 1 else f"{count} days"

    def _working(self, count: int) -> str:
        return f"{count} working day" if count == 1 else f"{count} working days"
