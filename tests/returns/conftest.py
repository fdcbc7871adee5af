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


@pytest.fixture
def two_person_world(database_url: str) -> Iterator[World]:
    """Above 20.00 a second person has to approve; refunds do not wait for the goods."""
    with world_on(database_url, {"second_approver_above_minor": 2000, "refund_on_receipt": False}) as made:
        yield made
