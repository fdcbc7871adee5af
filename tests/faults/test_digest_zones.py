"""Every zone of tzdata around each change of its clock: one digest for each local date, at its first moment."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.faults.digest_zones import ODD_YEARS, Found, around_changes, check


def test_every_zone_has_one_digest_for_each_date_around_each_change_of_its_clock() -> None:
    found = Found()
    around_changes(found)
    assert found.wrong == []
    assert found.zones > 400


@pytest.mark.parametrize(("name", "year"), ODD_YEARS[:2])
def test_a_date_that_never_was_has_none(name: str, year: int) -> None:
    found = Found()
    check(name, datetime(year, 12, 27, tzinfo=UTC), datetime(year + 1, 1, 4, tzinfo=UTC), found)
    assert found.wrong == []
