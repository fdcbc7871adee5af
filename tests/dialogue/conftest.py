"""A world on each database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.returns.world import World, world_on


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """The demo shop's policies, empty of orders."""
    with world_on(database_url) as made:
        yield made
