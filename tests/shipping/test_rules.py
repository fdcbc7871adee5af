"""Which parcels count as late, by which rule, in working days; and the order of the rules."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shipping import Delay, DelayRule, Milestone, ParcelAsOf, Progress, Scan, delay, delays, lane_guess, progress
from domain.shipping.messages import ordinal
from domain.shipping.texts import LANGUAGES, DelayNews, delay_text, spoken
from domain.shops import DeliveryPolicy
from domain.time import Calendar

BERLIN = Calendar(time_zone="Europe/Berlin", country="DE")
POLICY = DeliveryPolicy()
#: a Monday
MONDAY = datetime(2026, 11, 16, 8, 0, tzinfo=UTC)
T = TypeVar("T")


def a_parcel(state: Progress | None = None, **changes: object) -> ParcelAsOf:
    """Order 1042 by DHL, approved on Monday, promised for the next Friday but one."""
    base = ParcelAsOf(
        order_id=1, order="1042", customer_id=1, placed_at=MONDAY, approved_at=MONDAY, ship_by=None,
        promised_on=date(2026, 12, 4), parcel_id=1, sequence=1, carrier="DHL", tracking_number="00340434",
        origin="Leipzig", destination="Porto", international=False, expected_on=None, told_at=None,
        state=state or Progress(),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def in_transit(at: datetime, place: str | None = "Leipzig hub") -> Progress:
    """Scanned once, then."""
    return progress([Scan(at=at, milestone=Milestone.IN_TRANSIT, place=place)])


def rule_of(parcel: ParcelAsOf, at: datetime) -> DelayRule | None:
    found = delay(parcel, POLICY, BERLIN, at)
    return None if found is None else found.rule


def days(count: float) -> timedelta:
    return timedelta(days=count)


@pytest.mark.parametrize(
    ("parcel", "late_from", "rule"),
    [
        # approved Monday: three working days are Thursday
        (a_parcel(), datetime(2026, 11, 19, tzinfo=UTC), DelayRule.HANDOVER_OVERDUE),
        # the order's own limit wins over the working days
        (a_parcel(ship_by=datetime(2026, 11, 23, 12, tzinfo=UTC)), datetime(2026, 11, 23, 12, tzinfo=UTC),
         DelayRule.HANDOVER_OVERDUE),
        # a label on Monday: the first scan is due within four working days
        (a_parcel(Progress(milestone=Milestone.INFO_RECEIVED, label_at=MONDAY, since=MONDAY), approved_at=None),
         datetime(2026, 11, 19, 23, tzinfo=UTC), DelayRule.NEVER_SCANNED),
        # scanned on Friday: Saturday and Sunday do not count
        (a_parcel(in_transit(MONDAY + days(4))), datetime(2026, 11, 24, 23, tzinfo=UTC), DelayRule.NO_SCAN),
        (a_parcel(in_transit(MONDAY), international=True), datetime(2026, 11, 22, 23, tzinfo=UTC), DelayRule.NO_SCAN),
    ],
)
def test_each_rule_holds_from_its_moment_on_and_not_before(
    parcel: ParcelAsOf, late_from: datetime, rule: DelayRule
) -> None:
    assert rule_of(parcel, late_from - timedelta(hours=2)) is None
    found = delay(parcel, POLICY, BERLIN, late_from + timedelta(hours=2))
    assert found is not None
    assert found.rule is rule
    assert late_from - timedelta(hours=1) <= found.since <= late_from + timedelta(hours=1)


def test_an_order_without_goods_has_nothing_to_hand_over() -> None:
    assert rule_of(a_parcel(goods=False), MONDAY + days(10)) is None
    assert rule_of(a_parcel(goods=False, ship_by=MONDAY), MONDAY + days(10)) is DelayRule.HANDOVER_OVERDUE


def test_late_is_a_later_date_than_promised_and_the_promised_day_itself_is_on_time() -> None:
    parcel = a_parcel(in_transit(datetime(2026, 12, 4, 9, tzinfo=UTC)))
    assert rule_of(parcel, datetime(2026, 12, 4, 22, 59, tzinfo=UTC)) is DelayRule.DUE_SOON
    found = delay(parcel, POLICY, BERLIN, datetime(2026, 12, 4, 23, 1, tzinfo=UTC))
    assert found is not None
    assert (found.rule, found.days_late) == (DelayRule.OVERDUE, 1)
    assert found.since == datetime(2026, 12, 4, 23, tzinfo=UTC)


def test_a_parcel_is_watched_three_days_before_its_promise() -> None:
    scanned = datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert rule_of(a_parcel(in_transit(scanned)), scanned) is None
    assert rule_of(a_parcel(in_transit(scanned)), scanned + days(1)) is DelayRule.DUE_SOON


def test_what_is_due_soon_says_whether_it_has_left() -> None:
    at = datetime(2026, 12, 3, 9, tzinfo=UTC)
    there = delay(a_parcel(in_transit(at)), POLICY, BERLIN, at)
    here = delay(a_parcel(approved_at=None), POLICY, BERLIN, at)
    assert there is not None
    assert here is not None
    assert (there.reason, here.reason) == ("promised for Fri 4 Dec, still on the way",
                                           "promised for Fri 4 Dec, not with a carrier yet")


@pytest.mark.parametrize(
    ("milestone", "substatus", "words"),
    [
        (Milestone.EXCEPTION, "damaged", "reports damage"), (Milestone.EXCEPTION, "customs", "customs"),
        (Milestone.EXCEPTION, "lost", "lost"), (Milestone.EXCEPTION, "wrong_address", "address"),
        (Milestone.EXCEPTION, None, "a problem"), (Milestone.EXCEPTION, "something_new", "a problem"),
    ],
)
def test_an_exception_counts_at_once_and_silences_everything_else(
    milestone: Milestone, substatus: str | None, words: str
) -> None:
    now = datetime(2026, 12, 20, tzinfo=UTC)
    state = progress([Scan(at=now, milestone=milestone, substatus=substatus)])
    found = delays(a_parcel(state), POLICY, BERLIN, now)
    assert found[0].rule is DelayRule.EXCEPTION
    assert words in found[0].reason
    assert DelayRule.OVERDUE in {one.rule for one in found}


def test_presumed_lost_needs_silence_and_a_day_that_is_over() -> None:
    parcel = a_parcel(in_transit(MONDAY))
    assert rule_of(parcel, MONDAY + days(8)) is DelayRule.NO_SCAN
    assert rule_of(parcel, datetime(2026, 12, 6, tzinfo=UTC)) is DelayRule.PRESUMED_LOST
    abroad = replace(parcel, international=True, promised_on=date(2026, 11, 20))
    assert rule_of(abroad, MONDAY + days(19)) is DelayRule.OVERDUE
    assert rule_of(abroad, MONDAY + days(21)) is DelayRule.PRESUMED_LOST


def test_a_parcel_that_nobody_tracks_is_not_accused_of_missing_scans() -> None:
    parcel = a_parcel(in_transit(MONDAY), carrier=None, tracking_number=None)
    assert rule_of(parcel, MONDAY + days(11)) is None


def test_what_waits_for_its_receiver_or_has_come_is_not_late() -> None:
    later = datetime(2026, 12, 24, tzinfo=UTC)
    for milestone in (Milestone.AVAILABLE_FOR_PICKUP, Milestone.DELIVERED):
        state = progress([Scan(at=MONDAY, milestone=milestone)])
        assert delays(a_parcel(state), POLICY, BERLIN, later) == ()


def test_a_holiday_is_no_working_day() -> None:
    # Friday 25 December 2026 is Christmas in Germany, Saturday the second day of it
    scanned = datetime(2026, 12, 23, 9, tzinfo=UTC)
    parcel = a_parcel(in_transit(scanned), promised_on=None)
    assert rule_of(parcel, datetime(2026, 12, 28, 22, tzinfo=UTC)) is None
    assert rule_of(parcel, datetime(2026, 12, 29, 12, tzinfo=UTC)) is DelayRule.NO_SCAN


scan_times = st.integers(0, 400).map(lambda hours: MONDAY + timedelta(hours=hours))
some_scans = st.lists(st.builds(Scan, at=scan_times, milestone=st.sampled_from(Milestone), place=st.none()), max_size=8,
                      unique_by=lambda one: one.at)


@given(scans=some_scans, data=st.data())
def test_the_order_in_which_scans_are_heard_changes_nothing(scans: list[Scan], data: st.DataObject) -> None:
    assert progress(data.draw(st.permutations(scans))) == progress(scans)


@given(scans=some_scans)
def test_nothing_takes_back_a_delivery_and_no_label_takes_a_parcel_from_the_carrier(scans: list[Scan]) -> None:
    states = [progress(sorted(scans, key=lambda one: one.at)[:count]) for count in range(len(scans) + 1)]
    for before, after in itertools.pairwise(states):
        if before.milestone is Milestone.DELIVERED:
            assert after == before
        if before.handed_over_at is not None:
            assert after.handed_over_at == before.handed_over_at
            assert after.milestone not in (Milestone.PENDING, Milestone.INFO_RECEIVED)


@given(scans=some_scans, hours=st.integers(0, 900))
def test_the_worst_rule_comes_first_and_every_delay_explains_itself(scans: list[Scan], hours: int) -> None:
    at = MONDAY + timedelta(hours=hours)
    found = delays(a_parcel(progress(one for one in scans if one.at <= at)), POLICY, BERLIN, at)
    order = list(DelayRule)
    assert [order.index(one.rule) for one in found] == sorted(order.index(one.rule) for one in found)
    for one in found:
        assert isinstance(one, Delay)
        assert one.since <= at
        assert one.explanation
        assert one.reason


def test_a_lane_speaks_only_with_ten_parcels_that_took_as_long() -> None:
    today = date(2026, 11, 23)
    assert lane_guess([3.0] * 100 + [9.0] * 9, 5.0, today, BERLIN) is None
    found = lane_guess([3.0] * 100 + [8.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 20.0], 5.0, today, BERLIN)
    assert found is not None
    assert (found.parcels, found.expected_on) == (10, date(2026, 11, 27))
    assert (found.low_on, found.high_on) == (date(2026, 11, 27), date(2026, 11, 27))
    weekend = lane_guess([10.0] * 10, 5.0, today, BERLIN)
    assert weekend is not None
    assert weekend.expected_on == date(2026, 11, 30), "nothing is promised for a Saturday"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rule", list(DelayRule))
@pytest.mark.parametrize("day", [None, date(2026, 12, 2)])
def test_the_customers_text_names_them_the_order_the_cause_and_the_day_in_every_language(
    language: str, rule: DelayRule, day: date | None
) -> None:
    news = DelayNews(first_name="Maria", order="1042", shop="Nordlicht Shop", rule=rule, substatus="damaged",
                     handed_over=True, last_place="Leipzig", expected_on=day)
    text = delay_text(news, language)
    assert all(word in text for word in ("Maria", "#1042", "Nordlicht Shop"))
    assert "{" not in text
    assert ("2" in text.replace("#1042", "")) is (day is not None)
    assert len(text) < 500


def test_the_text_reads_as_a_person_would_write_it() -> None:
    news = DelayNews(first_name="Maria", order="1042", shop="Nordlicht Shop", rule=DelayRule.NO_SCAN, substatus=None,
                     handed_over=True, last_place="Leipzig", expected_on=date(2026, 12, 2))
    assert delay_text(news, "en") == (
        "Hi Maria, your order #1042 from Nordlicht Shop is delayed: your parcel is held up in Leipzig. "
        "We expect it by Wednesday 2 December. Sorry for the wait."
    )
    assert "Mittwoch, 2. Dezember" in delay_text(news, "de")


@pytest.mark.parametrize(
    ("wishes", "language"),
    [(("pt-BR", "de"), "pt"), ((None, "de"), "de"), (("ja", "fr_CA"), "fr"), (("ja",), "en"), ((), "en")],
)
def test_a_language_that_we_do_not_write_falls_back_to_the_shops(wishes: tuple[str | None, ...], language: str) -> None:
    assert spoken(*wishes) == language


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (21, "21st"),
                         (113, "113th")]
)
def test_ordinals(count: int, words: str) -> None:
    assert ordinal(count) == words
