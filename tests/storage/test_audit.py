"""The trail's hash is that of the instant: no clock's zone, no process's zone and no database changes it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from storage.audit import AuditRows
from storage.seals import Seals
from storage.tables import audit
from tests.desk import TestDesk

SEALS = Seals(b"s" * 32)
ZONES: tuple[tzinfo, ...] = (
    UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("UTC"), timezone(timedelta(hours=-9, minutes=-30)), ZoneInfo("Asia/Kathmandu"),
)
#: with and without microseconds, and both times that Berlin's clock showed 02:30 that night
MOMENTS = tuple(
    datetime.fromisoformat(one)
    for one in ("2026-11-28T09:05:00+00:00", "2026-11-28T09:05:00.000007+00:00", "2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00")
)
#: the form of every line that stands in any installation: it may not change, or whole trails would be called forged
FIRST = ["0" * 64, "2026-11-28T09:05:00+00:00", "cli:x", "note.made", "N-1", {"word": "Grüße"}]


@pytest.fixture(params=["UTC", "America/St_Johns"])
def _process_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def _write(desk: TestDesk, moment: datetime) -> None:
    with desk.store.engine.begin() as connection, desk.looking() as uow:
        AuditRows(connection, uow.shop, moment, SEALS).add("cli:x", "note.made", "N-1", {"word": "Grüße"})


@pytest.mark.usefixtures("_process_zone")
@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_one_instant_has_one_hash_whatever_the_clock_that_wrote_it(desk: TestDesk, moment: datetime) -> None:
    found = set()
    for zone in ZONES:
        desk.execute(sa.text("DELETE FROM audit"))
        desk.execute(sa.text("DELETE FROM audit_heads"))
        _write(desk, moment.astimezone(zone))
        found |= {row.hash for row in desk.query(sa.select(audit.c.hash))}
        with desk.store.engine.connect() as connection, desk.looking() as uow:
            assert AuditRows(connection, uow.shop, moment, SEALS).broken() is None, zone
    form = ["0" * 64, moment.isoformat(), *FIRST[2:]]
    assert found == {hashlib.sha256(json.dumps(form, sort_keys=True).encode()).hexdigest()}


@pytest.mark.usefixtures("_process_zone")
def test_a_chain_by_clocks_of_many_zones_is_whole_and_a_forged_line_is_not(desk: TestDesk) -> None:
    for number, zone in enumerate(ZONES):
        _write(desk, (MOMENTS[0] + timedelta(seconds=number)).astimezone(zone))
    with desk.store.engine.connect() as connection, desk.looking() as uow:
        trail = AuditRows(connection, uow.shop, MOMENTS[0], SEALS)
        assert trail.broken(trail.anchor()) is None
    # The same wall clock in another zone is another instant: the words that a line was once shown in are no second way in.
    desk.execute(sa.update(audit).where(audit.c.id == sa.select(sa.func.max(audit.c.id)).scalar_subquery()).values(at=MOMENTS[0].replace(tzinfo=ZONES[1])))
    with desk.store.engine.connect() as connection, desk.looking() as uow:
        assert "was changed" in str(AuditRows(connection, uow.shop, MOMENTS[0], SEALS).broken())
