"""A slice of the million, and every input that once broke something."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.fuzz.machine import Way, fuzz, kept, opened, ways

WAYS = ways()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.name}, {way.layer}")
def test_nothing_breaks_it(way: Way) -> None:
    count = 40 if "database" in way.layer else 1500
    assert fuzz(way, count, seed=0).findings == ()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.name}, {way.layer}")
def test_what_once_broke_it_breaks_it_no_more(way: Way) -> None:
    cases = kept(way)
    if not cases:
        return
    with opened(way) as target:
        assert [target.feed(case) for case in cases] == [None] * len(cases)


def test_there_are_at_least_twelve_ways_in() -> None:
    assert len({way.name for way in WAYS}) >= 12
