"""A platform's Retry-After as a row: kept over our own pace, never shortened."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage.jobs import JobRows
from tests.desk import TestDesk


@pytest.mark.parametrize("paced", [False, True], ids=["an untouched lane", "a lane that has its pace"])
def test_a_hold_stands_on_any_lane_and_a_shorter_one_never_wins(desk: TestDesk, paced: bool) -> None:
    now = desk.clock.now()
    with desk.store.engine.begin() as connection:
        rows = JobRows(connection, now)
        if paced:
            rows.lanes(["slack:C0"])
            rows.move_lanes({"slack:C0": now + timedelta(seconds=1)})
        rows.hold("slack:C0", until=now + timedelta(seconds=30))
        rows.hold("slack:C0", until=now + timedelta(seconds=5))
        assert rows.held_lanes(["slack:C0", "slack:C1"]) == {"slack:C0": now + timedelta(seconds=30)}
        rows.hold("slack:C0", until=now + timedelta(seconds=61))
        assert rows.held_lanes(["slack:C0"]) == {"slack:C0": now + timedelta(seconds=61)}
    with desk.store.engine.begin() as connection:
        assert JobRows(connection, now + timedelta(seconds=61)).held_lanes(["slack:C0"]) == {}
