"""What is said about parcels: cards, their later states, answers, and what customers read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from domain.messages import Button, Counted, Message, Style, Table, Topic
from domain.shipping.commands import (
    OpenClaim,
    RefundParcel,
    ReshipParcel,
    ResolveParcel,
    ShowParcels,
    SnoozeParcel,
    TellCustomer,
    WhereIsMyParcel,
    WhyParcel,
)
from domain.shipping.model import Milestone, ParcelAsOf, Scan
from domain.shipping.rules import DelayRule, LaneGuess

_LIST = 20
_LATE = Counted(one="late parcel", many="late parcels", shown_by="/parcels late")


@dataclass(frozen=True, kw_only=True)
class LateParcel:
    """A parcel that is late, with all that its card, a list or a script says about it."""

    order: str
    rule: DelayRule
    since: datetime
    promised: date | None
    days_late: int
    reason: str
    explanation: str
    order_id: int
    parcel_id: int | None
    sequence: int
    customer_id: int | None
    carrier: str | None
    tracking_number: str | None
    origin: str | None
    destination: str | None
    milestone: Milestone
    substatus: str | None
    last_scan_at: datetime | None
    last_place: str | None

    @property
    def subject(self) -> str:
        """What its case is called."""
        return f"{self.order}/{self.sequence}"

    @property
    def urgent(self) -> bool:
        """Past its day, or in trouble: red rather than orange."""
        return self.days_late > 0 or self.rule in (DelayRule.EXCEPTION, DelayRule.PRESUMED_LOST, DelayRule.EXPIRED)


@dataclass(frozen=True, kw_only=True)
class Told:
    """Who told the customer, when, and with which words. ``version`` of the case it was told at."""

    by: str
    at: datetime
    text: str
    version: int


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """Who asked for quiet, and until when."""

    by: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class ClaimLine:
    """How a claim stands, on the parcel's card. ``until``: the shop's date by which it must be filed."""

    by: str
    until: date
    filed_at: datetime | None = None
    reference: str | None = None
    end: str | None = None


@dataclass(frozen=True, kw_only=True)
class LateParcelCard(Message, topic=Topic.PARCELS, counted=_LATE):
    """An order will miss its day, or has. ``customer``: "Maria S."; ``orders``: how many they placed so far."""

    case_id: int
    version: int
    late: LateParcel
    customer: str | None
    first_name: str | None
    orders: int
    guess: LaneGuess | None = None
    claim_until: date | None = None
    told: Told | None = None
    quiet: Quiet | None = None
    claim: ClaimLine | None = None
    #: the return that asks for the money back
    refund: str | None = None
    #: who has it sent again
    reship: str | None = None

    @property
    def nth(self) -> str:
        """The customer's orders so far as an ordinal: 1st, 2nd, 11th."""
        return ordinal(self.orders)

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Tell the customer, or be quiet; the rest under More."""
        case, version = self.case_id, self.version
        tell = () if self.customer is None else (Button(
            label="Write again" if self.told else f"Tell {self.first_name or 'the customer'}"[:40],
            command=TellCustomer(case_id=case, version=version), style=Style.PLAIN if self.told else Style.PRIMARY,
        ),)
        return (
            *tell,
            _snooze(case, version, 1),
            _snooze(case, version, 0),
            _snooze(case, version, 2),
            _snooze(case, version, 4),
            *self._remedies(),
            Button(label="Mark as resolved", more=True, once=True,
                   command=ResolveParcel(case_id=case, version=version)),
            Button(label="Why?", more=True, command=WhyParcel(case_id=case)),
        )

    def _remedies(self) -> tuple[Button, ...]:
        """What can be done for goods that may never come, each once."""
        case, version, found = self.case_id, self.version, []
        if self.reship is None and self.refund is None and self.late.last_scan_at is not None:
            found.append(Button(label="Send again…", more=True, command=ReshipParcel(case_id=case, version=version)))
        if self.refund is None and self.reship is None:
            found.append(Button(label="Ask for a refund", more=True,
                                command=RefundParcel(case_id=case, version=version)))
        if self.claim_until is not None and self.claim is None:
            found.append(Button(label=f"Open claim (until {self.claim_until.day} {self.claim_until:%b})", more=True,
                                command=OpenClaim(case_id=case, version=version)))
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class ParcelSettled(Message, topic=Topic.PARCELS):
    """The card once it is over: delivered, called resolved by somebody, or the order is no longer open."""

    late: LateParcel
    delivered_at: datetime | None = None
    by: str | None = None
    told: Told | None = None
    #: no rule holds any more, though it is not there yet
    on_track: bool = False
    #: who had it sent again, where the second parcel has not left yet
    reship: str | None = None


@dataclass(frozen=True, kw_only=True)
class ParcelWorse(Message, topic=Topic.PARCELS):
    """In the thread: a worse rule holds now."""

    late: LateParcel


@dataclass(frozen=True, kw_only=True)
class ParcelStillLate(Message, topic=Topic.PARCELS):
    """In the thread: the quiet is over, and it is still late."""

    late: LateParcel


@dataclass(frozen=True, kw_only=True)
class CustomerTold(Message, topic=Topic.PARCELS):
    """In the thread: the words that the customer got."""

    by: str
    at: datetime
    text: str


@dataclass(frozen=True, kw_only=True)
class LateParcelsRest(Message, topic=Topic.PARCELS):
    """Late parcels that got no card of their own today; ``rows`` the worst of them."""

    total: int
    overdue: int
    rows: tuple[LateParcel, ...]

    @property
    def tables(self) -> tuple[Table, ...]:
        """The worst first."""
        return (late_table(self.rows),) if self.rows else ()


@dataclass(frozen=True, kw_only=True)
class LateParcelList(Message):
    """The answer: everything that is late."""

    open: int
    overdue: int
    handover_overdue: int
    due_in_3_days: int
    total: int
    rows: tuple[LateParcel, ...]

    @property
    def more(self) -> int:
        """Left out of the table."""
        return self.total - len(self.rows)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The worst first."""
        return (late_table(self.rows),) if self.rows else ()

    @property
    def buttons(self) -> tuple[Button, ...]:
        """The first few, to look at one by one."""
        return tuple(Button(label=f"#{row.order}"[:40], menu="Look at one…",
                            command=ShowParcels(order=row.order)) for row in self.rows[:3])


