"""A world of goods on each database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.inventory.world import World, world_on


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """The demo shop without goods."""
    made = world_on(database_url)
    yield made
    made.store.close()