@dataclass(frozen=True, kw_only=True)
class ParcelLine:
    """One parcel of an order, as an answer shows it."""

    parcel: ParcelAsOf
    late: LateParcel | None


@dataclass(frozen=True, kw_only=True)
class ParcelReport(Message):
    """The answer about one order: each parcel with its last scan and, if it is late, why."""

    order: str
    placed_at: datetime
    promised_on: date | None
    customer: str | None
    parcels: tuple[ParcelLine, ...]


@dataclass(frozen=True, kw_only=True)
class ParcelWhy(Message):
    """The rule with its figures, what past parcels of the lane did, and every scan."""

    late: LateParcel
    rules: tuple[str, ...]
    guess: LaneGuess | None
    scans: tuple[Scan, ...]


@dataclass(frozen=True, kw_only=True)
class ParcelQuiet(Message):
    """The answer to whoever snoozed it."""

    order: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class ParcelDone(Message):
    """The answer to whoever called it resolved, or told the customer."""

    order: str
    #: None: resolved
    told: str | None = None


@dataclass(frozen=True, kw_only=True)
class ParcelDelayTold(Message):
    """To the customer: why their parcel is late and when it should come, in the words that staff approved."""

    text: str
    order_id: int
    language: str = "en"

    @property
    def buttons(self) -> tuple[Button, ...]:
        """They may look for themselves."""
        label = _WHERE_NOW.get(self.language[:2], _WHERE_NOW["en"])
        return (Button(label=label, command=WhereIsMyParcel(order_id=self.order_id)),)


_WHERE_NOW: Final = {
    "en": "Where is it now?", "de": "Wo ist es jetzt?", "pt": "Onde está agora?", "es": "¿Dónde está ahora?",
    "fr": "Où est-il maintenant ?",
}


@dataclass(frozen=True, kw_only=True)
class ParcelStatus(Message):
    """To the customer: where the parcels of their own order are."""

    order: str
    promised_on: date | None
    delivered: bool
    #: what the warehouse does where nothing left yet
    approved: bool
    parcels: tuple[ParcelAsOf, ...]
    expected_on: date | None = None
    late: bool = False


@dataclass(frozen=True, kw_only=True)
class ParcelChoices(Message):
    """To the customer: which order? Number of the order's row, and its number."""

    choices: tuple[tuple[int, str, date], ...]

    @property
    def buttons(self) -> tuple[Button, ...]:
        """One for each, the newest first."""
        return tuple(Button(label=f"#{number} · {day.day}.{day.month}.", command=WhereIsMyParcel(order_id=order_id))
                     for order_id, number, day in self.choices)


def late_table(rows: tuple[LateParcel, ...]) -> Table:
    """Order, why, how late, where it was seen last."""
    return Table(
        caption="Late parcels", headings=("Order", "Why", "Days late", "Last seen"),
        rows=tuple(("#" + row.order, row.reason, str(row.days_late), row.last_place or "-") for row in rows[:_LIST]),
    )


def ordinal(count: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    if count % 100 in (11, 12, 13):
        return f"{count}th"
    return f"{count}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(count % 10, 'th') }"


def _snooze(case: int, version: int, days: int) -> Button:
    label = f"Snooze {days} day{'' if days == 1 else 's'}" if days else "Snooze until next working day"
    command = SnoozeParcel(case_id=case, version=version, days=days)
    return Button(label=label, menu="Snooze…", once=True, command=command)
